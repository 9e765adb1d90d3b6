"""Linear models of n-grams: the baseline beside every classifier, and the wide part within one.

    text → n-grams of words or characters → TF-IDF → linear SVM, one against the rest

N-grams are hashed, so that nothing but numbers is kept, and only those that the training texts hold
often enough have weights. Knows texts and target numbers only.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Kind = Literal["word", "char", "jamo"]
KINDS: tuple[Kind, ...] = ("word", "char", "jamo")
Floats = npt.NDArray[np.float64]

BITS = 22  # of a hash: 4,194,304 places for n-grams
CHUNK = 4_096  # texts turned into n-grams at once
WORD = r"(?u)\b\w+\b|[^\w\s]"


@dataclass(frozen=True)
class NGrams:
    """Which n-grams of a text count.

    Args:
        kind: of words, of characters across words, or of the letters that Hangul is made of.
        shortest, longest: words or characters in one.
        fewest: texts that must hold it.
    """

    kind: Kind
    shortest: int
    longest: int
    fewest: int

    def counts(self, texts: Iterable[str]) -> csr_matrix:
        """How often each hashed n-gram stands in each text: (texts, 2^22)."""
        from scipy.sparse import vstack
        from sklearn.feature_extraction.text import HashingVectorizer

        cut: dict[str, Any] = (
            {"token_pattern": WORD} if self.kind == "word" else {"analyzer": "char"}
        )
        if self.kind == "jamo":
            cut["preprocessor"] = letters_of_hangul
        vectorizer = HashingVectorizer(
            ngram_range=(self.shortest, self.longest),
            n_features=2**BITS,
            alternate_sign=False,
            norm=None,
            lowercase=True,
            dtype=np.float32,
            **cut,
        )
        return vstack([vectorizer.transform(chunk) for chunk in _chunks(texts)], format="csr")


def letters_of_hangul(text: str) -> str:
    """Lower case, syllables taken apart: typing slips and endings then share most n-grams."""
    return unicodedata.normalize("NFD", text.lower())


BASELINES = {"word": (NGrams("word", 1, 2, 2),), "char": (NGrams("char", 1, 4, 2),)}
WIDE = {
    "word": (NGrams("word", 1, 3, 2),),
    "char": (NGrams("char", 1, 5, 3),),
    "hangul": (NGrams("char", 1, 5, 3), NGrams("jamo", 3, 7, 4)),
}
STRENGTHS = (
    0.1,
    0.25,
    0.6,
    1.5,
)  # of the data against the pull of the weights to zero, tried in turn


@dataclass(frozen=True)
class LinearTextClassifier:
    """A fitted linear model.

    Args:
        features: which n-grams count, and how much.
        weights: (labels, features); bias: (labels,).
    """

    features: Features
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def scores(self, texts: Iterable[str]) -> Floats:
        """Decision values: (texts, labels). Each text's are its own, whatever stands beside it."""
        parts = [
            self.features.of_texts(chunk) @ self.weights.T + self.bias for chunk in _chunks(texts)
        ]
        labels = len(self.bias)
        return np.concatenate(parts).astype(np.float64) if parts else np.zeros((0, labels))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Plain arrays, to be saved; nothing in them is a text."""
        return {**self.features.arrays(), "weights": self.weights, "bias": self.bias}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> LinearTextClassifier:
        """What ``arrays`` gave."""
        return cls(Features.from_arrays(arrays), arrays["weights"], arrays["bias"])


@dataclass(frozen=True)
class Features:
    """TF-IDF of the n-grams that training texts hold: (1 + ln count) · idf, rows of length 1.

    Args:
        ngrams: sets of n-grams, side by side.
        columns: of each set, hashes that count, rising.
        idf: of each set, logarithm of how rare each is, plus 1.
    """

    ngrams: tuple[NGrams, ...]
    columns: tuple[npt.NDArray[np.int32], ...]
    idf: tuple[npt.NDArray[np.float32], ...]

    @classmethod
    def fit(cls, ngrams: tuple[NGrams, ...], texts: list[str]) -> tuple[Features, csr_matrix]:
        """The features that texts hold often enough, and those texts' own."""
        columns, idf, counts = [], [], []
        for one in ngrams:
            found = one.counts(texts)
            holding = np.bincount(found.indices, minlength=found.shape[1])
            kept = np.flatnonzero(holding >= min(one.fewest, len(texts))).astype(np.int32)
            rarity = np.log((1 + len(texts)) / (1 + holding[kept])) + 1
            columns.append(kept)
            idf.append(rarity.astype(np.float32))
            counts.append(found[:, kept])
        features = cls(ngrams, tuple(columns), tuple(idf))
        return features, features._weighed(counts)

    def of_texts(self, texts: list[str]) -> csr_matrix:
        """(texts, features), each text's its own, whatever stands beside it."""
        pairs = zip(self.ngrams, self.columns, strict=True)
        return self._weighed([one.counts(texts)[:, columns] for one, columns in pairs])

    def _weighed(self, counts: list[csr_matrix]) -> csr_matrix:
        from scipy.sparse import hstack
        from sklearn.preprocessing import normalize

        parts = []
        for found, idf in zip(counts, self.idf, strict=True):
            part = found.astype(np.float32)
            part.data = (1 + np.log(part.data)) * idf[part.indices]
            parts.append(normalize(part, copy=False))
        return parts[0] if len(parts) == 1 else normalize(hstack(parts, format="csr"), copy=False)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Plain arrays, to be saved."""
        result: dict[str, npt.NDArray[Any]] = {}
        for place, one in enumerate(self.ngrams):
            about = [KINDS.index(one.kind), one.shortest, one.longest, one.fewest]
            result[f"ngrams.{place}"] = np.array(about, np.int64)
            result[f"columns.{place}"] = self.columns[place]
            result[f"idf.{place}"] = self.idf[place]
        return result

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Features:
        """What ``arrays`` gave."""
        places = range(sum(name.startswith("ngrams.") for name in arrays))
        abouts = [[int(number) for number in arrays[f"ngrams.{place}"]] for place in places]
        return cls(
            tuple(NGrams(KINDS[kind], *rest) for kind, *rest in abouts),
            tuple(arrays[f"columns.{place}"] for place in places),
            tuple(arrays[f"idf.{place}"] for place in places),
        )


def fit_linear(
    texts: Iterable[str],
    targets: npt.NDArray[Any],
    labels: int,
    ngrams: tuple[NGrams, ...],
    held: Iterable[str],
    rank: Callable[[Floats], float],
    seed: int = 0,
) -> LinearTextClassifier:
    """The linear SVM (squared hinge) whose strength does best on held-out texts.

    Args:
        texts: of the training part.
        targets: (texts,) places of the labels, or (texts, labels) of 0 and 1.
        labels: how many there are.
        ngrams: what counts.
        held: of the validation part.
        rank: how good decision values (held, labels) are; more is better.
    """
    features, own = Features.fit(ngrams, list(texts))
    others = features.of_texts(list(held))
    best, best_rank = None, -np.inf
    for strength in STRENGTHS:
        weights, bias = fit_svm(own, targets, labels, strength, seed)
        found = rank((others @ weights.T + bias).astype(np.float64))
        if found <= best_rank:
            break  # quality rises, then falls, with the strength
        best, best_rank = LinearTextClassifier(features, weights, bias), found
    assert best is not None
    return best


def fit_svm(
    features: Any, targets: npt.NDArray[Any], labels: int, strength: float, seed: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Weights (labels, features) and bias (labels,) of one SVM a label, each against the rest.

    Of two labels the second one's SVM says it all: the first has the same with its sign turned.
    """
    from sklearn.svm import LinearSVC

    truth = targets if targets.ndim == 2 else targets[:, None] == np.arange(labels)
    binary = targets.ndim == 1 and labels == 2
    weights = np.zeros((labels, features.shape[1]), np.float32)
    bias = np.full(labels, -1.0, np.float32)  # of a label that no example has
    for label in range(1 if binary else 0, labels):
        column = np.asarray(truth[:, label]) > 0
        if column.all() or not column.any():
            bias[label] = 1.0 if column.all() else -1.0
            continue
        svm = LinearSVC(C=strength, random_state=seed).fit(features, column)
        weights[label], bias[label] = svm.coef_[0], svm.intercept_[0]
    if binary:
        weights[0], bias[0] = -weights[1], -bias[1]
    return weights, bias


@dataclass(frozen=True)
class LinearSeriesClassifier:
    """A linear model of what a person would look at in a series.

    Args:
        mean, spread: of the features (features,).
        weights: (labels, features); bias: (labels,).
    """

    mean: Floats
    spread: Floats
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def scores(self, series: Iterable[npt.NDArray[Any]]) -> Floats:
        """Decision values: (series, labels)."""
        features = (np.stack([series_features(one) for one in series]) - self.mean) / self.spread
        result: Floats = features @ self.weights.T + self.bias
        return result

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
    held = list(held)
    best, best_rank = None, -np.inf
    for strength in STRENGTHS:
        fitted = fit_svm((features - mean) / spread, targets, labels, strength, seed)
        model = LinearSeriesClassifier(mean, spread, *fitted)
        found = rank(model.scores(held))
        if found > best_rank:
            best, best_rank = model, found
    assert best is not None
    return best


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


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    stream = iter(texts)
    first = list(islice(stream, CHUNK))
    while first:
        yield first
        first = list(islice(stream, CHUNK))
