"""Sound at another rate, piece by piece: the same samples as of the whole.

scipy's polyphase filter hears so many samples on both sides of each that it gives. So pieces keep
what the next ones need of them, and give only what no later sample can change.
"""

from __future__ import annotations

import math

import numpy as np

from seqloom_runtime.signal.audio import Floats

HALF_FILTER = 10  # times the larger of both factors, as scipy.signal.resample_poly has it


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
        from scipy.signal import resample_poly

        if end <= self._given:
            return np.zeros(0, np.float32)
        offset = self._before * self.up // self.down  # of the first sample of what is held
        whole = resample_poly(self._held, self.up, self.down)
        found: Floats = whole[self._given - offset : end - offset].astype(np.float32)
        self._given += len(found)
        first = self._given * self.down // self.up - self.margin
        keep = max(self._before, first // self.down * self.down)
        self._held = self._held[keep - self._before :]
        self._before = keep
        return found


def resampled(samples: Floats, given: int, wanted: int) -> Floats:
    """A whole recording at another rate."""
    resampler = Resampler(given, wanted)
    return np.concatenate([resampler.feed(samples), resampler.finish()])
