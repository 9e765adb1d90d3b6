"""Batches: sequences of about equal length put together, padded to the longest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
Item = TypeVar("Item")

PATIENCE_SECONDS = 0.5  # until what came so far is worked on


@dataclass(frozen=True)
class Batch:
    """What a model learns from at once; masks follow from lengths.

    Shape:
        inputs (batch, time) ids or (batch, time, channels) numbers, lengths (batch,);
        targets (batch, time), (batch,) or (batch, labels).
    """

    inputs: npt.NDArray[Any]
    lengths: IntArray
    targets: npt.NDArray[Any]

    def rows(self, part: int, parts: int) -> Batch:
        """The part of the rows that one of several processes takes.

        The last row stands in again, with nothing real in it, where rows do not divide evenly.
        """
        count = -(-len(self.lengths) // parts)
        index = np.arange(part * count, (part + 1) * count)
        lengths = np.where(
            index < len(self.lengths), self.lengths[index.clip(max=len(self.lengths) - 1)], 0
        )
        index = index.clip(max=len(self.lengths) - 1)
        return Batch(self.inputs[index], lengths, self.targets[index])


def group_by_length(
    order: npt.NDArray[np.integer], lengths: npt.NDArray[np.int64], tokens: int
) -> list[IntArray]:
    """Cut an order of records into groups whose padded size stays within ``tokens``."""
    numbers: IntArray = order.astype(np.int64)
    groups: list[IntArray] = []
    start, longest = 0, 0
    for place, record in enumerate(numbers):
        longest = max(longest, int(lengths[record]))
        if place > start and longest * (place - start + 1) > tokens:
            groups.append(numbers[start:place])
            start, longest = place, int(lengths[record])
    if len(numbers):
        groups.append(numbers[start:])
    return groups


def arriving(
    stream: Iterable[Item], size: int, patience: float = PATIENCE_SECONDS
) -> Iterator[list[Item]]:
    """A stream in chunks of ``size``; of a slow one, of what came within ``patience`` seconds.

    Whoever writes a line into a pipe now and then has its answer when the next one comes, not after
    thousands of them.
    """
    chunk: list[Item] = []
    began = 0.0
    for item in stream:
        if not chunk:
            began = monotonic()
        chunk.append(item)
        if len(chunk) == size or monotonic() - began > patience:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def pad(sequences: list[npt.NDArray[Any]]) -> tuple[npt.NDArray[Any], IntArray]:
    """Sequences of ids (time,) or of numbers (time, channels) as rows; padding is 0."""
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    first = sequences[0]
    kind = np.dtype(np.float32) if first.dtype.kind == "f" else np.dtype(np.int64)
    rows = np.zeros((len(sequences), int(lengths.max()), *first.shape[1:]), dtype=kind)
    for row, sequence in zip(rows, sequences, strict=True):
        row[: len(sequence)] = sequence
    return rows, lengths
