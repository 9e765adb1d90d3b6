"""A small synthesizer: a piece as sound, so that anyone can listen without another program.

Each family of instruments has a few harmonics and an envelope (attack, decay, release); drums are
noise and falling tones. It is no orchestra. Knows no file but the bytes of a WAV.
"""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from seqloom_runtime.signal.music import DEFAULT_TEMPO, DRUMS, Piece

RATE = 22_050  # samples a second
TUNING = 440.0  # Hz of pitch 69
LONGEST_SECONDS = 3_600.0
PEAK = 0.9

Wave = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Timbre:
    """How an instrument sounds: strengths of its harmonics; times in seconds."""

    harmonics: tuple[float, ...]
    attack: float
    decay: float  # until a held note has a third of its strength; 0 holds it
    release: float


PLUCKED = Timbre((1.0, 0.5, 0.28, 0.16, 0.1, 0.05), 0.004, 0.9, 0.12)
ORGAN = Timbre((1.0, 0.6, 0.25, 0.4, 0.0, 0.15), 0.015, 0.0, 0.06)
BOWED = Timbre((1.0, 0.55, 0.42, 0.22, 0.16, 0.1, 0.05), 0.05, 0.0, 0.12)
BRASS = Timbre((1.0, 0.8, 0.6, 0.4, 0.25, 0.15), 0.03, 0.0, 0.08)
PIPE = Timbre((1.0, 0.18, 0.08, 0.03), 0.04, 0.0, 0.08)
FAMILIES = (
    *(PLUCKED, PLUCKED, ORGAN, PLUCKED, PLUCKED, BOWED, BOWED, BRASS),
    *(BRASS, PIPE, PIPE, ORGAN, BOWED, PLUCKED, PLUCKED, ORGAN),
)
"""By the eighth of the General MIDI programmes: piano, chimes, organ, guitar, bass, strings …"""


def render(piece: Piece) -> Wave:
    """The piece as samples between -1 and 1, at 22,050 a second: (samples,)."""
    starts = seconds_of(piece, piece.notes[:, 0])
    ends = seconds_of(piece, piece.notes[:, 0] + piece.notes[:, 1])
    total = min(float(ends.max(initial=0.0)), LONGEST_SECONDS) + 0.5
    sound = np.zeros(int(total * RATE) + 1, np.float32)
    for row, start, end in zip(piece.notes, starts, ends, strict=True):
        if end <= LONGEST_SECONDS:
            program = piece.instruments[int(row[4])].program
            note = _note(int(row[2]), round(float(end - start), 4), program) * (row[3] / 127)
            first = int(start * RATE)
            part = sound[first : first + len(note)]
            part += note[: len(part)].astype(np.float32)
    loudest = float(np.abs(sound).max(initial=0.0))
    return sound * np.float32(PEAK / loudest) if loudest else sound


def seconds_of(piece: Piece, steps: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    """When some steps sound, by the piece's tempos."""
    changes = [(tempo.start, tempo.rate) for tempo in piece.tempos]
    if not changes or changes[0][0] > 0:
        changes.insert(0, (0, DEFAULT_TEMPO))
    at = np.array([start for start, _ in changes], np.float64)
    pace = np.array([60 / (rate * piece.grid) for _, rate in changes])  # seconds a step
    before = np.concatenate([[0.0], np.cumsum(np.diff(at) * pace[:-1])])
    place = np.searchsorted(at, steps, side="right") - 1
    result: npt.NDArray[np.float64] = before[place] + (steps - at[place]) * pace[place]
    return result


@lru_cache(maxsize=512)
def _note(pitch: int, seconds: float, program: int) -> Wave:
    """One note at full strength; the same notes come often."""
    if program == DRUMS:
        return _drum(pitch)
    timbre = FAMILIES[program // 8]
    time = np.arange(int((seconds + timbre.release) * RATE)) / RATE
    frequency = TUNING * 2 ** ((pitch - 69) / 12)
    sound = np.zeros(len(time))
    for number, strength in enumerate(timbre.harmonics, 1):
        if frequency * number < RATE / 2:  # a higher one would come back as a lower
            sound += strength * np.sin(2 * np.pi * frequency * number * time)
    level = np.minimum(1.0, time / timbre.attack)
    if timbre.decay:
        level *= 3 ** (-time / timbre.decay)
    level *= np.clip((seconds + timbre.release - time) / timbre.release, 0, 1)
    result: Wave = (sound / sum(timbre.harmonics) * level * 0.5).astype(np.float32)
    return result


def _drum(pitch: int) -> Wave:
    """Low drums fall in pitch, all others are a short noise."""
    time = np.arange(int(0.25 * RATE)) / RATE
    if pitch in (35, 36, 41, 43, 45):
        falling = np.sin(2 * np.pi * (50 * time + 4 * (1 - np.exp(-30 * time))))
        return np.asarray(falling * np.exp(-14 * time), np.float32)
    noise = np.random.default_rng(pitch).uniform(-1, 1, len(time))
    return np.asarray(noise * np.exp(-30 * time) * 0.4, np.float32)


def wav_bytes(piece: Piece) -> bytes:
    """The piece as a WAV file of 16 bits, one channel."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((render(piece) * 32_767).astype("<i2").tobytes())
    return buffer.getvalue()
