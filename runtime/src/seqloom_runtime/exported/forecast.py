"""An exported forecaster: series in, what follows them out; or the ends of those of the training.

A row is ``{"id": name}`` for a series whose end the folder holds, or a series of its own:
``{"values": […], "id": …, "times": […], "past": …, "known": …, "static": …}``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.data.tables import OnBad
from seqloom_runtime.errors import DataError, RunError
from seqloom_runtime.evaluate.conformal import Conformal
from seqloom_runtime.exported.folder import Folder
from seqloom_runtime.exported.model import ExportedModel, Say
from seqloom_runtime.exported.session import Session
from seqloom_runtime.rows import Record
from seqloom_runtime.signal.time_series import SeriesSet, TimeSeries
from seqloom_runtime.tasks.forecast import (
    Forecast,
    SeriesForecaster,
    rows_of,
    series_of_arrays,
)
from seqloom_runtime.tasks.series_scales import SeriesScales
from seqloom_runtime.tasks.time_words import times_in_words
from seqloom_runtime.tasks.window_reading import WindowBatch

HISTORY, INTERVALS = "history.safetensors", "intervals.safetensors"
FIELDS = ("id", "values", "times", "past", "known", "static")

Array = npt.NDArray[Any]


class OnnxForecaster(SeriesForecaster):
    """The forecaster of a folder, its network in onnxruntime."""

    def __init__(self, folder: Folder, settings: Any, threads: int) -> None:
        scales = SeriesScales.from_dict(folder.json("scale.json"))
        settings.model.levels = tuple(settings.model.levels)
        margins = folder.arrays(INTERVALS)
        super().__init__(scales, settings, Conformal(settings.model.levels, **margins))
        self.session = Session(folder, "model", threads)

    def quantiles(self, batch: WindowBatch) -> npt.NDArray[np.float32]:
        """What the network makes of windows."""
        given = {"inputs": batch.inputs, "lengths": batch.lengths, "past": batch.past}
        ids = list(batch.statics.T)
        if len(self.scales.names) > 1:
            ids.insert(0, batch.series)
        given |= {f"category_{number}": one for number, one in enumerate(ids)}
        return self.session({**given, "known": batch.known})["quantiles"]


class ExportedForecaster(ExportedModel):
    """Series in, what follows them out."""

    def __init__(self, folder: Folder, threads: int = 1) -> None:
        super().__init__(folder, threads)
        self.forecaster = OnnxForecaster(folder, self.held, threads)
        try:
            self.history = series_of_arrays(folder.arrays(HISTORY), self.forecaster.scales)
        except (KeyError, ValueError, IndexError):
            raise RunError(f"{folder.path / HISTORY}: is damaged.") from None

    @property
    def known(self) -> list[str]:
        """Names of the series whose ends the folder holds."""
        return [one.name for one in self.history.series]

    def answers(self, rows: list[Any], options: Any) -> list[dict[str, Any]]:
        """What follows each series."""
        if not rows:
            return []
        return [self._answer(one) for one in self.forecaster.ahead(*self._asked(rows, options))]

    def table(self, rows: Iterable[Any], options: Any, say: Say) -> list[Record]:
        """The same as rows of a table: a series, a channel and a step each."""
        given, horizon = self._asked(list(rows), options)
        for remark in self.forecaster.remarks(given, horizon):
            say(remark)
        found = self.forecaster.ahead(given, horizon)
        scales = self.forecaster.scales
        return list(rows_of(found, scales.channels, self.forecaster.levels, scales.zone))

    def _asked(self, rows: list[Any], options: Any) -> tuple[SeriesSet, int]:
        """The series, and how many steps of them."""
        series = [self._series(row, number) for number, row in enumerate(rows, 1)]
        return replace(self.history, series=series), options.horizon or self.held.data.horizon

    def _answer(self, found: Forecast) -> dict[str, Any]:
        levels = self.forecaster.levels
        parts = {f"{t:g}": found.quantiles[..., n].tolist() for n, t in enumerate(levels)}
        times = times_in_words(found.times, self.forecaster.scales.zone)
        median = found.quantiles[..., len(levels) // 2].tolist()
        return {"id": found.name, "times": times, "median": median, "quantiles": parts}

    def _series(self, row: Any, number: int) -> TimeSeries:
        """The series of a row.

        Raises:
            DataError: it is none, or not of the kind of the training.
        """
        if not isinstance(row, dict) or not row or not set(row) <= set(FIELDS):
            raise DataError(
                f'Row {number:,}: expected {{"id": name}} or {{"values": numbers}}, with any of '
                f"{', '.join(FIELDS)} beside them."
            )
        if "values" not in row:
            names = self.known
            if row.get("id") not in names:
                raise DataError(
                    f"Row {number:,}: the folder holds no series {row.get('id')!r}; it holds "
                    f"{', '.join(names[:5])}{', …' if len(names) > 5 else ''}."
                )
            return self.history.series[names.index(row["id"])]
        return self._given(row, number)

    def _given(self, row: dict[str, Any], number: int) -> TimeSeries:
        scales, where = self.forecaster.scales, f"Row {number:,}"
        values = _table(row["values"], len(scales.channels), f"{where}, values")
        past = _table(row.get("past", ()), len(scales.past), f"{where}, past", len(values))
        known = _table(row.get("known", ()), len(scales.known), f"{where}, known", len(values))
        missing = np.zeros((len(values), values.shape[1] + past.shape[1]), np.bool_)
        static = {name: str(word) for name, word in dict(row.get("static", {})).items()}
        times = _times(row["times"], len(values), where) if row.get("times") else None
        name = str(row.get("id", number))
        return TimeSeries(name, times, values, past, known, static, missing)


def _table(given: Any, columns: int, where: str, rows: int | None = None) -> Array:
    """Numbers (time, columns).

    Raises:
        DataError: they are none, too few, or in other columns.
    """
    if not columns:
        return np.zeros((rows or 0, 0))
    try:
        found = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{where}: expected numbers.") from None
    found = found[:, None] if found.ndim == 1 else found
    if found.ndim != 2 or found.shape[1] != columns or len(found) < (rows or 1):
        raise DataError(
            f"{where}: expected {columns} numbers a step and at least {rows or 1} steps, received "
            f"an array of shape {found.shape}."
        )
    if not np.isfinite(found).all():
        raise DataError(f"{where}: holds what is no number; fill the gaps first.")
    return found


def _times(given: Any, count: int, where: str) -> Array:
    try:
        times = np.array(given, "datetime64[s]")
    except (TypeError, ValueError):
        raise DataError(f"{where}, times: expected dates such as 2024-01-31.") from None
    if times.shape != (count,):
        raise DataError(f"{where}: {count:,} values came with {len(times):,} times.")
    return times


def series_in(
    records: Iterable[Record], scales: SeriesScales, path: str, on_bad: OnBad
) -> list[Record]:
    """The series of a table in long form: rows with a time, values and perhaps an id each.

    The rows of a series must stand in the order of time, without gaps.

    Args:
        on_bad: takes the message about a row with a cell that is no number.

    Raises:
        DataError: a column is missing, a step is left out, or no row can be read.
    """
    found: dict[str, Record] = {}
    for number, record in enumerate(records, 1):
        name = str(next((record[key] for key in ("unique_id", "id") if key in record), "1"))
        try:
            values = [_number(record, key, path) for key in scales.channels]
        except _BadCellError as error:
            on_bad(f"{path}, row {number:,}, {error}")
            continue
        own = found.setdefault(name, {"id": name, "values": [], "times": []})
        own["values"].append(values)
        time = next((record[key] for key in TIMES if record.get(key)), None)
        if time is not None:
            own["times"].append(str(time))
    if not found:
        raise DataError(f"{path}: no row has a number in each column of values.")
    for one in found.values():
        check_steps(one, scales, path)
    return list(found.values())


TIMES = ("ds", "date", "datetime", "timestamp", "time", "month", "day")


class _BadCellError(DataError):
    """A cell that is no number."""


def _number(record: Record, column: str, path: str) -> float:
    key = column if column in record else next((k for k in ("y", "value") if k in record), column)
    try:
        return float(record[key])
    except KeyError:
        raise DataError(
            f'{path}: there is no column "{column}"; the columns are {", ".join(record)}.'
        ) from None
    except (TypeError, ValueError):
        raise _BadCellError(f"column {key}: {record[key]!r} is no number.") from None


def check_steps(series: Record, scales: SeriesScales, path: str) -> None:
    """See that the times of a series follow each other as those of the training do.

    Raises:
        DataError: they do not.
    """
    if not series["times"] or scales.frequency.unit == "step":
        series["times"] = []
        return
    times = _times(series["times"], len(series["values"]), path)
    expected = scales.frequency.future(times[0], len(times) - 1)
    wrong = np.flatnonzero(times[1:] != expected)
    if len(wrong):
        place = int(wrong[0]) + 1
        raise DataError(
            f'{path}: series "{series["id"]}", step {place + 1:,}: expected the time '
            f"{times_in_words(expected[place - 1 : place])[0]}, found {series['times'][place]}. "
            f"The model was trained on series that are {scales.frequency.describe()}."
        )


__all__ = ["ExportedForecaster", "series_in"]
