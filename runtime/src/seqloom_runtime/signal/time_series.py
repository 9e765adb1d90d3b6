"""What a time series is, and several of them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.signal.frequency import Frequency, Times
from seqloom_runtime.signal.gaps import Values


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """One series without gaps.

    Args:
        name: of its id, its column, or of the data.
        times: (time,) datetime64[s]; None where steps are 0, 1, ...
        values: (time, channels) float64, what is forecast.
        past: (time, p) float64, known only until now.
        known: (time + future, k) float64, known for the future too.
        static: what is said of the series as a whole.
        missing: (time, channels + p) whether a value of ``values`` or ``past`` was filled in.
        first: number of the first step, where it is not 0.
        axis: where each step lies on the axis that all series share (time,), seconds or numbers;
            None where there is no column of times.
    """

    name: str
    times: Times | None
    values: Values
    past: Values
    known: Values
    static: dict[str, str]
    missing: npt.NDArray[np.bool_]
    first: int = 0
    axis: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def measured(self) -> Values:
        """The values, NaN where one was filled in: (time, channels)."""
        return np.where(self.missing[:, : self.values.shape[1]], np.nan, self.values)


@dataclass(frozen=True, eq=False)
class SeriesSet:
    """All series of a source.

    Args:
        channels, past, known: names of the columns of each series' arrays.
        frequency: of all series.
        reasons: what was found and done, as sentences for the user.
        options: what was asked for, with what was found in its place.
        zone: of the times, such as "+09:00"; empty where they have none.
        left_out: names of series without any value.
        dropped: rows that could not be read.
    """

    series: list[TimeSeries]
    channels: list[str]
    past: list[str]
    known: list[str]
    frequency: Frequency
    reasons: list[str]
    options: Any = None
    zone: str = ""
    left_out: tuple[str, ...] = ()
    dropped: int = 0

    def future(self, number: int, horizon: int) -> Times | npt.NDArray[np.int64]:
        """Times of the ``horizon`` steps after a series, or their numbers: (horizon,)."""
        one = self.series[number]
        if one.times is None:
            return one.first + np.arange(len(one), len(one) + horizon)
        return self.frequency.future(one.times[-1], horizon)
