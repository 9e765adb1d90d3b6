"""Sound as log-mel frames: how loud each band of pitch is, a hundred times a second.

    samples (time,) ─ windows ─ |FFT|² ─ mel bands ─ log ─→ frames (frames, bands)

The same frames come out of a recording as a whole and of its pieces (``FrameStream``). Seconds and
Hz, never samples, are what callers say. Knows numpy only: no file, no torch, no settings object.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

FLOOR = 1e-6  # of a band's power, below which nothing is heard
FRAMES_AT_ONCE = 4_096  # so that an hour takes no more memory than a minute
BEND = 0.8  # of the highest pitch: up to here pitches are warped evenly, above it less and less


@dataclass(frozen=True)
class Mel:
    """How samples become frames.

    Args:
        rate: samples a second.
        window: seconds that a frame looks at.
        hop: seconds from one frame to the next.
        bands: of pitch, evenly spread as ears hear it.
        lowest, highest: Hz, the ends of the bands.
    """

    rate: int
    window: float = 0.025
    hop: float = 0.010
    bands: int = 40
    lowest: float = 60.0
    highest: float = 4_000.0

    @property
    def window_size(self) -> int:
        """Samples in a window."""
        return max(2, round(self.window * self.rate))

    @property
    def hop_size(self) -> int:
        """Samples from one window to the next."""
        return max(1, round(self.hop * self.rate))

    def count(self, samples: int) -> int:
        """Frames of so many samples; a recording shorter than a window has one."""
        return 1 + max(0, samples - self.window_size) // self.hop_size


def log_mel(samples: Floats, mel: Mel, *, tempo: float = 1.0, warp: float = 1.0) -> Floats:
    """Frames of a recording.

    Args:
        samples: (time,) from -1 to 1, one at least.
        tempo: how much faster it is read, without a change of pitch.
        warp: how much higher its pitches are read, as of a shorter vocal tract.
    Shape:
        (frames, bands).
    Source:
        warp: Jaitly & Hinton 2013, vocal tract length perturbation.
    """
    size = mel.window_size
    if len(samples) < size:
        samples = np.pad(samples, (0, size - len(samples)))
    step = max(1.0, mel.hop_size * tempo)
    count = 1 + int((len(samples) - size) / step)
    starts = np.round(np.arange(count) * step).astype(np.int64)
    found = np.empty((count, mel.bands), np.float32)
    for first in range(0, count, FRAMES_AT_ONCE):
        chosen = starts[first : first + FRAMES_AT_ONCE]
        found[first : first + len(chosen)] = _frames(samples, chosen, mel, warp)
    return found


def _frames(samples: Floats, starts: npt.NDArray[np.int64], mel: Mel, warp: float) -> Floats:
    """Frames of the windows that begin at these samples."""
    size = mel.window_size
    windows = np.lib.stride_tricks.sliding_window_view(samples, size)[starts]
    spectrum = np.fft.rfft(windows * hann(size), _fft_size(size), axis=1)
    power = spectrum.real**2 + spectrum.imag**2  # (frames, pitches)
    found: Floats = np.log(power @ mel_bank(mel, warp) + FLOOR)
    return found


class FrameStream:
    """Frames of a recording that comes in pieces: the same as of the whole.

    Args:
        mel: how samples become frames.
    """

    def __init__(self, mel: Mel) -> None:
        self.mel = mel
        self._held: Floats = np.zeros(0, np.float32)
        self._given = 0

    def feed(self, samples: Floats) -> Floats:
        """The frames whose windows are complete by now (frames, bands)."""
        self._held = np.concatenate([self._held, samples.astype(np.float32)])
        if len(self._held) < self.mel.window_size:
            return np.zeros((0, self.mel.bands), np.float32)
        frames = log_mel(self._held, self.mel)
        self._held = self._held[len(frames) * self.mel.hop_size :]
        self._given += len(frames)
        return frames

    def finish(self) -> Floats:
        """What is left: the frame of a recording that is shorter than a window."""
        if self._given or not len(self._held):
            return np.zeros((0, self.mel.bands), np.float32)
        return log_mel(self._held, self.mel)


@lru_cache(maxsize=8)
def hann(size: int) -> Floats:
    """A window that fades in and out: (size,)."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


@lru_cache(maxsize=256)
def mel_bank(mel: Mel, warp: float = 1.0) -> Floats:
    """How much of each pitch of the spectrum is in each band: (pitches, bands).

    Bands are triangles whose feet are the middles of their neighbours.

    >>> mel_bank(Mel(rate=8_000, bands=4)).shape
    (129, 4)
    """
    size = _fft_size(mel.window_size)
    pitches = np.arange(size // 2 + 1) * (mel.rate / size)
    feet = np.linspace(to_mel(mel.lowest), to_mel(mel.highest), mel.bands + 2)
    hertz = warped(700 * (10 ** (feet / 2595) - 1), warp, mel.highest)
    low, middle, high = hertz[:-2], hertz[1:-1], hertz[2:]
    rising = (pitches[:, None] - low) / np.maximum(middle - low, 1e-9)
    falling = (high - pitches[:, None]) / np.maximum(high - middle, 1e-9)
    bank = np.maximum(0.0, np.minimum(rising, falling))
    # A band narrower than the spectrum's steps would hear nothing: it takes the nearest pitch.
    for band in np.flatnonzero(bank.sum(0) == 0):
        bank[int(np.abs(pitches - middle[band]).argmin()), band] = 1.0
    found: Floats = bank.astype(np.float32)
    return found


def to_mel(hertz: float) -> float:
    """Pitch as ears hear it.

    >>> round(to_mel(1_000))
    1000
    """
    return 2595 * math.log10(1 + hertz / 700)


def warped(hertz: npt.NDArray[np.float64], warp: float, highest: float) -> npt.NDArray[np.float64]:
    """Where pitches of a voice lie in one whose vocal tract is ``warp`` times as short.

    Even up to a bend, then such that the highest pitch stays where it is.
    """
    bend = BEND * highest / max(warp, 1.0)
    rest = (highest - warp * bend) / (highest - bend)
    above: npt.NDArray[np.float64] = highest - rest * (highest - hertz)
    return np.where(hertz <= bend, warp * hertz, above)


def _fft_size(window: int) -> int:
    """The power of two that holds a window."""
    return 1 << (window - 1).bit_length()


def stacked(frames: Floats, stack: int, stride: int) -> Floats:
    """Several frames as one step.

        frames a b c d e    stack 3, stride 2 → abc cde    stack 2, stride 2 → ab cd e·

    The last step is filled up with its last frame, so that the end is heard.

    Shape:
        (frames, bands) → (steps, stack · bands).
    """
    steps = steps_of(len(frames), stack, stride)
    needed = (steps - 1) * stride + stack if steps else 0
    if needed > len(frames):
        frames = np.concatenate([frames, np.repeat(frames[-1:], needed - len(frames), 0)])
    index = np.arange(steps)[:, None] * stride + np.arange(stack)
    found: Floats = frames[index].reshape(steps, stack * frames.shape[1])
    return found


def steps_of(frames: int, stack: int, stride: int) -> int:
    """Steps of so many frames.

    >>> steps_of(5, 3, 2), steps_of(5, 2, 2), steps_of(1, 3, 3), steps_of(0, 3, 3)
    (2, 3, 1, 0)
    """
    if not frames:
        return 0
    return 1 + max(0, -(-(frames - stack) // stride))


class StackStream:
    """``stacked`` of frames that come in pieces."""

    def __init__(self, stack: int, stride: int) -> None:
        self.stack, self.stride = stack, stride
        self._held: Floats | None = None
        self._given = 0
        self._seen = 0

    def feed(self, frames: Floats) -> Floats:
        """The steps that are complete by now."""
        self._seen += len(frames)
        self._held = frames if self._held is None else np.concatenate([self._held, frames])
        steps = max(0, (len(self._held) - self.stack) // self.stride + 1)
        found = stacked(self._held[: (steps - 1) * self.stride + self.stack], *self._sizes)
        if not steps:
            return np.zeros((0, self.stack * frames.shape[1]), np.float32)
        self._held = self._held[steps * self.stride :]
        self._given += steps
        return found

    def finish(self) -> Floats:
        """The last step, where frames are left that no step has heard."""
        held = self._held if self._held is not None else np.zeros((0, 1), np.float32)
        left = steps_of(self._seen, *self._sizes) - self._given
        return stacked(held, *self._sizes) if left > 0 else held[:0].repeat(self.stack, 1)

    @property
    def _sizes(self) -> tuple[int, int]:
        return self.stack, self.stride


def masked(
    frames: Floats, random: np.random.Generator, *, bands: int, steps: int, fill: float = 0.0
) -> Floats:
    """Frames with two stripes of bands and two of time taken out, each of random width.

    Args:
        bands, steps: of a stripe at most; of time also no more than a fifth of the frames.
        fill: what stands there instead; 0 is the mean of standardised frames.
    Source:
        Park et al. 2019, SpecAugment.
    """
    found = frames.copy()
    longest = min(steps, len(frames) // 5)
    for axis, widest in ((1, min(bands, frames.shape[1])), (0, longest), (1, bands), (0, longest)):
        width = int(random.integers(widest + 1))
        first = int(random.integers(found.shape[axis] - width + 1))
        if axis:
            found[:, first : first + width] = fill
        else:
            found[first : first + width] = fill
    return found
