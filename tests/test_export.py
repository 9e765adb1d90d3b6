"""What export writes, what it refuses, and how a folder that was altered is told."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from exported_runs import labelling_run, writing_run
from seqloom_runtime.exported import open_model
from seqloom_runtime.exported.folder import Folder, manifest_bytes

from seqloom import api, cli
from seqloom.errors import MissingExtraError, RunError, SettingsError, TrainingError
from seqloom.export import exporting
from seqloom.export.graph import FLOAT, Graph
from seqloom.export.parity import run, session_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported model that writes."""
    place = tmp_path_factory.mktemp("export")
    return api.export(writing_run(place / "song").path, place / "out").path


def test_a_folder_holds_all_that_use_needs(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("export.json", "settings.json", "tokenizer.json", "model.onnx"),
        *("parity.json", "parity.md"),
    }
    about = json.loads((folder / "export.json").read_text())
    assert (about["task"], about["name"], about["format"]) == ("generate", "song", 1)
    assert set(about["files"]) == names - {"export.json"}
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["model"]["hidden_size"] == 8


def test_parity_is_told_case_by_case(folder: Path) -> None:
    parity = json.loads((folder / "parity.json").read_text())
    cases = parity["cases"]
    assert {case["output"] for case in cases} == {"logits", "h_0_after", "c_0_after"}
    assert len({(case["batch"], case["length"]) for case in cases}) == 12
    assert all(case["difference"] < 1e-5 for case in cases)
    assert "| model | logits | 12 |" in (folder / "parity.md").read_text()


@pytest.mark.parametrize(
    "name", ["export.json", "settings.json", "tokenizer.json", "model.onnx", "parity.md"]
)
def test_one_altered_byte_is_one_clear_line(folder: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(RunError, match=name) as error:
        open_model(copy)
    assert "\n" not in str(error.value)
    (copy / name).unlink()
    with pytest.raises(RunError, match=name):
        open_model(copy)


def test_folders_of_another_format_and_runs_are_told_apart(folder: Path, tmp_path: Path) -> None:
    about = json.loads((folder / "export.json").read_text())
    (tmp_path / "export.json").write_bytes(manifest_bytes({**about, "format": 2}))
    with pytest.raises(RunError, match="of format 2; this runtime reads format 1"):
        Folder.open(tmp_path)
    (tmp_path / "export.json").write_bytes(manifest_bytes({**about, "task": "juggle", "files": {}}))
    with pytest.raises(RunError, match=r"an export of .*juggle"):
        open_model(tmp_path)
    with pytest.raises(RunError, match="It is a run: export it first"):
        open_model(folder.parent / "song")
    with pytest.raises(RunError, match=r"holds no export\.json"):
        open_model(tmp_path / "nothing")


def test_what_is_there_is_left_alone(folder: Path, tmp_path: Path) -> None:
    run_folder = folder.parent / "song"
    with pytest.raises(RunError, match="exists already"):
        api.export(run_folder, folder)
    with pytest.raises(RunError, match="is not an export of Seqloom and not empty"):
        api.export(run_folder, run_folder)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is a file"):
        api.export(run_folder, tmp_path / "file")
    again = api.export(run_folder, folder, overwrite=True)
    assert again.sizes["model.onnx"] == (folder / "model.onnx").stat().st_size


def test_runs_without_weights_and_missing_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder = writing_run(tmp_path / "song").path
    with monkeypatch.context() as patch:
        patch.setattr(exporting, "find_spec", lambda name: None)
        with pytest.raises(MissingExtraError, match=r'pip install "seqloom\[export\]"'):
            api.export(run_folder, tmp_path / "out")
    (run_folder / "model.safetensors").unlink()
    with pytest.raises(RunError, match=r"model\.safetensors|no weights"):
        api.export(run_folder, tmp_path / "out")


def test_a_graph_that_is_wrong_is_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder = writing_run(tmp_path / "song").path
    monkeypatch.setattr("seqloom.export.language.linear", lambda x, layer: x @ np.ones((8, 21)))
    with pytest.raises(TrainingError, match="report it"):
        api.export(run_folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("encoder", ["lstm", "gru", "transformer"])
def test_eight_bits_are_smaller_and_say_what_they_cost(encoder: str, tmp_path: Path) -> None:
    run_folder = writing_run(tmp_path / "song", encoder=encoder, hidden_size=64).path
    done = api.export(run_folder, tmp_path / "out", int8=True)
    assert done.small is not None
    before, after = done.small["bytes"]
    assert after < before
    assert done.small["agreement"] > 0.5
    assert "## int8" in (done.path / "parity.md").read_text()
    assert json.loads((done.path / "export.json").read_text())["int8"] is True
    assert len(open_model(done.path).answer(["row"], length=5)[0]["text"]) > 0


def test_the_command_says_what_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_folder = str(labelling_run(tmp_path / "film").path)
    assert cli.run(["export", run_folder, "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["folder"] == str(Path("exports") / "film")
    assert about["largest_difference"] < 1e-5
    assert cli.run(["export", run_folder, "--overwrite", "--int8"]) == 0
    said = capsys.readouterr().err
    assert "seqloom-runtime predict" in said
    assert "int8:" in said
    assert cli.run(["export", run_folder]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_options_are_checked_and_defaults_are_those_of_the_commands(folder: Path) -> None:
    from seqloom_runtime.exported.options import OPTIONS

    from seqloom.config import ComposeSettings, GenerateSettings, PredictSettings

    model = open_model(folder)
    for asked, message in (
        ({"temprature": 1}, 'Unknown option "temprature".*"temperature"'),
        ({"temperature": -1}, "expected a number from 0"),
        ({"top_p": 0}, "above 0 to 1"),
        ({"length": "many"}, "expected int"),
        ({"length": True}, "expected int"),
    ):
        with pytest.raises(SettingsError, match=message):
            model.answer(["row"], **asked)
    holders = {
        **{"generate": GenerateSettings(), "compose": ComposeSettings()},
        **dict.fromkeys(OPTIONS, PredictSettings()),
        **{"generate": GenerateSettings(), "compose": ComposeSettings()},
    }
    for task, options in OPTIONS.items():
        for name, option in options.items():
            assert option.default == getattr(holders[task], name), (task, name)


def test_a_graph_scans_and_keeps_what_is_the_same_once() -> None:
    graph = Graph("sums")
    x = graph.input("x", FLOAT, ["time", 2])
    tensor = torch.ones(2)
    start = graph.constant(np.zeros(2, np.float32))

    def add(inner: Graph, before: list, given: list) -> tuple[list, object]:
        total = before[0] + given[0] * inner.weight(tensor)
        return [total], total

    each, (last,) = graph.scan(add, [start], [x])
    graph.output("each", each * graph.weight(tensor), ["time", 2])
    graph.output("last", last, [2])
    found = run(session_of(graph.model().SerializeToString()), {"x": np.eye(2, dtype=np.float32)})
    assert found["each"].tolist() == [[1, 0], [1, 1]]
    assert found["last"].tolist() == [1, 1]
    assert sum(array.shape == (2,) and array.all() for array in graph.weights.values()) == 1
