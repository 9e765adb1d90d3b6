"""Time series of a table: rows sorted in time, put on a regular grid, gaps handled by choice.

rows ─layout→ groups ─sort→ times ─frequency→ grid ─gaps→ TimeSeries
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqloom.data.row_places import both_places, place_of_row
from seqloom.data.sample import read_sample
from seqloom.data.source import Source
from seqloom.data.time_columns import SeriesOptions, TimeLayout, find_time_layout
from seqloom.data.time_rows import TimeRows, read_time_rows
from seqloom.errors import DataError
from seqloom.signal.frequency import Frequency, Times, check_frequency, infer_frequency
from seqloom.signal.gaps import Values, fill, on_grid, span, without_holidays

__all__ = ["SeriesOptions", "SeriesSet", "TimeSeries", "read_time_table"]

_LOOKED_AT = 200_000  # rows, of which a sample decides about the columns
_SPARSEST = 20  # steps of the grid a row; fewer rows mean that a time is wrong


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
    """

    name: str
    times: Times | None
    values: Values
    past: Values
    known: Values
    static: dict[str, str]
    missing: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False)
class SeriesSet:
    """All series of a source.

    Args:
        channels, past, known: names of the columns of each series' arrays.
        frequency: of all series.
        reasons: what was found and done, as sentences for the user.
    """

    series: list[TimeSeries]
    channels: list[str]
    past: list[str]
    known: list[str]
    frequency: Frequency
    reasons: list[str]

    def future(self, number: int, horizon: int) -> Times | npt.NDArray[np.int64]:
        """Times of the ``horizon`` steps after a series: (horizon,); numbers of steps without times."""
        one = self.series[number]
        if one.times is None:
            return np.arange(len(one), len(one) + horizon)
        return self.frequency.future(one.times[-1], horizon)


class _Group(NamedTuple):
    """Rows of one series, sorted by time."""

    name: str
    places: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64] | None
    cells: Values
    static: dict[str, str]


class _Where(NamedTuple):
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


def read_time_table(source: Source, asked: SeriesOptions | None = None) -> SeriesSet:
    """The series of a source.

    Args:
        asked: what the user says of the columns; the catalogue's entry and the data say the rest.

    Raises:
        SettingsError: a named column does not exist.
        DataError: a cell, a time, a duplicate, a gap or a frequency that cannot be used; file,
            line and column are named.
    """
    asked = _with_entry(asked or SeriesOptions(), source)
    sample = read_sample(source, asked.encoding, _LOOKED_AT)
    layout = find_time_layout(sample, asked)
    where = _Where(source, layout, asked)
    rows = read_time_rows(source, layout, asked)
    groups, reasons = _groups(rows, where)
    frequency, frequency_reason = _frequency(rows, groups, asked, where)
    built = _Builder(frequency, where)
    series = [one for group in groups for one in built.series(group)]
    return SeriesSet(
        series,
        ["value"] if layout.shape == "wide" or layout.headless else list(layout.values),
        list(layout.past),
        list(layout.known),
        frequency,
        [
            *source.reasons, *rows.reasons, _size(rows, series), *reasons, frequency_reason,
            *built.reasons(series),
        ],
    )  # fmt: skip


def _with_entry(asked: SeriesOptions, source: Source) -> SeriesOptions:
    """Options with what the catalogue says, where the user said nothing."""
    plain = SeriesOptions()
    said = dict(source.entry.forecast) if source.entry else {}
    said.pop("borders", None)
    if asked.value:  # the columns go together: of others, those of the catalogue are not meant
        said = {name: said[name] for name in ("time", "id") if name in said}
    free = {name: v for name, v in said.items() if getattr(asked, name) == getattr(plain, name)}
    lists: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in free.items()}
    return replace(asked, **lists)


def _groups(rows: TimeRows, where: _Where) -> tuple[list[_Group], list[str]]:
    """Rows of each series in the order of time, and how many series had to be sorted.

    Raises:
        DataError: a time stands twice in a series.
    """
    keys = (rows.groups,) if rows.times is None else (rows.times, rows.groups)
    order = np.lexsort(keys)  # stable: equal times keep the order of the file
    borders = np.searchsorted(rows.groups[order], np.arange(len(rows.names) + 1))
    groups, unsorted, twice = [], 0, []
    for number, name in enumerate(rows.names):
        own = order[borders[number] : borders[number + 1]]
        times = None if rows.times is None else rows.times[own]
        if len(own) == 0:
            continue  # all its rows were bad ones
        if times is not None:
            unsorted += bool((np.diff(rows.places[own]) < 0).any())
            equal = np.flatnonzero(np.diff(times) == 0)
            twice += [(int(own[place + 1]), int(own[place]), name) for place in equal]
        static = dict(zip(where.layout.static, rows.static[number], strict=True))
        groups.append(_Group(name, rows.places[own], times, rows.cells[own], static))
    if twice:
        _complain_twice(rows, min(twice), len(twice), where)
    noun = "series were" if unsorted > 1 else "series was"
    reasons = [f"{unsorted:,} {noun} not in the order of time: sorted"] if unsorted else []
    return groups, reasons


def _complain_twice(rows: TimeRows, found: tuple[int, int, str], count: int, where: _Where) -> None:
    second, first, name = found
    assert rows.times is not None
    time = _shown(rows.times[first], rows.dated)
    both = where.rows((int(rows.places[first]), int(rows.places[second])))
    of = f' of series "{name}"' if name else ""
    id_hint = "" if where.layout.id else " If the rows are of several series, name their --id."
    more = f" ({count - 1:,} more such pairs)" if count > 1 else ""
    raise DataError(
        f"{both}: both hold the time {time}{of}{more}; each can stand once. Remove or add up the "
        f"repeated rows; in autumn local clocks repeat an hour, which UTC does not.{id_hint}"
    )


def _shown(time: int | np.integer, dated: bool) -> str:
    if not dated:
        return str(int(time))
    return str(np.datetime64(int(time), "s")).replace("T", " ").removesuffix(" 00:00:00")


def _frequency(
    rows: TimeRows, groups: list[_Group], asked: SeriesOptions, where: _Where
) -> tuple[Frequency, str]:
    if asked.frequency is not None and Frequency.parse(asked.frequency).unit == "step":
        return Frequency("step"), "every row is a step, whatever its time: as set"
    if rows.times is None:
        return Frequency("step"), "every row is a step"
    if not rows.dated:
        diffs = [np.diff(group.times) for group in groups if group.times is not None]
        size = max(int(np.gcd.reduce(np.concatenate(diffs or [np.ones(1, np.int64)]))), 1)
        return Frequency("step", size), f"steps are numbers that rise by {size}"
    named = [(group.name or where.source.name, _dates(group)) for group in groups]
    try:
        if asked.frequency is None:
            return infer_frequency(named)
        frequency = check_frequency(Frequency.parse(asked.frequency), named)
    except DataError as error:
        raise DataError(f"{where.source.name}: {error}") from None
    return frequency, f"the series are {frequency.describe()}: as set"


def _dates(group: _Group) -> Times:
    assert group.times is not None
    dates: Times = group.times.astype("datetime64[s]")
    return dates


class _Builder:
    """Makes series of groups, and remembers what it did."""

    def __init__(self, frequency: Frequency, where: _Where) -> None:
        self.frequency = frequency
        self.where = where
        self.holidays = 0
        self.filled = 0
        self.cut: list[str] = []

    def series(self, group: _Group) -> list[TimeSeries]:
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

    def _placed(self, group: _Group) -> tuple[Values, npt.NDArray[np.int64], Times | None]:
        """Cells on the grid, the grid number of each row, and the time of each grid step."""
        rows = np.arange(len(group.places))
        if group.times is None or self._counts_rows():
            return group.cells, rows, None
        if self.frequency.unit == "step":
            steps = (group.times - group.times[0]) // self.frequency.count
            self._check_sparse(group, steps)
            return on_grid(group.cells, steps), steps, None
        dates = _dates(group)
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

    def _check_sparse(self, group: _Group, steps: npt.NDArray[np.int64]) -> None:
        if steps[-1] > _SPARSEST * len(steps) + 1_000:
            place = int(np.argmax(np.diff(steps)))
            where, apart = self.where.row(int(group.places[place + 1])), np.diff(steps)[place]
            raise DataError(
                f"{where}: {apart:,} steps ({self.frequency.describe()}) lie between this row and the one before it "
                "in time. Mend the time, or pass --frequency."
            )

    def _one(
        self,
        group: _Group,
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
        group: _Group,
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
        at = f"step {step}" if times is None else _shown(times[step].astype(np.int64), True)
        row = int(np.searchsorted(steps, step))
        if row < len(steps) and steps[row] == step:
            where = f"{self.where.row(int(group.places[row]))}: "
            what = f'column "{columns[channel]}" is empty at {at}'
        else:
            where = f"{self.where.source.name}: "
            what = f"there is no row for {at}"
        raise DataError(
            f'{where}{what} (series "{name}"; {len(missing):,} of {own.size:,} values are '
            "missing). Pass --gaps fill to carry the last value forward, or --gaps interpolate."
        )

    def _known(
        self, group: _Group, name: str, steps: npt.NDArray[np.int64], known: Values, length: int
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


def _size(rows: TimeRows, series: list[TimeSeries]) -> str:
    lengths = [len(one) for one in series]
    noun = "1 series" if len(series) == 1 else f"{len(series):,} series"
    size = f"{lengths[0]:,}" if len(set(lengths)) == 1 else f"{min(lengths):,} to {max(lengths):,}"
    return f"{len(rows.places):,} rows, {noun} of {size} steps"
