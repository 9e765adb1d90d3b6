"""Exported folders behind the server: the answers of the runs they were made of."""

import base64
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
from seqloom_runtime.serve.served import Streams

from seqloom import api
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


def test_the_verb_of_the_runtime_serves(
    folders: dict[str, tuple[Path, Path]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    got: dict[str, Any] = {}
    monkeypatch.setattr(running, "serve", lambda models, **rest: got.update(rest, m=models))
    paths = [str(folders[task][1]) for task in ("tag", "generate")]
    assert command.run(["serve", *paths, "--port", "0", "--api-key", "k"]) == 0
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
