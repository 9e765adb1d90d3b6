"""Scores of forecasts over every window and by step of the horizon, in memory that does not grow.

A target that is NaN (a gap in the data) is not scored; everything else is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.errors import ShapeError

Floats = npt.NDArray[np.floating[Any]]
Exact = npt.NDArray[np.float64]

EACH = ("mae", "mse", "mase")  # errors that are kept of each window
SHIFTED = 0.25  # of the usual change; a forecast that moves less from the last input is a shift


def level_weights(levels: Sequence[float]) -> Exact:
    """How much of (0, 1) each quantile level stands for; together 1.

    >>> level_weights([0.1, 0.5, 0.9]).round(2).tolist()
    [0.3, 0.4, 0.3]
    """
    middles = (np.asarray(levels)[1:] + np.asarray(levels)[:-1]) / 2
    return np.diff(np.concatenate([[0.0], middles, [1.0]]))


def pinball(quantiles: Floats, targets: Floats, levels: Sequence[float]) -> Exact:
    """Loss of each quantile: (y - q) τ above it, (q - y) (1 - τ) below.

    Shape:
        quantiles (..., levels), targets (...) → (..., levels).
    """
    over = np.asarray(targets, np.float64)[..., None] - quantiles
    tau = np.asarray(levels)
    return np.maximum(tau * over, (tau - 1) * over)


class ForecastScore:
    """Adds up errors window by window.

    Args:
        levels: of the quantiles, rising; (0.5,) for a forecast of one value.
        scales: (series, channels) of ``mase_scales``.
        spreads: (series, channels) of the training part; ``mse`` is on that scale.
        nominal: the interval whose coverage and width are called just that.
    """

    def __init__(
        self, levels: Sequence[float], scales: Exact, spreads: Exact, *, nominal: float = 0.9
    ) -> None:
        self.levels = tuple(levels)
        self.scales = scales
        self.spreads = spreads
        self.windows = 0
        self._weights = level_weights(levels)
        self._middle = int(np.argmin(np.abs(np.asarray(levels) - 0.5)))
        self._pairs = _pairs(self.levels, nominal)
        self._sums: dict[str, Exact] = {}
        self._counts: dict[str, npt.NDArray[np.int64]] = {}
        self._each: dict[str, list[Exact]] = {}

    def add(self, quantiles: Floats, targets: Floats, series: npt.NDArray[np.int64]) -> None:
        """Score some windows.

        Shape:
            quantiles (batch, horizon, channels, levels) in the units of the data, targets (batch,
            horizon, channels), series (batch,).

        Raises:
            ShapeError: the shapes do not belong together.
        """
        if quantiles.shape != (*targets.shape, len(self.levels)) or len(series) != len(targets):
            raise ShapeError(
                f"Received quantiles {quantiles.shape}, targets {targets.shape} and series "
                f"{series.shape}; expected (batch, horizon, channels, {len(self.levels)}), "
                "(batch, horizon, channels) and (batch,)."
            )
        self.windows += len(targets)
        exact = np.asarray(quantiles, np.float64)
        truth = np.asarray(targets, np.float64)
        point = exact[..., self._middle]
        error = np.abs(point - truth)
        both = np.abs(point) + np.abs(truth)
        standard = error / self.spreads[series][:, None]
        self._count("mae", error)
        self._count("squares", error**2)
        self._count("mse", standard**2)
        self._count("standard_mae", standard)
        self._count("smape", 200 * np.divide(error, both, out=error * 0, where=both != 0))
        self._count("mase", error / self.scales[series][:, None])
        self._count("crps", 2 * pinball(exact, truth, self.levels) @ self._weights)
        for suffix, low, high in self._pairs:
            lower, upper = exact[..., low], exact[..., high]
            inside = ((lower <= truth) & (truth <= upper)).astype(np.float64)
            self._count(f"coverage{suffix}", np.where(np.isnan(truth), np.nan, inside))
            self._count(f"width{suffix}", np.where(np.isnan(truth), np.nan, upper - lower))

    def each(self, name: str) -> Exact:
        """An error of each window, ``mae``, ``mse`` or ``mase``; NaN where none was measured."""
        return np.concatenate(self._each.get(name, [np.zeros(0)]))

    def by_channel(self) -> dict[str, list[float]]:
        """Each score by channel."""
        return self._along(0)

    def result(self) -> dict[str, float]:
        """Each score over all windows, steps and channels.

        ``mae``, ``rmse`` and ``width`` are in units of the data, ``mse`` and ``standard_mae`` in
        spreads of the training part, ``smape`` in per cent (0 to 200), ``mase`` in errors of the
        seasonal naive forecast within the training part.
        """
        return self._scores(
            {name: float(_ratio(sums.sum(), self._counts[name].sum())) for name, sums in
             self._sums.items()}
        )  # fmt: skip

    def by_step(self) -> dict[str, list[float]]:
        """Each score by step of the horizon."""
        return self._along(1)

    def _along(self, other: int) -> dict[str, list[float]]:
        """Each score by step or channel, over all places of the other axis."""
        means = {
            name: _ratio(sums.sum(other), self._counts[name].sum(other))
            for name, sums in self._sums.items()
        }
        places = [
            self._scores({name: float(mean[place]) for name, mean in means.items()})
            for place in range(len(next(iter(means.values()), ())))
        ]
        return {name: [one[name] for one in places] for name in places[0]} if places else {}

    def _count(self, name: str, values: Exact) -> None:
        real = ~np.isnan(values)
        known = np.where(real, values, 0.0)
        if name in EACH:
            self._each.setdefault(name, []).append(_ratio(known.sum((1, 2)), real.sum((1, 2))))
        sums, counts = known.sum(0), real.sum(0)  # (horizon, channels)
        self._sums[name] = self._sums.get(name, 0) + sums
        self._counts[name] = self._counts.get(name, 0) + counts

    def _scores(self, means: dict[str, float]) -> dict[str, float]:
        squares = means.pop("squares", float("nan"))
        return {"mae": means.pop("mae", float("nan")), "rmse": float(np.sqrt(squares)), **means}


def _ratio(sums: Any, counts: Any) -> Any:
    return np.divide(
        sums, counts, out=np.full(np.shape(sums), np.nan), where=np.asarray(counts) > 0
    )


def _pairs(levels: tuple[float, ...], nominal: float) -> list[tuple[str, int, int]]:
    """Suffix of the name, lower and upper level of each interval the levels hold."""
    found = []
    for low, level in enumerate(levels):
        for high in range(low + 1, len(levels)):
            if abs(level + levels[high] - 1) < 1e-9:
                covers = levels[high] - level
                suffix = "" if abs(covers - nominal) < 1e-9 else f"_{100 * covers:g}"
                found.append((suffix, low, high))
    return found


def shift_ratio(forecasts: Floats, inputs: Floats) -> float:
    """How far forecasts move from the last input, as a share of how far the inputs move.

    Compared over 1, 2, ... steps, as many as both the horizon and the look-back have; NaN where
    the inputs never change or are single steps.

    Shape:
        forecasts (windows, horizon, channels), inputs (windows, look_back, channels).
    """
    steps = min(forecasts.shape[1], inputs.shape[1] - 1)
    if steps < 1 or not len(inputs):
        return float("nan")
    last = np.asarray(inputs[:, -1:], np.float64)
    moved = np.abs(forecasts[:, :steps] - last).mean((0, 1))  # (channels,)
    usual = np.abs(last - inputs[:, -1 - steps : -1]).mean((0, 1))
    shares = moved[usual > 0] / usual[usual > 0]
    return float(shares.mean()) if len(shares) else float("nan")


def looks_shifted(forecasts: Floats, inputs: Floats) -> bool:
    """Whether a forecast is little more than its last input, shifted.

    Such a forecast follows the curve in a plot and is worth no more than the naive one.

    Shape:
        forecasts (windows, horizon, channels), inputs (windows, look_back, channels).
    """
    return shift_ratio(forecasts, inputs) < SHIFTED
