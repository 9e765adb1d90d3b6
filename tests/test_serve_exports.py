"""Exported folders behind the server: the answers of the runs they were made of."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import served_runs
from fastapi.testclient import TestClient
from seqloom_runtime import command
from seqloom_runtime.serve import running
from seqloom_runtime.serve.app import guarded, make_app
from seqloom_runtime.serve.exported import INPUTS, open_export
from seqloom_runtime.serve.limits import Limits
from seqloom_runtime.serve.served import Streams

from seqloom import api, cli
from seqloom.serve.opening import SERVED, open_served

pytest.importorskip("onnx", reason="needs the extra export")
ROWS: dict[str, dict[str, Any]] = {
    "generate": {"prompt": "He said", "length": 12, "seed": 3},
    "classify": {"text": "a good film"},
    "tag": {"text": ["Anna", "eats", "rice"]},
    "translate": {"text": "the cat", "beam": 3, "n_best": 2},
    "forecast": {"horizon": 4},
    "transcribe": {"audio": base64.b64encode(served_runs.sound()).decode()},
    "compose": {"bars": 2, "seed": 1},
    "caption": {"image": base64.b64encode(served_runs.picture()).decode(), "beam": 2},
}
COMPARED = {
    **{"generate": ("text",), "classify": ("label", "labels"), "tag": ("words", "tags")},
    **{"translate": ("text",), "forecast": (), "transcribe": ("text",), "caption": ("text",)},
    "compose": ("notes", "bars", "midi", "tempo", "instruments", "bar_starts"),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Of each task the run and the export."""
    folder = tmp_path_factory.mktemp("runs")
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqloom.tasks.compose.MEASURED", 2)
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        for task in SERVED:
            run = served_runs.make(task, folder)
            out = folder / "exports" / task
            api.export(run, out)
            found[task] = (run, out)
    return found


@pytest.fixture(scope="module")
def clients(
    folders: dict[str, tuple[Path, Path]],
) -> Iterator[tuple[TestClient, TestClient]]:
    runs = [open_served(run) for run, _ in folders.values()]
    exports = [open_export(out) for _, out in folders.values()]
    with (
        TestClient(guarded(make_app(runs))) as ours,
        TestClient(guarded(make_app(exports))) as theirs,
    ):
        yield ours, theirs


MEASURED = {
    **{"generate": "nats a token", "classify": "nats of the label", "tag": "right tags"},
    **{"translate": "BLEU", "forecast": "MAE", "transcribe": "wrong words"},
    **{"compose": "nats an event", "caption": "chrF"},
}


@pytest.mark.parametrize("task", MEASURED)
def test_eight_bits_are_scored_as_the_run_was(
    folders: dict[str, tuple[Path, Path]],
    task: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = folders[task][0]
    assert cli.run(["export", str(run), "--out", str(tmp_path / "small"), "--int8"]) == 0
    said = capsys.readouterr().err
    assert f"  {MEASURED[task]}, on validation: " in said
    small = json.loads((tmp_path / "small" / "parity.json").read_text())["int8"]
    assert len(small["bytes"]) == 2
    whole = json.loads((run / "metrics.json").read_text())["valid"]
    for name, (before, after) in small["quality"].items():
        if name in whole:
            assert before == pytest.approx(whole[name], rel=0.03, abs=1e-3), name
        assert after == pytest.approx(before, rel=0.3, abs=0.5)
    report = (tmp_path / "small" / "parity.md").read_text()
    assert f"| {MEASURED[task]}, on validation | " in report


@pytest.mark.parametrize("task", ROWS)
def test_an_export_answers_as_its_run(clients: tuple[TestClient, TestClient], task: str) -> None:
    ours, theirs = (client.post(f"/v1/{task}", json=ROWS[task]) for client in clients)
    assert theirs.status_code == 200, theirs.text
    assert ours.status_code == 200, ours.text
    for name in COMPARED[task]:
        assert theirs.json()[name] == ours.json()[name], name
    if task == "classify":
        shares, others = (one.json()["probabilities"] for one in (ours, theirs))
        assert others == pytest.approx(shares, abs=2e-3)
    if task == "forecast":
        one, other = (found.json()["series"][0] for found in (ours, theirs))
        assert other["times"] == one["times"] and other["channels"].keys() == one["channels"].keys()
        for step, expected in zip(other["channels"]["y"], one["channels"]["y"], strict=True):
            assert step == pytest.approx(expected, rel=1e-2, abs=1e-2)
        assert other["before"]["channels"] == one["before"]["channels"]


def test_an_export_streams_and_is_described(clients: tuple[TestClient, TestClient]) -> None:
    _, theirs = clients
    models = {one["name"]: one for one in theirs.get("/v1/models").json()["models"]}
    assert set(models) == set(SERVED) and models["generate"]["streams"]
    assert not any(one["looks"] for one in models.values())
    assert models["generate"]["options"]["length"]["high"] == 2_000
    found = theirs.post("/v1/generate/stream", json={"prompt": "He", "length": 5})
    assert found.text.endswith("event: done\ndata: {}\n\n")
    wrong = theirs.post("/v1/translate", json={"text": "a", "beam": 99})
    assert wrong.status_code == 422 and "up to 32" in wrong.json()["error"]
    assert set(INPUTS) | {"forecast"} == set(SERVED)
    for path in ("look", "weigh"):
        sealed = theirs.post(f"/v1/classify/{path}", json={"text": "a"})
        assert sealed.status_code == 404 and "serve the run that it was" in sealed.json()["error"]
        assert f"/v1/classify/{path}" not in theirs.get("/openapi.json").json()["paths"]
    wrong = theirs.get("/v1/classify")
    assert wrong.json()["error"] == "/v1/classify takes POST, not GET."
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST")


def test_what_was_not_read_is_told(clients: tuple[TestClient, TestClient]) -> None:
    for client in clients:
        for task in ("classify", "translate"):
            rows = [{"text": "the cat"}, {"text": "the cat " * 1_000}]
            answers = client.post(f"/v1/{task}", json={"rows": rows}).json()["rows"]
            assert [one["cut"] for one in answers] == [False, True]
        asked = {"prompt": "Hé", "length": 2}
        assert client.post("/v1/generate", json=asked).json()["unknown"] == ["é"]
        events = client.post("/v1/generate/stream", json=asked).text
        assert events.startswith('data: {"text":"","unknown":["é"]}\n\n')
        nothing = client.post("/v1/classify", json={})
        assert nothing.status_code == 422
        assert nothing.json()["error"] == (
            '"text" is missing: What is read. Expected, for example, {"text": "some text"}.'
            if client is clients[1]
            else '"text" is missing: What is given a label. Expected, for example, '
            '{"text": "some text"}.'
        )


def test_a_piece_is_written_whole_where_it_is_asked_for(
    folders: dict[str, tuple[Path, Path]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = str(folders["compose"][1]), tmp_path / "piece.mid"
    assert command.run(["compose", folder, "--out", str(out), "--bars", "1"]) == 0
    assert out.read_bytes()[:4] == b"MThd" and [*tmp_path.iterdir()] == [out]
    for wrong, why in ((tmp_path / "no" / "a.mid", "Choose another --out"), ("a.txt", "ends in .")):
        capsys.readouterr()
        assert command.run(["compose", folder, "--out", str(wrong), "--bars", "1"]) == 2
        assert why in capsys.readouterr().err


def test_the_verb_of_the_runtime_serves(
    folders: dict[str, tuple[Path, Path]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    got: dict[str, Any] = {}
    monkeypatch.setattr(running, "serve", lambda models, **rest: got.update(rest, m=models))
    paths = [str(folders[task][1]) for task in ("tag", "generate")]
    assert command.run(["serve", *paths, "--port", "0", "--api-key", "k", "--seconds", "2"]) == 0
    assert got["limits"] == Limits(seconds=2.0)
    assert [one.name for one in got["m"]] == ["tag", "generate"]
    assert isinstance(got["m"][1], Streams) and not isinstance(got["m"][0], Streams)
    assert (got["port"], got["api_key"], got["host"]) == (0, "k", "127.0.0.1")
    assert command.run(["serve", str(folders["tag"][0])]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_folder_altered_by_a_byte_is_not_served(
    folders: dict[str, tuple[Path, Path]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    copied = tmp_path / "tag"
    shutil.copytree(folders["tag"][1], copied)
    file = next(copied.glob("*.onnx"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    assert command.run(["serve", str(copied)]) == 2
    assert file.name in capsys.readouterr().err
