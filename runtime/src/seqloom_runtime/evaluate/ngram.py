"""The baseline of every language model: interpolated modified Kneser-Ney n-grams.

    p_n(w | h) = max(c(hw) - D(c), 0) / Σ_v c(hv) + γ(h) · p_{n-1}(w | h without its first token)

c are raw counts at the highest order and below it the number of different tokens seen before the
n-gram (an n-gram that opens a sequence has none before it and counts each time). D is one of three
discounts, γ(h) the share they set free, p_0 = 1 / vocab_size: no token is ever impossible.

The first token of a sequence is history only, as it is for a network that predicts the next token.
Knows ids only. Source: Chen & Goodman 1999, section 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import RunError
from seqloom_runtime.evaluate.ngram_counts import (
    UNSEEN,
    Counts,
    Ids,
    IntArray,
    Text,
    count_ngrams,
    next_keys,
    walk_levels,
)

FloatArray = npt.NDArray[np.float64]

MAX_TOKENS = 5_000_000
PLAIN_DISCOUNTS = np.array([0.0, 0.5, 1.0, 1.5])  # where counts of counts say nothing


@dataclass(frozen=True)
class _Level:
    """The n-grams of one length.

    Shape:
        keys, counts, chances (n-grams,); backoffs (n-grams one shorter + 1,), γ of each as history
        and, where UNSEEN picks it, a last 1.
    """

    keys: IntArray
    counts: IntArray
    chances: FloatArray
    backoffs: FloatArray


class NGramModel:
    """An interpolated modified Kneser-Ney model; made by ``fit`` or ``choose_order``.

    Attributes:
        vocab_size: ids run from 0 to this less one.
        order: tokens in the longest n-gram.
        tokens: tokens it was fitted on.
        stopped: whether there were more, beyond ``max_tokens``, that it did not read.
    """

    def __init__(self, levels: list[_Level], vocab_size: int, tokens: int, stopped: bool) -> None:
        self._levels = levels
        self.vocab_size, self.order = vocab_size, len(levels)
        self.tokens, self.stopped = tokens, stopped

    @classmethod
    def fit(
        cls,
        sequences: Iterable[Ids],
        *,
        vocab_size: int,
        order: int,
        max_tokens: int = MAX_TOKENS,
        continuous: bool = False,
    ) -> NGramModel:
        """Count and smooth.

        Args:
            sequences: ids of records; contexts never cross them.
            vocab_size: ids run from 0 to this less one.
            order: tokens in the longest n-gram.
            max_tokens: reading stops here.
            continuous: the sequences are pieces of one text, and contexts do cross them.

        Raises:
            DataError: an id is outside the vocabulary.
            SettingsError: order is less than 1.
        """
        text = Text.read(sequences, vocab_size, continuous, max_tokens)
        counts = count_ngrams(text, order, vocab_size)
        levels = _lower_levels(counts, vocab_size)
        levels.append(_top_level(levels, counts, vocab_size))
        return cls(levels, vocab_size, len(text.ids), text.stopped)

    def nll(self, ids: Ids, start: int = 0) -> FloatArray:
        """Nats of each token of one sequence given those before it.

        Args:
            ids: a sequence (tokens,).
            start: the first token that is scored; those before it are history only.

        Returns:
            (tokens - start,). That of token 0, which nothing stands before, has no history.
        """
        return self._nats(Text.read([ids], self.vocab_size))[start:]

    def nll_each(self, sequences: Iterable[Ids]) -> list[FloatArray]:
        """``nll`` of many sequences at once, which is faster than one by one."""
        sequences = list(sequences)
        nats = self._nats(Text.read(sequences, self.vocab_size))
        borders = np.cumsum([0, *(len(ids) for ids in sequences)])
        return [nats[first:last] for first, last in pairwise(borders)]

    def _nats(self, text: Text) -> FloatArray:
        chances = np.full(len(text.ids), 1 / self.vocab_size)
        walk = walk_levels(text, [level.keys for level in self._levels])
        for level, (histories, grams) in zip(self._levels, walk, strict=True):
            chances = _interpolate(level, histories, grams, chances)
        nats: FloatArray = -np.log(chances)
        return nats

    def distribution(self, history: Ids) -> FloatArray:
        """Probabilities of every id after a history of any length: (vocab_size,), sum one."""
        text = Text.read([history[max(0, len(history) - self.order + 1) :]], self.vocab_size)
        chances = self._levels[0].chances.copy()
        walk = walk_levels(text, [level.keys for level in self._levels[:-1]])
        for level, (_, grams) in zip(self._levels[1:], walk, strict=True):
            number = int(grams[-1]) if len(grams) else UNSEEN
            if number != UNSEEN:
                borders = np.array([number, number + 1]) * self.vocab_size
                first, last = np.searchsorted(level.keys, borders)
                chances *= level.backoffs[number]
                chances[level.keys[first:last] % self.vocab_size] = level.chances[first:last]
        return chances

    def arrays(self) -> dict[str, npt.NDArray[np.unsignedinteger]]:
        """The counts, small enough for a file; ``from_arrays`` computes the rest again."""
        facts = [self.vocab_size, self.order, self.tokens, int(self.stopped)]
        result = {"facts": np.array(facts, np.uint64)}
        for n, level in enumerate(self._levels, 1):
            result[f"counts.{n}"] = _small(level.counts)
            if n > 1:
                histories = level.keys // self.vocab_size
                children = np.bincount(histories, minlength=len(level.backoffs) - 1)
                result[f"children.{n}"] = _small(children)
                result[f"ids.{n}"] = _small(level.keys % self.vocab_size)
        return result

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.unsignedinteger]]) -> NGramModel:
        """The model whose ``arrays`` these are.

        Raises:
            RunError: they are those of something else.
        """
        if "facts" not in arrays:
            raise RunError("The n-gram baseline holds no counts. Train the run again.")
        vocab_size, order, tokens, stopped = (int(fact) for fact in arrays["facts"])
        levels: list[_Level] = []
        suffixes = keys = np.arange(vocab_size)
        for n in range(1, order + 1):
            if n > 1:
                children = arrays[f"children.{n}"]
                histories = np.repeat(np.arange(len(children)), children)
                ids = arrays[f"ids.{n}"].astype(np.int64)
                keys, suffixes = next_keys(histories, ids, keys, suffixes, n, vocab_size)
            counts = arrays[f"counts.{n}"].astype(np.int64)
            levels.append(_make_level(keys, suffixes, counts, levels, vocab_size))
        return cls(levels, vocab_size, tokens, bool(stopped))


def choose_order(
    train: Iterable[Ids],
    valid: Iterable[Ids],
    vocab_size: int,
    orders: Iterable[int],
    *,
    max_tokens: int = MAX_TOKENS,
    continuous: bool = False,
) -> NGramModel:
    """The model of the order that is best on validation, all of them from the same counts.

    The first token of each validation sequence is history only. The arguments are those of
    ``NGramModel.fit``; of orders that are equally good the lowest is taken.
    """
    orders = sorted(orders)
    text = Text.read(train, vocab_size, continuous, max_tokens)
    counts = count_ngrams(text, orders[-1] if orders else 0, vocab_size)
    levels = _lower_levels(counts, vocab_size)
    nats = _nats_by_order(levels, counts, Text.read(valid, vocab_size, continuous), vocab_size)
    best = min(orders, key=lambda order: nats[order - 1])
    chosen = [*levels[: best - 1], _top_level(levels[: best - 1], counts, vocab_size)]
    return NGramModel(chosen, vocab_size, len(text.ids), text.stopped)


def _nats_by_order(
    levels: list[_Level], counts: list[Counts], text: Text, vocab_size: int
) -> list[float]:
    """Nats of a text under the model of each order from 1 up, in one walk through it."""
    chances = np.full(len(text.ids), 1 / vocab_size)
    scored = np.delete(np.arange(len(text.ids)), text.openings)
    result = []
    for n, (histories, grams) in enumerate(walk_levels(text, [level.keys for level in counts])):
        top = _top_level(levels[:n], counts, vocab_size)
        result.append(float(-np.log(_interpolate(top, histories, grams, chances)[scored]).sum()))
        if n < len(levels):
            chances = _interpolate(levels[n], histories, grams, chances)
    return result


def _interpolate(
    level: _Level, histories: IntArray, grams: IntArray, lower: FloatArray
) -> FloatArray:
    """p_n of tokens from their p_{n-1}."""
    chances: FloatArray = lower * level.backoffs[histories]
    seen = grams != UNSEEN
    chances[seen] = level.chances[grams[seen]]
    return chances


def _lower_levels(counts: list[Counts], vocab_size: int) -> list[_Level]:
    """All levels but the highest, counted by how many different tokens stand before."""
    levels: list[_Level] = []
    for level, longer in pairwise(counts):
        before = np.bincount(longer.suffixes, minlength=len(level.keys)) + level.opening
        levels.append(_make_level(level.keys, level.suffixes, before, levels, vocab_size))
    return levels


def _top_level(below: list[_Level], counts: list[Counts], vocab_size: int) -> _Level:
    """The highest level of a model, with raw counts."""
    level = counts[len(below)]
    return _make_level(level.keys, level.suffixes, level.raw, below, vocab_size)


def _make_level(
    keys: IntArray, suffixes: IntArray, counts: IntArray, below: list[_Level], vocab_size: int
) -> _Level:
    """Discounts, backoffs and interpolated probabilities: equation 20 of the paper."""
    if below:
        histories = keys // vocab_size
        shape, lower = len(below[-1].keys), below[-1].chances[suffixes]
    else:
        histories = np.zeros_like(keys)
        shape, lower = 1, np.full(vocab_size, 1 / vocab_size)
    taken = _discounts(counts)[np.minimum(counts, 3)]
    totals = np.bincount(histories, weights=counts, minlength=shape)
    freed = np.bincount(histories, weights=taken, minlength=shape)
    backoffs = np.append(np.where(totals > 0, freed / np.maximum(totals, 1), 1.0), 1.0)
    own = (counts - taken) / np.maximum(totals, 1)[histories]
    return _Level(keys, counts, own + backoffs[histories] * lower, backoffs)


def _discounts(counts: IntArray) -> FloatArray:
    """What is taken from counts of 0, 1, 2 and 3 or more: equation 17 of the paper.

    Few tokens, or many of few kinds (the characters of a long text), leave no n-grams of some low
    count, or put a discount out of its range; plain numbers stand in there. All are above zero, so
    that something is always left for what was never seen.
    """
    n1, n2, n3, n4 = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].astype(np.float64)
    if min(n1, n2, n3, n4) == 0:
        return PLAIN_DISCOUNTS
    y = n1 / (n1 + 2 * n2)
    found = np.array([0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    right = (found[1:] > 0).all() and (found <= np.arange(4)).all()
    return found if right else PLAIN_DISCOUNTS


def _small(values: IntArray) -> npt.NDArray[np.unsignedinteger]:
    """The same whole numbers in the smallest type that holds them."""
    largest = int(values.max(initial=0))
    kinds = (np.uint8, np.uint16, np.uint32, np.uint64)
    return values.astype(next(kind for kind in kinds if largest <= np.iinfo(kind).max))
