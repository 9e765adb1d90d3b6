"""Counting n-grams with numpy: every n-gram a number, every level one sorted array.

An n-gram's number is its place in the sorted keys of its level. Its key joins the number of its
history, one level lower, with its last token, so that a text is looked up from left to right, one
sorted search a level for all its tokens at once.

    level 1   a=0 b=1 c=2            key of "ab" = number("a") · vocab_size + b
    level 2   aa=0 ab=1 bc=2         key of "abc" = number("ab") · vocab_size + c

The first token of a sequence is history only, as it is for a network that predicts the next token.
Knows ids and counts; no probability.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import DataError, SettingsError

Ids = npt.NDArray[np.integer]
IntArray = npt.NDArray[np.int64]

UNSEEN = -1


@dataclass(frozen=True)
class Text:
    """Sequences, one after the other.

    Shape:
        ids (tokens,); openings (sequences,), the places where a sequence starts.
    """

    ids: IntArray
    openings: IntArray
    stopped: bool

    @classmethod
    def read(
        cls,
        sequences: Iterable[Ids],
        vocab_size: int,
        continuous: bool = False,
        max_tokens: int | None = None,
    ) -> Text:
        """Join sequences, up to ``max_tokens``; ``continuous`` ones are pieces of a single one."""
        parts: list[Ids] = []
        openings: list[int] = []
        tokens, stopped = 0, False
        for sequence in sequences:
            part = sequence[: None if max_tokens is None else max_tokens - tokens]
            if len(part) and not (continuous and openings):
                openings.append(tokens)
            parts.append(part)
            tokens += len(part)
            stopped = len(part) < len(sequence)
            if stopped:
                break
        ids = np.concatenate(parts or [np.zeros(0, np.int64)]).astype(np.int64)
        if len(ids) and not 0 <= ids.min() <= ids.max() < vocab_size:
            raise DataError(
                f"Ids from {ids.min()} to {ids.max()} were given to an n-gram model of "
                f"{vocab_size} tokens; it knows 0 to {vocab_size - 1}. Use the run's own tokenizer."
            )
        return cls(ids, np.array(openings, np.int64), stopped)

    def histories(self, grams: IntArray) -> IntArray:
        """The n-gram that ends one token earlier, in the same sequence: (tokens,)."""
        before = np.roll(grams, 1)
        before[self.openings] = UNSEEN
        return before


@dataclass(frozen=True)
class Counts:
    """What was counted of the n-grams of one length.

    Shape:
        all (n-grams,): keys; suffixes, the number of the n-gram without its first token, one level
        lower; raw, occurrences; opening, those of them that open a sequence.
    """

    keys: IntArray
    suffixes: IntArray
    raw: IntArray
    opening: IntArray


def count_ngrams(text: Text, order: int, vocab_size: int) -> list[Counts]:
    """Raw counts of every level."""
    if order < 1:
        raise SettingsError(f"The order of an n-gram model is {order}; it must be 1 or more.")
    grams = text.ids
    suffixes = keys = np.arange(vocab_size)
    opening = np.bincount(grams[text.openings], minlength=vocab_size)
    raw = np.bincount(grams, minlength=vocab_size) - opening
    levels = [Counts(keys, suffixes, raw, np.zeros_like(raw))]
    for n in range(2, order + 1):
        histories = text.histories(grams)
        ends = np.flatnonzero(histories != UNSEEN)
        found, numbers = _number(histories[ends] * vocab_size + text.ids[ends])
        grams = np.full(len(text.ids), UNSEEN)
        grams[ends] = numbers
        keys, suffixes = next_keys(
            found // vocab_size, found % vocab_size, keys, suffixes, n, vocab_size
        )
        raw = np.bincount(numbers, minlength=len(keys))
        firsts = text.openings + n - 1
        firsts = grams[firsts[firsts < len(grams)]]
        opening = np.bincount(firsts[firsts != UNSEEN], minlength=len(keys))
        levels.append(Counts(keys, suffixes, raw, opening))
    return levels


def _number(keys: IntArray) -> tuple[IntArray, IntArray]:
    """Different keys in order, and the place of each key among them (``np.unique``, faster)."""
    order = np.argsort(keys)
    in_order = keys[order]
    new = np.ones(len(keys), np.bool_)
    new[1:] = in_order[1:] != in_order[:-1]
    places = np.empty(len(keys), np.int64)
    places[order] = np.cumsum(new) - 1
    return in_order[new], places


def next_keys(
    histories: IntArray,
    ids: IntArray,
    keys: IntArray,
    suffixes: IntArray,
    n: int,
    vocab_size: int,
) -> tuple[IntArray, IntArray]:
    """Keys and suffixes of n-grams, from their histories and those of the level below."""
    joined = histories * vocab_size + ids
    if n == 2:
        return joined, ids
    return joined, _find(keys, suffixes[histories] * vocab_size + ids)


def walk_levels(text: Text, keys: list[IntArray]) -> Iterator[tuple[IntArray, IntArray]]:
    """Level by level, the number of each token's history and n-gram, or UNSEEN: (tokens,) each."""
    grams = text.ids
    for n, known in enumerate(keys, 1):
        if n == 1:
            yield np.zeros_like(grams), grams
            continue
        histories = text.histories(grams)
        grams = _find(known, histories * len(keys[0]) + text.ids)
        yield histories, grams


def _find(keys: IntArray, wanted: IntArray) -> IntArray:
    """Places of keys in the sorted keys, or UNSEEN; the key after an UNSEEN history is negative."""
    if not len(keys):
        return np.full(len(wanted), UNSEEN)
    places = np.searchsorted(keys, wanted)
    places[places == len(keys)] = 0
    return np.where(keys[places] == wanted, places, UNSEEN)
