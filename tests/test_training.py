"""A run from data to metrics: what is checked first, what is left behind, TensorBoard."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqloom import api
from seqloom.config import Settings, override
from seqloom.errors import DataError, RunError, SettingsError
from seqloom.tasks import training
from seqloom.watching import Silent

TEXT = "The cat sat on the mat and the dog lay by the door. It rained all day.\n" * 40
SMALL = {"hidden_size": 8, "embedding_size": 6}
TRAIN = {"updates": 4, "batch_size": 4, "sequence_length": 16, "sample_length": 3}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cats.txt").write_text(TEXT)
    return tmp_path / "cats.txt"


def settings(**train: Any) -> Settings:
    return override(Settings(), {"model": SMALL, "train": {**TRAIN, **train}}, "test")


def events(run: Path) -> EventAccumulator:
    found = EventAccumulator(str(run / "tensorboard"))
    found.Reload()
    return found


def test_tensorboard_holds_the_history(data: Path, tmp_path: Path) -> None:
    outcome = api.train(data, settings(tensorboard=True), tmp_path / "run")
    history = list(outcome.run.lines("history.jsonl"))
    found = events(tmp_path / "run")
    for name, key in (("loss/train", "train"), ("loss/valid", "valid"), ("rate", "rate")):
        points = found.Scalars(name)
        assert [point.step for point in points] == [line["update"] for line in history]
        assert [point.value for point in points] == pytest.approx([line[key] for line in history])
    assert len([tag for tag in found.Tags()["tensors"] if tag.startswith("sample/")]) == 3


def test_tensorboard_goes_on_with_a_resumed_run(data: Path, tmp_path: Path) -> None:
    asked = iter([False] * 3 + [True])
    run = tmp_path / "run"
    stopped = api.train(data, settings(tensorboard=True), run, stopping=lambda: next(asked))
    assert stopped.stopped and stopped.metrics is None
    time.sleep(1.1)  # files of events are put in order by the second in their names
    outcome = api.resume(run)
    steps = [line["update"] for line in outcome.run.lines("history.jsonl")]
    assert [point.step for point in events(run).Scalars("loss/valid")] == steps


def test_data_that_changed_cannot_be_resumed(data: Path, tmp_path: Path) -> None:
    api.train(data, settings(), tmp_path / "run", stopping=lambda: True)
    for corpus in (tmp_path / "cache" / "corpora").iterdir():
        (corpus / "corpus.json").unlink()
    data.write_text(TEXT + "more")
    with pytest.raises(RunError, match="the data changed"):
        api.resume(tmp_path / "run")
    data.write_text(TEXT)
    assert api.resume(tmp_path / "run").metrics is not None


def test_a_damaged_cache_is_made_anew_when_a_run_goes_on(data: Path, tmp_path: Path) -> None:
    api.train(data, settings(), tmp_path / "run", stopping=lambda: True)
    (corpus,) = (tmp_path / "cache" / "corpora").iterdir()
    (corpus / "corpus.json").write_text('{"asked": ')
    assert api.resume(tmp_path / "run").metrics is not None
    (corpus / "valid.arrow").unlink()
    assert api.resume(tmp_path / "run").metrics is not None


OPTIONAL = {
    "stages": {"classify"},
    "measure_run": {"generate"},
    "predict_lines": set(training.TASKS) - {"generate", "compose"},
}
"""Functions that only some tasks have, and which."""


@pytest.mark.parametrize("error", [OSError("full"), KeyboardInterrupt()])
def test_a_run_that_cannot_begin_leaves_nothing(
    error: BaseException, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise error

    monkeypatch.setattr(training.Run, "write_json", fail)
    with pytest.raises(type(error)):
        api.train(data, settings(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_every_task_has_the_functions_that_are_listed() -> None:
    listed = re.findall(r"^    (\w+)\(", training.__doc__ or "", re.MULTILINE)
    assert "evaluate_run" in listed
    for name in training.TASKS:
        module = training.task_module(name)
        has = {function for function in listed if callable(getattr(module, function, None))}
        wanted = {one for one in listed if one not in OPTIONAL or name in OPTIONAL[one]}
        assert has == wanted, name


def test_data_in_memory_that_is_gone_cannot_be_resumed(data: Path, tmp_path: Path) -> None:
    api.train(TEXT.splitlines(), settings(), tmp_path / "run", stopping=lambda: True)
    for corpus in (tmp_path / "cache" / "corpora").iterdir():
        (corpus / "corpus.json").unlink()
    with pytest.raises(RunError, match="held in memory"):
        api.resume(tmp_path / "run")


def test_a_window_that_no_held_out_record_fills_is_named(data: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.txt"
    short.write_text("the cat\nthe dog\n" * 10)
    changes = {
        "data": {"records": "line", "valid": str(short)},
        "text": {"tokenizer": "word", "window": 6},
    }
    with pytest.raises(DataError, match=r"No record of the validation part .* window of 6 tokens"):
        api.train(data, override(settings(), changes, "test"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_nothing_is_read_before_the_settings_are_checked(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "open_source", None)
    for wrong in (settings(epochs=1.0), settings(learning_rate=float("inf"))):
        with pytest.raises(SettingsError):
            api.train(data, wrong, tmp_path / "run")
    with pytest.raises(SettingsError, match='Unknown task "generte"'):
        api.train(data, settings(), tmp_path / "run", task="generte")
    assert not (tmp_path / "run").exists()


def test_a_run_folder_that_lacks_something_is_named(data: Path, tmp_path: Path) -> None:
    run = api.train(data, settings(), tmp_path / "run").run
    about = run.read_json("run.json")
    del about["task"]
    run.write_json("run.json", about)
    with pytest.raises(RunError, match="lacks task"):
        api.resume(run.path)
    with pytest.raises(RunError, match="lacks task"):
        api.evaluate(run.path)


def test_another_file_is_read_in_its_own_encoding(data: Path, tmp_path: Path) -> None:
    korean = "나는 밥을 먹고 학교에 갔다. 오늘은 비가 왔다.\n" * 40
    data.write_bytes(korean.encode("cp949"))
    run = api.train(data, settings(), tmp_path / "run").run
    scores = []
    for encoding in ("utf-8", "cp949"):
        (tmp_path / "other.txt").write_bytes(korean[:200].encode(encoding))
        scores.append(api.evaluate(run.path, tmp_path / "other.txt")["scores"])
    assert scores[0] == scores[1]


def test_metrics_have_their_names(data: Path, tmp_path: Path) -> None:
    split = override(settings(), {"data": {"split": "0.8/0.1/0.1"}}, "test")
    metrics = api.train(data, split, tmp_path / "run", watcher=Silent()).metrics
    assert metrics is not None
    assert set(metrics) == {
        *("task", "valid", "test", "baseline", "updates", "tokens", "seconds"),
        "tokens_per_second",
    }
    for scores in (metrics["valid"], metrics["test"], *metrics["baseline"].values()):
        assert set(scores) == {"nll", "perplexity", "bits_per_character"}
