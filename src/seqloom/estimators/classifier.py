"""Classifying sequences, as an estimator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score

from seqloom.errors import DataError
from seqloom.estimators.base import SequenceEstimator, check_many

if TYPE_CHECKING:
    from seqloom.run import Run
    from seqloom.tasks.classifier import Classifier

LABEL = "label"  # column of the rows that fit makes
KINDS = "classes.json"  # of the run: what the labels were before they became words


class SequenceClassifier(ClassifierMixin, SequenceEstimator):  # type: ignore[misc]
    """Learns to give a text, or a series of numbers, its label or labels.

    Args:
        {settings}

    Attributes:
        run_: the run folder.
        metrics_: what ``metrics.json`` holds.
        classes_: the labels, as they were given, in the order of ``predict_proba``.
    """

    task = "classify"

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803 (scikit-learn's names)
        """Learn from inputs and their labels.

        Args:
            X: a list of texts, or of series (time,) or (time, channels); with ``y`` None, a path,
                a catalogue name, a data frame or a list of dicts with a label among the columns.
            y: a label each, or a list of labels each.

        Raises:
            DataError: inputs and labels differ in number, or cannot be learnt from.
        """
        if y is None:
            self._fit(X)
        else:
            rows = _rows(X, y)
            texts = bool(rows) and "text" in rows[0]
            self._fit(rows, label=LABEL, **({"text": "text"} if texts else {}))
        self.run_.write_json(KINDS, {"dtype": _dtype_of(y)})
        self.classes_ = _classes(self.run_)
        return self

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """An estimator from a run folder, trained here or by the command line.

        Raises:
            RunError: no run is there, or it is damaged.
        """
        estimator = super().load(path)
        estimator.classes_ = _classes(estimator.run_)
        return estimator

    @property
    def classifier(self) -> Classifier:
        """The network with its labels."""
        from seqloom.tasks.classifier import load_classifier

        classifier: Classifier = self._opened(load_classifier)
        return classifier

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Probability of each label: (inputs, labels), in the order of ``classes_``."""
        return self.classifier.probabilities_of_all(_inputs(X))

    def predict(self, X: Any) -> Any:  # noqa: N803
        """The label of each input; a list of labels each where there may be several."""
        shares = self.predict_proba(X)
        if self.classifier.multi:
            return [[self.classes_[i] for i in np.flatnonzero(row >= 0.5)] for row in shares]
        return self.classes_[shares.argmax(axis=1)]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: N803
        """Share of the inputs with the right label, or with exactly the right labels.

        Args:
            X: inputs as ``predict`` takes them; with ``y`` None, labelled data as ``fit`` takes it.
            y: a label each, or a list of labels each.
            sample_weight: what each input counts.
        """
        if y is None:
            from seqloom.tasks.training import evaluate

            return float(evaluate(self._fitted_run().path, X)["scores"]["accuracy"])
        guessed, true = self.predict(X), y
        if self.classifier.multi:
            guessed, true = (
                np.array([str(sorted(map(str, ls))) for ls in ll]) for ll in (guessed, y)
            )
        return float(accuracy_score(true, guessed, sample_weight=sample_weight))


def _classes(run: Run) -> npt.NDArray[Any]:
    """The labels of a run, as what they were when they were given to ``fit``."""
    names = run.read_fields("labels.json", {"labels": list})["labels"]
    known = (run.path / KINDS).exists()
    dtype = np.dtype(run.read_json(KINDS)["dtype"] if known else "O")
    if dtype.kind == "b":
        return np.array([name == "True" for name in names])
    return np.array(names).astype(dtype) if dtype.kind in "iuf" else np.array(names, dtype)


def _dtype_of(labels: Any) -> str:
    """Kind and size of numbers, U for texts; O for lists of labels and labels read from a file."""
    if labels is None or _several(labels):
        return "O"
    dtype = np.array(list(labels)).dtype
    return dtype.str if dtype.kind in "biuf" else "U" if dtype.kind == "U" else "O"


def _several(labels: Any) -> bool:
    return any(isinstance(label, list | tuple | set | frozenset) for label in labels)


def _inputs(data: Any) -> list[Any]:
    """Texts or series one by one, out of a list, an array, a column or a table of one column."""
    check_many(data)
    columns = getattr(data, "columns", None)
    if columns is not None:
        if len(columns) != 1:
            raise DataError(
                f"Received a table of {len(columns)} columns as inputs: pass one column of texts, "
                "or the whole table with its label column and no labels beside it."
            )
        data = data[columns[0]]
    if isinstance(data, np.ndarray) and data.ndim == 2 and data.dtype.kind in "OU":
        data = data[:, 0] if data.shape[1] == 1 else data
    return list(data.tolist() if hasattr(data, "tolist") and np.ndim(data) == 1 else data)


def _rows(inputs: Any, labels: Any) -> list[dict[str, Any]]:
    given, names = _inputs(inputs), _labels(labels)
    if len(given) != len(names):
        raise DataError(f"fit received {len(given)} inputs and {len(names)} labels.")
    column = "text" if all(isinstance(item, str) for item in given) else "series"
    return [
        {column: item if isinstance(item, str) else np.asarray(item).tolist(), LABEL: name}
        for item, name in zip(given, names, strict=True)
    ]


def _labels(labels: Any) -> list[str | list[str]]:
    """Labels as words, as the run keeps them."""
    if not _several(labels) and np.ndim(labels) > 1:
        raise DataError(
            "fit received labels of two dimensions: pass a label each, or a list of labels each."
        )
    result: list[str | list[str]] = []
    for place, label in enumerate(labels):
        if isinstance(label, list | tuple | set | frozenset):
            result.append([str(name) for name in sorted(label, key=str)])
        elif label is None or label != label:
            raise DataError(f"Label {place} is missing; every input to learn from needs one.")
        else:
            result.append(str(label))
    return result
