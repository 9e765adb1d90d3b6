"""The best next tokens of many hypotheses at once, without sorting a vocabulary.

    logits (rows, vocab_size) → the best of each block of ids → the few best blocks of a sentence
    → the few best ids

The best n ids of a sentence lie in its best n blocks, so that only those are looked into. Each row
is normalised on its own, and each sentence chosen for on its own: neither depends on the others.
Knows nothing of lengths, ends or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqloom_runtime.decode.sampling import FloatArray, IntArray
from seqloom_runtime.errors import RunError

DoubleArray = npt.NDArray[np.float64]

BLOCK = 64  # ids whose best is taken first
CHUNK = 1 << 17  # scores worked on at once, few enough to stay in the processor's cache


class Extensions(NamedTuple):
    """The best extensions of each sentence's hypotheses, the best first: (sentences, count) each.

    Attributes:
        sums: log-probability of hypothesis and token together; -inf where there is none.
        rows: which row is extended.
        ids: with which token.
    """

    sums: DoubleArray
    rows: IntArray
    ids: IntArray


def best_extensions(
    logits: FloatArray,
    sums: DoubleArray,
    sentences: IntArray,
    count: int,
    banned: Sequence[int] = (),
) -> Extensions:
    """The likeliest extensions of each sentence; of equals the first row's, then the first id.

    Args:
        logits: scores of the next token (rows, vocab_size).
        sums: log-probability of each row's hypothesis so far (rows,).
        sentences: whose each row is (rows,): 0, 1, 2 … in rising order, none left out.
        count: extensions of a sentence; fewer are given where there are no more.
        banned: ids that are never chosen, and share in no probability.
    Raises:
        RunError: a row has no finite score.
    """
    vocab_size = logits.shape[1]
    size = min(BLOCK, vocab_size)
    blocks, normalisers = best_of_blocks(logits, size, banned)
    offsets = sums - normalisers  # what makes a row's logits log-probabilities of the whole
    starts = np.searchsorted(sentences, np.arange(sentences[-1] + 1))
    slots = np.arange(len(sentences)) - starts[sentences]  # places of the rows in their sentences
    grid = np.full((len(starts), slots.max() + 1, blocks.shape[1]), -np.inf)
    grid[sentences, slots] = blocks + offsets[:, None]
    chosen, best = _largest(grid.reshape(len(starts), -1), count)  # (sentences, n)
    slot, block = np.divmod(chosen, blocks.shape[1])
    rows = np.where(best > -np.inf, starts[:, None] + slot, 0)
    ids = (block * size)[..., None] + np.arange(size)  # (sentences, n, size)
    scores = logits[rows[..., None], np.minimum(ids, vocab_size - 1)] + offsets[rows][..., None]
    scores[~_allowed(blocks.shape[1] * size, vocab_size, banned)[ids]] = -np.inf
    scores[best == -np.inf] = -np.inf
    places, found = _largest(scores.reshape(len(starts), -1), count)
    order = np.argsort(-found, axis=1, kind="stable")
    places = np.take_along_axis(places, order, axis=1)
    return Extensions(
        np.take_along_axis(found, order, axis=1),
        np.take_along_axis(rows, places // size, axis=1),
        np.take_along_axis(ids.reshape(len(starts), -1), places, axis=1),
    )


def best_of_blocks(
    logits: FloatArray, size: int, banned: Sequence[int]
) -> tuple[FloatArray, DoubleArray]:
    """The largest score of each block of ids (rows, blocks), and log Σ exp of each row (rows,).

    Raises:
        RunError: a row has no finite score.
    """
    rows, vocab_size = logits.shape
    starts = np.arange(0, vocab_size, size)
    blocks = np.empty((rows, len(starts)), logits.dtype)
    normalisers = np.empty(rows)
    columns = np.array(banned, np.int64)
    step = max(1, CHUNK // vocab_size)
    for first in range(0, rows, step):
        chunk = slice(first, first + step)
        work = np.array(logits[chunk], order="C")  # a copy: the step's own array stays as it is
        work[:, columns] = -np.inf
        np.maximum.reduceat(work, starts, axis=1, out=blocks[chunk])
        top = blocks[chunk].max(1)
        _check_finite(top)
        work -= top[:, None]
        np.exp(work, out=work)
        # A sum in another type goes through a buffer that does not end where a row ends.
        normalisers[chunk] = top + np.log(work.sum(1).astype(np.float64))
    return blocks, normalisers


def _check_finite(top: FloatArray) -> None:
    wrong = top[~np.isfinite(top)]
    if len(wrong):
        raise RunError(
            f"The model's best score for the next token is {wrong[0]}, which is no finite number: "
            "its weights are damaged, or every token is banned. Train it again."
        )


def _allowed(places: int, vocab_size: int, banned: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Which places of the last, perhaps incomplete block and of those before are ids to choose."""
    allowed = np.arange(places) < vocab_size
    allowed[list(banned)] = False
    return allowed


def _largest(values: DoubleArray, count: int) -> tuple[IntArray, DoubleArray]:
    """Places of each row's largest values, in reading order, and the values; of equals the first.

    Shape:
        (rows, n) → (rows, min(count, n)) twice.
    """
    rows, n = values.shape
    count = min(count, n)
    border = np.partition(values, n - count, axis=1)[:, n - count, None]
    larger, equal = values > border, values == border
    room = count - np.count_nonzero(larger, axis=1, keepdims=True)
    chosen = larger | (equal & (np.cumsum(equal, axis=1) <= room))
    places = np.nonzero(chosen)[1].reshape(rows, count)
    return places, np.take_along_axis(values, places, axis=1)
