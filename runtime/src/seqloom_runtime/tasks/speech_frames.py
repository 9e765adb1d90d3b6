"""How samples become the steps that a network of speech reads, and how training varies them.

samples ─ louder, noisier ─ log-mel, faster, another voice ─ standardised ─ stripes ─ stacked
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import RunError
from seqloom_runtime.signal.audio import (
    Floats,
    FrameStream,
    Mel,
    StackStream,
    log_mel,
    masked,
    stacked,
    steps_of,
)

LEAST_SPREAD = 0.1  # of a band: silence has none
LEAST_PEAK = 1e-4  # of a recording, below which it is silence and stays so
TAIL_SECONDS = 0.25  # of silence behind a recording, in which a network that reads one way ends
WAVES = 4  # cosines over the bands that make a colour
WARPS = 33  # voices that are told apart, so that their filters are made once


@dataclass(frozen=True, eq=False)
class Scale:
    """Mean and spread of each band over the training part: (bands,)."""

    mean: Floats
    spread: Floats

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"mean": self.mean.tolist(), "spread": self.spread.tolist()}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Scale:
        """What ``to_dict`` gave.

        Raises:
            RunError: it is something else.
        """
        try:
            mean, spread = (np.array(saved[n], np.float32) for n in ("mean", "spread"))
        except (KeyError, TypeError, ValueError):
            raise RunError("The scale of the bands is damaged.") from None
        if mean.ndim != 1 or mean.shape != spread.shape or not (spread > 0).all():
            raise RunError("The scale of the bands is damaged.")
        return cls(mean, spread)


class ScaleFitter:
    """Mean and spread of the bands of many recordings, seen once each."""

    def __init__(self, bands: int) -> None:
        self._count = 0
        self._sums: npt.NDArray[np.float64] = np.zeros(bands)
        self._squares: npt.NDArray[np.float64] = np.zeros(bands)

    def add(self, frames: Floats) -> None:
        """Count the frames of a recording (frames, bands)."""
        self._count += len(frames)
        self._sums += frames.sum(0, dtype=np.float64)
        self._squares += (frames.astype(np.float64) ** 2).sum(0)

    def scale(self) -> Scale:
        """The scale of all of them."""
        mean = self._sums / max(1, self._count)
        spread = np.sqrt(np.maximum(self._squares / max(1, self._count) - mean**2, 0))
        return Scale(mean.astype(np.float32), np.maximum(spread, LEAST_SPREAD).astype(np.float32))


@dataclass(frozen=True, eq=False)
class SpeechFrames:
    """Samples to steps.

    Args:
        settings: of the audio, every ``auto`` resolved.
        mel: windows and bands.
        scale: of the training part.
        tail: samples of silence that are heard behind each recording.
    """

    settings: Any
    mel: Mel
    scale: Scale
    tail: int = 0

    @property
    def size(self) -> int:
        """Numbers in a step."""
        return int(self.settings.stack * self.settings.bands)

    def steps(self, samples: int) -> int:
        """Steps of so many samples."""
        return steps_of(self.mel.count(samples + self.tail), self.settings.stack, self.stride)

    @property
    def stride(self) -> int:
        """Frames from one step to the next."""
        return int(self.settings.stride or self.settings.stack)  # 0 of runs that were saved so

    @property
    def step_seconds(self) -> float:
        """Seconds from one step to the next."""
        return self.stride * self.mel.hop_size / self.mel.rate

    def times(self, count: int) -> npt.NDArray[np.float64]:
        """Seconds at which so many steps lie: the middle of the frames that each has."""
        middles = np.arange(count) * self.stride + float(self.settings.stack) / 2
        seconds: npt.NDArray[np.float64] = middles * self.mel.hop_size / self.mel.rate
        return seconds

    def __call__(self, samples: Floats) -> Floats:
        """Steps of a recording (steps, size)."""
        return self._stacked(
            self._standard(log_mel(self._ended(self._levelled(samples)), self.mel))
        )

    def varied(self, samples: Floats, random: np.random.Generator) -> Floats:
        """Steps of a recording as it could have been spoken otherwise."""
        own = self.settings
        gain = np.float32(10 ** (random.uniform(-own.gain_db, own.gain_db) / 20))
        noise = own.noise * random.uniform() * np.abs(samples).max(initial=0.0)
        heard = samples * gain
        if noise:
            drawn = random.standard_normal(len(samples), np.float32)
            heard = heard + drawn * np.float32(noise * gain)
        octaves = round(random.uniform(-1, 1) * (WARPS // 2)) / (WARPS // 2) * own.vocal_tract
        frames = log_mel(
            self._ended(self._levelled(heard)),
            self.mel,
            tempo=1 + random.uniform(-own.tempo, own.tempo),
            warp=float(2**octaves),
        )
        steps = round(own.mask_seconds / own.hop_seconds)
        frames = self._standard(frames) + coloured(own.bands, own.colour, random)
        return self._stacked(masked(frames, random, bands=own.mask_bands, steps=steps))

    def _ended(self, samples: Floats) -> Floats:
        """With its tail."""
        return np.pad(samples, (0, self.tail)) if self.tail else samples

    def _levelled(self, samples: Floats) -> Floats:
        """As loud as can be, so that what is too quiet to be heard is so in every recording."""
        if self.settings.standardise == "train":
            return samples
        peak = np.maximum(np.abs(samples).max(initial=0.0), LEAST_PEAK)
        levelled: Floats = samples / np.float32(peak)
        return levelled

    def _standard(self, frames: Floats) -> Floats:
        if self.settings.standardise == "train":
            return (frames - self.scale.mean) / self.scale.spread
        # Of all bands together: how loud each is beside the others is what tells vowels apart.
        found: Floats = (frames - frames.mean()) / np.maximum(frames.std(), LEAST_SPREAD)
        return found

    def _stacked(self, frames: Floats) -> Floats:
        return stacked(frames, self.settings.stack, self.stride)

    def listener(self) -> FrameListener:
        """The same of a recording that comes in pieces."""
        return FrameListener(self)


class FrameListener:
    """Steps of a recording that comes in pieces: the same as of the whole.

    Args:
        frames: whose bands are standardised by the training part.
    """

    def __init__(self, frames: SpeechFrames) -> None:
        assert frames.settings.standardise == "train"
        self.frames = frames
        self._windows = FrameStream(frames.mel)
        self._steps = StackStream(frames.settings.stack, frames.stride)

    def feed(self, samples: Floats) -> Floats:
        """The steps that are complete by now (steps, size)."""
        return self._standard(self._windows.feed(samples))

    def finish(self) -> Floats:
        """The steps that are left."""
        tail = self.feed(np.zeros(self.frames.tail, np.float32))
        left = self._standard(self._windows.finish())
        return np.concatenate([tail, left, self._steps.finish().reshape(-1, self.frames.size)])

    def _standard(self, frames: Floats) -> Floats:
        scale = self.frames.scale
        return self._steps.feed((frames - scale.mean) / scale.spread)


def coloured(bands: int, colour: float, random: np.random.Generator) -> Floats:
    """What another microphone adds to each band: a few slow waves (bands,)."""
    places = np.linspace(0, np.pi, bands)
    waves = [random.normal() * colour / (n + 1) * np.cos(n * places) for n in range(1, WAVES + 1)]
    found: Floats = np.sum(waves, 0).astype(np.float32)
    return found


def frames_of(settings: Any, scale: Scale) -> SpeechFrames:
    """How the settings describe it."""
    one_way = not settings.model.bidirectional
    tail = round(TAIL_SECONDS * settings.audio.sample_rate) if one_way else 0
    return SpeechFrames(settings.audio, mel_of(settings.audio), scale, tail)


def mel_of(audio: Any) -> Mel:
    """Windows and bands as the settings, whose rate is known, describe them."""
    highest = min(audio.highest_hz or audio.sample_rate / 2, audio.sample_rate / 2)
    return Mel(
        audio.sample_rate,
        audio.window_seconds,
        audio.hop_seconds,
        audio.bands,
        audio.lowest_hz,
        highest,
    )
