"""Rows of a series put on the grid of its frequency, with gaps and holidays seen to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from seqloom_runtime.signal.frequency import Frequency, Times
from seqloom_runtime.signal.gaps import Values, fill, on_grid, span, without_holidays

from seqloom.data.time_gaps import check_gaps, check_invented, known_until
from seqloom.data.time_series import Group, TimeSeries, Where
from seqloom.errors import DataError

SPARSEST = 20  # steps of the grid a row; fewer rows mean that a time is wrong

Steps = npt.NDArray[np.int64]


class _Placed(NamedTuple):
    """Rows on the grid.

    Shape:
        cells (grid, columns), steps (rows,) the grid number of each row, times (grid,) or None,
        axis (grid,) or None.
    """

    cells: Values
    steps: Steps
    times: Times | None
    axis: Steps | None


class SeriesBuilder:
    """Makes series of groups, and remembers what it did."""

    def __init__(self, frequency: Frequency, where: Where) -> None:
        self.frequency = frequency
        self.where = where
        self.holidays = 0
        self.filled = 0
        self.cut: list[str] = []
        self.empty: list[str] = []

    def all(self, groups: list[Group]) -> list[TimeSeries]:
        """The series of all groups.

        Raises:
            DataError: a series has no value, or most values of all would be filled in.
        """
        series = [one for group in groups for one in self.series(group)]
        if not series:
            raise DataError(f"{self.where.name}: no series has any value.")
        check_invented(series, self.frequency, self.where)
        return series

    def series(self, group: Group) -> Iterator[TimeSeries]:
        """The series of a group: one, or in a wide table one for each column."""
        layout = self.where.layout
        placed = self._placed(group)
        first = len(layout.values)
        rest = slice(first, first + len(layout.past))
        known = placed.cells[:, rest.stop :]
        if layout.shape != "wide":
            name = group.name or self.where.source.name
            yield from self._one(group, name, placed, placed.cells[:, : rest.stop], known)
            return
        for channel, column in enumerate(layout.values):
            own = np.concatenate([placed.cells[:, [channel]], placed.cells[:, rest]], 1)
            yield from self._one(group, column, placed, own, known)

    def _placed(self, group: Group) -> _Placed:
        rows = np.arange(len(group.places))
        if group.times is None or self._counts_rows():
            return _Placed(group.cells, rows, None, group.times)
        if self.frequency.unit == "step":
            steps = (group.times - group.times[0]) // self.frequency.count
            self._check_sparse(group, steps)
            axis = group.times[0] + np.arange(int(steps[-1]) + 1) * self.frequency.count
            return _Placed(on_grid(group.cells, steps), steps, None, axis)
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
        return _Placed(on_grid(group.cells, steps), steps, times, times.astype(np.int64))

    def _counts_rows(self) -> bool:
        asked = self.where.asked.frequency
        return asked is not None and self.frequency.unit == "step"

    def _check_sparse(self, group: Group, steps: Steps) -> None:
        if steps[-1] > SPARSEST * len(steps) + 1_000:
            place = int(np.argmax(np.diff(steps)))
            where, apart = self.where.row(int(group.places[place + 1])), np.diff(steps)[place]
            raise DataError(
                f"{where}: {apart:,} steps ({self.frequency.describe()}) lie between this row and "
                "the one before it in time. Mend the time, or pass --frequency."
            )

    def _one(
        self, group: Group, name: str, placed: _Placed, cells: Values, known: Values
    ) -> Iterator[TimeSeries]:
        layout, gaps = self.where.layout, self.where.asked.gaps
        values = len(cells[0]) - len(layout.past)
        begin, _ = span(cells)
        _, end = span(cells[:, :values])
        if begin >= end:
            self._without_values(name)
            return
        if begin:
            self.cut.append(name)
        own = cells[begin:end]
        if gaps == "error":
            check_gaps(group, name, placed.steps, placed.times, own, begin, self.where)
        filled, missing = fill(own, gaps)
        self.filled += int(missing.sum())
        whole = known_until(known[begin:], name, end - begin, self.where)
        yield TimeSeries(
            name,
            None if placed.times is None else placed.times[begin:end],
            filled[:, :values],
            filled[:, values:],
            fill(known[begin : begin + whole], gaps)[0] if layout.known else known[begin:end],
            group.static,
            missing,
            axis=None if placed.axis is None else placed.axis[begin:end],
        )

    def _without_values(self, name: str) -> None:
        layout = self.where.layout
        if self.where.asked.skip_bad_series:
            self.empty.append(name)
            return
        column = name if layout.shape == "wide" else layout.values[0]
        raise DataError(
            f'{self.where.name}: column "{column}" of series "{name}" has no value at all. Leave '
            "the series or the column out, or pass --skip-bad-series to leave out all such series."
        )

    def reasons(self, series: list[TimeSeries]) -> list[str]:
        """What was done and seen, as sentences."""
        found = []
        if self.holidays:
            found.append(
                f"{self.holidays:,} weekdays without a row are holidays: they are no steps"
            )
        if self.empty:
            found.append(f"{_such(self.empty)} without any value left out: {_shown(self.empty)}")
        if self.cut:
            found.append(f"steps before the first value are left out of {_shown(self.cut)}")
        if self.filled:
            found.append(self._filled(series))
        same = [one.name for one in series if len(one) > 1 and (np.ptp(one.values, 0) == 0).any()]
        if same:
            found.append(f'series "{same[0]}" never changes ({len(same):,} such series)')
        return found

    def _filled(self, series: list[TimeSeries]) -> str:
        """How much was filled in, how, and of what series most was."""
        size = sum(one.missing.size for one in series)
        how = (
            "lines are drawn between their neighbours"
            if self.where.asked.gaps == "interpolate"
            else "the last value is carried forward"
        )
        share = 100 * self.filled / size
        words = f"{self.filled:,} of {size:,} values ({share:.2g} %) are missing: {how}"
        mostly = [one.name for one in series if one.missing.mean() > 0.5]
        return words + (f"; most values are missing of {_shown(mostly)}" if mostly else "")


def _such(names: list[str]) -> str:
    return "1 series" if len(names) == 1 else f"{len(names):,} series"


def _shown(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names[:3]) + (", ..." if len(names) > 3 else "")
