"""Runs of every task behind the server: the same answers as in Python, whoever asks beside."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import served_runs
from fastapi.testclient import TestClient
from seqloom_runtime.serve.app import guarded, make_app
from seqloom_runtime.serve.served import Looks, Served, Streams, Weighs

from seqloom import (
    Forecaster,
    MissingExtraError,
    MusicComposer,
    RunError,
    SequenceClassifier,
    SequenceTagger,
    TextGenerator,
    Translator,
    cli,
)
from seqloom.serve import opening
from seqloom.serve.opening import SERVED, check_server, open_all, open_served

MADE = (*SERVED, "curves")
TEXTS = ["a good film", "bad, number 3", "a", "a very long film " * 9]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Served]:
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqloom.tasks.compose.MEASURED", 2)
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        return {task: open_served(served_runs.make(task, folder)) for task in MADE}


@pytest.fixture(scope="module")
def client(models: dict[str, Served]) -> Iterator[TestClient]:
    with TestClient(guarded(make_app(list(models.values())))) as found:
        yield found


def ask(client: TestClient, path: str, **given: Any) -> Any:
    found = client.post(f"/v1/{path}", json=given)
    assert found.status_code == 200, found.text
    return found.json()


def refused(client: TestClient, path: str, **given: Any) -> str:
    found = client.post(f"/v1/{path}", json=given)
    assert found.status_code == 422
    return str(found.json()["error"])


def test_every_task_is_served(models: dict[str, Served], client: TestClient) -> None:
    found = {one["name"]: one for one in client.get("/v1/models").json()["models"]}
    assert set(found) == set(MADE)
    assert json.dumps(found["forecast"]["about"])
    looks = {name for name, one in found.items() if one["looks"]}
    assert looks == set(MADE)
    assert isinstance(models["generate"], Streams)
    assert isinstance(models["classify"], Looks) and isinstance(models["classify"], Weighs)


@pytest.mark.parametrize(
    ("task", "rows", "options"),
    [
        ("classify", [{"text": text} for text in TEXTS], {}),
        ("tag", [{"text": text} for text in TEXTS], {}),
        ("translate", [{"text": text} for text in TEXTS], {"beam": 2, "n_best": 2}),
        ("translate", [{"text": text} for text in TEXTS], {"temperature": 1.0, "seed": 3}),
        ("generate", [{"prompt": text} for text in ("He", "", "to me")], {"length": 20}),
        ("compose", [{}, {}], {"bars": 1}),
        ("forecast", [{}, {"table": served_runs.WAVE[:40]}], {"horizon": 5}),
    ],
)
def test_an_answer_depends_on_nothing_but_its_row(
    client: TestClient, task: str, rows: list[Any], options: dict[str, Any]
) -> None:
    """Law 1: together and alone."""
    together = ask(client, task, model=task, rows=rows, **options)["rows"]
    for row, found in zip(rows, together, strict=True):
        alone = ask(client, task, model=task, **row, **options)
        del alone["model"]
        assert near(alone, found)


def near(a: Any, b: Any) -> bool:
    """Equal but for the last digits."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(near(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(near, a, b))
    return bool(a == pytest.approx(b, abs=3e-6)) if isinstance(a, float) else a == b


def test_answers_are_those_of_python(models: dict[str, Served], client: TestClient) -> None:
    at = {task: models[task].place for task in SERVED}
    shares = ask(client, "classify", model="classify", text=TEXTS[0])["probabilities"]
    classifier = SequenceClassifier.load(at["classify"])
    assert list(shares.values()) == pytest.approx(
        classifier.predict_proba(TEXTS[:1])[0].tolist(), abs=1e-5
    )
    assert (
        ask(client, "tag", text=["Anna", "eats"])["tags"]
        == (SequenceTagger.load(at["tag"]).predict([["Anna", "eats"]])[0])
    )
    best = Translator.load(at["translate"]).predict(["the cat"])
    assert ask(client, "translate", text="the cat")["text"] == best[0]
    written = TextGenerator.load(at["generate"]).generate("He", length=15, seed=4)
    assert ask(client, "generate", prompt="He", length=15, seed=4)["text"] == written
    ahead = Forecaster.load(at["forecast"]).forecast(horizon=4)
    series = ask(client, "forecast", horizon=4)["series"][0]
    assert [step["y"] for step in series["channels"]["y"]] == [row["y"] for row in ahead]
    assert len(series["before"]["times"]) == len(series["before"]["channels"]["y"])
    midi = MusicComposer.load(at["compose"]).compose(bars=2, seed=5).midi()
    assert base64.b64decode(ask(client, "compose", bars=2, seed=5)["midi"]) == midi


def test_a_stream_is_the_text_written_at_once(client: TestClient) -> None:
    options = {"prompt": "He said", "length": 12, "seed": 1}
    whole = ask(client, "generate", **options)["text"]
    found = client.post("/v1/generate/stream", json={**options, "candidates": 3})
    events = [
        json.loads(line.removeprefix("data: "))
        for line in found.text.splitlines()
        if line.startswith("data: ")
    ]
    assert "".join(event.get("text", "") for event in events) == whole
    steps = [step for event in events for step in event.get("steps", [])]
    assert len(steps) == 12 and all(len(step["top"]) == 3 for step in steps)
    assert all(step["top"][0][1] >= step["top"][1][1] for step in steps)


def test_a_series_is_given_a_label(client: TestClient) -> None:
    found = ask(client, "classify", model="curves", series=served_runs.WAVES[0]["series"])
    assert set(found["probabilities"]) == {"0", "1"}
    words = refused(client, "classify", model="curves", text="a")
    assert 'There is no "text"' in words


def test_a_model_abstains_when_it_is_asked_to(client: TestClient) -> None:
    found = ask(client, "classify", model="classify", text="a", abstain_below=1.0)
    assert found["label"] is None and found["labels"] == []


def test_looks_inside(client: TestClient) -> None:
    for task, row in (
        *(("classify", {"text": "a good film"}), ("generate", {"prompt": "He said"})),
        *(("tag", {"text": "Anna eats"}), ("translate", {"text": "the cat"}), ("forecast", {})),
    ):
        found = ask(client, f"{task}/look", model=task, **row, language="ko")
        page = client.get(found["page"])
        assert page.status_code == 200 and '<html lang="ko">' in page.text
        assert "sandbox allow-scripts" in page.headers["content-security-policy"]
    for task, name, content in (
        ("transcribe", "audio", served_runs.sound()),
        ("caption", "image", served_runs.picture()),
    ):
        found = ask(client, f"{task}/look", **{name: base64.b64encode(content).decode()})
        assert "<html" in client.get(found["page"]).text
    assert "Pass a MIDI file" in refused(client, "compose/look")
    assert "empty" in refused(client, "generate/look", prompt=" ")


def test_what_mattered(client: TestClient) -> None:
    found = ask(client, "classify/weigh", model="classify", text="a good film")
    assert found["targets"] == ["bad", "good"]
    assert len(found["gradients"][0]) == len(found["tokens"]) == len(found["occlusion"][1])
    long = refused(client, "classify/weigh", model="classify", text="a b " * 300)
    assert "a page shows up to 400" in long


def test_translations_with_where_they_looked(client: TestClient) -> None:
    found = ask(client, "translate", text="the cat", attention=True, beam=2, n_best=2)
    assert len(found["n_best"]) == 2
    assert len(found["attention"]) == len(found["tokens"]) + 1
    assert len(found["attention"][0]) == len(found["source"])


def test_media_come_as_bytes_or_in_json(client: TestClient) -> None:
    sound, picture = served_runs.sound(), served_runs.picture()
    heard = client.post("/v1/transcribe", content=sound, headers={"content-type": "audio/wav"})
    assert heard.status_code == 200 and heard.json()["seconds"] > 0.1
    same = ask(client, "transcribe", audio=base64.b64encode(sound).decode())
    assert same == heard.json()
    seen = client.post("/v1/caption", content=picture, headers={"content-type": "image/png"})
    in_json = base64.b64encode(picture).decode()
    same = ask(client, "caption", image=in_json, attention=True, n_best=2)
    assert same["text"] == seen.json()["text"] and len(same["n_best"]) == 2
    assert len(same["attention"]) == len(same["tokens"]) + 1


def test_music_goes_on_from_a_file(client: TestClient, models: dict[str, Served]) -> None:
    tune = next((Path(models["compose"].place).parent / "tunes").glob("*.mid")).read_bytes()
    found = ask(client, "compose", prompt=base64.b64encode(tune).decode(), prompt_bars=1, bars=1)
    assert found["prompt_end"] > 0 and len(found["notes"][0]) == 5
    assert found["end"] >= found["bar_starts"][-1]
    page = ask(client, "compose/look", prompt=base64.b64encode(tune).decode())["page"]
    assert client.get(page).status_code == 200


def test_media_that_are_damaged(client: TestClient) -> None:
    junk = base64.b64encode(b"junk, and no more").decode()
    assert "cannot be read as sound" in refused(client, "transcribe", audio=junk)
    assert "no picture" in refused(client, "caption", image=junk)
    assert "MIDI" in refused(client, "compose", prompt=junk)
    cut = base64.b64encode(served_runs.picture()[:60]).decode()
    assert "damaged" in refused(client, "caption", image=cut)
    wrong = client.post("/v1/caption", content=b"x", headers={"content-type": "audio/wav"})
    assert wrong.status_code == 415


def test_a_forecast_of_rows_that_are_brought(client: TestClient) -> None:
    found = ask(client, "forecast", table=served_runs.WAVE[:50], horizon=2)
    assert found["series"][0]["times"] == [50, 51]
    assert "column" in refused(client, "forecast", table=[{"z": 1}, {"z": 2}])
    assert "up to 60" in refused(client, "forecast", horizon=61)


def test_options_out_of_range(client: TestClient) -> None:
    assert "expected a number" in refused(client, "generate", prompt="a", top_p=0)
    assert "up to 2000" in refused(client, "generate", prompt="a", length=9_999)
    assert "drawn" in refused(client, "translate", text="a", temperature=1.0, n_best=2)
    assert "key" in refused(client, "compose", key="H flat").lower()


def test_runs_of_one_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunError, match='are both called "same"'):
        open_all([tmp_path / "a" / "same", tmp_path / "b" / "same"])
    assert cli.run(["serve", str(tmp_path / "a/x"), str(tmp_path / "b/x")]) == 2
    assert 'both called "x"' in capsys.readouterr().err
    assert cli.run(["serve"]) == 2
    assert "at least one RUN" in capsys.readouterr().err
    assert cli.run(["serve", str(tmp_path / "none")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert cli.run(["serve", str(tmp_path), "--queue-rows", "0"]) == 2
    assert "above 0" in capsys.readouterr().err


def test_the_verb_passes_all_it_is_given(
    models: dict[str, Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    got: dict[str, Any] = {}
    monkeypatch.setattr(check_server(), "serve", lambda found, **rest: got.update(rest, m=found))
    monkeypatch.setenv("SEQLOOM_API_KEY", "secret")
    path = models["classify"].place
    assert cli.run(["serve", path, "--port", "9", "--body", "77", "--host", "::1"]) == 0
    assert [one.name for one in got["m"]] == ["classify"]
    assert (got["port"], got["host"], got["api_key"]) == (9, "::1", "secret")
    assert got["limits"].body == 77


def test_a_missing_package_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name="uvicorn")

    monkeypatch.setattr(opening, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r'pip install "seqloom\[serve\]"'):
        check_server()
