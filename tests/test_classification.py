"""Scores of classifiers, held against scikit-learn's and against counts by hand."""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from seqloom.evaluate.classification import (
    by_length,
    calibration_error,
    classification_metrics,
    confident_mistakes,
    confusion_matrix,
    label_areas,
    label_table,
    mistake_of,
    roc_auc,
)

Floats = npt.NDArray[np.float64]


def example(examples: int, labels: int, seed: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Probabilities on a coarse grid, so that ties occur, and targets."""
    random = np.random.default_rng(seed)
    rough = random.integers(1, 5, size=(examples, labels)).astype(float)
    return rough / rough.sum(1, keepdims=True), random.integers(0, labels, size=examples)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(2, 6), st.integers(0, 1_000))
def test_scores_of_one_label_equal_scikit_learn(examples: int, labels: int, seed: int) -> None:
    shares, targets = example(examples, labels, seed)
    guessed = shares.argmax(1)
    found = classification_metrics(shares, targets)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(targets, guessed))
    f1 = metrics.f1_score(targets, guessed, average="macro", zero_division=0)
    assert found["macro_f1"] == pytest.approx(f1)
    assert all(np.isfinite(value) and 0 <= value <= 1 for value in found.values())


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 1_000))
def test_scores_of_several_labels_equal_scikit_learn(examples: int, labels: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    shares = random.integers(0, 11, size=(examples, labels)) / 10
    targets = random.integers(0, 2, size=(examples, labels))
    guessed = shares >= 0.5
    found = classification_metrics(shares, targets)
    assert found["accuracy"] == pytest.approx((guessed == targets).all(1).mean())
    micro = metrics.f1_score(targets, guessed, average="micro", zero_division=0)
    assert found["micro_f1"] == pytest.approx(micro)
    for column, row in enumerate(label_table(shares, targets, [str(i) for i in range(labels)])):
        true, given_ = targets[:, column], guessed[:, column]
        wanted = metrics.precision_recall_fscore_support(
            true, given_, average="binary", zero_division=0
        )
        assert [row["precision"], row["recall"], row["f1"]] == pytest.approx(list(wanted[:3]))
        assert row["support"] == true.sum()


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 40), st.integers(2, 6), st.integers(0, 1_000))
def test_areas_equal_scikit_learn_ties_included(examples: int, labels: int, seed: int) -> None:
    shares, targets = example(examples, labels, seed)
    for label, area in enumerate(label_areas(shares, targets)):
        true = targets == label
        if true.all() or not true.any():
            assert area is None
        else:
            assert area == pytest.approx(metrics.roc_auc_score(true, shares[:, label]))


def test_labels_that_do_not_occur_are_left_out_and_told() -> None:
    shares, targets = example(50, 3, 0)
    targets = targets % 2  # the third label never occurs
    first, second, third = label_areas(shares, targets)
    assert third is None and first is not None and second is not None
    assert classification_metrics(shares, targets)["roc_auc"] == pytest.approx((first + second) / 2)
    assert label_table(shares, targets, ["a", "b", "c"])[2]["roc_auc"] is None


def test_a_single_true_label_has_no_area_and_the_rest_is_json() -> None:
    shares, _ = example(5, 2, 0)
    found = classification_metrics(shares, np.zeros(5, np.int64))
    assert "roc_auc" not in found and roc_auc(shares, np.zeros(5, np.int64)) is None
    json.dumps(found, allow_nan=False)
    json.dumps(label_table(shares, np.zeros(5, np.int64), ["a", "b"]), allow_nan=False)


@pytest.mark.parametrize("targets", [np.zeros(0, np.int64), np.zeros((0, 3), np.int64)])
def test_nothing_has_no_scores(targets: npt.NDArray[Any]) -> None:
    nothing = np.zeros((0, 3))
    assert classification_metrics(nothing, targets) == {}
    assert by_length(nothing, targets, np.zeros(0, np.int64)) == []
    assert confident_mistakes(nothing, targets, 5).tolist() == []
    assert [row["support"] for row in label_table(nothing, targets, ["a", "b", "c"])] == [0, 0, 0]


def test_an_unknown_true_label_is_a_mistake_that_no_row_counts() -> None:
    shares = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    targets = np.array([0, 1, -1])
    assert classification_metrics(shares, targets)["accuracy"] == pytest.approx(2 / 3)
    assert confusion_matrix(shares, targets).tolist() == [[1, 0], [0, 1]]
    assert [row["support"] for row in label_table(shares, targets, ["a", "b"])] == [1, 1]
    assert label_table(shares, targets, ["a", "b"])[0]["precision"] == 0.5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 40), st.integers(2, 6), st.integers(0, 1_000))
def test_the_confusion_matrix_equals_scikit_learn(examples: int, labels: int, seed: int) -> None:
    shares, targets = example(examples, labels, seed)
    found = confusion_matrix(shares, targets)
    wanted = np.zeros((labels, labels))
    np.add.at(wanted, (targets, shares.argmax(1)), 1)
    assert (found == wanted).all() and found.sum() == examples


def test_calibration_of_one_and_of_several_labels() -> None:
    sure = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert calibration_error(sure, np.array([0, 1])) == pytest.approx(0.5)
    assert calibration_error(sure, np.array([[1, 0], [1, 0]])) == 0.0
    assert calibration_error(sure, np.array([[0, 1], [1, 0]])) == pytest.approx(0.5)


def test_quarters_by_length() -> None:
    lengths = np.array([5, 1, 2, 6, 3, 4, 8, 7])
    targets = (lengths > 4).astype(np.int64)  # the short are right, the long wrong
    shares = np.tile([0.9, 0.1], (8, 1))
    parts = by_length(shares, targets, lengths)
    assert [(part["from"], part["to"]) for part in parts] == [(1, 2), (3, 4), (5, 6), (7, 8)]
    assert [part["accuracy"] for part in parts] == [1, 1, 0, 0]
    assert len(by_length(shares[:2], targets[:2], lengths[:2])) == 2
    assert by_length(shares[:0], targets[:0], lengths[:0]) == []


def test_examples_of_one_length_stay_together() -> None:
    """Strings of DNA are all equally long: four columns of the same length say nothing."""
    shares = np.tile([0.9, 0.1], (8, 1))
    (same,) = by_length(shares, np.array([0, 1] * 4), np.full(8, 60))
    assert same == {"from": 60, "to": 60, "examples": 8, "accuracy": 0.5}
    parts = by_length(shares, np.zeros(8, np.int64), np.array([3, 3, 3, 3, 3, 9, 9, 4]))
    spans = [(part["from"], part["to"], part["examples"]) for part in parts]
    assert spans == [(3, 3, 5), (4, 4, 1), (9, 9, 2)]


def test_the_surest_mistakes_come_first() -> None:
    shares = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    assert confident_mistakes(shares, np.array([1, 1, 1, 1]), 2).tolist() == [1, 3]
    assert confident_mistakes(shares, np.array([0, 0, 1, 0]), 2).tolist() == []
    several = np.array([[0.9, 0.9], [0.6, 0.1], [0.1, 0.0]])
    truth = np.array([[1, 0], [0, 0], [1, 0]])
    assert confident_mistakes(several, truth, 9).tolist() == [0, 2, 1]


def test_a_mistake_of_several_labels_says_which_were_missed_and_which_given_wrongly() -> None:
    names = ["food", "price", "place"]
    found = mistake_of(np.array([0.9, 0.2, 0.6]), np.array([0, 1, 1]), names)
    assert (found["true"], found["guessed"]) == ("price, place", "food, place")
    assert (found["missed"], found["wrongly_given"]) == ({"price": 0.2}, {"food": 0.9})
    assert found["probability"] == 0.9
    none = mistake_of(np.array([0.1, 0.3, 0.2]), np.array([1, 1, 0]), names)
    assert (none["guessed"], none["wrongly_given"]) == ("", {})
    assert list(none["missed"]) == ["food", "price"], "the surest first"
    assert none["probability"] == 0.9, "it was surest that food is not there"
    one = mistake_of(np.array([0.1, 0.3, 0.6]), -1, names)
    assert one == {"true": "(not in the training part)", "guessed": "place", "probability": 0.6}
