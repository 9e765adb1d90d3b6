"""A piece of music as whole numbers: notes on a grid of steps, metres, tempos, instruments.

All times are steps, ``grid`` of which make a quarter note. Knows no file and no token.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Notes = npt.NDArray[np.int32]

START, DURATION, PITCH, VELOCITY, INSTRUMENT = range(5)  # columns of the notes
DRUMS = 128  # stands where other instruments have their programme
LOWEST_KEY, KEYS = 21, 88  # of a piano, the notes of a piano roll
DEFAULT_TEMPO = 120.0  # quarter notes a minute, where a file says nothing


class Instrument(NamedTuple):
    """Who plays: a General MIDI programme (128: drums), and which of several that have it."""

    program: int
    part: int = 1

    @property
    def label(self) -> str:
        """As it stands in a token and on the command line.

        >>> Instrument(40).label, Instrument(0, 2).label, Instrument(DRUMS).label
        ('40', '0.2', 'drums')
        """
        name = "drums" if self.program == DRUMS else str(self.program)
        return name if self.part == 1 else f"{name}.{self.part}"


PIANO = Instrument(0)


class Metre(NamedTuple):
    """From which step on there are how many beats in a bar, and of which length."""

    start: int
    beats: int
    unit: int

    def steps(self, grid: int) -> int:
        """Steps of a bar."""
        return max(1, round(4 * grid * self.beats / self.unit))


class Tempo(NamedTuple):
    """From which step on how many quarter notes are played in a minute."""

    start: int
    rate: float


class Bar(NamedTuple):
    """Where a bar starts and ends, and the metre that it has."""

    start: int
    end: int
    metre: Metre


@dataclass(frozen=True, eq=False)
class Piece:
    """One piece of music.

    Args:
        name: what it is called in messages.
        grid: steps of a quarter note.
        notes: (notes, 5): start, duration, pitch, velocity, number of the instrument; in order.
        instruments: by number.
        metres, tempos: in order of their starts; without any it is 4/4.
        length: steps of the whole; at least to the end of the last note.
    """

    name: str
    grid: int
    notes: Notes
    instruments: tuple[Instrument, ...] = (Instrument(0),)
    metres: tuple[Metre, ...] = ()
    tempos: tuple[Tempo, ...] = ()
    length: int = field(default=0)

    @property
    def end(self) -> int:
        """The step after the last."""
        ends = self.notes[:, START] + self.notes[:, DURATION]
        return max(self.length, int(ends.max(initial=0)))

    def bars(self) -> Iterator[Bar]:
        """All bars to the end; a new metre begins a bar."""
        metres = list(self.metres) or [Metre(0, 4, 4)]
        if metres[0].start > 0:
            metres.insert(0, Metre(0, 4, 4))
        ends = [*(metre.start for metre in metres[1:]), self.end]
        for metre, end in zip(metres, ends, strict=True):
            size = metre.steps(self.grid)
            for start in range(metre.start, min(end, self.end), size):
                yield Bar(start, min(start + size, max(end, start + 1)), metre)

    @property
    def pitched(self) -> npt.NDArray[np.bool_]:
        """Which notes have a pitch, being no drum's: (notes,)."""
        drums = np.array([one.program == DRUMS for one in self.instruments], np.bool_)
        return ~drums[self.notes[:, INSTRUMENT]]

    def first_bars(self, count: int) -> Piece:
        """The beginning: notes that start in the first bars."""
        bars = list(self.bars())[:count]
        end = bars[-1].end if bars else 0
        notes = self.notes[self.notes[:, START] < end].copy()
        notes[:, DURATION] = np.minimum(notes[:, DURATION], end - notes[:, START])
        return replace(
            self,
            notes=notes,
            metres=tuple(metre for metre in self.metres if metre.start < end),
            tempos=tuple(tempo for tempo in self.tempos if tempo.start < end),
            length=end,
        )


def ordered(rows: Any) -> Notes:
    """Notes in their order (start, instrument, high before low), one of each kind.

    Of two notes of one instrument with one pitch that start together the longer stays; one that is
    still held where its key is struck again ends there, as it does on every instrument of MIDI.
    """
    notes: Notes = np.asarray(rows, np.int32).reshape(-1, 5)
    keys = (-notes[:, DURATION], -notes[:, PITCH], notes[:, INSTRUMENT], notes[:, START])
    notes = notes[np.lexsort(keys)]
    same = (np.diff(notes[:, [START, INSTRUMENT, PITCH]], axis=0) == 0).all(1)
    kept: Notes = notes[np.concatenate([[True], ~same])[: len(notes)]].copy()
    by_key = np.lexsort((kept[:, START], kept[:, PITCH], kept[:, INSTRUMENT]))
    rows = kept[by_key]
    again = (np.diff(rows[:, [PITCH, INSTRUMENT]], axis=0) == 0).all(1)
    room = np.where(again, np.diff(rows[:, START]), np.iinfo(np.int32).max)
    kept[by_key[:-1], DURATION] = np.minimum(rows[:-1, DURATION], room)
    return kept


def piece_of_frames(
    name: str, frames: npt.NDArray[np.bool_], grid: int, instrument: Instrument = PIANO
) -> Piece:
    """A piano roll as a piece: a key that is down in frames one after the other is one note.

    Shape:
        frames (time, 88), from key 21 up.
    """
    held = np.pad(frames.astype(np.int8), ((1, 1), (0, 0)))
    change = np.diff(held, axis=0)  # (time + 1, keys)
    keys, starts = np.nonzero(change.T == 1)
    _, ends = np.nonzero(change.T == -1)
    rows = np.stack(
        [starts, ends - starts, keys + LOWEST_KEY, np.full(len(keys), 80), np.zeros(len(keys))], 1
    )
    return Piece(name, grid, ordered(rows), (instrument,), length=len(frames))


def frames_of_piece(piece: Piece) -> npt.NDArray[np.bool_]:
    """A piece as a piano roll (time, 88), a frame a step; notes that no piano has are left out."""
    frames = np.zeros((piece.end, KEYS), np.bool_)
    for start, duration, pitch, _, _ in piece.notes[piece.pitched]:
        if LOWEST_KEY <= pitch < LOWEST_KEY + KEYS:
            frames[start : start + duration, pitch - LOWEST_KEY] = True
    return frames
