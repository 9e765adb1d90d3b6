"""The classifier as an estimator: labels come back as they were given, in every form of data."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from seqloom import DataError, RunError, SequenceClassifier, TextGenerator

GOOD = ["a good film", "really good acting", "good, very good", "a fine and good story"]
BAD = ["a bad film", "really bad acting", "bad, very bad", "a weak and bad story"]
TEXTS = [f"{text} number {n}" for n in range(8) for text in (*GOOD, *BAD)]
LABELS = (["good"] * 4 + ["bad"] * 4) * 8


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))


def tiny(**values: Any) -> SequenceClassifier:
    small = {"hidden_size": 6, "embedding_size": 8, "updates": 2, "tokenizer": "word"}
    return SequenceClassifier(**{**small, "precision": "float32", "threads": 1, **values})


def as_words(kind: type) -> list[Any]:
    """The labels as another type: 1 for good, 0 for bad."""
    return [kind(label == "good") for label in LABELS]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (LABELS, ["bad", "good"]),
        (np.array(LABELS), ["bad", "good"]),
        (np.array(LABELS, dtype=object), ["bad", "good"]),
        (pd.Series(LABELS), ["bad", "good"]),
        (as_words(int), [0, 1]),
        (np.array(as_words(int), dtype=np.int8) * 9 - 5, [-5, 4]),
        (np.array(as_words(int)) * 8 + 2, [2, 10]),
        (as_words(bool), [False, True]),
        (as_words(float), [0.0, 1.0]),
    ],
    ids=["list", "array", "objects", "series", "ints", "int8", "by size", "bools", "floats"],
)
def test_labels_come_back_as_they_were_given(
    labels: Any, classes: list[Any], tmp_path: Path
) -> None:
    model = tiny().fit(TEXTS, labels)
    loaded = SequenceClassifier.load(model.save(tmp_path / "saved"))
    for fitted in (model, loaded, pickle.loads(pickle.dumps(model))):
        assert fitted.classes_.tolist() == classes
        assert fitted.classes_.dtype == model.classes_.dtype
        guessed = fitted.predict(TEXTS[:5])
        assert guessed.dtype == model.classes_.dtype and set(guessed) <= set(classes)
    if np.asarray(labels).dtype.kind in "bif":
        assert model.classes_.dtype == np.asarray(labels).dtype
    assert model.score(TEXTS, labels) == np.mean(model.predict(TEXTS) == np.asarray(labels))


def test_probabilities_are_in_the_order_of_the_classes() -> None:
    model = tiny(updates=30).fit(TEXTS, LABELS)
    shares = model.predict_proba(TEXTS)
    assert shares.shape == (len(TEXTS), 2)
    np.testing.assert_allclose(shares.sum(1), 1)
    assert (model.classes_[shares.argmax(1)] == model.predict(TEXTS)).all()
    assert model.score(TEXTS, LABELS) > 0.9, "or the columns are the wrong way round"
    np.testing.assert_allclose(model.predict_proba(TEXTS[3:4]), shares[3:4], atol=1e-5)


def test_clone_and_parameters() -> None:
    model = tiny(pooling="max")
    other = clone(model).set_params(wide=False)
    assert (other.pooling, other.wide, model.wide) == ("max", False, True)
    assert is_classifier(model)
    assert not hasattr(clone(model.fit(TEXTS, LABELS)), "classes_")


def test_grid_search_cross_validation_and_pipeline() -> None:
    seen: list[str] = []

    def clean(texts: Any) -> list[str]:
        seen.extend(texts)
        return [text.removesuffix("!!") for text in texts]

    texts = [f"{text}!!" for text in TEXTS]
    pipeline = make_pipeline(FunctionTransformer(clean), tiny())
    search = GridSearchCV(
        pipeline, {"sequenceclassifier__hidden_size": [4, 5]}, cv=2, error_score="raise"
    ).fit(texts, LABELS)
    assert search.best_params_["sequenceclassifier__hidden_size"] in (4, 5)
    assert set(search.predict(texts[:4])) <= {"good", "bad"}
    tokenizer = search.best_estimator_[-1].classifier.front
    assert "!" not in "".join(tokenizer.token(i) for i in range(tokenizer.vocabulary_size))
    assert texts[0] in seen
    found = cross_val_score(tiny(), TEXTS, as_words(int), cv=2, error_score="raise")
    assert len(found) == 2 and all(0 <= value <= 1 for value in found)
    areas = cross_val_score(
        tiny(), TEXTS, LABELS, cv=2, scoring="neg_log_loss", error_score="raise"
    )
    assert (areas < 0).all()
    out = cross_val_predict(tiny(), np.array(TEXTS), np.array(LABELS), method="predict_proba", cv=2)
    assert out.shape == (len(TEXTS), 2)


def test_several_labels_each(tmp_path: Path) -> None:
    several = [[w for w in ("acting", "film", "good") if w in text] for text in TEXTS]
    model = tiny().fit(TEXTS, several)
    assert model.classes_.tolist() == ["acting", "film", "good"]
    guessed = model.predict(TEXTS)
    assert all(isinstance(labels, list) for labels in guessed)
    right = np.mean([sorted(a) == sorted(b) for a, b in zip(guessed, several, strict=True)])
    assert model.score(TEXTS, [set(labels) for labels in several]) == right
    assert model.predict_proba(TEXTS[:3]).shape == (3, 3)
    assert SequenceClassifier.load(model.save(tmp_path / "s")).predict(TEXTS[:3]) == guessed[:3]


SERIES = [np.sin(np.arange(12 + n % 5) * (1 + n % 2)) for n in range(40)]


@pytest.mark.parametrize("form", ["ragged", "table", "channels"])
def test_series_of_numbers(form: str) -> None:
    given: Any = SERIES
    if form == "table":
        given = np.array([row[:12] for row in SERIES])
    elif form == "channels":
        given = [np.stack([row, -row], axis=1) for row in SERIES]
    labels = [n % 2 for n in range(40)]
    model = SequenceClassifier(hidden_size=6, embedding_size=4, updates=3, threads=1)
    model.fit(given, labels)
    assert model.predict_proba(given).shape == (40, 2)
    assert set(model.predict(given[:4])) <= {0, 1}
    with pytest.raises(DataError, match="series of numbers and received a text"):
        model.predict(["a text"])


def test_tables_with_and_without_labels_beside_them(tmp_path: Path) -> None:
    table = pd.DataFrame({"review": TEXTS, "label": LABELS})
    whole = tiny().fit(table)
    assert whole.classes_.tolist() == ["bad", "good"]
    assert 0 <= whole.score(table) <= 1
    path = tmp_path / "reviews.csv"
    table.to_csv(path, index=False)
    assert tiny().fit(path).score(path) == whole.score(table)
    column = tiny().fit(table[["review"]], table["label"])
    assert (column.predict(table[["review"]]) == column.predict(table["review"])).all()
    flat = np.array(TEXTS, dtype=object)[:, None]
    assert (column.predict(flat) == column.predict(TEXTS)).all()
    with pytest.raises(DataError, match="table of 2 columns"):
        tiny().fit(table, LABELS)


def test_what_cannot_be_learnt_from_is_said() -> None:
    with pytest.raises(DataError, match="32 inputs and 64 labels"):
        tiny().fit(TEXTS[:32], LABELS)
    with pytest.raises(DataError, match="Label 2 is missing"):
        tiny().fit(TEXTS, [*LABELS[:2], None, *LABELS[3:]])
    with pytest.raises(DataError, match="Label 1 is missing"):
        tiny().fit(TEXTS, [LABELS[0], float("nan"), *LABELS[2:]])
    with pytest.raises(DataError, match="two dimensions"):
        tiny().fit(TEXTS, np.zeros((64, 2)))
    with pytest.raises(DataError, match="at least two"):
        tiny().fit(TEXTS, ["good"] * 64)
    with pytest.raises(DataError):
        tiny().fit([], [])
    model = tiny().fit(TEXTS, LABELS)
    with pytest.raises(DataError, match="trained on texts and received float"):
        model.predict([1.0])
    with pytest.raises(DataError, match="one text; expected a list"):
        model.predict("a good film")


def test_nothing_in_nothing_out() -> None:
    model = tiny().fit(TEXTS, LABELS)
    assert model.predict([]).tolist() == []
    assert model.predict_proba([]).shape == (0, 2)


def test_a_copy_says_the_same_as_the_first() -> None:
    model = tiny(updates=20).fit(TEXTS, LABELS)
    shares = model.predict_proba(TEXTS[:9])
    other = copy.deepcopy(model)
    del model
    np.testing.assert_array_equal(other.predict_proba(TEXTS[:9]), shares)


def test_a_run_of_another_task_is_refused(tmp_path: Path) -> None:
    path = tiny().fit(TEXTS, LABELS).save(tmp_path / "saved")
    with pytest.raises(RunError, match="a run of classify; TextGenerator loads runs of generate"):
        TextGenerator.load(path)
