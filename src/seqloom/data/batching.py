"""From stored ids to batches: three ways to learn a text, each one a stream.

A stream is a function of (epoch, index): the batch of a given epoch and place is always the same,
so that the place is all a resumed run has to know. Every batch holds about
batch_size × sequence_length tokens.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from seqloom_runtime.batching import Batch, group_by_length, pad

from seqloom.data.store import Store

IntArray = npt.NDArray[np.int64]


class Sequences(Protocol):
    """Sequences by number, as a ``Store`` has them.

    Attributes:
        lengths: of each sequence (sequences,).
    """

    lengths: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, record: int) -> npt.NDArray[Any]:
        """One of them: (time,) or (time, channels)."""


class Stream(Protocol):
    """Batches by place.

    Attributes:
        carried: whether a row goes on where the same row of the batch before ended.
    """

    carried: bool

    def __len__(self) -> int:
        """Batches in the first epoch."""

    def batches(self, epoch: int) -> int:
        """Batches in an epoch."""

    def batch(self, epoch: int, index: int) -> Batch:
        """The batch at a place."""


class ColumnStream:
    """One continuous text, cut into columns that are read side by side with carried state.

        text   a b c d e f g h i j k l        batch_size 3, sequence_length 2
        row 0  a b c d     batch 0: a b → b c    batch 1: c d → d e
        row 1  e f g h              e f → f g             g h → h i
        row 2  i j k l              i j → j k             k l → (cut off: l has no next)

    Each epoch starts a few tokens later than the one before, so that the cuts fall elsewhere.
    """

    carried = True

    def __init__(self, store: Store, batch_size: int, sequence_length: int, seed: int) -> None:
        self.store = store
        self.time = max(1, min(sequence_length, (store.tokens - 1) // 2))
        self.rows = max(1, min(batch_size, (store.tokens - 1) // (2 * self.time)))
        self.seed = seed
        # Room for the offset is left at the end, so every epoch has as many batches.
        self.column = max(self.time, (store.tokens - self.time - 1) // self.rows)

    def __len__(self) -> int:
        return max(1, self.column // self.time)

    def batches(self, epoch: int) -> int:
        """Batches in an epoch: the same in all."""
        return len(self)

    def batch(self, epoch: int, index: int) -> Batch:
        """Rows of consecutive tokens, and the same shifted by one as targets."""
        room = self.store.tokens - 1 - self.rows * self.column
        offset = int(np.random.default_rng((self.seed, epoch)).integers(room + 1)) if epoch else 0
        first = offset + index * self.time
        rows = [
            self.store.slice(first + row * self.column, first + row * self.column + self.time + 1)
            for row in range(self.rows)
        ]
        ids = np.stack(rows).astype(np.int64)  # (batch, time + 1)
        return Batch(ids[:, :-1], np.full(self.rows, self.time), ids[:, 1:])


class RecordStream:
    """Records of unlike length, those of about equal length together, never across records."""

    carried = False

    def __init__(self, store: Store, batch_size: int, sequence_length: int, seed: int) -> None:
        self.store = store
        self.tokens = batch_size * sequence_length
        self.seed = seed
        self._plan = lru_cache(maxsize=1)(self._make_plan)

    def __len__(self) -> int:
        return self.batches(0)

    def batches(self, epoch: int) -> int:
        """Batches in an epoch; shuffling moves the count a little."""
        return len(self._plan(epoch))

    def batch(self, epoch: int, index: int) -> Batch:
        """Padded rows: inputs without the last token, targets without the first."""
        return pad_records([self.store[record] for record in self._plan(epoch)[index]])

    def _make_plan(self, epoch: int) -> list[IntArray]:
        """Which records stand in which batch: sorted by a length that is shaken a little."""
        random = np.random.default_rng((self.seed, epoch))
        lengths = self.store.lengths
        shaken = lengths * random.uniform(0.95, 1.05, len(lengths))
        groups = group_by_length(np.argsort(shaken, kind="stable"), lengths, self.tokens)
        return [groups[place] for place in random.permutation(len(groups))]


class ExampleStream:
    """Whole sequences with targets of their own, those of about equal length together.

    Args:
        store: ids (or numbers) of each sequence.
        targets: of each sequence, (sequences,) or (sequences, labels).
        tokens: in a batch at most, padding counted.
        chosen: which sequences; all when None.
    """

    carried = False

    def __init__(
        self,
        store: Sequences,
        targets: npt.NDArray[Any],
        tokens: int,
        seed: int,
        chosen: IntArray | None = None,
    ) -> None:
        self.store, self.targets, self.tokens, self.seed = store, targets, tokens, seed
        self.chosen = np.arange(len(store)) if chosen is None else chosen
        self._plan = lru_cache(maxsize=1)(self._make_plan)

    def __len__(self) -> int:
        return self.batches(0)

    def batches(self, epoch: int) -> int:
        """Batches in an epoch; shuffling moves the count a little."""
        return len(self._plan(epoch))

    def batch(self, epoch: int, index: int) -> Batch:
        """Padded rows and their targets."""
        return self.examples(self._plan(epoch)[index])

    def examples(self, rows: IntArray) -> Batch:
        """The batch of these sequences."""
        inputs, lengths = pad([self.store[int(row)] for row in rows])
        return Batch(inputs, lengths, self.targets[rows])

    def _make_plan(self, epoch: int) -> list[IntArray]:
        random = np.random.default_rng((self.seed, epoch))
        lengths = self.store.lengths
        shaken = lengths[self.chosen] * random.uniform(0.9, 1.1, len(self.chosen))
        order = self.chosen[np.argsort(shaken, kind="stable")]
        groups = group_by_length(order, lengths, self.tokens)
        return [groups[place] for place in random.permutation(len(groups))]


class WindowStream:
    """Sliding windows of n tokens, each with the one token that follows; never across records."""

    carried = False

    def __init__(
        self, store: Store, window: int, batch_size: int, sequence_length: int, seed: int
    ) -> None:
        self.store = store
        self.window = window
        self.rows = max(1, batch_size * sequence_length // window)
        self.seed = seed
        windows = np.maximum(store.lengths - window, 0)  # in each record
        self._ends = np.cumsum(windows)
        self.windows = int(self._ends[-1]) if len(windows) else 0
        self._order = lru_cache(maxsize=1)(self._make_order)

    def __len__(self) -> int:
        return -(-self.windows // self.rows)

    def batches(self, epoch: int) -> int:
        """Batches in an epoch: the same in all."""
        return len(self)

    def batch(self, epoch: int, index: int) -> Batch:
        """Windows (batch, window) and their next tokens (batch,)."""
        chosen = self._order(epoch)[index * self.rows : (index + 1) * self.rows]
        return self.windows_at(chosen)

    def windows_at(self, chosen: IntArray) -> Batch:
        """The windows of the given numbers."""
        records = np.searchsorted(self._ends, chosen, side="right")
        before = np.concatenate([[0], self._ends])[records]
        ids = np.stack(
            [
                self.store[int(record)][start : start + self.window + 1]
                for record, start in zip(records, chosen - before, strict=True)
            ]
        ).astype(np.int64)  # (batch, window + 1)
        return Batch(ids[:, :-1], np.full(len(ids), self.window), ids[:, -1])

    def _make_order(self, epoch: int) -> IntArray:
        return np.random.default_rng((self.seed, epoch)).permutation(self.windows)


def pad_records(records: list[npt.NDArray[np.integer]]) -> Batch:
    """Records (each with its start and end) as one padded batch; padding is 0."""
    lengths = np.array([len(record) - 1 for record in records], dtype=np.int64)
    ids = np.zeros((len(records), int(lengths.max()) + 1), dtype=np.int64)
    for row, record in enumerate(records):
        ids[row, : len(record)] = record
    return Batch(ids[:, :-1], lengths, ids[:, 1:])


__all__ = [
    "Batch",
    "ColumnStream",
    "ExampleStream",
    "IntArray",
    "RecordStream",
    "Sequences",
    "Stream",
    "WindowStream",
    "group_by_length",
    "pad",
    "pad_records",
]
