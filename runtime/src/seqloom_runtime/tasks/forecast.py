"""A forecaster in use: what follows the end of some series, with intervals.

series ─ end of each ─→ window ─→ quantiles ─ calibrated ─→ units of the data
                          ↑ medians read back, beyond the horizon of the training
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import DataError
from seqloom_runtime.evaluate.conformal import Conformal
from seqloom_runtime.rows import Record
from seqloom_runtime.signal.time_series import SeriesSet, TimeSeries
from seqloom_runtime.signal.windows import Batch, Windows
from seqloom_runtime.tasks.remarks import left_out
from seqloom_runtime.tasks.series_scales import SeriesScales
from seqloom_runtime.tasks.time_words import shown, times_in_words
from seqloom_runtime.tasks.window_reading import (
    Reading,
    StoredSeries,
    WindowBatch,
    arrays_of,
    lag_of,
)

AT_ONCE = 256  # series

Exact = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Forecast:
    """What follows a series.

    Args:
        name: of the series.
        times: dates or step numbers of the steps (horizon,).
        quantiles: (horizon, channels, levels).
        before: the series itself.
    """

    name: str
    times: npt.NDArray[Any]
    quantiles: Exact
    before: TimeSeries


class SeriesForecaster:
    """Scales and intervals of a forecaster, whose network is a subclass's.

    Args:
        scales: of its training.
        settings: of its run, resolved.
        conformal: calibrated intervals; None while it is in training.
    """

    def __init__(self, scales: SeriesScales, settings: Any, conformal: Conformal | None) -> None:
        self.scales, self.settings, self.conformal = scales, settings, conformal
        self.levels = tuple(settings.model.levels)
        self.lag = lag_of(settings, scales.season)

    def quantiles(self, batch: WindowBatch) -> npt.NDArray[np.float32]:
        """What the network makes of windows: (batch, horizon, channels, its own levels)."""
        raise NotImplementedError

    def network(self, reading: Reading) -> Any:
        """From windows to quantiles on the network's scale, not calibrated.

        A network of one value gives it at every level; intervals are put around it by calibration.
        """

        def scaled(batch: Batch) -> npt.NDArray[np.float32]:
            read = reading.read(batch)
            found = self.quantiles(read) + read.base[..., None]
            count = len(self.levels)
            whole = found if found.shape[-1] == count else np.repeat(found, count, -1)
            return whole.astype(np.float32)

        return scaled

    def reading(self, stored: StoredSeries) -> Reading:
        """How the network reads windows of some series."""
        look_back, trained = self.settings.data.look_back, len(self.scales.names)
        return Reading(self.lag, look_back, stored.numbers, stored.statics, trained)

    def window(self, found: SeriesSet, row: int) -> WindowBatch:
        """What the network reads at the end of one of some series: a batch of one."""
        stored, _ = self.placed(found)
        rows = [row]
        reading = replace(
            self.reading(stored), numbers=stored.numbers[rows], statics=stored.statics[rows]
        )
        grown, data = _Grown.of(stored, rows), self.settings.data
        return reading.read(grown.batch(data.look_back + self.lag, data.horizon))

    def unknown(self, found: SeriesSet) -> list[str]:
        """Names of the series that were not in the training."""
        alone = len(found.series) == 1
        return [one.name for one in found.series if self.scales.number(one, alone) is None]

    def remarks(self, found: SeriesSet, horizon: int) -> list[str]:
        """What should be known of the forecasts of some series, as sentences."""
        remarks, trained = [], self.settings.data.horizon
        if found.dropped:
            remarks.append(left_out(found.dropped))
        if horizon > trained:
            remarks.append(
                f"Beyond the horizon of the training ({trained:,} steps) medians are read back as "
                "if they had come true; the intervals there are estimates and were not calibrated."
            )
        if horizon > trained and found.past:
            columns = ", ".join(f'"{name}"' for name in found.past)
            remarks.append(f"Beyond it {columns} are held as they last were: nobody knows them.")
        if found.left_out:
            remarks.append(f"{len(found.left_out):,} series without any value have no forecast.")
        if unknown := self.unknown(found):
            remarks.append(
                f"{len(unknown):,} of {len(found.series):,} series were not in the training (such "
                f'as "{unknown[0]}"): each is put on the scale of its own history.'
            )
        look_back = self.settings.data.look_back + self.lag
        if short := [one for one in found.series if len(one) < look_back]:
            remarks.append(
                f"{len(short):,} of {len(found.series):,} series are shorter than the "
                f'{look_back:,} steps that forecasts read (such as "{short[0].name}": '
                f"{len(short[0]):,}): theirs rest on less than the scores of the run do."
            )
        return remarks

    def placed(
        self, found: SeriesSet, before: Sequence[int] | None = None
    ) -> tuple[StoredSeries, SeriesScales]:
        """Series on the scales of the training; others on scales of their own.

        Args:
            before: of each series, the steps that a scale of its own may be fitted on; all when
                None.

        Returns:
            The arrays, and scales with a row for each.
        """
        alone = len(found.series) == 1
        numbers: list[int] = []
        unknown: list[TimeSeries] = []
        steps: list[int] = []
        for place, one in enumerate(found.series):
            number = self.scales.number(one, alone)
            if number is None:
                number = len(self.scales.names) + len(unknown)
                unknown.append(one)
                steps.append(len(one) if before is None else before[place])
            numbers.append(number)
        scales = self.scales.with_others(unknown, steps)
        return arrays_of(found, scales, numbers), scales

    def ahead(self, found: SeriesSet, horizon: int) -> list[Forecast]:
        """What follows the end of each series.

        Raises:
            DataError: covariates of the future are missing.
        """
        check_known(found, horizon)
        stored, scales = self.placed(found)
        forecasts = []
        for first in range(0, len(found.series), AT_ONCE):
            rows = range(first, min(first + AT_ONCE, len(found.series)))
            quantiles = self._ahead(stored, scales, list(rows), horizon)
            for row, own in zip(rows, quantiles, strict=True):
                one = found.series[row]
                forecasts.append(Forecast(one.name, found.future(row, horizon), own, one))
        return forecasts

    def _ahead(
        self, stored: StoredSeries, scales: SeriesScales, rows: list[int], horizon: int
    ) -> Exact:
        """Quantiles of some series: (series, horizon, channels, levels)."""
        grown = _Grown.of(stored, rows)
        numbers = stored.numbers[rows]
        reading = replace(self.reading(stored), numbers=numbers, statics=stored.statics[rows])
        found, carried = [], None
        for _ in range(-(-horizon // self.settings.data.horizon)):
            batch = grown.batch(self.settings.data.look_back + self.lag, self.settings.data.horizon)
            quantiles = np.asarray(self.network(reading)(batch), np.float64)
            if self.conformal is not None:
                quantiles = self.conformal.apply(quantiles)
            if carried is not None:
                quantiles = widened(quantiles, carried)
            found.append(quantiles)
            carried = quantiles[:, -1:]
            grown.go_on(quantiles[..., quantiles.shape[-1] // 2])
        whole = np.concatenate(found, 1)[:, :horizon]
        return scales.scaler.decode(whole, numbers)


def widened(quantiles: Exact, carried: Exact) -> Exact:
    """Intervals that hold what was uncertain where they began as well.

    Both are taken for independent, so that the squares of their distances from the median add up.

    Shape:
        quantiles (series, horizon, channels, levels), carried (series, 1, channels, levels).
    """
    middle = quantiles.shape[-1] // 2
    median: Exact = quantiles[..., middle : middle + 1]
    own = quantiles - median
    before = carried - carried[..., middle : middle + 1]
    side = np.sign(np.arange(quantiles.shape[-1]) - middle)
    whole: Exact = median + side * np.sqrt(own**2 + before**2)
    return whole


class _Grown:
    """The ends of some series, with what was forecast of them put behind."""

    def __init__(
        self, values: list[Any], past: list[Any], known: list[Any], missing: list[Any]
    ) -> None:
        self.values, self.past, self.known, self.missing = values, past, known, missing
        self.gaps = any(one.any() for one in missing)

    @classmethod
    def of(cls, stored: StoredSeries, rows: list[int]) -> _Grown:
        kinds = (stored.values, stored.past, stored.known, stored.missing)
        return cls(*([kind[row] for row in rows] for kind in kinds))

    def batch(self, look_back: int, horizon: int) -> Batch:
        """The last window of each, whose targets are not known and stand there as zeros."""
        rows = len(self.values)
        padded = [_longer(one, horizon, 0.0) for one in self.values]
        known = [_longer(one, horizon, None) for one in self.known]
        windows = Windows(
            padded,
            np.array([len(one) for one in self.values], np.int32),
            np.arange(rows, dtype=np.int32),
            look_back,
            horizon,
            past=self.past if self.past[0].shape[1] else (),
            known=known if self.known[0].shape[1] else (),
            missing=[_longer(one, horizon, 0) for one in self.missing] if self.gaps else (),
        )
        return windows.batch(np.arange(rows))

    def go_on(self, medians: Exact) -> None:
        """Take medians (series, horizon, channels) for what followed; the past stays as it was."""
        steps = medians.shape[1]
        self.values = [
            np.concatenate([one, more.astype(np.float32)])
            for one, more in zip(self.values, medians, strict=True)
        ]
        self.past = [_longer(one, steps, None) for one in self.past]
        self.missing = [_longer(one, steps, 0) for one in self.missing]


def _longer(array: npt.NDArray[Any], steps: int, value: float | None) -> npt.NDArray[Any]:
    """More steps behind: all of a value, or as the last one is."""
    if value is None:
        more = np.repeat(array[-1:], steps, 0)
    else:
        more = np.full((steps, array.shape[1]), value, array.dtype)
    return np.concatenate([array, more])


def check_known(found: SeriesSet, horizon: int) -> None:
    """See that the covariates of the future are there.

    Raises:
        DataError: they end before the horizon does.
    """
    if not found.known:
        return
    for number, one in enumerate(found.series):
        there = len(one.known) - len(one)
        if there < horizon:
            first = found.future(number, there + 1)[-1]
            columns = ", ".join(f'"{name}"' for name in found.known)
            raise DataError(
                f'Series "{one.name}": {columns} must be known for the {horizon:,} steps to be '
                f"forecast, and the values end before {shown(first)}. Pass a file with rows for "
                "them, in which the values to forecast are empty"
                + (f", or --horizon {there}." if there else "."),
                code="future_known",
                values=[one.name, ", ".join(found.known), horizon],
            )


def rows_of(
    forecasts: Sequence[Forecast], channels: Sequence[str], levels: Sequence[float], zone: str = ""
) -> Iterator[Record]:
    """A row for each series, channel and step."""
    for one in forecasts:
        times = times_in_words(one.times, zone)
        for channel, name in enumerate(channels):
            column = {"channel": name} if len(channels) > 1 else {}
            for time, quantiles in zip(times, one.quantiles[:, channel], strict=True):
                numbers = values_of(quantiles.tolist(), levels)
                yield {"unique_id": one.name, **column, "ds": time, **numbers}


def values_of(quantiles: Sequence[float], levels: Sequence[float]) -> Record:
    """The median as y, and both ends of each interval, the widest first.

    >>> values_of([1.0, 2.0, 4.0], (0.05, 0.5, 0.95))
    {'y': 2.0, 'lo-90': 1.0, 'hi-90': 4.0}
    """
    middle = len(levels) // 2
    values: Record = {"y": rounded(quantiles[middle])}
    for low in range(middle):
        share = f"{100 * (1 - 2 * levels[low]):g}"
        values[f"lo-{share}"] = rounded(quantiles[low])
        values[f"hi-{share}"] = rounded(quantiles[-1 - low])
    return values


def rounded(value: float) -> float:
    """As many digits as a network's numbers have.

    >>> rounded(1234.56789), rounded(1e-9 / 3)
    (1234.568, 3.333333e-10)
    """
    return float(f"{value:.7g}")


def series_of_arrays(arrays: Mapping[str, npt.NDArray[Any]], scales: SeriesScales) -> SeriesSet:
    """The ends of a run's series, of the arrays that it keeps.

    Raises:
        KeyError, ValueError, IndexError: they are no such arrays.
    """
    ends = arrays["ends"].reshape(len(scales.names), 3)
    statics = arrays["statics"].reshape(len(scales.names), len(scales.static))
    dated = scales.frequency.unit != "step"
    found, step, later = [], 0, 0
    for row, (first, length, known) in enumerate(ends.tolist()):
        own, ahead = slice(step, step + length), slice(later, later + known)
        values = arrays["values"][own]
        if values.shape != (length, len(scales.channels)) or not length:
            raise ValueError("lengths")
        found.append(
            TimeSeries(
                scales.names[row],
                arrays["times"][own].astype("datetime64[s]") if dated else None,
                values,
                arrays["past"][own],
                arrays["known"][ahead],
                scales.words_of(statics[row]),
                arrays["missing"][own],
                first,
            )
        )
        step, later = step + length, later + known
    return SeriesSet(
        found, scales.channels, scales.past, scales.known, scales.frequency, [], zone=scales.zone
    )
