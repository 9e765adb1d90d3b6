"""The linear forecast: ridge on lags and covariates, of what was measured alone.

    features x (lags, covariates) → targets y of each step;  weights = (E[x xᵀ] + strength)⁻¹ E[x y]

Where targets are missing, each step of the horizon has means E of its own: over the windows in
which it was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from seqloom_runtime.evaluate.forecast_baselines import Exact, Floats, Window

from seqloom.errors import ShapeError

STRENGTHS = tuple(10.0**power for power in range(-6, 2))  # for each example


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
    """Squared errors of models that take features alike; each window's are made once.

    What was filled in is no error.
    """
    errors = np.zeros(len(fitted))
    for window in windows:
        for channel in range(window.inputs.shape[2]):
            features, last = _features(window, channel, fitted[0].from_last)
            truth, real = window.targets[:, :, channel] - last, window.real[:, :, channel]
            for place, one in enumerate(fitted):
                made = features @ one.weights[channel] + one.offsets[channel]
                errors[place] += np.sum(np.where(real, made - truth, 0.0) ** 2)
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

    Args:
        counts: measured targets (channels, horizon).
        sums: of features over all windows (channels, 1, features).
        inner: their products (channels, 1, features, features).
        lost: the same two over the windows in which a step was not measured, with the horizon in
            place of 1; None while every target was measured.
        outer, targets: products with targets (channels, features, horizon), and sums of these.
    """

    counts: Exact
    sums: Exact
    inner: Exact
    outer: Exact
    targets: Exact
    lost: tuple[Exact, Exact] | None = None
    windows: int = 0

    @classmethod
    def of(cls, windows: Iterable[Window], from_last: bool) -> _Moments:
        found = None
        for window in windows:
            found = found or cls._empty(window)
            for channel in range(window.inputs.shape[2]):
                found._add(window, channel, from_last)
            found.windows += len(window.inputs)
        if found is None:
            raise ShapeError("Received no training window; ridge needs one at least.")
        return found

    @classmethod
    def _empty(cls, window: Window) -> _Moments:
        _, horizon, channels = window.targets.shape
        size = _features(window, 0, False)[0].shape[1]
        return cls(
            np.zeros((channels, horizon)),
            np.zeros((channels, 1, size)),
            np.zeros((channels, 1, size, size)),
            np.zeros((channels, size, horizon)),
            np.zeros((channels, horizon)),
        )

    def _add(self, window: Window, channel: int, from_last: bool) -> None:
        features, last = _features(window, channel, from_last)
        real = window.real[:, :, channel]
        targets = np.where(real, np.asarray(window.targets[:, :, channel], np.float64) - last, 0.0)
        self.counts[channel] += real.sum(0)
        self.sums[channel, 0] += features.sum(0)
        self.inner[channel, 0] += features.T @ features
        self.outer[channel] += features.T @ targets
        self.targets[channel] += targets.sum(0)
        if not real.all():
            self._lose(features, real, channel)

    def _lose(self, features: Exact, real: npt.NDArray[np.bool_], channel: int) -> None:
        """Note the windows in which some steps were not measured."""
        if self.lost is None:
            (channels, horizon), size = self.counts.shape, features.shape[1]
            shape = (channels, horizon, size)
            self.lost = np.zeros(shape), np.zeros((*shape, size))
        sums, inner = self.lost
        for step in np.flatnonzero(~real.all(0)):
            without = features[~real[:, step]]
            sums[channel, step] += without.sum(0)
            inner[channel, step] += without.T @ without

    def solve(self, strengths: Sequence[float]) -> list[tuple[Exact, Exact]]:
        """Of each strength, weights (channels, features, horizon) and offsets (channels, horizon).

        The features are standardised; one decomposition serves all strengths.
        """
        if self.lost is None:
            counts, sums, inner = np.full((1, 1), self.windows), self.sums, self.inner
        else:  # a decomposition for each step
            counts, sums, inner = self.counts, self.sums - self.lost[0], self.inner - self.lost[1]
        counts = np.maximum(counts, 1)[..., None]
        each = np.maximum(self.counts, 1)
        means, levels = sums / counts, self.targets / each  # (c, 1 or h, f), (c, h)
        outer = self.outer.transpose(0, 2, 1) / each[..., None] - means * levels[..., None]
        centred = inner / counts[..., None] - means[..., None] * means[..., None, :]
        spread = np.sqrt(np.maximum(np.einsum("chff->chf", centred), 0))
        spread = np.where(spread > 1e-9, spread, 1.0)
        sizes, turn = np.linalg.eigh(centred / (spread[..., None] * spread[..., None, :]))
        turned = _each_step(outer / spread, turn)
        solved = []
        for strength in strengths:
            shrunk = turned / (np.maximum(sizes, 0) + strength)
            weights = _each_step(shrunk, turn.swapaxes(2, 3)) / spread
            offsets = levels - (means * weights).sum(-1)
            solved.append((np.ascontiguousarray(weights.transpose(0, 2, 1)), offsets))
        return solved


def _each_step(rows: Exact, matrices: Exact) -> Exact:
    """The row of each step times its matrix, or the one of all: (c, h, f), (c, 1 or h, f, g)."""
    if matrices.shape[1] == 1:
        return rows @ matrices[:, 0]
    product: Exact = (rows[:, :, None] @ matrices)[:, :, 0]
    return product
