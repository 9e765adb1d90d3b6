"""How much of a generated text stands word for word in the training part.

Knows ids only. Memory is bounded by the generated text, the longest record and one buffer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.integer]
Hashes = npt.NDArray[np.uint64]

BUFFER_TOKENS = 1 << 18
BREAK = -1  # stands between records; no generated n-gram holds it


def copied_share(
    generated: Ids | Sequence[Ids],
    training: Iterable[Ids],
    n: int = 8,
    *,
    continuous: bool = False,
) -> float:
    """Share of the generated n-grams, by place, that stand literally in the training ids.

    Args:
        generated: ids of one text, or of several; n-grams never cross texts.
        training: ids of records, each read once; n-grams never cross records.
        n: tokens in an n-gram.
        continuous: the training records are pieces of one text, and n-grams do cross them.

    Returns:
        From 0 to 1; 0 when no generated text is n tokens long.
    """
    texts = [generated] if isinstance(generated, np.ndarray) else generated
    written = np.concatenate([_ngram_hashes(text, n) for text in texts] or [np.zeros(0, np.uint64)])
    if not len(written):
        return 0.0
    wanted, counts = np.unique(written, return_counts=True)
    found = np.zeros(len(wanted), np.bool_)
    for buffer in _buffers(training, n, continuous):
        seen = _ngram_hashes(buffer, n)
        place = np.searchsorted(wanted, seen)
        place[place == len(wanted)] = 0
        found[place[wanted[place] == seen]] = True
    return float(counts[found].sum() / len(written))


def _buffers(training: Iterable[Ids], n: int, continuous: bool) -> Iterator[Ids]:
    """The training ids in buffers; each repeats the last n - 1 ids of the one before.

        ids a b c d e f g, n = 3      buffers  a b c d | c d e f | e f g

    Every n-gram so stands whole in just one buffer.
    """
    waiting: list[Ids] = []
    held = 0
    for record in training:
        for start in range(0, len(record), BUFFER_TOKENS):
            piece = record[start : start + BUFFER_TOKENS]
            waiting.append(piece.astype(np.int64))
            held += len(piece)
            if held >= BUFFER_TOKENS:
                buffer = np.concatenate(waiting)
                yield buffer
                waiting, held = [buffer[max(0, len(buffer) - (n - 1)) :]], 0
        if not continuous:
            waiting.append(np.array([BREAK]))
    if waiting:
        yield np.concatenate(waiting)


def _ngram_hashes(ids: Ids, n: int) -> Hashes:
    """A 64-bit hash of every n consecutive ids: (len(ids) - n + 1,).

    A hit is believed without comparing the ids. Each id becomes a well mixed 64-bit number, and
    the hash is their sum, weighted by one odd number for each place, so that n-grams that differ
    agree with chance about 2^-64. Ten thousand generated n-grams against a thousand million in
    training give one false hit in some two million runs.
    """
    windows = len(ids) - n + 1
    if windows < 1:
        return np.zeros(0, np.uint64)
    mixed = _mix(ids.astype(np.int64).view(np.uint64))
    weights = _mix(np.arange(n, dtype=np.uint64) + np.uint64(1 << 40)) | np.uint64(1)
    total = np.zeros(windows, np.uint64)
    for place, weight in enumerate(weights):
        total += mixed[place : place + windows] * weight
    return total


def _mix(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014): every bit moves every other."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = values ^ (values >> np.uint64(31))
    return mixed
