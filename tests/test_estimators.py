"""The estimators follow scikit-learn's conventions; data of every kind in memory trains one."""

import copy
import inspect
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score

from seqloom import (
    RunError,
    SequenceClassifier,
    SequenceTagger,
    SettingsError,
    TextGenerator,
)
from seqloom.config import Settings, default_settings
from seqloom.task_settings import NOT_TAKEN

TEXTS = [f"the {a} cat sat on the {b} mat" for a in ("red", "old", "big") for b in "abcdefgh"]
ROWS = [{"title": f"cat {i}", "body": f"it sat on mat {i % 7}"} for i in range(40)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))


def tiny(**values: Any) -> TextGenerator:
    small = {"hidden_size": 8, "embedding_size": 6, "updates": 2, "sample_length": 3}
    return TextGenerator(**{**small, **values})


ESTIMATORS = [TextGenerator, SequenceClassifier, SequenceTagger]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_arguments_are_the_settings_that_the_task_takes(estimator: Any) -> None:
    parameters = estimator().get_params()
    assert set(inspect.signature(estimator).parameters) == set(parameters)
    defaults = default_settings(estimator.task)
    for section, held in Settings.model_fields.items():
        for name in held.annotation.model_fields:
            if f"{section}.{name}" in NOT_TAKEN[estimator.task]:
                assert name not in parameters
            else:
                assert parameters.pop(name) == getattr(getattr(defaults, section), name)
    assert parameters == {}


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_help_shows_each_argument_with_its_meaning(estimator: Any) -> None:
    words = " ".join((inspect.getdoc(estimator) or "").split())
    assert "{settings}" not in words
    for section, held in Settings.model_fields.items():
        for name, field in held.annotation.model_fields.items():
            said = f" {name}: {' '.join(str(field.description).split())}" in words
            assert said == (f"{section}.{name}" not in NOT_TAKEN[estimator.task]), name


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_an_argument_of_another_task_is_refused(estimator: Any) -> None:
    for name in sorted(NOT_TAKEN[estimator.task]):
        with pytest.raises(TypeError, match=f'has no argument "{name.split(".")[1]}"'):
            estimator(**{name.split(".")[1]: None})


def test_clone_set_params_and_repr() -> None:
    writer = tiny(encoder="gru")
    copy = clone(writer).set_params(hidden_size=16)
    assert (copy.encoder, copy.hidden_size, writer.hidden_size) == ("gru", 16, 8)
    assert "encoder='gru'" in repr(writer) and "batch_size" not in repr(writer)
    with pytest.raises(ValueError, match="hiden_size"):
        copy.set_params(hiden_size=3)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(TypeError, match='"hiden_size". Did you mean "hidden_size"'):  # noqa: RUF043
        TextGenerator(hiden_size=3)
    with pytest.raises(SettingsError, match=r"TextGenerator: model\.num_layers = -1"):
        tiny(num_layers=-1).fit(TEXTS)
    with pytest.raises(SettingsError, match="Two budgets"):
        tiny(minutes=1.0).fit(TEXTS)
    with pytest.raises(NotFittedError, match="call fit first"):
        tiny().generate("the")


def test_grid_search_and_cross_validation() -> None:
    search = GridSearchCV(tiny(), {"hidden_size": [4, 8]}, cv=2, error_score="raise").fit(TEXTS)
    assert search.best_params_["hidden_size"] in (4, 8)
    assert search.best_score_ < 0
    assert isinstance(search.best_estimator_.generate("the", length=3), str)
    assert len(cross_val_score(tiny(), pd.DataFrame(ROWS), cv=2, error_score="raise")) == 2


@pytest.mark.parametrize("frame", [list, pd.DataFrame, pl.DataFrame, pa.Table.from_pylist])
def test_rows_of_every_kind_with_a_template(frame: Any) -> None:
    data = frame(ROWS)
    writer = tiny(text="{title} | {body}", tokenizer="char").fit(data)
    assert writer.metrics_["updates"] == 2
    assert writer.writer.tokenizer.unknown_words("cat | sat") == []
    as_text = [f"{row['title']} | {row['body']}" for row in ROWS[:3]]
    assert writer.score(frame(ROWS[:3])) == pytest.approx(writer.score(as_text))


def test_save_load_and_writing(tmp_path: Path) -> None:
    writer = tiny().fit(TEXTS)
    path = writer.save(tmp_path / "saved")
    loaded = TextGenerator.load(path)
    assert loaded.get_params()["hidden_size"] == 8
    options = {"length": 12, "temperature": 1.0, "seed": 4}
    text = writer.generate("the", **options)
    assert loaded.generate("the", **options) == text == "".join(loaded.stream("the", **options))
    several = loaded.generate(["the", "a"], samples=2, **options)
    assert len(several) == 4 and several[0] == text
    with pytest.raises(RunError, match="exists already"):
        writer.save(path)
    with pytest.raises(SettingsError, match='no option "temprature". Did you'):  # noqa: RUF043
        loaded.generate("the", temprature=1)
    with pytest.raises(SettingsError, match="generate: length = 0: input should be"):
        loaded.generate("the", length=0)


def test_the_run_folder_goes_with_the_estimator() -> None:
    writer = tiny().fit(TEXTS)
    path = writer.run_.path
    assert path.exists()
    del writer
    assert not path.exists()


def test_fitting_again_forgets_the_run_before() -> None:
    writer = tiny().fit(TEXTS)
    before = writer.run_.path
    text = writer.generate("the", length=5)
    again = writer.set_params(seed=3).fit(TEXTS)
    assert again is writer and not before.exists()
    assert writer.run_.path != before and len(writer.generate("the", length=5)) == len(text)


@pytest.mark.parametrize(
    "again", [copy.deepcopy, copy.copy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_a_fitted_estimator_can_be_copied_and_pickled(again: Any, tmp_path: Path) -> None:
    writer = tiny().fit(TEXTS)
    text = writer.generate("the", length=9)
    other = again(writer)
    assert other.run_.path != writer.run_.path
    assert other.get_params() == writer.get_params() and other.metrics_ == writer.metrics_
    place = writer.run_.path
    del writer
    assert not place.exists(), "a copy keeps the first one's folder"
    assert other.generate("the", length=9) == text
    assert sorted(p.name for p in other.save(tmp_path / "saved").iterdir()) == sorted(
        p.name for p in other.run_.path.iterdir()
    )
    place = other.run_.path
    del other
    assert not place.exists()


def test_what_is_not_fitted_can_be_copied_and_pickled() -> None:
    writer = pickle.loads(pickle.dumps(tiny(encoder="gru")))
    assert writer.encoder == "gru" and not hasattr(writer, "run_")


def test_a_copy_of_a_loaded_estimator_leaves_its_run_alone(tmp_path: Path) -> None:
    path = tiny().fit(TEXTS).save(tmp_path / "saved")
    loaded = TextGenerator.load(path)
    other = copy.deepcopy(loaded)
    del loaded
    assert path.exists() and other.run_.path != path
    assert other.generate("the", length=3) == TextGenerator.load(path).generate("the", length=3)
