"""The translator to beat: a dictionary learnt from the pairs, and used word by word.

Nobody says which word stands for which; only that both often stand in one pair. IBM model 1 takes
every target word for the translation of some word of its source, or of none, with probability
t(target | source), and finds in rounds the t under which the pairs are likeliest:

    share of source i in target j = t(target j | source i) / Σ_k t(target j | source k)
    t(target | source) = Σ shares of the two, wherever both stand / Σ shares of the source

Knows tokens as texts; no model, no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

ROUNDS = 15
LONGEST = 200  # tokens of a source or target that are looked at
MOST_LINKS = 10_000_000  # of source and target places, at 60 bytes; beyond, pairs are passed over
NOTHING = 0  # the number of the source that stands in every pair, for words without one


@dataclass(frozen=True)
class DictionaryBaseline:
    """Gives each source token its likeliest translation; one it has not seen stays as it is.

    Args:
        table: the translation of each token that does not stay as it is.
    Source:
        Brown et al. 1993, model 1.

    >>> pairs = [("das Haus", "the house"), ("das Buch", "the book"), ("ein Buch", "a book")]
    >>> learnt = DictionaryBaseline.fit((a.split(), b.split()) for a, b in pairs)
    >>> learnt.translate("ein Haus !".split())
    ['a', 'house', '!']
    """

    table: dict[str, str]

    @classmethod
    def fit(cls, pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> DictionaryBaseline:
        """Learn from the tokens of sources and their targets.

        Of more pairs than fit into memory every second is taken, or every fourth, and so on.
        """
        sources: dict[str, int] = {}
        targets: dict[str, int] = {}
        numbered = (
            (
                np.array([NOTHING, *(_number(token, sources) + 1 for token in source[:LONGEST])]),
                np.array([_number(token, targets) for token in target[:LONGEST]], np.int64),
            )
            for source, target in pairs
        )
        kept = thinned(numbered, MOST_LINKS)
        names, words = ["", *sources], list(targets)
        best = best_targets(kept, len(names), len(words))
        found = ((names[s], words[t]) for s, t in best if s != NOTHING)
        return cls({source: target for source, target in found if source != target})

    def translate(self, tokens: Sequence[str]) -> list[str]:
        """A token for each token, in the same order."""
        return [self.table.get(token, token) for token in tokens]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"table": self.table}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> DictionaryBaseline:
        """Back from ``to_dict``."""
        return cls(dict(saved["table"]))


def _number(token: str, known: dict[str, int]) -> int:
    return known.setdefault(token, len(known))


def thinned(
    pairs: Iterable[tuple[IntArray, IntArray]], most: int
) -> list[tuple[IntArray, IntArray]]:
    """All pairs, or evenly every n-th, so that source and target places make ``most`` links."""
    kept: list[tuple[IntArray, IntArray]] = []
    stride, links = 1, 0
    for place, pair in enumerate(pairs):
        if place % stride:
            continue
        kept.append(pair)
        links += len(pair[0]) * len(pair[1])
        while links > most and len(kept) > 1:
            kept, stride = kept[::2], 2 * stride
            links = sum(len(source) * len(target) for source, target in kept)
    return kept


def best_targets(
    pairs: Sequence[tuple[IntArray, IntArray]], sources: int, targets: int
) -> list[tuple[int, int]]:
    """Each source that stands in a pair, and its likeliest target; of equals the first seen.

    Args:
        pairs: numbers of the source and target tokens of each.
        sources, targets: how many different ones there are.
    """
    keys, link, place = _links(pairs, targets)
    source, target = np.divmod(keys, max(targets, 1))
    likelihood = np.ones(len(keys))
    for _ in range(ROUNDS):
        share: Floats = likelihood[link]
        share /= np.bincount(place, share)[place]
        count = np.bincount(link, share, len(keys))
        likelihood = count / np.bincount(source, count, sources)[source]
    order = np.lexsort((-likelihood, source))  # by source, the likeliest first
    first = np.unique(source[order], return_index=True)[1]
    best = order[first]
    return list(zip(source[best].tolist(), target[best].tolist(), strict=True))


def _links(
    pairs: Sequence[tuple[IntArray, IntArray]], targets: int
) -> tuple[IntArray, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """What stands in a pair together: every source token with every target token of it.

    Returns:
        The different combinations as source · targets + target; for each link, the place of its
        combination among them; and the target place, counted through all pairs, that it leads to.
    """
    keys, places = [np.empty(0, np.int64)], [np.empty(0, np.int32)]
    before = 0
    for source, target in pairs:
        keys.append((source[:, None] * targets + target).ravel())
        here = np.arange(before, before + len(target), dtype=np.int32)
        places.append(np.broadcast_to(here, (len(source), len(target))).ravel())
        before += len(target)
    unique, link = np.unique(np.concatenate(keys), return_inverse=True)
    return unique, link.astype(np.int32), np.concatenate(places)
