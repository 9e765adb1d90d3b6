"""Intervals that hold: quantiles moved outward or inward by what validation windows call for.

A network's 90 % interval seldom covers 90 %. On windows it was not trained on, how far outside its
interval each truth lies is measured; the right quantile of those distances is added to both ends.
Where new windows are like those of validation, the interval then covers at least its share.

Knows quantiles and targets only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import RunError, SettingsError, ShapeError

NEAREST = 0.1  # of an end's distance from the median, which it keeps

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating[Any]]


def finite_quantile(scores: Numbers, coverage: float) -> Floats:
    """The ⌈(n + 1) · coverage⌉-th smallest score; the largest where there are too few.

    NaN scores, of targets that do not stand in the data, do not count. With fewer than
    coverage / (1 - coverage) scores nothing finite is enough; the largest is the best there is.

    Shape:
        scores (windows, ...) → (...).

    >>> float(finite_quantile(np.arange(1.0, 20.0), 0.9))
    18.0
    """
    ordered = np.sort(np.asarray(scores, np.float64), axis=0)  # NaN comes last
    count = (~np.isnan(ordered)).sum(0)
    # Rounded first: (n + 1) · coverage of 18.000000000000004 is rank 18.
    rank = np.ceil(np.round((count + 1) * coverage, 9)).astype(np.int64)
    index = np.clip(np.minimum(rank, count) - 1, 0, None)
    chosen: Floats = np.take_along_axis(ordered, index[None], axis=0)[0]
    return np.where(count > 0, chosen, 0.0)


@dataclass(frozen=True, eq=False)
class Conformal:
    """What is added to both ends of each interval, by step of the horizon and channel.

    lower' = lower - margin,  upper' = upper + margin

    Args:
        levels: of the quantiles, rising; level τ and level 1 - τ are the ends of an interval.
        margins: (intervals, horizon, channels), the widest interval first; below 0 it narrows.
        scale: how large errors usually are, the 0.9 quantile of their distances from the widest
            interval's ends: (horizon, channels); 0 where it is not known.
    Source:
        Romano et al. 2019, "Conformalized Quantile Regression", equations 6 to 8.
    """

    levels: tuple[float, ...]
    margins: Floats
    scale: Floats = field(default_factory=lambda: np.zeros((1, 1)))

    @classmethod
    def fit(cls, quantiles: Numbers, targets: Numbers, levels: Sequence[float]) -> Conformal:
        """Margins from windows that training has not seen.

        Args:
            quantiles, targets: on one scale; NaN targets do not count.
            levels: rising and mirrored about 0.5.
        Shape:
            quantiles (windows, horizon, channels, levels), targets (windows, horizon, channels).

        Raises:
            SettingsError: levels without their mirror images.
            ShapeError: the shapes do not belong together.
        """
        _check(quantiles, targets, levels)
        margins = np.zeros((len(levels) // 2, *targets.shape[1:]))
        usual = np.zeros((1, 1))
        for low in range(len(margins)):  # one at a time: there may be millions of windows
            errors = _outside(quantiles, targets, low)
            margins[low] = finite_quantile(errors, 1 - 2 * levels[low])
            if low == 0:
                usual = finite_quantile(np.abs(errors), 0.9)
        return cls(tuple(levels), margins, usual)

    def apply(self, quantiles: Numbers) -> Floats:
        """Quantiles whose intervals hold, still in order.

        Shape:
            quantiles (windows, horizon, channels, levels) → alike; the first steps of the horizon
            will do.
        """
        steps = quantiles.shape[1]
        if steps > self.margins.shape[1] or quantiles.shape[-1] != len(self.levels):
            raise ShapeError(
                f"Received quantiles {quantiles.shape}; the margins are of {self.margins.shape[1]} "
                f"steps and {len(self.levels)} levels."
            )
        return moved(quantiles, self.margins[None, :, :steps])

    def hold(self, quantiles: Numbers, targets: Numbers, places: Any) -> Floats:
        """The same, whatever came true and when."""
        return self.apply(quantiles)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "levels": list(self.levels),
            "margins": self.margins.tolist(),
            "scale": self.scale.tolist(),
        }

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Conformal:
        """What ``to_dict`` gave.

        Raises:
            RunError: the content is damaged.
        """
        try:
            levels = tuple(float(level) for level in saved["levels"])
            margins = np.array(saved["margins"], np.float64)
            scale = np.array(saved["scale"], np.float64)
            if len(levels) // 2 and (margins.ndim != 3 or len(margins) != len(levels) // 2):
                raise ValueError("shapes")
        except (KeyError, TypeError, ValueError):
            raise RunError("The saved margins of the intervals are damaged.") from None
        return cls(levels, margins, scale)


def outside(quantiles: Numbers, targets: Numbers, intervals: int) -> Floats:
    """How far each target lies outside each interval, the widest first; inside it is below 0.

    Shape:
        quantiles (windows, horizon, channels, levels), targets (windows, horizon, channels) →
        (windows, intervals, horizon, channels).
    """
    found = np.zeros((len(targets), intervals, *targets.shape[1:]))
    for low in range(intervals):
        found[:, low] = _outside(quantiles, targets, low)
    return found


def _outside(quantiles: Numbers, targets: Numbers, low: int) -> Numbers:
    return np.maximum(quantiles[..., low] - targets, targets - quantiles[..., -1 - low])


def moved(quantiles: Numbers, margins: Floats) -> Floats:
    """Quantiles with both ends of each interval moved outward, still in order.

    Moved inward, an end keeps a tenth of its distance from the median.

    Shape:
        quantiles (windows, horizon, channels, levels) → alike; margins (windows or 1, intervals,
        horizon, channels).
    """
    ends = np.array(quantiles, np.float64)
    middle = ends.shape[-1] // 2
    least = ends[..., middle, None] + NEAREST * (ends - ends[..., middle, None])
    for low in range(margins.shape[1]):
        high = -1 - low
        ends[..., low] = np.minimum(ends[..., low] - margins[:, low], least[..., low])
        ends[..., high] = np.maximum(ends[..., high] + margins[:, low], least[..., high])
    return _ordered(ends)


def _ordered(quantiles: Floats) -> Floats:
    """From the median outward, no quantile inside the one before: intervals only grow."""
    middle = quantiles.shape[-1] // 2
    below = np.minimum.accumulate(quantiles[..., middle::-1], axis=-1)[..., ::-1]
    above = np.maximum.accumulate(quantiles[..., middle:], axis=-1)
    return np.concatenate([below, above[..., 1:]], axis=-1)


def check_levels(levels: Sequence[float]) -> None:
    """See that quantile levels rise and are mirrored about 0.5, as intervals need.

    Raises:
        SettingsError: they do not.
    """
    exact = np.asarray(levels, np.float64)
    mirrored = len(exact) % 2 == 1 and np.allclose(exact + exact[::-1], 1)
    inside = len(exact) and exact[0] > 0 and exact[-1] < 1
    if not mirrored or not inside or not (np.diff(exact) > 0).all():
        raise SettingsError(
            f"quantile levels {tuple(levels)}: intervals need 0.5 and, with each level, its mirror "
            "image, such as 0.05 0.5 0.95."
        )


def _check(quantiles: Numbers, targets: Numbers, levels: Sequence[float]) -> None:
    check_levels(levels)
    if quantiles.shape != (*targets.shape, len(levels)) or targets.ndim != 3:
        raise ShapeError(
            f"Received quantiles {quantiles.shape} and targets {targets.shape}; expected (windows, "
            f"horizon, channels, {len(levels)}) and (windows, horizon, channels)."
        )
