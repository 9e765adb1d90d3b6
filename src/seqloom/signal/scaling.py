"""Scales of time series, fitted on the training part alone: standard scores, logarithm, changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.errors import DataError, RunError

Floats = npt.NDArray[np.float32]
Exact = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scaler:
    """Standard scores of each series and channel, fitted on the training part alone.

    Args:
        mean, spread: (series, channels); the spread of what never changes is 1.
        log: whether log(1 + x) is taken first.
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
            values: of each series (time, channels).
            ranges: the training part of each, as (start, stop).

        Raises:
            DataError: a training part is empty, or holds -1 or less where a log is asked for.
        """
        means, spreads = [], []
        for number, (one, (start, stop)) in enumerate(zip(values, ranges, strict=True)):
            if stop <= start:
                raise DataError(f"Series {number + 1} has no step in its training part.")
            train = (
                _logged(np.asarray(one, np.float64), number)[start:stop] if log else one[start:stop]
            )
            train = np.asarray(train, np.float64)
            spread = train.std(0)
            means.append(train.mean(0))
            tiny = 1e-9 * np.maximum(np.abs(means[-1]), 1e-3)  # rounding, not change
            spreads.append(np.where(spread > tiny, spread, 1.0))
        return cls(np.array(means), np.array(spreads), log)

    def encode(self, values: npt.NDArray[Any], series: int) -> Floats:
        """Standard scores of one series: (time, channels) → alike."""
        exact = np.asarray(values, np.float64)
        exact = _logged(exact, series) if self.log else exact
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
        return np.expm1(values) if self.log else values

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


def _logged(values: Exact, number: int) -> Exact:
    low = np.argwhere(values <= -1)
    if len(low):
        raise DataError(
            f"Series {number + 1} holds {values[tuple(low[0])]:g} at step {int(low[0][0])}; the "
            "logarithm log(1 + x) needs values above -1. Train with --no-log."
        )
    logged: Exact = np.log1p(values)
    return logged


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
