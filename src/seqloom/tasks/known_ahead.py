"""A file of nothing but the future's covariates, put behind the ends of the series of a run.

shop,day,offer        the run keeps the end of each series; what the file says of the days
east,2025-09-06,1     after it is all that a forecast lacks
east,2025-09-07,0
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from seqloom_runtime.tasks.time_words import shown

from seqloom.config import Settings
from seqloom.data.numbers import NumberForm
from seqloom.data.sample import Sample, read_sample
from seqloom.data.source import Source
from seqloom.data.time_columns import SeriesOptions, TimeLayout
from seqloom.data.time_rows import TimeRows, read_time_rows
from seqloom.data.time_table import SeriesSet
from seqloom.errors import DataError
from seqloom.tasks.series_making import options_of

_LOOKED_AT = 200_000  # rows, of which a sample tells whether there are values

Exact = npt.NDArray[np.float64]


def with_known_ahead(history: SeriesSet, source: Source, settings: Settings) -> SeriesSet | None:
    """The series of a run with the covariates of a file; None where the file holds values too.

    Raises:
        DataError: the file is of other series, or leaves out a time.
    """
    options = options_of(settings)
    sample = read_sample(source, options.encoding, _LOOKED_AT)
    if not history.known or not set(history.known) <= set(sample.columns):
        return None
    if _has_values(sample, options.value or tuple(one.name for one in history.series)):
        return None
    rows = read_time_rows(source, _layout(sample, options, history), options)
    ahead = _by_name(rows, history, source)
    series = [
        replace(one, known=_extended(history, number, ahead[one.name], source))
        if one.name in ahead
        else one
        for number, one in enumerate(history.series)
    ]
    return replace(history, series=series)


def _has_values(sample: Sample, columns: tuple[str, ...]) -> bool:
    return any(row.get(column) not in ("", None) for row in sample.records for column in columns)


def _layout(sample: Sample, options: SeriesOptions, history: SeriesSet) -> TimeLayout:
    """The columns of time, of series and of what is known."""
    there = [name for name in (options.time, options.id) if name]
    for name in there:
        sample.check(name)
    forms = {
        name: NumberForm.of([row.get(name) for row in sample.records]) for name in history.known
    }
    times = {"time": options.time} if options.time else {}
    shape: Any = "long" if options.id else "one"
    return TimeLayout(shape, times, options.id, (), (), tuple(history.known), (), forms)


def _by_name(
    rows: TimeRows, history: SeriesSet, source: Source
) -> Mapping[str, tuple[npt.NDArray[np.int64] | None, Exact]]:
    """Times and covariates of each series; of a table without ids, of all alike."""
    names = [one.name for one in history.series]
    if rows.names == [""]:
        return dict.fromkeys(names, (rows.times, rows.cells))
    others = [name for name in rows.names if name not in names]
    if others:
        raise DataError(
            f'{source.place}: series "{others[0]}" was not in the training, and the file holds no '
            "values of it. Pass its past values too."
        )
    found = {}
    for number, name in enumerate(rows.names):
        own = rows.groups == number
        found[name] = (None if rows.times is None else rows.times[own], rows.cells[own])
    return found


def _extended(
    history: SeriesSet,
    number: int,
    ahead: tuple[npt.NDArray[np.int64] | None, Exact],
    source: Source,
) -> Exact:
    """What is known of a series with the rows of a file behind its end, each at its time."""
    one, (times, cells) = history.series[number], ahead
    if times is not None and one.times is not None:
        later = times > one.times[-1].astype("datetime64[s]").astype(np.int64)
        order = np.argsort(times[later], kind="stable")
        times, cells = times[later][order], cells[later][order]
        expected = history.future(number, len(times)).astype("datetime64[s]").astype(np.int64)
        wrong = np.flatnonzero(times != expected)
        if len(wrong):
            missing = np.datetime64(int(expected[wrong[0]]), "s")
            raise DataError(
                f'{source.place}: of series "{one.name}" a row for {shown(missing)} is expected '
                f"behind {shown(one.times[-1])}, the end of the training data."
            )
    if np.isnan(cells).any():
        column = history.known[int(np.argwhere(np.isnan(cells))[0][1])]
        raise DataError(f'{source.place}: known column "{column}" is empty in a row. Fill it.')
    kept = one.known[len(one) + len(cells) :]  # the training file may know more than this one
    return np.concatenate([one.known[: len(one)], cells, kept])
