"""Intervals that follow the world: a little wider after a miss, a very little narrower after none.

    time   ────────────────────────────────●─────────────
    windows before   [····]                │ a window begins here
                        [····]             │
                          [··|··]  step 3 of this one has not come true: it moves nothing yet

Margins made once, of the validation part, hold while errors stay as large as they were there. Here
the margin of each step of the horizon moves with what came true before a window begins:

    margin += rate · scale · (share that lay outside - share that may)

so in the long run as much lies outside as may, whatever the world does. An interval says nothing
that could not be said at its time. Knows quantiles, targets and places in time only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from seqloom_runtime.evaluate.conformal import Conformal, Floats, Numbers, moved, outside

RATE = 0.01  # chosen on halves of validation parts; see docs/forecast-scores.md

Places = npt.NDArray[np.int64]


class AdaptiveConformal:
    """Margins that move as windows come true.

    Args:
        start: the margins to begin with.
        rate: of the usual error by which a margin grows after a miss.
    Source:
        Gibbs & Candès 2021, "Adaptive conformal inference under distribution shift", in the form
        that moves the margin itself: Angelopoulos et al. 2023, "Conformal PID control", 2.1.
    """

    def __init__(self, start: Conformal, rate: float = RATE) -> None:
        self.levels, self.scale = start.levels, start.scale
        self._margins = start.margins.copy()
        shape = self._margins.shape  # (intervals, horizon, channels)
        may = np.array([2 * start.levels[low] for low in range(shape[0])]).reshape(-1, 1, 1)
        self._may, self._rate = may, rate
        self._ring = shape[1]
        # Of the windows of the last places: how many targets were measured and how many missed.
        self._counts, self._misses = np.zeros((2, self._ring, *shape))
        self._place: int | None = None

    def hold(self, quantiles: Numbers, targets: Numbers, places: Places) -> Floats:
        """Quantiles of windows whose intervals are as of their time.

        Args:
            places: in time, of the first step of each target; they rise, from call to call too.
        Shape:
            quantiles (windows, horizon, channels, levels) as the network gives them → alike;
            targets (windows, horizon, channels), NaN where one was not measured; places (windows,).
        """
        errors = outside(quantiles, targets, len(self._margins))
        margins = np.empty(errors.shape)
        for place in np.unique(places):
            own = places == place
            margins[own] = self.at(int(place)).margins
            self._count(errors[own], int(place))
        return moved(quantiles, margins)

    def at(self, place: int) -> Conformal:
        """The intervals of windows whose targets begin at a place, which is none of the past."""
        for now in range(place if self._place is None else self._place + 1, place + 1):
            self._learn(now)
            self._counts[now % self._ring] = self._misses[now % self._ring] = 0
        self._place = place if self._place is None else max(place, self._place)
        return Conformal(self.levels, self._margins.copy(), self.scale)

    def after(self, place: int) -> Conformal:
        """The intervals when all windows that began at a place or before have come true."""
        return self.at(place + self._ring)

    def _count(self, errors: Floats, place: int) -> None:
        measured = ~np.isnan(errors)
        self._counts[place % self._ring] += measured.sum(0)
        self._misses[place % self._ring] += (errors > self._margins).sum(0)

    def _learn(self, now: int) -> None:
        """Of each step, the windows that began so many places before have just come true."""
        steps = np.arange(self._ring)
        began = (now - 1 - steps) % self._ring
        counts, misses = (
            ring[began, :, steps].swapaxes(0, 1) for ring in (self._counts, self._misses)
        )  # (intervals, horizon, channels)
        share = np.divide(misses, counts, out=self._may + 0 * misses, where=counts > 0)
        self._margins += self._rate * self.scale * (share - self._may)
