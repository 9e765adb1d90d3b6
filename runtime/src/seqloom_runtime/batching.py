"""Sequences of unlike length put together: groups of about equal length, padded to the longest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


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


def pad(sequences: list[npt.NDArray[Any]]) -> tuple[npt.NDArray[Any], IntArray]:
    """Sequences of ids (time,) or of numbers (time, channels) as rows; padding is 0."""
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    first = sequences[0]
    kind = np.dtype(np.float32) if first.dtype.kind == "f" else np.dtype(np.int64)
    rows = np.zeros((len(sequences), int(lengths.max()), *first.shape[1:]), dtype=kind)
    for row, sequence in zip(rows, sequences, strict=True):
        row[: len(sequence)] = sequence
    return rows, lengths
