"""Forecasts that need no network: last value, last season, drift, mean; ``ridge_forecast`` beside.

Each takes the same windows as the network and sees nothing that stands behind their look-back.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import ShapeError

Floats = npt.NDArray[np.floating[Any]]
Exact = npt.NDArray[np.float64]


class Window(Protocol):
    """What a baseline sees; ``seqloom_runtime.signal.windows.Batch`` is one.

    Shape:
        inputs (batch, look_back, channels), targets (batch, horizon, channels), past (batch,
        look_back, p), known (batch, look_back + horizon, k), series (batch,), lengths (batch,),
        real (batch, horizon, channels).
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

    @property
    def real(self) -> npt.NDArray[np.bool_]:
        """Whether a target was measured, not filled in."""


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
