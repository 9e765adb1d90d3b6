"""Every window of a part scored: the network and five forecasts that need none, side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from seqloom_runtime.evaluate.conformal import Conformal
from seqloom_runtime.evaluate.forecast_baselines import drift, naive, seasonal_naive, training_mean
from seqloom_runtime.signal.windows import Batch, Windows
from seqloom_runtime.tasks.series_scales import SeriesScales
from seqloom_runtime.tasks.window_reading import StoredSeries

from seqloom.evaluate.forecasting import ForecastScore, looks_shifted
from seqloom.evaluate.leads import lead
from seqloom.evaluate.ridge_forecast import RidgeForecast

SCORED = 256  # windows at a time
FEATURES = 3_000  # of the ridge at most; its look-back is cut where there are more
SOLVED = 3e10  # cubes of features at most, of all steps that have a matrix of their own
HELD = 5e7  # numbers at most in those matrices
FITTED = 20_000  # windows at most that the ridge is fitted on
CALIBRATED = 20_000_000  # numbers at most that intervals are calibrated on
POOLED = 40  # windows; with fewer, all steps of the horizon share a margin
SHIFTS = 1_000  # windows at most that are looked at for a shift
OTHERS = ("naive", "drift", "mean", "ridge")

Exact = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Scaled = Callable[[Batch], npt.NDArray[Any]]


class Intervals(Protocol):
    """What puts intervals around the network's quantiles."""

    def hold(self, quantiles: npt.NDArray[Any], targets: npt.NDArray[Any], places: Places) -> Exact:
        """Quantiles of windows in the order of time, whose truth counts once it is known."""


class Scored(NamedTuple):
    """Scores by name, "model" and "baseline" among them.

    Args:
        shifted: whether the model's forecasts are little more than their last input.
        stretches: number of the stretch of time that each window lies in.
    """

    scores: dict[str, ForecastScore]
    shifted: bool
    stretches: Places

    def leads(self, name: str) -> dict[str, list[float | None]]:
        """How far the model is ahead of each baseline by an error, and how sure that is."""
        ours = self.scores["model"].each(name)
        pairs = {
            other: lead(ours, score.each(name), self.stretches)
            for other, score in self.scores.items()
            if other != "model"
        }
        return {
            other: [number if np.isfinite(number) else None for number in pair]
            for other, pair in pairs.items()
        }


@dataclass(frozen=True, eq=False)
class Scoring:
    """Windows with all that scoring them needs.

    Args:
        windows: on the network's scale, with what differences look back on.
        stored: the series they are of.
        scales: with a row for each of those.
        look_back: steps of it that are looked back on.
        network: from windows to quantiles on the network's scale, not calibrated.
        levels: of those quantiles.
    """

    windows: Windows
    stored: StoredSeries
    scales: SeriesScales
    look_back: int
    network: Scaled
    levels: tuple[float, ...]

    def of(self, windows: Windows) -> Scoring:
        """The same for other windows of the same series."""
        return replace(self, windows=windows)

    def in_time(self) -> tuple[Scoring, Places]:
        """The same with the windows in the order of time, and their places in it."""
        places = self.stored.places(self.windows)
        order = np.argsort(places, kind="stable")
        return self.of(self.windows.select(order)), places[order]

    def calibrate(self) -> Conformal:
        """Intervals that hold on these windows."""
        shape = (self.windows.horizon, self.stored.values[0].shape[1])
        some = evenly(self.windows, max(CALIBRATED // (math.prod(shape) * len(self.levels)), 1))
        found = np.empty((len(some), *shape, len(self.levels)), np.float32)  # once, for it is large
        true = np.empty((len(some), *shape), np.float32)
        for first, batch in zip(range(0, len(some), SCORED), some.batches(SCORED), strict=True):
            rows = slice(first, first + SCORED)
            found[rows], true[rows] = self.network(batch), _targets(batch)
        if len(found) >= POOLED:
            return Conformal.fit(found, true, self.levels)
        horizon = true.shape[1]
        pooled = Conformal.fit(
            found.reshape(-1, 1, *found.shape[2:]), true.reshape(-1, 1, true.shape[2]), self.levels
        )
        return Conformal(
            self.levels, np.repeat(pooled.margins, horizon, 1), np.repeat(pooled.scale, horizon, 0)
        )

    def score(self, intervals: Intervals, ridge: RidgeForecast) -> Scored:
        """Scores of the model and of each baseline, of every window in the order of time."""
        timely, places = self.in_time()
        return timely._score(intervals, ridge, places)

    def _score(self, intervals: Intervals, ridge: RidgeForecast, places: Places) -> Scored:
        scores = self._empty(self._names())
        for first, (batch, plain, raw) in enumerate(self._batches()):
            truth, series = np.where(raw.real, raw.targets, np.nan), self._rows(raw)
            own = places[first * SCORED : (first + 1) * SCORED]
            held = intervals.hold(self.network(batch), _targets(batch), own)
            scores["model"].add(self._decode(held, series), truth, series)
            for name, values in self._baselines(plain, raw, ridge, series).items():
                scores[name].add(values[..., None], truth, series)
        stretches = (places - places[0]) // self.windows.horizon
        return Scored(scores, self.shifts(), stretches)

    def shifts(self) -> bool:
        """Whether forecasts are little more than their last input."""
        some = evenly(self.windows, SHIFTS)
        middle = len(self.levels) // 2
        forecasts, inputs = [], []
        for batch in some.batches(SCORED):
            forecasts.append(self.network(batch)[..., middle])
            inputs.append(batch.inputs[:, -self.look_back :])
        return looks_shifted(np.concatenate(forecasts), np.concatenate(inputs))

    def _names(self) -> list[str]:
        seasonal = self.scales.season > 1
        return ["model", "baseline", *(n for n in OTHERS if seasonal or n != "naive")]

    def _empty(self, names: list[str]) -> dict[str, ForecastScore]:
        errors, spreads = self.scales.errors, self.scales.plain.spread
        return {
            name: ForecastScore(self.levels if name == "model" else (0.5,), errors, spreads)
            for name in names
        }

    def _batches(self) -> Iterator[tuple[Batch, Batch, Batch]]:
        """Windows as the network sees them, without differences, and in units of the data."""
        plain = self.windows.seeing(self.look_back)
        season = max(self.look_back, self.scales.season)
        raw: Windows = replace(
            self.windows.seeing(season), values=self.stored.raw, past=(), known=()
        )
        yield from zip(
            self.windows.batches(SCORED), plain.batches(SCORED), raw.batches(SCORED), strict=True
        )

    def _rows(self, batch: Batch) -> npt.NDArray[np.int64]:
        return self.stored.numbers[batch.series]

    def _decode(self, scaled: npt.NDArray[Any], series: npt.NDArray[np.int64]) -> Exact:
        return self.scales.scaler.decode(scaled, series)

    def _baselines(
        self, plain: Batch, raw: Batch, ridge: RidgeForecast, series: npt.NDArray[np.int64]
    ) -> dict[str, npt.NDArray[Any]]:
        """What each gives: (batch, horizon, channels), in units of the data."""
        horizon, season = raw.targets.shape[1], self.scales.season
        short = raw._replace(
            inputs=raw.inputs[:, -self.look_back :], lengths=raw.lengths.clip(max=self.look_back)
        )
        found = {
            "baseline": seasonal_naive(raw, horizon, season),
            "naive": naive(raw, horizon),
            "drift": drift(short, horizon),
            "mean": training_mean(raw._replace(series=series), horizon, self.scales.plain.mean),
            "ridge": self._decode(ridge.forecast(_fewer(plain, _lags_of(ridge, plain))), series),
        }
        return {name: found[name] for name in self._names()[1:]}


def _targets(batch: Batch) -> npt.NDArray[Any]:
    """Targets of the network's scale, NaN where one was not measured."""
    return np.where(batch.real, batch.targets, np.nan)


def fit_ridge(train: Windows, valid: Windows, look_back: int) -> RidgeForecast:
    """The linear model of some windows, without differences, its strength chosen on others."""
    past = train.past[0].shape[1] if train.past else 0
    lags = max(1, most_features(train) // (1 + past))

    def batches(windows: Windows) -> Callable[[], Iterator[Batch]]:
        some = evenly(windows, FITTED).seeing(look_back)
        return lambda: (_fewer(batch, lags) for batch in some.batches(SCORED))

    return RidgeForecast.fit(batches(train), batches(valid))


def most_features(windows: Windows) -> int:
    """Features that a linear model can be solved for; fewer where each step has its own matrix."""
    if not windows.missing:
        return FEATURES
    matrices = windows.horizon * windows.values[0].shape[1]
    return min(FEATURES, int((SOLVED / matrices) ** (1 / 3)), int((HELD / matrices) ** 0.5))


def _lags_of(ridge: RidgeForecast, batch: Batch) -> int:
    """Steps that a linear model looks back on."""
    known = batch.targets.shape[1] * batch.known.shape[2]
    lags: int = (ridge.weights.shape[1] - known) // (1 + batch.past.shape[2])
    return lags


def _fewer(batch: Batch, lags: int) -> Batch:
    """Windows cut to a shorter look-back."""
    look_back = batch.inputs.shape[1]
    left = max(look_back - lags, 0)
    return batch._replace(
        inputs=batch.inputs[:, left:],
        past=batch.past[:, left:],
        known=batch.known[:, left:],
        lengths=batch.lengths.clip(max=look_back - left),
    )


def evenly(windows: Windows, most: int) -> Windows:
    """Windows from all over, at most so many."""
    if len(windows) <= most:
        return windows
    return windows.select(np.linspace(0, len(windows) - 1, most).round().astype(np.int64))


__all__ = ["OTHERS", "Scored", "Scoring", "evenly", "fit_ridge"]
