"""Time series of a table: rows sorted in time, put on a regular grid, gaps handled by choice.

rows ─layout→ groups ─sort→ times ─frequency→ grid ─gaps→ TimeSeries
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from seqloom_runtime.signal.frequency import Frequency, check_frequency, infer_frequency
from seqloom_runtime.signal.time_series import SeriesSet

from seqloom.data.sample import read_sample
from seqloom.data.source import Source
from seqloom.data.time_columns import SeriesOptions, TimeLayout, find_time_layout
from seqloom.data.time_grid import SeriesBuilder
from seqloom.data.time_rows import TimeRows, read_time_rows
from seqloom.data.time_series import Group, TimeSeries, Where, shown_time
from seqloom.errors import DataError

__all__ = ["SeriesOptions", "SeriesSet", "TimeSeries", "read_time_table"]

_LOOKED_AT = 200_000  # rows, of which a sample decides about the columns


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
    layout = find_time_layout(replace(sample, name=source.place), asked)
    where = Where(source, layout, asked)
    rows = read_time_rows(source, layout, asked)
    groups, reasons = _groups(rows, where)
    frequency, frequency_reason = _frequency(rows, groups, asked, where)
    built = SeriesBuilder(frequency, where)
    series = built.all(groups)
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
        _found(asked, layout),
        rows.zone,
        tuple(built.empty),
        rows.dropped,
    )  # fmt: skip


def _found(asked: SeriesOptions, layout: TimeLayout) -> SeriesOptions:
    """What finds the same columns in another table; a column a series has other names there."""
    if layout.headless:
        return asked
    values = asked.value if layout.shape == "wide" else layout.values
    return replace(asked, value=values, time=layout.times.get("time"), id=layout.id)


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


def _groups(rows: TimeRows, where: Where) -> tuple[list[Group], list[str]]:
    """Rows of each series in the order of time, and what had to be done for that.

    Raises:
        DataError: a time stands twice in a series, with different values.
    """
    keys = (rows.groups,) if rows.times is None else (rows.times, rows.groups)
    order = np.lexsort(keys)  # stable: equal times keep the order of the file
    borders = np.searchsorted(rows.groups[order], np.arange(len(rows.names) + 1))
    groups, unsorted, twice, same = [], 0, [], 0
    for number, name in enumerate(rows.names):
        own = order[borders[number] : borders[number + 1]]
        times = None if rows.times is None else rows.times[own]
        if len(own) == 0:
            continue  # all its rows were bad ones
        if times is not None:
            unsorted += bool((np.diff(rows.places[own]) < 0).any())
            kept = _once(times, rows.cells[own])
            same += len(own) - int(kept.sum())
            own, times = own[kept], times[kept]
            equal = np.flatnonzero(np.diff(times) == 0)
            twice += [(int(own[place + 1]), int(own[place]), name) for place in equal]
        static = dict(zip(where.layout.static, rows.static[number], strict=True))
        groups.append(Group(name, rows.places[own], times, rows.cells[own], static))
    if twice:
        _complain_twice(rows, min(twice), len(twice), where)
    noun = "series were" if unsorted > 1 else "series was"
    reasons = [f"{unsorted:,} {noun} not in the order of time: sorted"] if unsorted else []
    if same:
        noun = "rows repeat" if same > 1 else "row repeats"
        reasons.append(f"{same:,} {noun} another one, time and values: dropped")
    return groups, reasons


def _once(times: npt.NDArray[np.int64], cells: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which rows to keep: of those that follow each other and are alike, the first."""
    equal = (cells[1:] == cells[:-1]) | (np.isnan(cells[1:]) & np.isnan(cells[:-1]))
    alike = (np.diff(times) == 0) & equal.all(1)
    return np.concatenate([[True], ~alike])


def _complain_twice(rows: TimeRows, found: tuple[int, int, str], count: int, where: Where) -> None:
    second, first, name = found
    assert rows.times is not None
    time = shown_time(rows.times[first], rows.dated)
    both = where.rows((int(rows.places[first]), int(rows.places[second])))
    of = f' of series "{name}"' if name else ""
    id_hint = "" if where.layout.id else " If the rows are of several series, name their --id."
    more = f" ({count - 1:,} more such pairs)" if count > 1 else ""
    raise DataError(
        f"{both}: both hold the time {time}{of}{more}, with different values; each can stand once. "
        "Remove or add up the repeated rows; in autumn local clocks repeat an hour, which UTC does "
        f"not.{id_hint}"
    )


def _frequency(
    rows: TimeRows, groups: list[Group], asked: SeriesOptions, where: Where
) -> tuple[Frequency, str]:
    if asked.frequency is not None and Frequency.parse(asked.frequency).unit == "step":
        return Frequency("step"), "every row is a step, whatever its time: as set"
    if rows.times is None:
        return Frequency("step"), "every row is a step"
    if not rows.dated:
        diffs = [np.diff(group.times) for group in groups if group.times is not None]
        size = max(int(np.gcd.reduce(np.concatenate(diffs or [np.ones(1, np.int64)]))), 1)
        return Frequency("step", size), f"steps are numbers that rise by {size}"
    named = [(group.name or where.source.name, group.dates()) for group in groups]
    try:
        if asked.frequency is None:
            return infer_frequency(named)
        frequency = check_frequency(Frequency.parse(asked.frequency), named)
    except DataError as error:
        raise DataError(f"{where.name}: {error}") from None
    return frequency, f"the series are {frequency.describe()}: as set"


def _size(rows: TimeRows, series: list[TimeSeries]) -> str:
    lengths = [len(one) for one in series]
    noun = "1 series" if len(series) == 1 else f"{len(series):,} series"
    size = f"{lengths[0]:,}" if len(set(lengths)) == 1 else f"{min(lengths):,} to {max(lengths):,}"
    return f"{len(rows.places):,} rows, {noun} of {size} steps"
