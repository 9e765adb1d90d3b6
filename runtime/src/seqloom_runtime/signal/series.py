"""Numeric series: how they are scaled, and how they lie on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import DataError, RunError

Series = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SeriesScale:
    """Standard scores of each channel: (x - mean) / spread, of the training part.

    Args:
        mean, spread: (channels,); the spread of a channel that never changes is 1.
    """

    mean: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]

    @classmethod
    def fit(cls, series: Iterable[Series]) -> SeriesScale:
        """Mean and spread over all steps of all series, in one pass.

        Raises:
            DataError: a series has another number of channels than the first.
        Source:
            Chan, Golub & LeVeque 1979: the mean is taken off before squares are summed, else a
            small spread far from zero is lost in rounding.
        """
        count, mean, squares = 0, np.zeros(1), np.zeros(1)
        for place, numbers in enumerate(series, start=1):
            if count and numbers.shape[1] != len(mean):
                raise DataError(
                    f"Series {place} has {numbers.shape[1]} numbers a step; those before it "
                    f"have {len(mean)}."
                )
            if not len(numbers):
                continue
            exact = numbers.astype(np.float64)
            own, total = exact.mean(0), count + len(exact)
            gap = own - mean
            squares = squares + ((exact - own) ** 2).sum(0) + gap**2 * count * len(exact) / total
            mean, count = mean + gap * len(exact) / total, total
        spread = np.sqrt(squares / max(count, 1))
        return cls(mean, np.where(spread > 1e-12, spread, 1.0))

    @property
    def channels(self) -> int:
        """Numbers a step has."""
        return len(self.mean)

    def encode(self, series: Series) -> Series:
        """The standard scores: (time, channels) → alike.

        Raises:
            DataError: the series has another number of channels.
        """
        if series.ndim != 2 or series.shape[1] != self.channels:
            found = series.shape[1] if series.ndim == 2 else series.ndim
            raise DataError(
                f"A series has {found} numbers a step; this model was trained on {self.channels}."
            )
        scaled: Series = ((series - self.mean) / self.spread).astype(np.float32)
        return scaled

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"kind": "series", "mean": self.mean.tolist(), "spread": self.spread.tolist()}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> SeriesScale:
        """What ``to_dict`` gave.

        Raises:
            RunError: the content is damaged.
        """
        try:
            return cls(np.array(saved["mean"], np.float64), np.array(saved["spread"], np.float64))
        except (KeyError, TypeError, ValueError):
            raise RunError("The saved scale of the series is damaged.") from None


class SeriesStore:
    """Series in two mapped files: the numbers one after the other, and the lengths.

    Attributes:
        lengths: steps of each series (series,).
    """

    def __init__(self, folder: Path) -> None:
        self.lengths = np.fromfile(folder / "lengths.i64", np.int64)
        values = np.memmap(folder / "series.f32", np.float32, "r")
        self._values = values.reshape(int(self.lengths.sum()), -1)  # (steps, channels)
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, record: int) -> Series:
        """One series: (time, channels)."""
        start, stop = int(self._starts[record]), int(self._starts[record + 1])
        return np.asarray(self._values[start:stop])

    @property
    def tokens(self) -> int:
        """Steps of all series together."""
        return int(self._starts[-1])


def write_series(folder: Path, series: Iterable[Series], lengths: list[int], channels: int) -> None:
    """Write series whose lengths are known, one by one."""
    shape = (sum(lengths), channels)
    values = np.memmap(folder / "series.f32", np.float32, "w+", shape=shape)
    start = 0
    for numbers in series:
        values[start : start + len(numbers)] = numbers
        start += len(numbers)
    values.flush()
    np.array(lengths, np.int64).tofile(folder / "lengths.i64")
