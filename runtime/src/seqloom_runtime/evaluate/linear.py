"""Linear models that are fitted already: scores of labels for texts or series.

    text → TF-IDF of n-grams ─┐
                              ├→ · weights + bias → a score a label
    series → its features ────┘

Knows texts or series only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.evaluate.ngram_features import Features, chunks

Floats = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LinearTextClassifier:
    """A fitted linear model.

    Args:
        features: which n-grams count, and how much.
        weights: (features, labels); bias: (labels,).
    """

    features: Features
    weights: Weights
    bias: Weights

    def scores(self, texts: Iterable[str]) -> Floats:
        """Decision values: (texts, labels). Each text's are its own, whatever stands beside it."""
        parts: list[npt.NDArray[np.floating[Any]]] = [np.zeros((0, len(self.bias)))]
        for chunk in chunks(texts):
            parts.append(self.features.of_texts(chunk).times(self.weights) + self.bias)
        return np.concatenate(parts, dtype=np.float64)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Plain arrays, to be saved; nothing in them is a text."""
        return {**self.features.arrays(), "weights": self.weights, "bias": self.bias}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> LinearTextClassifier:
        """What ``arrays`` gave."""
        return cls(Features.from_arrays(arrays), arrays["weights"], arrays["bias"])


@dataclass(frozen=True)
class LinearSeriesClassifier:
    """A linear model of what a person would look at in a series.

    Args:
        mean, spread: of the features (features,).
        weights: (features, labels); bias: (labels,).
    """

    mean: Floats
    spread: Floats
    weights: Weights
    bias: Weights

    def scores(self, series: Iterable[npt.NDArray[Any]]) -> Floats:
        """Decision values: (series, labels)."""
        rows = [np.zeros((0, len(self.bias)))]
        for one in series:  # one by one: a product of matrices rounds by their sizes
            features = (series_features(one) - self.mean) / self.spread
            rows.append((features @ self.weights + self.bias)[None])
        return np.concatenate(rows)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Plain arrays, to be saved."""
        names = ("mean", "spread", "weights", "bias")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> LinearSeriesClassifier:
        """What ``arrays`` gave."""
        return cls(arrays["mean"], arrays["spread"], arrays["weights"], arrays["bias"])


def series_features(series: npt.NDArray[np.floating[Any]]) -> Floats:
    """What a person would look at in a series: level, spread, extremes, ends, trend, steps.

    Shape:
        (time, channels) → (features,).
    """
    exact = np.asarray(series, np.float64)
    steps = np.diff(exact, axis=0) if len(exact) > 1 else np.zeros_like(exact)
    time = np.linspace(-1, 1, len(exact))[:, None]
    slope = (time * (exact - exact.mean(0))).sum(0) / max(float((time**2).sum()), 1e-12)
    quarters = np.quantile(exact, (0.1, 0.25, 0.5, 0.75, 0.9), axis=0)
    rows = [
        *(exact.mean(0), exact.std(0), exact.min(0), exact.max(0), exact[0], exact[-1], slope),
        *(steps.std(0), np.abs(steps).mean(0), np.abs(steps).max(0)),
        *quarters,
    ]
    return np.concatenate(rows)
