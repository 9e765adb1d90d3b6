"""Classifying sequences, as an estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin

from seqloom.errors import DataError
from seqloom.estimators.base import SequenceEstimator

if TYPE_CHECKING:
    from seqloom.tasks.classifier import Classifier


class SequenceClassifier(ClassifierMixin, SequenceEstimator):  # type: ignore[misc]
    """Learns to give a text, or a series of numbers, its label or labels.

    Args:
        {settings}

    Attributes:
        run_: the run folder.
        metrics_: what ``metrics.json`` holds.
        classes_: the labels, sorted as ``predict_proba`` has them.
    """

    task = "classify"

    def fit(self, X: Any, y: Sequence[Any] | None = None) -> Self:  # noqa: N803
        """Learn from inputs and their labels.

        Args:
            X: a list of texts, or of series (time,) or (time, channels); with ``y`` None, a path,
                a catalogue name, a data frame or a list of dicts with a label among the columns.
            y: a label each, or a list of labels each.

        Raises:
            DataError: inputs and labels differ in number, or cannot be learnt from.
        """
        self._fit(X if y is None else _rows(X, y))
        kind = np.asarray(y).dtype if y is not None and not _several(y) else np.dtype(object)
        names = self.classifier.labels
        # Labels come back as what they were: the run keeps them as words.
        given = {} if y is None or _several(y) else {str(label): label for label in y}
        self.classes_ = np.array([given.get(name, name) for name in names], dtype=kind)
        return self

    @property
    def classifier(self) -> Classifier:
        """The network with its labels."""
        if getattr(self, "_classifier_run", None) is not self._fitted_run():
            from seqloom.tasks.classifier import load_classifier

            self._classifier_run = self._fitted_run()
            self._classifier = load_classifier(self._classifier_run)
            if not hasattr(self, "classes_"):
                self.classes_ = np.array(self._classifier.labels, dtype=object)
        return self._classifier

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Probability of each label: (inputs, labels), in the order of ``classes_``."""
        return self.classifier.probabilities_of_all(_inputs(X))

    def predict(self, X: Any) -> Any:  # noqa: N803
        """The label of each input; a list of labels each where there may be several."""
        shares = self.predict_proba(X)
        if self.classifier.multi:
            return [[self.classes_[i] for i in np.flatnonzero(row >= 0.5)] for row in shares]
        return self.classes_[shares.argmax(axis=1)]


def _several(labels: Any) -> bool:
    return any(isinstance(label, list | tuple | set) for label in labels)


def _inputs(data: Any) -> list[Any]:
    return list(data.tolist() if hasattr(data, "tolist") and np.ndim(data) == 1 else data)


def _rows(inputs: Any, labels: Any) -> list[dict[str, Any]]:
    given, names = _inputs(inputs), list(labels)
    if len(given) != len(names):
        raise DataError(f"fit received {len(given)} inputs and {len(names)} labels.")
    column = "text" if all(isinstance(item, str) for item in given) else "series"
    return [
        {
            column: item if isinstance(item, str) else np.asarray(item).tolist(),
            "label": [str(n) for n in name] if isinstance(name, list | tuple | set) else str(name),
        }
        for item, name in zip(given, names, strict=True)
    ]
