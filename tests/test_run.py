"""The run folder: sealed files are checked, nothing is overwritten unasked, nothing is executed."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from seqloom_runtime.atomic import write_atomically

from seqloom import run as run_module
from seqloom.errors import RunError
from seqloom.run import FORMAT, Run
from seqloom.train.checkpoint import load_checkpoint, load_into, save_checkpoint


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run.create(tmp_path / "run", overwrite=False)
    run.seal("model.safetensors", b"weights")
    run.write_json("run.json", {"format": FORMAT})
    return run


def test_a_sealed_run_opens(run: Run) -> None:
    assert Run.open(run.path).read("model.safetensors") == b"weights"


@pytest.mark.parametrize("content", [b"weightz", b"weight", b""])
def test_an_altered_or_truncated_file_is_named(run: Run, content: bytes) -> None:
    (run.path / "model.safetensors").write_bytes(content)
    with pytest.raises(RunError, match=r"model\.safetensors.*sha256"):
        Run.open(run.path)


class Killed(BaseException):
    """Stands for SIGKILL: nothing that runs after it in the program may be needed."""


def kill_at(monkeypatch: pytest.MonkeyPatch, write: int) -> None:
    """End the next ``seal`` before its write of this number: digests, file, digests."""
    left = iter(range(write))

    def until(path: Path, content: bytes) -> None:
        if next(left, None) is None:
            raise Killed
        write_atomically(path, content)

    monkeypatch.setattr(run_module, "write_atomically", until)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("write", [0, 1, 2])
def test_a_run_killed_while_it_seals_opens_and_seals_again(
    run: Run, monkeypatch: pytest.MonkeyPatch, write: int, first: bool
) -> None:
    name = "baseline.safetensors" if first else "model.safetensors"
    for content in (b"newer", b"newer still"):  # killed, gone on with, killed again
        with monkeypatch.context() as patch, pytest.raises(Killed):
            kill_at(patch, write)
            run.seal(name, content)
        Run.open(run.path)
    run.seal(name, b"newest")
    assert Run.open(run.path).read(name) == b"newest"
    assert len(run.read_json("digest.json")[name]) == 1


def test_a_sealed_file_that_is_gone_is_named(run: Run) -> None:
    (run.path / "model.safetensors").unlink()
    with pytest.raises(RunError, match=r"model\.safetensors: cannot be read"):
        Run.open(run.path)


def test_another_format_is_named(run: Run) -> None:
    run.write_json("run.json", {"format": 99})
    with pytest.raises(RunError, match="format 99"):
        Run.open(run.path)


def test_no_run_names_the_runs_nearby(run: Run) -> None:
    with pytest.raises(RunError, match=r"holds no run\.json\. Runs in .*: run"):
        Run.open(run.path.parent / "other")


def test_a_run_is_replaced_only_when_asked(run: Run) -> None:
    with pytest.raises(RunError, match="--overwrite"):
        Run.create(run.path, overwrite=False)
    assert (run.path / "model.safetensors").exists()
    Run.create(run.path, overwrite=True)
    assert not (run.path / "model.safetensors").exists()


def test_a_folder_that_is_no_run_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(RunError, match="not a run"):
        Run.create(tmp_path, overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "precious"


def test_a_last_line_cut_by_a_kill_is_passed_over(run: Run) -> None:
    run.append("history.jsonl", {"update": 1})
    with (run.path / "history.jsonl").open("a") as file:
        file.write('{"update": 2, "tra')
    assert list(run.lines("history.jsonl")) == [{"update": 1}]


def test_a_line_holds_any_text(run: Run) -> None:
    lines = [{"text": "a\u2028b\u2029c\x85d\ne\x1ef"}, {"text": "next"}]
    for line in lines:
        run.append("samples.jsonl", line)
    assert list(run.lines("samples.jsonl")) == lines
    run.keep_lines("samples.jsonl", lines[:1])
    assert list(run.lines("samples.jsonl")) == lines[:1]


STATE = {
    "weights": {"a": torch.arange(3.0), 7: [torch.tensor(1, dtype=torch.int64), None]},
    "place": {"update": 5, "best": float("inf")},
    "betas": (0.9, 0.99),
}


def test_a_checkpoint_gives_back_what_was_put_in(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "checkpoint", 5, STATE)
    back = load_checkpoint(tmp_path / "checkpoint")
    assert back is not None
    assert torch.equal(back["weights"]["a"], STATE["weights"]["a"])
    assert back["weights"][7][0].dtype == torch.int64
    assert back["weights"][7][1] is None
    assert back["place"] == STATE["place"]
    assert back["betas"] == [0.9, 0.99]


def test_only_the_last_checkpoint_stays(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "checkpoint", 5, STATE)
    (tmp_path / "checkpoint" / "update-000007.safetensors.tmp").write_bytes(b"cut by a kill")
    save_checkpoint(tmp_path / "checkpoint", 6, STATE)
    assert sorted(p.name for p in (tmp_path / "checkpoint").iterdir()) == [
        "latest.json",
        "update-000006.safetensors",
    ]


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:-1] + b"x", lambda b: b""])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, damage) -> None:
    save_checkpoint(tmp_path / "checkpoint", 5, STATE)
    (path,) = (tmp_path / "checkpoint").glob("*.safetensors")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match="sha256 differs"):
        load_checkpoint(tmp_path / "checkpoint")


def test_an_index_that_is_no_json_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "checkpoint", 5, STATE)
    (tmp_path / "checkpoint" / "latest.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        load_checkpoint(tmp_path / "checkpoint")


class Hostile:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/seqloom-was-here"),))


def test_a_hostile_pickle_is_not_run(tmp_path: Path) -> None:
    marker = Path("/tmp/seqloom-was-here")
    marker.unlink(missing_ok=True)
    save_checkpoint(tmp_path / "checkpoint", 5, STATE)
    (path,) = (tmp_path / "checkpoint").glob("*.safetensors")
    path.write_bytes(pickle.dumps(Hostile()))
    import hashlib

    index = tmp_path / "checkpoint" / "latest.json"
    latest = json.loads(index.read_text())
    latest["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    index.write_text(json.dumps(latest))
    with pytest.raises(RunError, match="not safetensors"):
        load_checkpoint(tmp_path / "checkpoint")
    assert not marker.exists()


def test_what_is_no_number_is_null_in_every_file(run: Run) -> None:
    values = {"nll": float("nan"), "valid": {"perplexity": float("inf"), "all": (1.0, -1e999)}}
    expected = {"nll": None, "valid": {"perplexity": None, "all": [1.0, None]}}
    run.write_json("metrics.json", values)
    run.append("history.jsonl", values)
    run.keep_lines("samples.jsonl", [values])
    for name in ("metrics.json", "history.jsonl", "samples.jsonl"):
        text = (run.path / name).read_text()
        assert "NaN" not in text and "Infinity" not in text
    assert run.read_json("metrics.json") == expected
    assert list(run.lines("history.jsonl")) == list(run.lines("samples.jsonl")) == [expected]


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    model = torch.nn.Linear(3, 2)
    load_into(model, {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}, tmp_path)
    assert model.weight.sum() == 6
    for found, words in (
        ({"weight": torch.ones(4, 3), "bias": torch.zeros(2)}, '"weight" is 4 × 3, expected 2 × 3'),
        ({"weight": torch.ones(2, 3)}, '"bias" is missing'),
        ({**model.state_dict(), "old": torch.ones(1)}, '"old" is none of its weights'),
        ({}, '"weight" is missing (and 1 more)'),
    ):
        with pytest.raises(RunError) as caught:
            load_into(model, found, tmp_path)
        assert words in str(caught.value) and "--overwrite" in str(caught.value)
        assert "state_dict" not in str(caught.value) and "\n" not in str(caught.value)
