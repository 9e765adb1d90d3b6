"""A trained forecaster in use: what follows the end of some series, with intervals.

series ─ end of each ─→ window ─→ quantiles ─ calibrated ─→ units of the data
                          ↑ medians read back, beyond the horizon of the training
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from seqloom_runtime.signal.windows import Batch, Windows

from seqloom.config import Settings
from seqloom.data.source import Source, open_source
from seqloom.data.time_table import SeriesSet, TimeSeries, read_time_table
from seqloom.errors import DataError, RunError
from seqloom.evaluate.conformal import Conformal
from seqloom.nn.forecaster import Forecaster
from seqloom.run import Run
from seqloom.tasks.forecast_fitted import read_intervals
from seqloom.tasks.forecast_model import Reading, WindowBatch, build_forecaster, quantiles_of
from seqloom.tasks.series_corpus import StoredSeries, lag_of
from seqloom.tasks.series_making import arrays_of, options_of
from seqloom.tasks.series_scales import SeriesScales, check_like
from seqloom.tasks.time_words import shown
from seqloom.toml import read_settings
from seqloom.train.checkpoint import load_into, read_tensors
from seqloom.train.device import choose_device, set_threads

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
    """A network with the scales and the intervals that belong to it.

    Args:
        model: the network.
        scales: of its training.
        settings: of its run, resolved.
        conformal: calibrated intervals; None while it is in training.
        device: where the network is.
    """

    def __init__(
        self,
        model: Forecaster,
        scales: SeriesScales,
        settings: Settings,
        conformal: Conformal | None,
        device: torch.device,
    ) -> None:
        self.model, self.scales, self.settings = model, scales, settings
        self.conformal, self.device = conformal, device
        self.levels = tuple(settings.model.levels)
        self.lag = lag_of(settings, scales.season)

    def calibrated(self, conformal: Conformal) -> SeriesForecaster:
        """The same network with other intervals."""
        return SeriesForecaster(self.model, self.scales, self.settings, conformal, self.device)

    def network(self, reading: Reading) -> Any:
        """From windows to quantiles on the network's scale, not calibrated."""
        count = len(self.levels)

        def scaled(batch: Batch) -> npt.NDArray[np.float32]:
            self.model.eval()
            return quantiles_of(self.model, reading.read(batch), count, self.device)

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
            np.array([len(one) for one in self.values]),
            np.arange(rows),
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
                + (f", or --horizon {there}." if there else ".")
            )


def load_forecaster(run: Run) -> SeriesForecaster:
    """The forecaster of a run folder.

    Raises:
        RunError: the run has no weights yet, or a file is damaged.
    """
    settings = read_settings(run.path / "config.toml")
    set_threads(settings.train)
    scales = read_scales(run)
    model = build_forecaster(settings, scales)
    load_into(model, read_tensors(run.read("model.safetensors"), run.path), run.path)
    conformal = read_intervals(run, settings, scales)
    device = choose_device(settings.train)
    return SeriesForecaster(model.to(device), scales, settings, conformal, device)


def read_scales(run: Run) -> SeriesScales:
    """The scales of a run.

    Raises:
        RunError: the file is damaged.
    """
    try:
        return SeriesScales.from_dict(run.read_json("scale.json"))
    except RunError as error:
        raise RunError(f"{run.path / 'scale.json'}: is damaged: {error}") from None


def read_series(forecaster: SeriesForecaster, data: Any) -> SeriesSet:
    """The series of some data, read as those of the training were.

    Raises:
        DataError: the data are of another kind.
    """
    source = data if isinstance(data, Source) else open_source(data)
    found = read_time_table(source, options_of(forecaster.settings))
    check_like(found, forecaster.scales, source.place)
    return found
