"""Scores of a classifier from its probabilities: plain numbers, ready for JSON.

Probabilities are (examples, labels); targets (examples,) places among the labels, -1 for a label
the model does not know, or (examples, labels) of 0 and 1 where there may be several.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.evaluate.calibration import expected_calibration_error

Floats = npt.NDArray[np.float64]
Targets = npt.NDArray[Any]

LENGTH_PARTS = 4  # quarters of the examples, by length


def classification_metrics(probabilities: Floats, targets: Targets) -> dict[str, float]:
    """``accuracy``, ``macro_f1``, ``roc_auc``, ``ece``; with several labels ``micro_f1`` too.

    Accuracy with several labels is the share of examples whose labels are all right. Macro F1 is
    the mean over labels that are true or given at least once. ROC AUC is left out where only one
    label occurs; without examples there are no metrics.
    """
    if not len(targets):
        return {}
    guessed = guesses(probabilities, targets.ndim == 2)
    table = label_counts(guessed, targets, probabilities.shape[1])
    occurring = table[:, 2] + table[:, 1] > 0  # guessed or true at least once
    f1 = _f1(table)
    result = {"accuracy": float(_right(guessed, targets).mean())}
    if targets.ndim == 2:
        result["micro_f1"] = float(_f1(table.sum(0, keepdims=True))[0])
    result["macro_f1"] = float(f1[occurring].mean()) if occurring.any() else 0.0
    auc = roc_auc(probabilities, targets)
    if auc is not None:
        result["roc_auc"] = auc
    result["ece"] = calibration_error(probabilities, targets)
    return result


def guesses(probabilities: Floats, several: bool) -> Targets:
    """The labels given: the likeliest one, or all of at least one half."""
    if several:
        return (probabilities >= 0.5).astype(np.int64)
    result: Targets = probabilities.argmax(1)
    return result


def _right(guessed: Targets, targets: Targets) -> npt.NDArray[np.bool_]:
    same = guessed == targets
    result: npt.NDArray[np.bool_] = same.all(1) if same.ndim == 2 else same
    return result


def label_counts(guessed: Targets, targets: Targets, labels: int) -> npt.NDArray[np.int64]:
    """For each label: rightly given, given, true; (labels, 3)."""
    if targets.ndim == 1:
        given = np.bincount(guessed, minlength=labels)
        true = np.bincount(targets[targets >= 0], minlength=labels)
        right = np.bincount(guessed[guessed == targets], minlength=labels)
    else:
        given, true = guessed.sum(0), targets.sum(0)
        right = (guessed * targets).sum(0)
    return np.stack([right, given, true], axis=1).astype(np.int64)


def _f1(table: npt.NDArray[np.int64]) -> Floats:
    right, given, true = table.T.astype(np.float64)
    result: Floats = 2 * right / np.maximum(given + true, 1)
    return result


def label_table(
    probabilities: Floats, targets: Targets, names: Sequence[str]
) -> list[dict[str, Any]]:
    """Precision, recall, F1, ROC AUC and support of each label.

    What would be divided by nothing is 0; the area is None where all examples have the label, or
    none has it: those labels are left out of the mean area.
    """
    areas = label_areas(probabilities, targets)
    table = label_counts(guesses(probabilities, targets.ndim == 2), targets, len(names))
    return [
        {
            "label": name,
            "precision": float(right / given) if given else 0.0,
            "recall": float(right / true) if true else 0.0,
            "f1": float(f1),
            "roc_auc": area,
            "support": int(true),
        }
        for name, (right, given, true), f1, area in zip(
            names, table, _f1(table), areas, strict=True
        )
    ]


def roc_auc(probabilities: Floats, targets: Targets) -> float | None:
    """Mean area over the labels; with two labels that of the second. None when there is none."""
    areas = label_areas(probabilities, targets)
    if targets.ndim == 1 and len(areas) == 2:
        return areas[1]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if known else None


def label_areas(probabilities: Floats, targets: Targets) -> list[float | None]:
    """Of each label, the chance that a true example scores above one that is not (ROC AUC).

    None for labels that all examples have, or none.
    """
    labels = probabilities.shape[1]
    truth = targets if targets.ndim == 2 else targets[:, None] == np.arange(labels)
    return [_auc(probabilities[:, label], truth[:, label] > 0) for label in range(labels)]


def _auc(scores: Floats, true: npt.NDArray[np.bool_]) -> float | None:
    """By ranks, ties sharing theirs (Mann and Whitney 1947)."""
    positive, negative = int(true.sum()), int((~true).sum())
    if not positive or not negative:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[true].sum() - positive * (positive + 1) / 2) / (positive * negative))


def calibration_error(probabilities: Floats, targets: Targets) -> float:
    """Expected calibration error of the label given; of every label alone where several may be."""
    if targets.ndim == 2:
        sure = np.maximum(probabilities, 1 - probabilities).ravel()
        right = ((probabilities >= 0.5) == (targets > 0)).ravel()
        return expected_calibration_error(sure, right)
    right = probabilities.argmax(1) == targets
    return expected_calibration_error(probabilities.max(1), right)


def confusion_matrix(
    probabilities: Floats, targets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Examples by true (rows) and given label (columns); unknown true labels are left out."""
    labels = probabilities.shape[1]
    known = targets >= 0
    pairs = targets[known] * labels + probabilities[known].argmax(1)
    return np.bincount(pairs, minlength=labels * labels).reshape(labels, labels)


def by_length(
    probabilities: Floats, targets: Targets, lengths: npt.NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Accuracy of about each quarter of the examples, from the shortest to the longest.

    Examples of one length stay together: where all are equally long there is one part.
    """
    right = _right(guesses(probabilities, targets.ndim == 2), targets)
    if not len(lengths):
        return []
    longest = [part[-1] for part in np.array_split(np.sort(lengths), LENGTH_PARTS) if len(part)]
    quarter = np.searchsorted(np.unique(longest), lengths)
    return [
        {
            "from": int(lengths[quarter == part].min()),
            "to": int(lengths[quarter == part].max()),
            "examples": int((quarter == part).sum()),
            "accuracy": float(right[quarter == part].mean()),
        }
        for part in np.unique(quarter)
    ]


def confident_mistakes(
    probabilities: Floats, targets: Targets, count: int
) -> npt.NDArray[np.int64]:
    """The wrong examples of which the model was surest, surest first."""
    several = targets.ndim == 2
    if not len(targets):
        return np.zeros(0, np.int64)
    wrong = np.flatnonzero(~_right(guesses(probabilities, several), targets))
    sure = np.abs(probabilities - targets).max(1) if several else probabilities.max(1)
    return wrong[np.argsort(-sure[wrong], kind="stable")][:count]


def mistake_of(probabilities: Floats, target: Any, names: Sequence[str]) -> dict[str, Any]:
    """What was true of one example, what was given, and how sure the model was of what is wrong.

    Where there may be several labels: ``missed`` and ``wrongly_given`` with the probability of
    each, the surest mistake first; ``probability`` is that of the wrong decision it was surest of.

    Args:
        probabilities: (labels,).
        target: a place among the names, -1 for one that is not among them, or (labels,) 0 and 1.
    """
    if not np.ndim(target):
        best = int(probabilities.argmax())
        return {
            "true": label_names(target, names),
            "guessed": names[best],
            "probability": round(float(probabilities[best]), 6),
        }
    given, true = probabilities >= 0.5, np.asarray(target) > 0
    order = np.argsort(-np.abs(probabilities - true), kind="stable")

    def listed(which: npt.NDArray[np.bool_]) -> dict[str, float]:
        return {names[i]: round(float(probabilities[i]), 6) for i in order if which[i]}

    surest = float(probabilities[order[0]])
    return {
        "true": label_names(true, names),
        "guessed": label_names(given, names),
        "probability": round(max(surest, 1 - surest), 6),
        "missed": listed(true & ~given),
        "wrongly_given": listed(given & ~true),
    }


def label_names(target: Any, names: Sequence[str]) -> str:
    """The label of an example, or its labels with commas between, "" for none of several."""
    if np.ndim(target):
        return ", ".join(name for name, there in zip(names, target, strict=True) if there)
    return names[int(target)] if target >= 0 else "(not in the training part)"
