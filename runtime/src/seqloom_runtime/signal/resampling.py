"""Sound at another rate, piece by piece: the same samples as of the whole.

A low-pass filter hears so many samples on both sides of each that it gives. So pieces keep what the
next ones need of them, and give only what no later sample can change.

    y[m] = Σ_k h[m · down - k · up] x[k]

The filter h is that of ``scipy.signal.resample_poly``: a sinc under a Kaiser window. Of every
``up`` samples that are given each has taps of its own, every ``up``-th number of h, so nothing is
multiplied by the zeros that would lie between the samples of x.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from seqloom_runtime.signal.audio import Floats

HALF_FILTER = 10  # times the larger of both factors
KAISER = 5.0  # β of the window


class Resampler:
    """Samples of one rate to samples of another.

    Args:
        given, wanted: samples a second.
    """

    def __init__(self, given: int, wanted: int) -> None:
        common = math.gcd(given, wanted)
        self.up, self.down = wanted // common, given // common
        # Samples heard on each side; whole blocks of them, so that both rates meet at the borders.
        reach = HALF_FILTER * max(self.up, self.down) / self.up
        self.margin = self.down * math.ceil((reach + 1) / self.down)
        self._held: Floats = np.zeros(0, np.float32)
        self._before = 0  # samples that are no longer held
        self._given = 0  # samples that were given out

    def feed(self, samples: Floats) -> Floats:
        """What no later sample can change."""
        if self.up == self.down:
            return samples
        self._held = np.concatenate([self._held, samples])
        sure = self._before + len(self._held) - self.margin
        return self._until(sure * self.up // self.down)

    def finish(self) -> Floats:
        """The rest."""
        if self.up == self.down:
            return np.zeros(0, np.float32)
        return self._until(-(-(self._before + len(self._held)) * self.up // self.down))

    def _until(self, end: int) -> Floats:
        """Samples up to this one, counted from the beginning."""
        if end <= self._given:
            return np.zeros(0, np.float32)
        offset = self._before * self.up // self.down  # of the first sample of what is held
        whole = filtered(self._held, self.up, self.down)
        found: Floats = whole[self._given - offset : end - offset]
        self._given += len(found)
        first = self._given * self.down // self.up - self.margin
        keep = max(self._before, first // self.down * self.down)
        self._held = self._held[keep - self._before :]
        self._before = keep
        return found


def filtered(x: Floats, up: int, down: int) -> Floats:
    """``up`` samples (time,) for every ``down``; before the first and after the last is silence."""
    count = -(-len(x) * up // down)
    if not count:
        return np.zeros(0, np.float32)
    taps = taps_of(up, down)  # (up, heard)
    before = after = taps.shape[1] // 2
    windows = sliding_window_view(np.pad(x, (before, after + down)), taps.shape[1])
    found = np.zeros(count, np.float32)
    for first in range(min(up, count)):
        own = found[first::up]
        own[:] = (windows[first * down // up :: down] @ taps[first])[: len(own)]
    return found


@lru_cache(maxsize=8)
def taps_of(up: int, down: int) -> Floats:
    """What each of ``up`` samples makes of the samples about its place: (up, heard)."""
    half = HALF_FILTER * max(up, down)
    steps = np.arange(-half, half + 1)
    h = np.sinc(steps / max(up, down)) * np.kaiser(len(steps), KAISER)
    h *= up / h.sum()
    side = half // up + 1
    taps = np.zeros((up, 2 * side + 1), np.float32)
    for first in range(up):
        # The sample m = first lies at m · down; heard are k = (m · down) // up - side, … + side.
        place = first * down % up - np.arange(-side, side + 1) * up
        heard = np.abs(place) <= half
        taps[first, heard] = h[place[heard] + half]
    return taps


def resampled(samples: Floats, given: int, wanted: int) -> Floats:
    """A whole recording at another rate."""
    resampler = Resampler(given, wanted)
    return np.concatenate([resampler.feed(samples), resampler.finish()])
