"""Captions without a network: the commonest one, and that of the training picture most alike.

A captioner that does not beat both has learnt how captions sound, and not to look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

SIDE = 8  # pixels of a picture's side, of what is compared
LEVELS = 4  # of each colour in the histogram
AT_ONCE = 256  # pictures

Floats = npt.NDArray[np.float32]


def common_caption(captions: Iterable[str]) -> str:
    """The caption that is said most often; of equally frequent ones that of the commonest words.

    >>> common_caption(["a dog runs", "a cat sleeps", "a dog sleeps"])
    'a dog sleeps'
    """
    counts = Counter(captions)
    most = max(counts.values())
    words: Counter[str] = Counter()
    for caption, count in counts.items():
        words.update(dict.fromkeys(caption.lower().split(), count))

    def typical(caption: str) -> float:
        own = caption.lower().split()
        return sum(words[word] for word in own) / max(1, len(own))

    return max((c for c in counts if counts[c] == most), key=typical)


def features(pixels: npt.NDArray[np.uint8]) -> Floats:
    """What pictures look like from afar: a small picture, and how frequent colours are.

    Shape:
        pixels (pictures, S, S, 3) → (pictures, 8 · 8 · 3 + 4 · 4 · 4).
    """
    blocks = [_features(pixels[n : n + AT_ONCE]) for n in range(0, len(pixels), AT_ONCE)]
    return np.concatenate(blocks)


def _features(pixels: npt.NDArray[np.uint8]) -> Floats:
    count, side = pixels.shape[:2]
    edges = np.linspace(0, side, SIDE + 1).astype(int)[:-1]
    shares = pixels.astype(np.float32) / 255
    areas = np.diff([*edges, side])
    small = np.add.reduceat(np.add.reduceat(shares, edges, 1), edges, 2)
    small /= (areas[:, None] * areas)[:, :, None]
    levels = (pixels.astype(np.int64) * LEVELS) >> 8
    bins = (levels[..., 0] * LEVELS + levels[..., 1]) * LEVELS + levels[..., 2]
    histogram = np.stack([np.bincount(one.ravel(), minlength=LEVELS**3) for one in bins])
    colours = np.sqrt(histogram / side**2)  # Hellinger: rare colours count too
    return np.concatenate([small.reshape(count, -1), SIDE * colours], 1).astype(np.float32)


@dataclass(frozen=True)
class NearestPicture:
    """The training pictures from afar, each with one caption.

    Args:
        features: of each (pictures, numbers).
        captions: the first one of each.
    """

    features: Floats
    captions: Sequence[str]

    def captions_of(self, pixels: npt.NDArray[np.uint8]) -> list[str]:
        """The caption of the picture most alike to each."""
        from sklearn.neighbors import NearestNeighbors

        index: Any = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(self.features)
        found = index.kneighbors(features(pixels), return_distance=False)[:, 0]
        return [self.captions[int(row)] for row in found]
