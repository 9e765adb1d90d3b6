"""Rows of a series put on the grid of its frequency, with gaps and holidays seen to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqloom.data.row_places import both_places, place_of_row
from seqloom.data.source import Source
from seqloom.data.time_columns import SeriesOptions, TimeLayout
from seqloom.errors import DataError
from seqloom.signal.frequency import Frequency, Times
from seqloom.signal.gaps import Values, fill, on_grid, span, without_holidays

SPARSEST = 20  # steps of the grid a row; fewer rows mean that a time is wrong


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
    """

    name: str
    times: Times | None
    values: Values
    past: Values
    known: Values
    static: dict[str, str]
    missing: npt.NDArray[np.bool_]
    first: int = 0

    def __len__(self) -> int:
        return len(self.values)


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


class SeriesBuilder:
    """Makes series of groups, and remembers what it did."""

    def __init__(self, frequency: Frequency, where: Where) -> None:
        self.frequency = frequency
        self.where = where
        self.holidays = 0
        self.filled = 0
        self.cut: list[str] = []

    def series(self, group: Group) -> list[TimeSeries]:
        """The series of a group: one, or in a wide table one for each column."""
        layout = self.where.layout
        cells, steps, raw = self._placed(group)
        first = len(layout.values)
        rest = slice(first, first + len(layout.past))
        known = cells[:, rest.stop :]
        if layout.shape != "wide":
            name = group.name or self.where.source.name
            return [self._one(group, name, steps, raw, cells[:, : rest.stop], known)]
        made = []
        for channel, column in enumerate(layout.values):
            own = np.concatenate([cells[:, [channel]], cells[:, rest]], 1)
            made.append(self._one(group, column, steps, raw, own, known))
        return made

    def _placed(self, group: Group) -> tuple[Values, npt.NDArray[np.int64], Times | None]:
        """Cells on the grid, the grid number of each row, and the time of each grid step."""
        rows = np.arange(len(group.places))
        if group.times is None or self._counts_rows():
            return group.cells, rows, None
        if self.frequency.unit == "step":
            steps = (group.times - group.times[0]) // self.frequency.count
            self._check_sparse(group, steps)
            return on_grid(group.cells, steps), steps, None
        dates = group.dates()
        real = self.frequency.steps(dates)
        self._check_sparse(group, real)
        steps = real
        if self.frequency.unit == "business day":
            steps, holidays = without_holidays(real)
            self.holidays = max(self.holidays, holidays)
        grid = np.arange(int(steps[-1]) + 1)
        last = np.searchsorted(steps, grid, side="right") - 1
        times = self.frequency.after(dates[0], real[last] + grid - steps[last])
        return on_grid(group.cells, steps), steps, times

    def _counts_rows(self) -> bool:
        asked = self.where.asked.frequency
        return asked is not None and self.frequency.unit == "step"

    def _check_sparse(self, group: Group, steps: npt.NDArray[np.int64]) -> None:
        if steps[-1] > SPARSEST * len(steps) + 1_000:
            place = int(np.argmax(np.diff(steps)))
            where, apart = self.where.row(int(group.places[place + 1])), np.diff(steps)[place]
            raise DataError(
                f"{where}: {apart:,} steps ({self.frequency.describe()}) lie between this row and "
                "the one before it in time. Mend the time, or pass --frequency."
            )

    def _one(
        self,
        group: Group,
        name: str,
        steps: npt.NDArray[np.int64],
        times: Times | None,
        cells: Values,
        known: Values,
    ) -> TimeSeries:
        layout = self.where.layout
        values = len(cells[0]) - len(layout.past)
        begin, _ = span(cells)
        _, end = span(cells[:, :values])
        if begin >= end:
            column = layout.values[0] if layout.shape != "wide" else name
            raise DataError(
                f'{self.where.source.name}: column "{column}" of series "{name}" has no value at '
                "all. Leave the series or the column out."
            )
        if begin:
            self.cut.append(name)
        own = cells[begin:end]
        if self.where.asked.gaps == "error":
            self._check_gaps(group, name, steps, times, own, begin)
        filled, missing = fill(own, self.where.asked.gaps)
        self.filled += int(missing.sum())
        return TimeSeries(
            name,
            None if times is None else times[begin:end],
            filled[:, :values],
            filled[:, values:],
            self._known(group, name, steps, known[begin:], end - begin),
            group.static,
            missing,
        )

    def _check_gaps(
        self,
        group: Group,
        name: str,
        steps: npt.NDArray[np.int64],
        times: Times | None,
        own: Values,
        begin: int,
    ) -> None:
        missing = np.argwhere(np.isnan(own))
        if not len(missing):
            return
        step, channel = int(missing[0][0]) + begin, int(missing[0][1])
        columns = (
            (name, *self.where.layout.past)
            if self.where.layout.shape == "wide"
            else self.where.layout.numbers
        )
        at = f"step {step}" if times is None else shown_time(times[step].astype(np.int64), True)
        row = int(np.searchsorted(steps, step))
        if row < len(steps) and steps[row] == step:
            where = f"{self.where.row(int(group.places[row]))}: "
            what = f'column "{columns[channel]}" is empty at {at}'
        else:
            where = f"{self.where.source.name}: "
            what = f"there is no row for {at}"
        advice = "Pass --gaps fill to carry the last value forward, or --gaps interpolate."
        if len(missing) > own.size / 2:
            advice = (
                "That is more than there are: the times may be of several frequencies. Split them "
                "into a file each, or name the one that is meant with --frequency."
            )
        raise DataError(
            f'{where}{what} (series "{name}"; {len(missing):,} of {own.size:,} values are '
            f"missing). {advice}"
        )

    def _known(
        self, group: Group, name: str, steps: npt.NDArray[np.int64], known: Values, length: int
    ) -> Values:
        """Known covariates, of which none may be missing before the last one known."""
        layout = self.where.layout
        if not layout.known:
            return known[:length]
        missing = np.isnan(known)
        whole = int(np.flatnonzero(~missing.any(1))[-1]) + 1 if (~missing.any(1)).any() else 0
        if self.where.asked.gaps == "error" or missing[0].any() or whole < length:
            gap = np.argwhere(missing[: max(whole, length)])
            if len(gap):
                column = layout.known[int(gap[0][1])]
                raise DataError(
                    f'{self.where.source.name}: known column "{column}" of series "{name}" has no '
                    f"value at step {int(gap[0][0])}; it must have one at every step. Fill it, or "
                    "pass --gaps fill."
                )
        return fill(known[:whole], self.where.asked.gaps)[0]

    def reasons(self, series: list[TimeSeries]) -> list[str]:
        """What was done and seen, as sentences."""
        found = []
        if self.holidays:
            found.append(
                f"{self.holidays:,} weekdays without a row are holidays: they are no steps"
            )
        if self.cut:
            shown = ", ".join(f'"{name}"' for name in self.cut[:3])
            found.append(f"steps before the first value are left out of {shown}")
        if self.filled:
            size = sum(one.missing.size for one in series)
            how = (
                "lines are drawn between their neighbours"
                if self.where.asked.gaps == "interpolate"
                else "the last value is carried forward"
            )
            found.append(f"{self.filled:,} of {size:,} values are missing: {how}")
        same = [one.name for one in series if len(one) > 1 and (np.ptp(one.values, 0) == 0).any()]
        if same:
            found.append(f'series "{same[0]}" never changes ({len(same):,} such series)')
        return found
