"""Forecasts out: a row a series and step, as CSV, JSON lines or Parquet; a picture of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from seqloom_runtime.atomic import write_atomically, write_lines
from seqloom_runtime.rows import Record, as_csv, as_json, form_of_file
from seqloom_runtime.signal.time_series import SeriesSet
from seqloom_runtime.tasks.forecast import rows_of

from seqloom.config import PredictSettings, flag_of, override
from seqloom.data.source import Source, open_source
from seqloom.data.time_zones import zone_seconds
from seqloom.errors import SettingsError
from seqloom.evaluate.fan import MOST_PANELS, Fan, fan_picture
from seqloom.run import Run
from seqloom.tasks.forecast_use import (
    Forecast,
    SeriesForecaster,
    load_forecaster,
    read_series,
)
from seqloom.tasks.history import SHOWN, read_history
from seqloom.tasks.known_ahead import with_known_ahead
from seqloom.watching import unheard

PICTURES = (".png", ".svg")


@dataclass(frozen=True, eq=False)
class Future:
    """Forecasts of all series, ready to be written.

    Args:
        forecasts: of each series.
        channels: of the series.
        levels: of the quantiles.
        remarks: what a reader should know, as sentences.
        zone: of the times; empty where they have none.
    """

    forecasts: Sequence[Forecast]
    channels: Sequence[str]
    levels: tuple[float, ...]
    remarks: tuple[str, ...]
    zone: str = ""

    def rows(self) -> Iterator[Record]:
        """A row for each series, channel and step."""
        return rows_of(self.forecasts, self.channels, self.levels, self.zone)

    def lines(self, form: str) -> Iterator[str]:
        """The rows as CSV or JSON lines."""
        return as_json(self.rows()) if form == "jsonl" else as_csv(self.rows())

    def write(self, path: Path, form: str) -> int:
        """The rows as a file; how many they are."""
        if form == "parquet":
            return self.write_parquet(path)
        return write_lines(path, self.lines(form)) - (form == "csv")

    def write_parquet(self, path: Path) -> int:
        """The rows as a Parquet file with times as times; how many they are."""
        import pyarrow as pa
        from pyarrow import parquet

        table = pa.Table.from_pylist(list(self.rows()))
        dated = any(np.issubdtype(one.times.dtype, np.datetime64) for one in self.forecasts)
        if dated:
            times = np.concatenate(
                [np.tile(one.times, len(self.channels)) for one in self.forecasts]
            )
            place = table.schema.get_field_index("ds")
            kind = pa.timestamp("s", tz=self.zone or None)
            seconds = times.astype("datetime64[s]").astype(np.int64) - zone_seconds(self.zone)
            table = table.set_column(place, "ds", pa.array(seconds).cast(kind))
        sink = pa.BufferOutputStream()
        parquet.write_table(table, sink)
        write_atomically(path, sink.getvalue().to_pybytes(), advice="Choose another --out.")
        return int(table.num_rows)

    def draw(self, path: Path, horizon: int) -> None:
        """History and fan of the first series, of each channel.

        Raises:
            SettingsError: the file is no picture's.
        """
        kind = check_picture(str(path))
        few = self.forecasts[:MOST_PANELS]
        fans = [
            fan_of(one, channel, self.channels, horizon)
            for one in few
            for channel in range(len(self.channels))
        ]
        left_out = (len(self.forecasts) - len(few)) * len(self.channels)
        advice = "Choose another file for --plot."
        write_atomically(path, fan_picture(fans, self.levels, kind, left_out), advice=advice)


def predict(
    run: Run, data: Any, options: PredictSettings, forecaster: SeriesForecaster | None = None
) -> Future:
    """What follows the data's end, or that of the training data when None.

    Args:
        forecaster: of the run, where it is loaded already.

    Raises:
        DataError: the data are of another kind, or covariates of the future are missing.
    """
    if options.plot:
        check_picture(options.plot)
    forecaster = forecaster or load_forecaster(run)
    found = series_before(forecaster, run, data, options)
    trained = forecaster.settings.data.horizon
    horizon = options.horizon or trained
    forecasts = forecaster.ahead(found, horizon)
    remarks = forecaster.remarks(found, horizon)
    future = Future(forecasts, found.channels, forecaster.levels, tuple(remarks), found.zone)
    if options.plot:
        future.draw(Path(options.plot), trained)
        return replace(future, remarks=(*remarks, f"The forecast is drawn in {options.plot}"))
    return future


def series_before(
    forecaster: SeriesForecaster, run: Run, data: Any, options: PredictSettings = PredictSettings()
) -> SeriesSet:
    """The series whose future is asked for: of some data, or those that the run keeps.

    Data that hold only what is known of the future go behind what the run keeps.

    Raises:
        DataError: the data are of another kind.
    """
    if data is None:
        if how := {"gaps", "encoding", "skip_bad_rows"} & options.model_fields_set:
            raise SettingsError(f"--{flag_of(min(how))} says how a file is read: pass DATA.")
        return read_history(run, forecaster.scales)
    source = data if isinstance(data, Source) else open_source(data)
    gaps = {} if options.gaps == "auto" else {"gaps": options.gaps}
    settings = override(forecaster.settings, {"data": options.reading() | gaps}, "predict")
    if forecaster.scales.known:
        history = read_history(run, forecaster.scales)
        if found := with_known_ahead(history, source, settings):
            return found
    return read_series(forecaster, source, settings)


def predict_lines(
    run: Run, data: Any, options: PredictSettings, say: Callable[[str], None] = unheard
) -> Iterator[str]:
    """The forecast as lines of CSV or JSON; what should be known of it is said.

    Raises:
        SettingsError: Parquet is asked for, which has no lines.
    """
    future = predict(run, data, options)
    for remark in future.remarks:
        say(remark)
    return future.lines(format_of(options, None))


def format_of(options: PredictSettings, out: Path | None) -> str:
    """How a forecast is written: as asked for, or as the name of the file says.

    Raises:
        SettingsError: Parquet, which is no text, without a file.
    """
    form = form_of_file("forecast", options.format, out)
    if form == "parquet" and out is None:
        raise SettingsError("--format parquet needs a file to write: pass --out FILE.parquet.")
    return "csv" if form == "auto" else form


def check_picture(path: str) -> str:
    """The kind of a picture by its name.

    Raises:
        SettingsError: it is none.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in PICTURES:
        raise SettingsError(f"--plot {path}: expected a file that ends in .png or .svg.")
    return suffix[1:]


def fan_of(one: Forecast, channel: int, channels: Sequence[str], horizon: int) -> Fan:
    """The end of a series, and its forecast."""
    kept = max(SHOWN * horizon, len(one.times))
    before = one.before.values[-kept:, channel]
    steps = one.before.first + np.arange(len(one.before))
    times = steps if one.before.times is None else one.before.times
    name = one.name if len(channels) == 1 else f"{one.name}: {channels[channel]}"
    ahead = one.quantiles[:, channel]
    return Fan(name, np.concatenate([times[-kept:], one.times]), before, ahead)
