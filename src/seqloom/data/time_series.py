"""What a time series is, and what messages about one need to say where something stands."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from seqloom_runtime.signal.frequency import Times
from seqloom_runtime.signal.gaps import Values
from seqloom_runtime.signal.time_series import TimeSeries

from seqloom.data.row_places import both_places, place_of_row
from seqloom.data.source import Source
from seqloom.data.time_columns import SeriesOptions, TimeLayout


class Group(NamedTuple):
    """Rows of one series, sorted by time."""

    name: str
    places: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64] | None
    cells: Values
    static: dict[str, str]

    def dates(self) -> Times:
        """The times as dates."""
        assert self.times is not None
        dates: Times = self.times.astype("datetime64[s]")
        return dates


class Where(NamedTuple):
    """What messages need to say where something stands."""

    source: Source
    layout: TimeLayout
    asked: SeriesOptions

    @property
    def name(self) -> str:
        """What opens a message that is of no row."""
        return self.source.place

    def row(self, place: int) -> str:
        """Place of a row."""
        return place_of_row(self.source, place, self.asked.encoding, self.layout.headless)

    def rows(self, places: tuple[int, int]) -> str:
        """Places of two rows."""
        return both_places(self.source, places, self.asked.encoding, self.layout.headless)


def shown_time(time: int | np.integer, dated: bool) -> str:
    """A time in a message."""
    if not dated:
        return str(int(time))
    return str(np.datetime64(int(time), "s")).replace("T", " ").removesuffix(" 00:00:00")


__all__ = ["Group", "TimeSeries", "Where", "shown_time"]
