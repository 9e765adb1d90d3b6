"""Linear models: the baseline beside every classifier, and the wide part within one.

    text → TF-IDF of n-grams (→ × log-count ratio) ─┐
                                                    ├→ linear SVM, one against the rest
    series → its features ──────────────────────────┘

The baseline is the plain one. The wide part multiplies each n-gram first by how much more often
it stands in texts of the label than in others (Wang and Manning 2012, "Baselines and Bigrams"):
rare n-grams that tell labels apart then count at once. Knows texts or series and target numbers
only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.evaluate.ngram_features import BASELINES, WIDE, Features, NGrams, chunks

Floats = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float32]

MOST_WEIGHTS = 1 << 27  # of a model: half a gigabyte; many labels leave room for fewer n-grams
STRENGTHS = (
    0.1,
    0.25,
    0.6,
    1.5,
    4.0,
)  # of the data against the pull of the weights to zero, in turn
RATIO_STRENGTHS = (0.1, 0.3, 1.0, 4.0)  # the same, of n-grams weighed by their ratio


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
        parts = [np.zeros((0, len(self.bias)))]
        for chunk in chunks(texts):
            parts.append(self.features.of_texts(chunk) @ self.weights + self.bias)
        return np.concatenate(parts, dtype=np.float64)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Plain arrays, to be saved; nothing in them is a text."""
        return {**self.features.arrays(), "weights": self.weights, "bias": self.bias}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> LinearTextClassifier:
        """What ``arrays`` gave."""
        return cls(Features.from_arrays(arrays), arrays["weights"], arrays["bias"])


def fit_linear(
    texts: Iterable[str],
    targets: npt.NDArray[Any],
    labels: int,
    ngrams: tuple[NGrams, ...],
    held: Iterable[str],
    rank: Callable[[Floats], float],
    seed: int = 0,
    *,
    by_ratio: bool = False,
) -> LinearTextClassifier:
    """The linear SVM (squared hinge) whose strength does best on held-out texts.

    Args:
        texts: of the training part.
        targets: (texts,) places of the labels, or (texts, labels) of 0 and 1.
        labels: how many there are.
        ngrams: what counts.
        held: of the validation part.
        rank: how good decision values (held, labels) are; more is better.
        by_ratio: whether each n-gram is weighed by its log-count ratio first.
    """
    features, own = Features.fit(ngrams, list(texts), MOST_WEIGHTS // labels)
    others = features.of_texts(list(held))
    weights, bias = _fit_best(own, targets, labels, others, rank, seed, by_ratio=by_ratio)
    return LinearTextClassifier(features, weights, bias)


def _fit_best(
    own: Any,
    targets: npt.NDArray[Any],
    labels: int,
    others: Any,
    rank: Callable[[Floats], float],
    seed: int,
    *,
    by_ratio: bool = False,
) -> tuple[Weights, Weights]:
    """The SVM of the features ``own`` whose strength does best on those of ``others``."""
    best, best_rank = None, -np.inf
    for strength in RATIO_STRENGTHS if by_ratio else STRENGTHS:
        weights, bias = fit_svm(own, targets, labels, strength, seed, by_ratio=by_ratio)
        found = rank((others @ weights + bias).astype(np.float64))
        if best is None or found > best_rank:
            best, best_rank = (weights, bias), found
        elif found < best_rank:
            break  # quality rises, then falls, with the strength
    assert best is not None
    return best


def fit_svm(
    features: Any,
    targets: npt.NDArray[Any],
    labels: int,
    strength: float,
    seed: int,
    *,
    by_ratio: bool = False,
) -> tuple[Weights, Weights]:
    """Weights (features, labels) and bias (labels,) of one SVM a label, each against the rest.

    Of two labels the second one's SVM says it all: the first has the same with its sign turned.
    """
    from sklearn.svm import LinearSVC

    truth = targets if targets.ndim == 2 else targets[:, None] == np.arange(labels)
    binary = targets.ndim == 1 and labels == 2
    weights = np.zeros((features.shape[1], labels), np.float32)
    bias = np.full(labels, -1.0, np.float32)  # of a label that no example has
    for label in range(1 if binary else 0, labels):
        column = np.asarray(truth[:, label]) > 0
        if column.all() or not column.any() or not features.shape[1]:
            bias[label] = 1.0 if column.mean() > 0.5 else -1.0
            continue
        scale = log_count_ratio(features, column) if by_ratio else None
        svm = LinearSVC(C=strength, random_state=seed).fit(_scaled(features, scale), column)
        weights[:, label] = svm.coef_[0] if scale is None else svm.coef_[0] * scale
        bias[label] = svm.intercept_[0]
    if binary:
        weights[:, 0], bias[0] = -weights[:, 1], -bias[1]
    return weights, bias


def log_count_ratio(features: Any, holds: npt.NDArray[np.bool_]) -> Floats:
    """How much more often each feature stands in examples that hold than in the others.

    ln((1 + n₁) / Σ(1 + n₁)) − ln((1 + n₀) / Σ(1 + n₀)), n₁ and n₀ examples with the feature.

    Args:
        features: sparse (examples, features).
        holds: (examples,).
    """
    there = features != 0
    counts = [1 + np.asarray(there[rows].sum(0), np.float64).ravel() for rows in (holds, ~holds)]
    with_it, without = (np.log(count / count.sum()) for count in counts)
    return np.asarray(with_it - without)


def _scaled(features: Any, scale: Floats | None) -> Any:
    """Each column of sparse features times its scale, where it has one."""
    from scipy.sparse import diags_array

    if scale is None:
        return features
    return (features @ diags_array(scale.astype(np.float32))).tocsr()


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


def fit_series_linear(
    series: Iterable[npt.NDArray[Any]],
    targets: npt.NDArray[Any],
    labels: int,
    held: Iterable[npt.NDArray[Any]],
    rank: Callable[[Floats], float],
    seed: int = 0,
) -> LinearSeriesClassifier:
    """The linear model of series whose strength does best on held-out ones."""
    features = np.stack([series_features(one) for one in series])
    mean, spread = features.mean(0), features.std(0)
    spread = np.where(spread > 1e-12, spread, 1.0)
    others = [(series_features(one) - mean) / spread for one in held]
    shown = np.stack(others) if others else np.zeros((0, len(mean)))
    fitted = _fit_best((features - mean) / spread, targets, labels, shown, rank, seed)
    return LinearSeriesClassifier(mean, spread, *fitted)


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


__all__ = [
    "BASELINES",
    "WIDE",
    "LinearSeriesClassifier",
    "LinearTextClassifier",
    "NGrams",
    "fit_linear",
    "fit_series_linear",
    "fit_svm",
    "log_count_ratio",
    "series_features",
]
