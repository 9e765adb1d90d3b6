"""Forecasts that need no network: last value, last season, drift, mean, ridge on lags.

Each takes the same windows as the network and sees nothing that stands behind their look-back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqloom.errors import ShapeError

Floats = npt.NDArray[np.floating[Any]]
Exact = npt.NDArray[np.float64]

STRENGTHS = tuple(10.0**power for power in range(-6, 2))  # of ridge, for each example


class Window(Protocol):
    """What a baseline sees; ``seqloom.signal.windows.Batch`` is one.

    Shape:
        inputs (batch, look_back, channels), targets (batch, horizon, channels), past (batch,
        look_back, p), known (batch, look_back + horizon, k), series (batch,), lengths (batch,).
    """

    @property
    def inputs(self) -> Floats:
        """The look-back."""

    @property
    def targets(self) -> Floats:
        """What follows it."""

    @property
    def past(self) -> Floats:
        """Covariates of the look-back."""

    @property
    def known(self) -> Floats:
        """Covariates of the look-back and of what follows."""

    @property
    def series(self) -> npt.NDArray[np.int64]:
        """Whose window it is."""

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Real steps of the look-back."""


def naive(window: Window, horizon: int) -> Floats:
    """The last value at every step: (batch, horizon, channels)."""
    return np.repeat(window.inputs[:, -1:], horizon, 1)


def seasonal_naive(window: Window, horizon: int, season: int) -> Floats:
    """The value of the same place in the last season: (batch, horizon, channels).

    Where less than a season is known, the last value.

    Raises:
        ShapeError: the look-back is shorter than a season.
    """
    if window.inputs.shape[1] < season:
        raise ShapeError(
            f"Received a look-back of {window.inputs.shape[1]} steps; a season has {season}."
        )
    last = window.inputs[:, -season:]
    places = np.arange(horizon) % season
    short = (window.lengths < season)[:, None, None]
    return np.where(short, naive(window, horizon), last[:, places])


def drift(window: Window, horizon: int) -> Floats:
    """The line from the first to the last value of the look-back, continued.

    Source:
        Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., 5.2.
    """
    first, last = window.inputs[:, :1], window.inputs[:, -1:]  # what fills up repeats the first
    slope = (last - first) / np.maximum(window.lengths - 1, 1)[:, None, None]
    return last + slope * np.arange(1, horizon + 1)[:, None]


def training_mean(window: Window, horizon: int, means: Exact) -> Floats:
    """Each series' mean of its training part at every step: means (series, channels)."""
    return np.repeat(means[window.series][:, None], horizon, 1)


@dataclass(frozen=True, eq=False)
class RidgeForecast:
    """Linear in the lags of a channel, its covariates too; one for each channel, of all series.

    Args:
        weights: (channels, features, horizon), of features as they are.
        offsets: (channels, horizon).
        strength: of ridge, for each example, chosen on validation windows.
        from_last: whether lags and targets are taken relative to the last value, as chosen there.
    """

    weights: Exact
    offsets: Exact
    strength: float
    from_last: bool

    def forecast(self, window: Window) -> Floats:
        """Values of the next steps: (batch, horizon, channels)."""
        made = []
        for channel in range(window.inputs.shape[2]):
            lags, last = _features(window, channel, self.from_last)
            made.append(lags @ self.weights[channel] + self.offsets[channel] + last)
        return np.stack(made, -1)

    @classmethod
    def fit(
        cls, train: Callable[[], Iterable[Window]], valid: Callable[[], Iterable[Window]]
    ) -> RidgeForecast:
        """Fit on training windows; strength and form are those of the least error on validation.

        Args:
            train, valid: give the windows batch by batch, each time anew; their values are scaled.
        """
        best, least = None, np.inf
        for from_last in (False, True):
            solved = _Moments.of(train(), from_last).solve(STRENGTHS)
            fitted = [
                cls(*s, strength, from_last) for s, strength in zip(solved, STRENGTHS, strict=True)
            ]
            errors = _errors(fitted, valid())
            if best is None or errors.min() < least:
                best, least = fitted[int(np.argmin(errors))], errors.min()
        assert best is not None
        return best


def _errors(fitted: list[RidgeForecast], windows: Iterable[Window]) -> Exact:
    """Squared errors of models that take features alike; each window's are made once."""
    errors = np.zeros(len(fitted))
    for window in windows:
        for channel in range(window.inputs.shape[2]):
            features, last = _features(window, channel, fitted[0].from_last)
            truth = window.targets[:, :, channel] - last
            for place, one in enumerate(fitted):
                made = features @ one.weights[channel] + one.offsets[channel]
                errors[place] += np.sum((made - truth) ** 2)
    return errors


def _features(window: Window, channel: int, from_last: bool) -> tuple[Exact, Exact]:
    """Lags and covariates (batch, features), and what is added to the forecast (batch, 1)."""
    lags = np.asarray(window.inputs[:, :, channel], np.float64)
    last = lags[:, -1:] if from_last else np.zeros((len(lags), 1))
    look_back = lags.shape[1]
    past = window.past.reshape(len(lags), -1)
    known = window.known[:, look_back:].reshape(len(lags), -1)
    return np.concatenate([lags - last, past, known], 1), last


@dataclass
class _Moments:
    """Sums of products of features and targets, so that windows are seen once and not held.

    Shape:
        sums (channels, features + horizon), products (channels, features, features + horizon).
    """

    count: int
    sums: Exact
    products: Exact

    @classmethod
    def of(cls, windows: Iterable[Window], from_last: bool) -> _Moments:
        count, sums, products = 0, np.zeros(0), np.zeros(0)
        for window in windows:
            both = [_both(window, c, from_last) for c in range(window.inputs.shape[2])]
            stacked = np.stack(both)  # (channels, batch, features + horizon)
            features = stacked.shape[2] - window.targets.shape[1]
            if not count:
                sums = np.zeros((len(both), stacked.shape[2]))
                products = np.zeros((len(both), features, stacked.shape[2]))
            count += stacked.shape[1]
            sums += stacked.sum(1)
            products += stacked[:, :, :features].transpose(0, 2, 1) @ stacked
        if not count:
            raise ShapeError("Received no training window; ridge needs one at least.")
        return cls(count, sums, products)

    def solve(self, strengths: Sequence[float]) -> list[tuple[Exact, Exact]]:
        """Of each strength, weights (channels, features, horizon) and offsets (channels, horizon).

        The features are standardised; one decomposition serves all strengths.
        """
        features = self.products.shape[1]
        means = self.sums / self.count
        centred = self.products / self.count - means[:, :features, None] * means[:, None]
        spread = np.sqrt(np.maximum(np.einsum("cff->cf", centred[:, :, :features]), 0))
        spread = np.where(spread > 1e-9, spread, 1.0)
        inner = centred[:, :, :features] / (spread[:, :, None] * spread[:, None])
        outer = centred[:, :, features:] / spread[:, :, None]
        sizes, turn = np.linalg.eigh(inner)  # inner = turn · sizes · turnᵀ
        turned = turn.transpose(0, 2, 1) @ outer
        solved = []
        for strength in strengths:
            shrunk = turned / (np.maximum(sizes, 0) + strength)[:, :, None]
            weights = turn @ shrunk / spread[:, :, None]
            seen = np.einsum("cf,cfh->ch", means[:, :features], weights)
            solved.append((weights, means[:, features:] - seen))
        return solved


def _both(window: Window, channel: int, from_last: bool) -> Exact:
    lags, last = _features(window, channel, from_last)
    targets = np.asarray(window.targets[:, :, channel], np.float64) - last
    return np.concatenate([lags, targets], 1)
