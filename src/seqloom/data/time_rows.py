"""Rows of a time table in memory: a number a cell, times and series as numbers too.

Reads once; the text of a cell is gone as soon as it is a number.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from seqloom_runtime.data.template import as_text

from seqloom.data.numbers import NumberForm
from seqloom.data.records import ReadReport, read_records
from seqloom.data.row_places import place_of_row
from seqloom.data.source import Source
from seqloom.data.time_columns import SeriesOptions, TimeLayout, numbered
from seqloom.data.timestamps import BadTimeError, ReadTimes, from_parts, read_times
from seqloom.errors import DataError


@dataclass
class TimeRows:
    """All rows, in the order of the file.

    Args:
        places: number of each row among the records (rows,).
        groups: number of the series each row belongs to (rows,).
        names: of the series.
        times: seconds since 1970, or step numbers (rows,); None without a column of times.
        dated: whether the times are dates.
        cells: (rows, numbers), NaN where a field is empty.
        static: of each series, the values of the static columns.
        reasons: how times were read and what was dropped, in words for the user.
        zone: of the times; empty where they have none.
        dropped: rows that could not be read.
    """

    places: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]
    names: list[str]
    times: npt.NDArray[np.int64] | None
    dated: bool
    cells: npt.NDArray[np.float64]
    static: list[tuple[str, ...]]
    reasons: list[str]
    zone: str = ""
    dropped: int = 0


@dataclass
class _Growing:
    """What was read so far."""

    places: array[int] = field(default_factory=lambda: array("q"))
    groups: array[int] = field(default_factory=lambda: array("q"))
    names: dict[str, int] = field(default_factory=dict)
    texts: dict[Any, int] = field(default_factory=dict)  # of times, each once
    times: array[int] = field(default_factory=lambda: array("q"))  # numbers of texts
    cells: array[float] = field(default_factory=lambda: array("d"))
    static: list[tuple[str, ...]] = field(default_factory=list)


class _BadRowError(DataError):
    """A row that cannot be used."""


def read_time_rows(source: Source, layout: TimeLayout, asked: SeriesOptions) -> TimeRows:
    """Read all rows.

    Raises:
        DataError: a cell that is no number or time, a row without series; file, line and column
            are named. With ``skip_bad_rows`` such rows are dropped and counted.
    """
    report = ReadReport()
    growing = _Growing()
    for number, record in enumerate(_records(source, layout, asked, report)):
        try:
            _add(growing, number, record, layout)
        except _BadRowError as error:
            if asked.skip_bad_rows:
                report.drop("bad row")
                continue
            _stop(source, number, layout, asked, str(error))
    if not growing.places:
        raise DataError(f"{source.place}: holds no rows, only a header or nothing readable.")
    return _finish(source, growing, layout, asked, report)


def _records(
    source: Source, layout: TimeLayout, asked: SeriesOptions, report: ReadReport
) -> Iterator[dict[str, Any]]:
    records = read_records(
        source, encoding=asked.encoding, skip_bad_rows=asked.skip_bad_rows, report=report
    )
    for number, record in enumerate(records):
        if not layout.headless:
            yield record
            continue
        if number == 0:
            yield numbered(record)
        yield numbered(record.values())


def _stop(
    source: Source, number: int, layout: TimeLayout, asked: SeriesOptions, problem: str
) -> NoReturn:
    where = place_of_row(source, number, asked.encoding, layout.headless)
    raise DataError(
        f"{where}: {problem} Mend the row, or pass --skip-bad-rows to drop such rows."
    ) from None


def _add(growing: _Growing, number: int, record: dict[str, Any], layout: TimeLayout) -> None:
    """Append one row; nothing of it is kept when it is a bad one."""
    cells = [_number(record, name, layout.forms[name]) for name in layout.numbers]
    name = as_text(record.get(layout.id)).strip() if layout.id else ""
    if layout.id and not name:
        raise _BadRowError(f'column "{layout.id}" is empty; it says what series the row is of.')
    static = tuple(as_text(record.get(column)).strip() for column in layout.static)
    group = growing.names.get(name, len(growing.names))
    if group < len(growing.static) and growing.static[group] != static:
        _complain_static(name, growing.static[group], static, layout)
    time = tuple(record.get(column) for column in layout.times.values())
    if any(part in ("", None) for part in time):
        raise _BadRowError(f"column {_quoted(layout.times.values())} is empty.")
    if group == len(growing.static):
        growing.static.append(static)
        growing.names[name] = group
    growing.cells.extend(cells)
    growing.groups.append(group)
    growing.places.append(number)
    growing.times.append(growing.texts.setdefault(time, len(growing.texts)) if time else 0)


def _number(record: dict[str, Any], name: str, form: NumberForm) -> float:
    value = record.get(name)
    number = form.read(value)
    if number is None:
        raise _BadRowError(f'column "{name}" holds "{as_text(value)[:40]}", which is no number.')
    if number in (float("inf"), float("-inf")):
        raise _BadRowError(f'column "{name}" holds an infinite number ({as_text(value)[:40]}).')
    return number


def _complain_static(
    name: str, first: tuple[str, ...], other: tuple[str, ...], layout: TimeLayout
) -> NoReturn:
    column, before, now = next(
        (column, a, b) for column, a, b in zip(layout.static, first, other, strict=True) if a != b
    )
    raise _BadRowError(
        f'column "{column}" of series "{name}" holds "{now[:40]}", in earlier rows '
        f'"{before[:40]}"; a static column stays the same.'
    )


def _quoted(names: Any) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _finish(
    source: Source,
    growing: _Growing,
    layout: TimeLayout,
    asked: SeriesOptions,
    report: ReadReport,
) -> TimeRows:
    places = np.array(growing.places, np.int64)
    groups = np.array(growing.groups, np.int64)
    cells = np.array(growing.cells, np.float64).reshape(len(places), -1)
    times, read, reasons, keep = None, None, list(layout.reasons), np.ones(len(places), np.bool_)
    if layout.times:
        numbers = np.array(growing.times, np.int64)
        read, good = _times(source, growing, layout, asked, numbers)
        keep = good[numbers]
        times = read.seconds[numbers]
        reasons.append(f"times: {read.reason}")
        report.dropped["bad row"] += int((~keep).sum())
    if report.dropped.total():
        reasons.append(f"{report.dropped.total():,} rows that could not be read were dropped")
    return TimeRows(
        places[keep],
        groups[keep],
        list(growing.names),
        times if times is None else times[keep],
        read is not None and read.dated,
        cells[keep],
        growing.static,
        reasons,
        read.zone if read else "",
        report.dropped.total(),
    )


def _times(
    source: Source,
    growing: _Growing,
    layout: TimeLayout,
    asked: SeriesOptions,
    numbers: npt.NDArray[np.int64],
) -> tuple[ReadTimes, npt.NDArray[np.bool_]]:
    """The different times, 0 where one could not be read; and which could be."""
    texts = list(growing.texts)
    good = np.ones(len(texts), np.bool_)
    while good.any():
        left = np.flatnonzero(good)
        try:
            read = _read_times([texts[place] for place in left], layout)
        except BadTimeError as error:
            place = int(left[error.place])
            if not asked.skip_bad_rows:
                row = growing.places[int(np.flatnonzero(numbers == place)[0])]
                column = _quoted(layout.times.values())
                _stop(source, row, layout, asked, f"column {column}: {error}")
            good[place] = False
            continue
        except DataError as error:
            column = _quoted(layout.times.values())
            raise DataError(f"{source.place}: column {column}: {error}") from None
        whole = np.zeros(len(texts), np.int64)
        whole[left] = read.seconds
        return replace(read, seconds=whole), good
    raise DataError(f"{source.place}: no row has a time that can be read.")


def _read_times(texts: list[tuple[Any, ...]], layout: TimeLayout) -> ReadTimes:
    if "time" in layout.times:
        return read_times([text[0] for text in texts])
    parts = {
        part: [_or_nan(NumberForm().read(text[column])) for text in texts]
        for column, part in enumerate(layout.times)
    }
    return ReadTimes(from_parts(parts), True, "they are put together of numbers")


def _or_nan(number: float | None) -> float:
    return math.nan if number is None else number
