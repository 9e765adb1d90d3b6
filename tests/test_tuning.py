"""A search for settings: what is varied, going on, what is best on validation."""

import itertools
import json
import shutil
from pathlib import Path

import pytest

from seqloom import api, cli
from seqloom.errors import RunError, SettingsError
from seqloom.run import Run
from seqloom.toml import read_settings

pytest.importorskip("optuna", reason="needs the extra tune")

SMALL = {
    "model": {"embedding_size": 8, "num_layers": 1},
    "train": {"updates": 4, "threads": 1, "precision": "float32"},
    "data": {"text": "review", "label": "label"},
}
KINDS = ("good", "bad")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("films") / "films.csv"
    rows = [f'{n},"a {KINDS[n % 2]} film of {n % 7}",{KINDS[n % 3 % 2]}\n' for n in range(120)]
    path.write_text("n,review,label\n" + "".join(rows))
    return str(path)


@pytest.fixture(scope="module")
def done(films: str, tmp_path_factory: pytest.TempPathFactory) -> api.Tuning:
    folder = tmp_path_factory.mktemp("tunes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        return api.tune(films, SMALL, folder / "films", trials=3)


def test_trials_differ_in_what_was_not_asked_for_alone(done: api.Tuning) -> None:
    assert sorted(one.number for one in done.trials) == [0, 1, 2]
    configs = [read_settings(done.path / f"trial-00{n}" / "config.toml") for n in range(3)]
    assert len({one.train.learning_rate for one in configs}) == 3
    assert {one.model.num_layers for one in configs} == {1}  # was asked for
    assert {one.train.updates for one in configs} == {4}
    for one in done.trials:
        config = configs[one.number]
        assert config.train.learning_rate == one.settings["train.learning_rate"]
        assert config.model.hidden_size == one.settings["model.hidden_size"]


def test_the_first_trial_has_the_defaults(done: api.Tuning, films: str) -> None:
    first = read_settings(done.path / "trial-000" / "config.toml")
    default = api.choose(films, SMALL).settings
    assert first.train.learning_rate == pytest.approx(default.train.learning_rate)
    assert first.model.dropout == default.model.dropout


def test_values_are_the_scores_on_validation_and_the_best_stands_first(done: api.Tuning) -> None:
    assert done.score == "accuracy"
    for one in done.trials:
        metrics = Run(done.path / f"trial-{one.number:03d}").read_json("metrics.json")
        assert one.value == metrics["valid"]["accuracy"]
    assert done.trials[0].value == max(one.value for one in done.trials)
    best = read_settings(done.path / "best.toml")
    assert best.train.learning_rate == done.trials[0].settings["train.learning_rate"]


def test_the_same_call_trains_nothing_anew_and_more_trials_may_be_added(
    done: api.Tuning, films: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(done.path.parent / "cache"))
    copy = tmp_path / "films"
    shutil.copytree(done.path, copy)
    before = {p: p.stat().st_mtime_ns for p in copy.glob("*/metrics.json")}
    assert len(api.tune(films, SMALL, copy, trials=3).trials) == 3
    assert len(api.tune(films, SMALL, copy, trials=4).trials) == 4
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_a_stopped_trial_is_gone_on_with(
    films: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    asked = itertools.chain([False] * 3, itertools.repeat(True))
    stopped = api.tune(films, SMALL, tmp_path / "films", trials=1, stopping=lambda: next(asked))
    assert stopped.stopped
    assert stopped.trials == []
    ended = api.tune(films, SMALL, tmp_path / "films", trials=1)
    assert [one.number for one in ended.trials] == [0]
    assert not ended.stopped


def test_what_cannot_be_searched(done: api.Tuning, films: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--trials 0"):
        api.tune(films, SMALL, tmp_path / "x", trials=0)
    other = {**SMALL, "model": {"embedding_size": 9}}
    with pytest.raises(RunError, match="other settings"):
        api.tune(films, other, done.path, trials=3)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("mine")
    with pytest.raises(RunError, match="no search and not empty"):
        api.tune(films, SMALL, tmp_path / "mine", trials=1, overwrite=True)


def test_the_command_line(
    done: api.Tuning, films: str, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(done.path.parent / "cache"))
    words = ["tune", films, "--trials", "3", "--out", str(done.path), "--threads", "1"]
    words += ["--embedding-size", "8", "--num-layers", "1", "--updates", "4"]
    words += ["--precision", "float32", "--text", "review", "--label", "label"]
    assert cli.run([*words, "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert [one["number"] for one in out["trials"]] == [one.number for one in done.trials]
    assert cli.run(words) == 0
    shown = capsys.readouterr().out
    assert "trial 0, defaults" in shown
    assert "--learning-rate" in shown
