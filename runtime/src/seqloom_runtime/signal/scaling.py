"""Scales of time series, fitted on the training part alone: standard scores, logarithm, changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import DataError, RunError

Floats = npt.NDArray[np.float32]
Exact = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scaler:
    """Standard scores of each series and channel, fitted on the training part alone.

    Args:
        mean, spread: (series, channels); the spread of what never changes is 1.
        log: whether log(1 + x) is taken first, which below 0 goes on as a straight line: so every
            number has one, whatever comes later.
    """

    mean: Exact
    spread: Exact
    log: bool = False

    @classmethod
    def fit(
        cls, values: Sequence[Exact], ranges: Sequence[tuple[int, int]], *, log: bool = False
    ) -> Scaler:
        """Mean and spread of each series within its range.

        Args:
            values: of each series (time, channels); NaN, what was not measured, does not count.
            ranges: the training part of each, as (start, stop).

        Raises:
            DataError: a training part is empty.
        """
        means, spreads = [], []
        for number, (one, (start, stop)) in enumerate(zip(values, ranges, strict=True)):
            if stop <= start:
                raise DataError(f"Series {number + 1} has no step in its training part.")
            exact = np.asarray(one[start:stop], np.float64)
            train = np.ma.masked_invalid(_logged(exact) if log else exact)
            spread = train.std(0).filled(0.0)
            means.append(train.mean(0).filled(0.0))
            tiny = 1e-9 * np.maximum(np.abs(means[-1]), 1e-3)  # rounding, not change
            spreads.append(np.where(spread > tiny, spread, 1.0))
        return cls(np.array(means), np.array(spreads), log)

    def encode(self, values: npt.NDArray[Any], series: int) -> Floats:
        """Standard scores of one series: (time, channels) → alike."""
        exact = np.asarray(values, np.float64)
        exact = _logged(exact) if self.log else exact
        scaled: Floats = ((exact - self.mean[series]) / self.spread[series]).astype(np.float32)
        return scaled

    def decode(self, scaled: npt.NDArray[Any], series: int | Numbers) -> Exact:
        """The inverse of ``encode``.

        Args:
            scaled: (time, channels) of one series, or (batch, time, channels) with a series each;
                any axes may follow the channels.
        """
        mean, spread = self.mean[series], self.spread[series]
        if np.ndim(series):
            mean, spread = mean[:, None], spread[:, None]
        more = scaled.ndim - mean.ndim - (0 if np.ndim(series) else 1)
        shape = mean.shape + (1,) * more
        values: Exact = scaled.astype(np.float64) * spread.reshape(shape) + mean.reshape(shape)
        return _unlogged(values) if self.log else values

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"mean": self.mean.tolist(), "spread": self.spread.tolist(), "log": self.log}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Scaler:
        """What ``to_dict`` gave.

        Raises:
            RunError: the content is damaged.
        """
        try:
            mean, spread = (np.array(saved[name], np.float64) for name in ("mean", "spread"))
            if mean.shape != spread.shape or mean.ndim != 2:
                raise ValueError("shapes")
            return cls(mean, spread, bool(saved["log"]))
        except (KeyError, TypeError, ValueError):
            raise RunError("The saved scale of the series is damaged.") from None


def _logged(values: Exact) -> Exact:
    """log(1 + x), and x itself below 0: both have the slope 1 there."""
    logged: Exact = np.log1p(np.maximum(values, 0.0)) + np.minimum(values, 0.0)
    return logged


def _unlogged(values: Exact) -> Exact:
    """The inverse of ``_logged``."""
    plain: Exact = np.expm1(np.maximum(values, 0.0)) + np.minimum(values, 0.0)
    return plain


def difference(values: Exact, lag: int = 1) -> Exact:
    """Change since ``lag`` steps before; the first steps stay as they are, so nothing is lost.

    Shape:
        values (time, channels) → alike.

    >>> difference(np.array([[1.0], [3.0], [6.0]])).ravel().tolist()
    [1.0, 2.0, 3.0]
    """
    changed = values.copy()
    changed[lag:] = values[lag:] - values[:-lag]
    return changed


def undifference(changed: Exact, last: Exact, lag: int = 1) -> Exact:
    """Values from forecast changes: the inverse of ``difference`` behind a known history.

    Args:
        changed: (horizon, channels) changes, or (batch, horizon, channels).
        last: (lag, channels) values before them, or (batch, lag, channels).

    >>> undifference(np.array([[2.0], [3.0]]), np.array([[1.0]])).ravel().tolist()
    [3.0, 6.0]
    """
    values = np.concatenate([last, changed], -2)
    for step in range(lag, values.shape[-2]):
        values[..., step, :] += values[..., step - lag, :]
    return values[..., lag:, :]
