"""Music as a sequence of events with ids, as text is a sequence of tokens.

    bar  metre 3/4  at 0  tempo 120  instrument 0  velocity 5  pitch 67  duration 12  pitch 60 …

``at`` says how many steps after the bar line the notes stand that follow; instrument and velocity
hold until others are named. Four ids are special, as in ``text.vocabulary``. The vocabulary is
what the training part holds, pitches with room to transpose; a value that it has not is read as
the nearest of its kind. Knows no file and no network.

Source: bars and positions as events, Huang & Yang 2020 (REMI).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import RunError
from seqloom_runtime.signal.music import (
    DRUMS,
    DURATION,
    INSTRUMENT,
    PITCH,
    START,
    VELOCITY,
    Instrument,
    Metre,
    Piece,
    Tempo,
    ordered,
)

PAD, UNKNOWN, BEGIN, END = range(4)
SPECIALS = ("<pad>", "<unk>", "<start>", "<end>")
KINDS = (
    *("special", "bar", "metre", "at", "tempo", "instrument", "velocity", "pitch", "drum"),
    "duration",
)
TEMPO_STEP = 4  # quarter notes a minute, to which tempos are rounded

Ids = npt.NDArray[np.int32]
Event = tuple[str, Any]  # kind and value


def velocity_level(velocity: int, levels: int) -> int:
    """Which of so many levels of loudness a velocity from 1 to 127 has.

    >>> [velocity_level(v, 8) for v in (1, 64, 127)]
    [0, 4, 7]
    """
    return velocity * levels // 128


def velocity_of(level: int, levels: int) -> int:
    """The velocity in the middle of a level."""
    first, beyond = (-(-128 * number // levels) for number in (level, level + 1))
    return (max(1, first) + beyond - 1) // 2


class EventVocabulary:
    """The events that a model knows.

    Args:
        grid: steps of a quarter note.
        velocities: levels of loudness.
        values: of each kind, in order; pitches have no gaps.
    """

    def __init__(self, grid: int, velocities: int, values: dict[str, list[Any]]) -> None:
        self.grid, self.velocities, self.values = grid, velocities, values
        self.events: list[Event] = [("special", name) for name in SPECIALS]
        for kind in KINDS[1:]:
            self.events += [(kind, value) for value in values.get(kind, ())]
        self._ids = {event: number for number, event in enumerate(self.events)}
        self.kinds = np.array([KINDS.index(kind) for kind, _ in self.events], np.int64)

    @classmethod
    def fit(
        cls, pieces: Iterable[Piece], grid: int, velocities: int, transpose: int
    ) -> EventVocabulary:
        """What stands in some pieces, and pitches so many semitones up and down."""
        found: dict[str, set[Any]] = {kind: set() for kind in KINDS[1:]}
        for piece in pieces:
            for kind, value in events_of(piece, velocities):
                found[kind].add(value)
        pitches = found["pitch"]
        if pitches:
            low, high = max(0, min(pitches) - transpose), min(127, max(pitches) + transpose)
            found["pitch"] = set(range(low, high + 1))
        return cls(grid, velocities, {kind: sorted(values) for kind, values in found.items()})

    def __len__(self) -> int:
        return len(self.events)

    @property
    def vocabulary_size(self) -> int:
        """Ids run from 0 to this less one."""
        return len(self.events)

    def places(self, kind: str) -> npt.NDArray[np.int64]:
        """Ids of all events of a kind."""
        return np.flatnonzero(self.kinds == KINDS.index(kind))

    def id(self, kind: str, value: Any) -> int:
        """The event's id, or that of the nearest of its kind; unknown where there is none."""
        number = self._ids.get((kind, value))
        if number is not None:
            return number
        known = self.values.get(kind) or []
        if not known or kind == "bar":
            return UNKNOWN
        return self._ids[kind, min(known, key=lambda other: _distance(kind, value, other))]

    def encode(self, piece: Piece) -> Ids:
        """Ids of a piece, without start and end."""
        events = events_of(piece, self.velocities)
        return np.array([self.id(kind, value) for kind, value in events], np.int32)

    def misread(self, piece: Piece) -> int:
        """Events of a piece that are read as another of their kind."""
        return sum(event not in self._ids for event in events_of(piece, self.velocities))

    def decode(self, ids: Iterable[int], name: str = "piece") -> Piece:
        """The piece that some ids stand for; what makes no sense at its place is passed over."""
        reading = Reading(self)
        for number in ids:
            reading.push(int(number))
        return reading.piece(name)

    def token(self, number: int) -> str:
        """How an event is written.

        >>> EventVocabulary(4, 1, {"metre": [(3, 4)]}).token(4)
        'metre 3/4'
        """
        kind, value = self.events[number]
        if kind in ("special", "bar"):
            return str(value) if kind == "special" else "bar"
        if kind == "metre":
            return f"metre {value[0]}/{value[1]}"
        return f"{kind} {Instrument(*value).label if kind == 'instrument' else value}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "music": "events",
            "grid": self.grid,
            "velocities": self.velocities,
            "values": self.values,
        }

    @classmethod
    def from_dict(cls, saved: Any) -> EventVocabulary:
        """Back from ``to_dict``.

        Raises:
            RunError: the content is not what ``to_dict`` writes.
        """
        try:
            if saved["music"] != "events" or not set(saved["values"]) <= set(KINDS):
                raise ValueError("unknown kinds of events")
            values = {kind: [_value(kind, v) for v in own] for kind, own in saved["values"].items()}
            return cls(int(saved["grid"]), int(saved["velocities"]), values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(
                f"vocabulary.json: is no vocabulary of events ({error}). Copy the run anew, or "
                "train again with --overwrite."
            ) from None


def _value(kind: str, value: Any) -> Any:
    """A value as it was before JSON made lists of its tuples."""
    if kind in ("metre", "instrument"):
        first, second = value
        return int(first), int(second)
    return value if kind == "bar" else int(value)


def _distance(kind: str, value: Any, other: Any) -> tuple[float, float]:
    if kind == "metre":
        return abs(value[0] / value[1] - other[0] / other[1]), abs(value[1] - other[1])
    if kind == "instrument":  # of the same family of eight programmes, where there is one
        same = value[0] == other[0]
        return (0.0 if same else 1.0 + abs(value[0] // 8 - other[0] // 8)), abs(value[1] - other[1])
    return abs(value - other), other


def events_of(piece: Piece, velocities: int) -> Iterator[Event]:
    """The events of a piece in order, as kinds and values."""
    state: dict[str, Any] = {}
    tempos = {tempo.start: tempo for tempo in piece.tempos}
    notes, place = piece.notes, 0
    waiting = sorted(tempos)
    for bar in piece.bars():
        yield "bar", 0
        metre = (bar.metre.beats, bar.metre.unit)
        if state.get("metre") != metre:
            state["metre"] = metre
            yield "metre", metre
        stop = place + int(np.searchsorted(notes[place:, START], bar.end))
        here = sorted({int(s) for s in notes[place:stop, START]} | _within(waiting, bar.end))
        for start in here:
            yield "at", start - bar.start
            if start in tempos:
                rate = round(tempos[start].rate / TEMPO_STEP) * TEMPO_STEP
                yield "tempo", min(400, max(TEMPO_STEP * 4, rate))
            while place < stop and notes[place, START] == start:
                yield from _note_events(piece, notes[place], velocities, state)
                place += 1


def _within(waiting: list[int], end: int) -> set[int]:
    """Take those that come before the end from the front."""
    found: set[int] = set()
    while waiting and waiting[0] < end:
        found.add(waiting.pop(0))
    return found


def _note_events(piece: Piece, row: Any, velocities: int, state: dict[str, Any]) -> Iterator[Event]:
    instrument = piece.instruments[int(row[INSTRUMENT])]
    level = velocity_level(int(row[VELOCITY]), velocities)
    for kind, value in (("instrument", tuple(instrument)), ("velocity", level)):
        if state.get(kind) != value:
            state[kind] = value
            yield kind, value
    yield ("drum" if instrument.program == DRUMS else "pitch"), int(row[PITCH])
    yield "duration", int(row[DURATION])


@dataclass
class Reading:
    """Events read one by one, and what they make: the same for what is read and what is written.

    Attributes:
        kind: of the last event.
        bars: begun so far.
        at: the place in the bar; -1 before the first.
        size: steps of the bar.
    """

    vocabulary: EventVocabulary
    kind: str = "special"
    bars: int = 0
    at: int = -1
    size: int = 0
    start: int = 0
    instrument: tuple[int, int] | None = None
    velocity: int | None = None
    pitch: int = -1
    rows: list[list[int]] = field(default_factory=list)
    players: dict[tuple[int, int], int] = field(default_factory=dict)
    metres: list[Metre] = field(default_factory=list)
    tempos: list[Tempo] = field(default_factory=list)

    def push(self, number: int) -> None:
        """Read one event."""
        kind, value = self.vocabulary.events[number]
        grid = self.vocabulary.grid
        if kind == "bar":
            self.start += self.size if self.bars else 0
            self.bars, self.at = self.bars + 1, -1
            self.size = self.size or 4 * grid
        elif kind == "metre":
            metre = Metre(self.start, *value)
            self.metres, self.size = [*self.metres, metre], metre.steps(grid)
        elif kind == "at":
            self.at = value
        elif kind == "tempo":
            self.tempos.append(Tempo(self.start + max(0, self.at), float(value)))
        elif kind == "instrument":
            self.instrument = value
        elif kind == "velocity":
            self.velocity = value
        elif kind in ("pitch", "drum"):
            self.pitch = value
        elif kind == "duration" and self.kind in ("pitch", "drum"):
            self._note(value)
        self.kind = kind

    def _note(self, duration: int) -> None:
        player = self.instrument or (0, 1)
        number = self.players.setdefault(player, len(self.players))
        levels = self.vocabulary.velocities
        velocity = velocity_of(levels // 2 if self.velocity is None else self.velocity, levels)
        place = self.start + max(0, self.at)
        self.rows.append([place, duration, self.pitch, velocity, number])

    def piece(self, name: str) -> Piece:
        """What was read."""
        order = sorted(self.players)  # as the file of the piece has them, whoever plays first
        number = {self.players[player]: place for place, player in enumerate(order)}
        rows = [[*row[:4], number[row[4]]] for row in self.rows]
        return Piece(
            name,
            self.vocabulary.grid,
            ordered(rows),
            tuple(Instrument(*player) for player in order) or (Instrument(0),),
            tuple(self.metres),
            tuple(self.tempos),
            self.start + self.size,
        )


def transposed(
    ids: npt.NDArray[Any], vocabulary: EventVocabulary, semitones: int
) -> npt.NDArray[Any]:
    """The ids of the same piece so many semitones higher, or as far as the vocabulary goes."""
    places = vocabulary.places("pitch")
    if not semitones or not len(places):
        return ids
    pitched = (ids >= places[0]) & (ids <= places[-1])
    if not pitched.any():
        return ids
    own = ids[pitched].astype(np.int64)
    shift = int(np.clip(semitones, places[0] - own.min(), places[-1] - own.max()))
    moved = ids.astype(np.int64)
    moved[pitched] += shift
    return moved.astype(ids.dtype)


def sequence_of(ids: Ids) -> Ids:
    """Ids between start and end, as a piece is stored."""
    return np.concatenate([[BEGIN], ids, [END]]).astype(np.int32)


def without_specials(ids: Sequence[int] | npt.NDArray[Any]) -> list[int]:
    """The ids that are events."""
    return [int(number) for number in ids if int(number) > END]
