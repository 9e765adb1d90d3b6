"""The estimator follows scikit-learn's conventions; data of every kind in memory trains it."""

import inspect
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score

from seqloom import RunError, SettingsError, TextGenerator
from seqloom.config import Settings

TEXTS = [f"the {a} cat sat on the {b} mat" for a in ("red", "old", "big") for b in "abcdefgh"]
ROWS = [{"title": f"cat {i}", "body": f"it sat on mat {i % 7}"} for i in range(40)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))


def tiny(**values: Any) -> TextGenerator:
    small = {"hidden_size": 8, "embedding_size": 6, "updates": 2, "sample_length": 3}
    return TextGenerator(**{**small, **values})


def test_arguments_are_the_settings_with_their_defaults() -> None:
    parameters = TextGenerator().get_params()
    for section in Settings.model_fields.values():
        for name, field in section.annotation.model_fields.items():
            assert parameters.pop(name) == field.default
    assert parameters == {}
    assert set(inspect.signature(TextGenerator).parameters) == set(TextGenerator().get_params())


def test_help_shows_each_argument_with_its_meaning() -> None:
    words = " ".join((inspect.getdoc(TextGenerator) or "").split())
    assert "{settings}" not in words
    for section in Settings.model_fields.values():
        for name, field in section.annotation.model_fields.items():
            assert f"{name}: {' '.join(str(field.description).split())}" in words


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
    with pytest.raises(SettingsError, match=r"TextGenerator: model\.hidden_size = 0"):
        tiny(hidden_size=0).fit(TEXTS)
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
