"""What a recognizer has to beat: the commonest transcript, and the recording that sounds alike.

    frames (any length, bands) ─ stretched to a few moments ─ standardised ─→ one vector a recording

Where there are few different transcripts a linear model tells them apart by that vector; where
there are many, the training recording whose vector is nearest gives its own. Knows numbers only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MOMENTS = 16
MOST_LABELS = 100  # different transcripts that a linear model tells apart
FEWEST_TIMES = 4.0  # that each of them was heard on average
MOST_KEPT = 2_000  # recordings that are compared with
STRENGTH = 0.01  # of the data against the pull of the weights to zero

Floats = npt.NDArray[np.float32]


def commonest(texts: Sequence[str]) -> str:
    """The transcript that stands there most often.

    >>> commonest(["two", "one", "one"])
    'one'
    """
    return Counter(texts).most_common(1)[0][0]


def moments(frames: npt.NDArray[Any]) -> Floats:
    """A recording of any length as one vector: (frames, bands) → (moments · bands,)."""
    places = np.linspace(0, len(frames) - 1, MOMENTS)
    low = np.floor(places).astype(int)
    high, share = np.minimum(low + 1, len(frames) - 1), (places - low)[:, None]
    found = frames[low] * (1 - share) + frames[high] * share
    level, spread = found.mean(), max(float(found.std()), 1e-3)
    vector: Floats = ((found - level) / spread).astype(np.float32).ravel()
    return vector


@dataclass(frozen=True, eq=False)
class SoundsAlike:
    """A fitted baseline.

    Args:
        labels: transcripts: of the weights' rows, or of the vectors.
        weights: (labels, size), or vectors of recordings (recordings, size).
        bias: (labels,); empty where the nearest recording decides.
    """

    labels: Sequence[str]
    weights: Floats
    bias: Floats

    @classmethod
    def fit(cls, vectors: Floats, texts: Sequence[str]) -> SoundsAlike:
        """Learn from vectors (recordings, size) and their transcripts."""
        different = sorted(set(texts))
        if not 2 <= len(different) <= min(MOST_LABELS, len(texts) / FEWEST_TIMES):
            kept = np.linspace(0, len(texts) - 1, min(MOST_KEPT, len(texts))).astype(int)
            empty = np.zeros(0, np.float32)
            return cls([texts[n] for n in kept], vectors[kept], empty)
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=STRENGTH, max_iter=500).fit(vectors, list(texts))
        weights, bias = model.coef_.astype(np.float32), model.intercept_.astype(np.float32)
        if len(different) == 2:  # scikit-learn keeps one row for two labels
            weights, bias = np.concatenate([-weights, weights]), np.concatenate([-bias, bias])
        return cls(different, weights, bias)

    def texts(self, vectors: Floats) -> list[str]:
        """Transcripts of recordings (recordings, size)."""
        scores = vectors @ self.weights.T
        # Without a bias they become the squared distances, turned round.
        scores += self.bias if len(self.bias) else scores - (self.weights**2).sum(1)
        return [self.labels[int(n)] for n in scores.argmax(1)]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Plain arrays, to be saved; the labels are saved beside them."""
        return {
            "weights": np.ascontiguousarray(self.weights),
            "bias": np.ascontiguousarray(self.bias),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], labels: list[str]) -> SoundsAlike:
        """What ``arrays`` gave.

        Raises:
            ValueError: they do not fit together.
        """
        found = cls(labels, arrays["weights"], arrays["bias"])
        if len(labels) != len(found.weights) or len(found.bias) not in (0, len(labels)):
            raise ValueError("labels and weights do not fit together")
        return found
