"""Pieces of music from files: MIDI, piano rolls (.mat), chorales as lists of voices (.json).

A MIDI file that is damaged or holds no note is left out, counted and named; of the other kinds a
file holds a whole data set, with its official training, validation and test pieces.
"""

from __future__ import annotations

import gzip
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from seqloom_runtime.data.encoding import read_blocks
from seqloom_runtime.signal.midi import read_midi
from seqloom_runtime.signal.music import KEYS, Instrument, Piece, ordered, piece_of_frames

from seqloom.data.source import Source
from seqloom.data.split import PARTS
from seqloom.errors import DataError

NAMED = 3  # files left out that are named
MIDI_GRID = 12  # steps of a quarter note: sixteenths and triplets
MIDI_ROLL_GRID = 4
VOICES_GRID = 4  # the steps of a file of parts are sixteenths
VOICES = tuple(Instrument(program) for program in (40, 41, 42, 43))  # violin to contrabass
ROLL_PARTS = {"train": "traindata", "valid": "validdata", "test": "testdata"}
FORMATS = ("midi", "roll", "json")


@dataclass
class MusicReport:
    """What was left out, and why."""

    read: int = 0
    left_out: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """In sentences for the user."""
        if not self.left_out:
            return []
        first, more = self.left_out[:NAMED], len(self.left_out) - NAMED
        words = " ".join(first) + (f" And {more:,} more." if more > 0 else "")
        every = self.read + len(self.left_out)
        count = len(self.left_out)
        were = "was" if count == 1 else "were"
        return [f"{count:,} of {every:,} files {were} left out. {words}"]


def native_grid(source: Source, *, roll: bool) -> int:
    """Steps of a quarter note that the files have, or for MIDI those that are usual."""
    if source.format == "roll":
        return 1
    if source.format == "json":
        return VOICES_GRID
    return MIDI_ROLL_GRID if roll else MIDI_GRID


def check_music(source: Source) -> None:
    """See that the source holds music.

    Raises:
        DataError: it holds something else.
    """
    if source.format not in FORMATS:
        raise DataError(
            f"{source.name}: holds no music. Expected a folder of .mid files, a piano roll (.mat) "
            "or chorales as lists of parts (.json)."
        )


def read_pieces(source: Source, grid: int, report: MusicReport) -> Iterator[tuple[str, Piece]]:
    """Each piece with its official part; without one it is "".

    Raises:
        DataError: a file is not what its name says, or no MIDI file can be read.
    """
    check_music(source)
    if source.format == "roll":
        for path in source.files:
            yield from _rolls(path)
    elif source.format == "json":
        for path in source.files:
            yield from _voices(path)
    else:
        yield from _midi_files(source, grid, report)


def _midi_files(source: Source, grid: int, report: MusicReport) -> Iterator[tuple[str, Piece]]:
    for path in source.files:
        try:
            piece = read_midi(_content(path), path.name, grid)
        except DataError as error:
            report.left_out.append(str(error))
            continue
        report.read += 1
        yield "", piece
    if not report.read:
        raise DataError(f"{source.name}: no file can be read as MIDI. {report.left_out[0]}")


def read_prompt(path: Path, grid: int) -> Piece:
    """One MIDI file.

    Raises:
        DataError: it is not there, or cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Pass a .mid file.") from None
    return read_midi(content, path.name, grid)


def _content(path: Path) -> bytes:
    return b"".join(read_blocks(path))


def _rolls(path: Path) -> Iterator[tuple[str, Piece]]:
    """The pieces of a file of MATLAB: traindata, validdata and testdata of (frames, 88) each."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        held = loadmat(io.BytesIO(_content(path)), variable_names=list(ROLL_PARTS.values()))
    except (MatReadError, ValueError, TypeError, OSError, NotImplementedError, KeyError) as error:
        raise DataError(f"{path}: is no piano roll of MATLAB ({error}).") from None
    for part, name in ROLL_PARTS.items():
        pieces = held.get(name)
        if pieces is None or pieces.dtype != object or not pieces.size:
            raise DataError(f'{path}: expected a cell array "{name}" of rolls (frames, {KEYS}).')
        for number, frames in enumerate(pieces.ravel()):
            if getattr(frames, "ndim", 0) != 2 or frames.shape[1] != KEYS:
                raise DataError(f"{path}: {name}, piece {number + 1}: expected (frames, {KEYS}).")
            yield part, piece_of_frames(f"{name} {number + 1}", frames.astype(np.float64) > 0, 1)


def _voices(path: Path) -> Iterator[tuple[str, Piece]]:
    """The pieces of a JSON file: for each part pieces, of steps, of a pitch a voice (-1: rest)."""
    try:
        held = json.loads(_content(path))
        for part in PARTS:
            for number, steps in enumerate(held[part] if part != "test" else held.get(part, ())):
                yield part, _piece_of_voices(f"{part} {number + 1}", steps)
    except (ValueError, KeyError, TypeError, IndexError, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path}: is no music ({type(error).__name__}: {error}). Expected JSON with train, "
            "valid and test: pieces, of steps, of one pitch a voice (-1 for a rest)."
        ) from None


def _piece_of_voices(name: str, steps: Any) -> Piece:
    """One voice an instrument; a pitch in steps one after the other is one note."""
    if any(pitch is None for step in steps for pitch in step):
        raise ValueError("a pitch is missing")
    pitches = np.array(steps, np.float64)  # (time, voices)
    if pitches.ndim != 2 or not 1 <= pitches.shape[1] <= len(VOICES) or not len(pitches):
        raise ValueError(f"a piece has the shape {pitches.shape}")
    if not (np.isfinite(pitches) & (pitches >= -1) & (pitches < 128)).all():
        raise ValueError("pitches lie between 0 and 127")
    rows = []
    for voice, line in enumerate(pitches.T):
        borders = np.flatnonzero(np.diff(line, prepend=math.inf, append=math.inf))
        for start, end in pairwise(borders.tolist()):
            if line[start] >= 0:
                rows.append([start, end - start, line[start], 80, voice])
    if not rows:
        raise ValueError("a piece has no note")
    return Piece(name, VOICES_GRID, ordered(rows), VOICES[: pitches.shape[1]], length=len(pitches))
