"""From stored pieces of music to batches, each piece moved by some semitones in each epoch.

Streams as those of ``batching``: the batch of a given epoch and place is always the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from seqloom_runtime.signal.rolls import frames_of_ids, moved_frames

from seqloom.data.batching import Batch, IntArray, group_by_length, pad
from seqloom.data.store import Store

LONGEST = 512  # frames of a piece that are learnt at once
Move = Callable[[npt.NDArray[Any], int], npt.NDArray[Any]]


def shifts_of(count: int, transpose: int, seed: int, epoch: int) -> IntArray:
    """How many semitones each piece is moved by in an epoch."""
    random = np.random.default_rng((seed, epoch, 1))
    return random.integers(-transpose, transpose + 1, count)


class _Plan(NamedTuple):
    """The pieces of an epoch in their order."""

    order: IntArray
    ends: IntArray
    shifts: IntArray


class PieceStream:
    """Pieces one after the other, in another order each epoch, in columns with carried state.

    A piece begins with its own id, so that a network learns to forget the piece before.

    Args:
        store: ids of each piece.
        batch_size: columns that are read side by side.
        sequence_length: ids of a column in a batch.
        seed: of the order and the transpositions.
        transpose: semitones up and down at most.
        move: gives ids moved by some semitones.
    """

    carried = True

    def __init__(
        self,
        store: Store,
        batch_size: int,
        sequence_length: int,
        seed: int,
        transpose: int,
        move: Move,
    ) -> None:
        self.store, self.seed, self.transpose, self.move = store, seed, transpose, move
        self.time = max(1, min(sequence_length, (store.tokens - 1) // 2))
        self.rows = max(1, min(batch_size, (store.tokens - 1) // (2 * self.time)))
        self.column = (store.tokens - 1) // self.rows
        self._plan = lru_cache(maxsize=1)(self._make_plan)

    def __len__(self) -> int:
        return max(1, self.column // self.time)

    def batches(self, epoch: int) -> int:
        """Batches in an epoch: the same in all."""
        return len(self)

    def batch(self, epoch: int, index: int) -> Batch:
        """Rows of consecutive ids, and the same shifted by one as targets."""
        firsts = [row * self.column + index * self.time for row in range(self.rows)]
        ids = np.stack([self._slice(epoch, first, first + self.time + 1) for first in firsts])
        return Batch(ids[:, :-1], np.full(self.rows, self.time), ids[:, 1:])

    def _slice(self, epoch: int, start: int, stop: int) -> IntArray:
        """Ids from start to stop of the epoch's pieces in their order."""
        plan = self._plan(epoch)
        place = int(np.searchsorted(plan.ends, start, side="right"))
        parts: list[npt.NDArray[Any]] = []
        while start < stop:
            piece = int(plan.order[place])
            ids = self.move(self.store[piece], int(plan.shifts[piece]))
            begin = int(plan.ends[place]) - len(ids)
            parts.append(ids[start - begin : stop - begin])
            start, place = int(plan.ends[place]), place + 1
        return np.concatenate(parts).astype(np.int64)

    def _make_plan(self, epoch: int) -> _Plan:
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.store))
        shifts = shifts_of(len(self.store), self.transpose, self.seed, epoch)
        return _Plan(order, np.cumsum(self.store.lengths[order]), shifts)


class RollStream:
    """Piano rolls of about equal length together; what is read is one frame behind.

    Args:
        store: ids of each roll, as ``signal.rolls`` writes them.
        frames: in a batch at most, padding counted.
        seed, transpose: as of ``PieceStream``.
    """

    carried = False

    def __init__(self, store: Store, frames: int, seed: int, transpose: int) -> None:
        self.store, self.frames, self.seed, self.transpose = store, frames, seed, transpose
        counts = [int((store[piece] == 0).sum()) for piece in range(len(store))]
        parts = [(n, s) for n, count in enumerate(counts) for s in range(0, count, LONGEST)]
        self.parts = np.array(parts, np.int64).reshape(-1, 2)
        self.lengths = np.array([min(LONGEST, counts[n] - s) for n, s in parts], np.int64)
        self._plan = lru_cache(maxsize=1)(self._make_plan)

    def __len__(self) -> int:
        return self.batches(0)

    def batches(self, epoch: int) -> int:
        """Batches in an epoch; shuffling moves the count a little."""
        return len(self._plan(epoch))

    def batch(self, epoch: int, index: int) -> Batch:
        """Frames (batch, time, 88) and, before each, the frame that it follows."""
        shifts = shifts_of(len(self.store), self.transpose, self.seed, epoch)
        rolls, starts = [], []
        for piece, start in self.parts[self._plan(epoch)[index]]:
            rolls.append(moved_frames(frames_of_ids(self.store[int(piece)]), int(shifts[piece])))
            starts.append(int(start))
        return roll_batch(rolls, starts)

    def _make_plan(self, epoch: int) -> list[IntArray]:
        random = np.random.default_rng((self.seed, epoch))
        shaken = self.lengths * random.uniform(0.9, 1.1, len(self.lengths))
        groups = group_by_length(np.argsort(shaken, kind="stable"), self.lengths, self.frames)
        return [groups[place] for place in random.permutation(len(groups))]


def roll_batch(
    rolls: list[npt.NDArray[np.float32]],
    starts: list[int] | None = None,
    longest: int | None = LONGEST,
) -> Batch:
    """Rolls from some frames on, so many at most, as one padded batch.

    Before a roll's first frame stands silence.
    """
    starts = starts or [0] * len(rolls)
    most = max(map(len, rolls)) if longest is None else longest
    targets, lengths = pad(
        [roll[start : start + most] for roll, start in zip(rolls, starts, strict=True)]
    )
    inputs = np.zeros_like(targets)
    inputs[:, 1:] = targets[:, :-1]
    for row, (roll, start) in enumerate(zip(rolls, starts, strict=True)):
        if start:
            inputs[row, 0] = roll[start - 1]
    return Batch(inputs, lengths, targets)
