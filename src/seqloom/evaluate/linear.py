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

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from seqloom_runtime.evaluate.linear import (
    LinearSeriesClassifier,
    LinearTextClassifier,
    series_features,
)
from seqloom_runtime.evaluate.ngram_features import BASELINES, WIDE, Features, NGrams, Rows

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
    others = as_sparse(features.of_texts(list(held)))
    weights, bias = _fit_best(
        as_sparse(own), targets, labels, others, rank, seed, by_ratio=by_ratio
    )
    return LinearTextClassifier(features, weights, bias)


def as_sparse(rows: Rows) -> Any:
    """As scikit-learn takes them."""
    from scipy.sparse import csr_matrix

    shape = (len(rows), rows.width)
    return csr_matrix((rows.data, rows.columns, rows.starts), shape=shape)


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


__all__ = [
    "BASELINES",
    "WIDE",
    "LinearSeriesClassifier",
    "LinearTextClassifier",
    "NGrams",
    "as_sparse",
    "fit_linear",
    "fit_series_linear",
    "fit_svm",
    "log_count_ratio",
    "series_features",
]
