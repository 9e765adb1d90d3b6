"""MIDI files as pieces on a grid, and pieces as MIDI files.

    notes on and off, programmes, tempos, metres ─→ steps of a grid ─→ Piece ─→ a file that plays

Times are rounded to the grid, so that reading what was written gives the same piece. A key that
is struck again before it was let go ends and begins anew. Knows no token and no network.
"""

from __future__ import annotations

import io
import struct
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seqloom_runtime.errors import DataError, MissingExtraError
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

if TYPE_CHECKING:
    import mido

DRUM_CHANNEL = 9
CHANNELS = [channel for channel in range(16) if channel != DRUM_CHANNEL]
TICKS = 480  # of a quarter note in a file, at least
LARGEST_BYTES = 1 << 24
MOST_STEPS = 1_000_000  # of a piece: a day of quarter notes at 12 steps each


def check_mido() -> None:
    """See that MIDI can be read.

    Raises:
        MissingExtraError: the package is not installed.
    """
    try:
        import mido  # noqa: F401
    except ImportError:
        raise MissingExtraError("mido", "music", "Reading and writing MIDI") from None


def read_midi(content: bytes, name: str, grid: int) -> Piece:
    """A MIDI file as a piece.

    Args:
        content: of the file.
        name: of the file, for messages.
        grid: steps of a quarter note, to which all times are rounded.

    Raises:
        DataError: it is no MIDI file, is damaged, or holds no note.
        MissingExtraError: mido is not installed.
    """
    file = _parse(content, name)
    if file.ticks_per_beat <= 0:
        raise DataError(
            f"{name}: counts time in film frames (SMPTE), not in beats.", code="midi_unreadable"
        )
    if file.type == 2:
        raise DataError(
            f"{name}: holds several pieces in one file (MIDI type 2).", code="midi_unreadable"
        )
    reading = _Reading(grid / file.ticks_per_beat)
    for number, track in enumerate(file.tracks):
        reading.track(number, track)
    if not reading.rows:
        raise DataError(f"{name}: holds no note.", code="midi_empty")
    if max(row[0] + row[1] for row in reading.rows) > MOST_STEPS:
        raise DataError(
            f"{name}: is longer than {MOST_STEPS:,} steps of the grid.",
            code="midi_long",
            values=[MOST_STEPS],
        )
    return Piece(
        name,
        grid,
        ordered(reading.rows),
        reading.instruments(),
        tuple(Metre(at, *value) for at, value in sorted(reading.metres.items())),
        tuple(Tempo(at, value) for at, value in sorted(reading.tempos.items())),
    )


def _parse(content: bytes, name: str) -> mido.MidiFile:
    check_mido()
    import mido
    from mido.midifiles.meta import KeySignatureError

    if not content.startswith(b"MThd"):
        raise DataError(
            f"{name}: is no MIDI file (it does not begin with MThd).", code="midi_unreadable"
        )
    if len(content) > LARGEST_BYTES:
        raise DataError(
            f"{name}: is larger than {LARGEST_BYTES:,} bytes.",
            code="too_large",
            values=[LARGEST_BYTES],
        )
    wrong = (OSError, EOFError, ValueError, LookupError, TypeError, struct.error, KeySignatureError)
    try:
        return mido.MidiFile(file=io.BytesIO(content), clip=True)
    except wrong as error:
        early = isinstance(error, EOFError)  # which itself says nothing
        reason = "it ends too early" if early else str(error) or type(error).__name__
        raise DataError(f"{name}: is damaged ({reason}).", code="midi_unreadable") from None


@dataclass
class _Reading:
    """What was read so far; times in ticks become steps."""

    scale: float
    rows: list[list[int]] = field(default_factory=list)
    metres: dict[int, tuple[int, int]] = field(default_factory=dict)
    tempos: dict[int, float] = field(default_factory=dict)
    players: dict[tuple[int, int, int], int] = field(default_factory=dict)

    def track(self, number: int, track: Any) -> None:
        """Read one track."""
        import mido

        now = 0
        programs: dict[int, int] = {}
        down: defaultdict[tuple[int, int], deque[list[int]]] = defaultdict(deque)
        for message in track:
            now += message.time
            at = round(now * self.scale)
            if message.type == "program_change":
                programs[message.channel] = message.program
            elif message.type == "time_signature":
                self.metres[at] = (message.numerator or 4, message.denominator)
            elif message.type == "set_tempo":
                self.tempos[at] = mido.tempo2bpm(max(1, message.tempo))
            elif message.type in ("note_on", "note_off"):
                key = (message.channel, message.note)
                struck = message.type == "note_on" and message.velocity > 0
                if down[key]:
                    self._end(down[key].popleft(), at)
                if struck:
                    player = self._player(number, message.channel, programs)
                    down[key].append([at, 0, message.note, message.velocity, player])
        for held in down.values():
            for row in held:
                self._end(row, round(now * self.scale))

    def _end(self, row: list[int], at: int) -> None:
        row[1] = max(1, at - row[0])
        self.rows.append(row)

    def _player(self, track: int, channel: int, programs: dict[int, int]) -> int:
        """Number of the instrument: each programme of each channel of each track is one."""
        program = DRUMS if channel == DRUM_CHANNEL else programs.get(channel, 0)
        return self.players.setdefault((track, channel, program), len(self.players))

    def instruments(self) -> tuple[Instrument, ...]:
        """The instruments by number; those with one programme are counted."""
        counts: defaultdict[int, int] = defaultdict(int)
        found = []
        for _, _, program in self.players:
            counts[program] += 1
            found.append(Instrument(program, counts[program]))
        return tuple(found)


def write_midi(piece: Piece) -> bytes:
    """A piece as a MIDI file: a track for tempo and metre, then one for each instrument."""
    check_mido()
    import mido

    ticks = -(-TICKS // piece.grid)  # of a step
    file = mido.MidiFile(type=1, ticks_per_beat=ticks * piece.grid)
    conductor = [
        *((metre.start, _metre(metre)) for metre in piece.metres),
        *((tempo.start, _tempo(tempo)) for tempo in piece.tempos),
    ]
    file.tracks.append(_track(conductor, ticks, piece.end))
    for number, instrument in enumerate(piece.instruments):
        drums = instrument.program == DRUMS
        channel = DRUM_CHANNEL if drums else CHANNELS[number % len(CHANNELS)]
        events = _notes_of(piece, number, channel)
        if not drums:
            change = mido.Message("program_change", channel=channel, program=instrument.program)
            events.insert(0, (0, change))
        if port := number // len(CHANNELS):  # the channels of one are used up
            events.insert(0, (0, mido.MetaMessage("midi_port", port=port)))
        file.tracks.append(_track(events, ticks, piece.end))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _metre(metre: Metre) -> Any:
    import mido

    return mido.MetaMessage("time_signature", numerator=metre.beats, denominator=metre.unit)


def _tempo(tempo: Tempo) -> Any:
    import mido

    slowest = 2**24 - 1  # microseconds a quarter note
    return mido.MetaMessage("set_tempo", tempo=min(slowest, mido.bpm2tempo(tempo.rate)))


def _notes_of(piece: Piece, number: int, channel: int) -> list[tuple[int, Any]]:
    import mido

    events: list[tuple[int, Any]] = []
    for row in piece.notes[piece.notes[:, INSTRUMENT] == number]:
        start, pitch = int(row[START]), int(row[PITCH])
        on = mido.Message("note_on", channel=channel, note=pitch, velocity=int(row[VELOCITY]))
        off = mido.Message("note_off", channel=channel, note=pitch, velocity=0)
        events += [(start, on), (start + int(row[DURATION]), off)]
    return events


def _track(events: list[tuple[int, Any]], ticks: int, end: int) -> Any:
    """Messages with the ticks since the one before; a key is let go before it is struck again."""
    import mido

    track = mido.MidiTrack()
    now = 0
    for at, message in sorted(events, key=lambda event: (event[0], event[1].type == "note_on")):
        track.append(message.copy(time=(at - now) * ticks))
        now = at
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - now) * ticks))
    return track
