"""What may come next in music, as a mask over the scores of a model of events.

A model learns from whole pieces what events follow each other; drawn at random, one in some
thousands would not make sense (a duration without a note, a place before the one before). Such
events are given no chance, nor are those that a user rules out: other keys, other instruments,
more bars. Knows no network: any ``step(ids, state) → (logits, state)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqloom_runtime.decode.generation import Step
from seqloom_runtime.errors import SettingsError
from seqloom_runtime.evaluate.keys import scale_of
from seqloom_runtime.signal.events import END, KINDS, EventVocabulary, Reading
from seqloom_runtime.signal.music import DRUMS, Instrument

MOST_BARS = 64  # where none are asked for
EVENTS_A_BAR = 256  # at most, in a call that must end

Mask = npt.NDArray[np.bool_]

_NOTE = ("instrument", "velocity", "pitch", "drum")
AFTER: dict[str, tuple[str, ...]] = {
    "special": ("bar",),
    "bar": ("metre", "at", "bar", "end"),
    "metre": ("at", "bar", "end"),
    "at": ("tempo", *_NOTE),
    "tempo": (*_NOTE, "at", "bar", "end"),
    "instrument": ("velocity", "pitch", "drum"),
    "velocity": ("pitch", "drum"),
    "pitch": ("duration",),
    "drum": ("duration",),
    "duration": ("at", *_NOTE, "bar", "end"),
}
"""Which kinds of events may follow each kind."""

TONICS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def parse_key(words: str) -> tuple[int, str]:
    """A key as people write it.

    >>> parse_key("F#"), parse_key("Am"), parse_key("b-flat major".title())
    ((6, 'major'), (9, 'minor'), (10, 'major'))

    Raises:
        SettingsError: it is no key.
    """
    text = words.strip().lower().replace("-flat", "b").replace("-sharp", "#")
    name, _, mode = text.partition(" ")
    if not mode and name.endswith("m"):
        name, mode = name[:-1], "minor"
    tonic = TONICS.get(name[:1].upper())
    sign = {"": 0, "#": 1, "b": -1, "♯": 1, "♭": -1}.get(name[1:])
    if tonic is None or sign is None or mode not in ("", "major", "minor"):
        raise SettingsError(
            f'key = "{words}": expected a key such as C, F#, Bb, Am or "D minor".',
            code="key_words",
            values=[words],
        )
    return (tonic + sign) % 12, mode or "major"


def parse_instrument(words: str) -> Instrument:
    """An instrument by its programme, or drums; after a point which of several.

    >>> parse_instrument("40"), parse_instrument("0.2").part, parse_instrument("drums").program
    (Instrument(program=40, part=1), 2, 128)

    Raises:
        SettingsError: it is none.
    """
    program, _, part = words.strip().lower().partition(".")
    number = str(DRUMS) if program == "drums" else program
    if not (number.isdecimal() and int(number) <= DRUMS and (not part or part.isdecimal())):
        raise SettingsError(
            f'instruments = "{words}": expected programmes from 0 to 127 such as 0 or 40, 0.2 for '
            "a second one, or drums."
        )
    return Instrument(int(number), int(part or 1))


@dataclass
class Wishes:
    """What a user rules in: bars in all, a key, instruments."""

    bars: int = 0
    key: tuple[int, str] | None = None
    instruments: tuple[Instrument, ...] = ()


class Prompt(NamedTuple):
    """What is there already: bars, and the step at which the last note ends."""

    bars: int = 0
    end: int = 0


class Rules:
    """Which events may follow, for what was read so far.

    Args:
        vocabulary: of the model.
        wishes: what the user rules in.
        wishes: what the user rules in.
        prompt: what is there already.
    Raises:
        SettingsError: the model knows none of the instruments, or no note of the key.
    """

    def __init__(
        self, vocabulary: EventVocabulary, wishes: Wishes, prompt: Prompt | None = None
    ) -> None:
        self.vocabulary = vocabulary
        self.fixed = wishes.bars > 0
        self.prompt = prompt or Prompt()
        self.last_bar = self.prompt.bars + (wishes.bars or MOST_BARS)
        size = len(vocabulary)
        ids, self.bar = np.arange(size), vocabulary.id("bar", 0)
        self.of_kind = {kind: vocabulary.kinds == n for n, kind in enumerate(KINDS)}
        self.of_kind["end"] = ids == END
        self.values = np.array(
            [event[1] if event[0] in ("at", "pitch") else -1 for event in vocabulary.events]
        )
        self.after = {
            kind: np.logical_or.reduce([self.of_kind[name] for name in names])
            for kind, names in AFTER.items()
        }
        self.ruled_out = np.zeros(size, np.bool_)
        if wishes.key:
            self._keep_key(*wishes.key)
        self.players = self._players(wishes.instruments)

    def _keep_key(self, tonic: int, mode: str) -> None:
        outside = ~np.isin(self.values % 12, list(scale_of(tonic, mode)))
        self.ruled_out |= self.of_kind["pitch"] & outside
        if self.of_kind["pitch"].any() and not (self.of_kind["pitch"] & ~self.ruled_out).any():
            raise SettingsError(
                "The model knows no note of that key; it was trained on few notes.",
                code="key_unknown",
            )

    def _players(self, wanted: Sequence[Instrument]) -> set[tuple[int, int]]:
        """Instruments that may play: all that the model knows, or those asked for."""
        places = self.vocabulary.places("instrument")
        known: dict[tuple[int, int], int] = {
            self.vocabulary.events[place][1]: int(place) for place in places
        }
        for instrument in wanted:
            if tuple(instrument) not in known:
                names = ", ".join(Instrument(*player).label for player in known)
                raise SettingsError(
                    f"The model knows no instrument {instrument.label}. It knows: {names}."
                )
        allowed: set[tuple[int, int]] = {(one.program, one.part) for one in wanted}
        allowed = allowed or set(known)
        for player, place in known.items():
            self.ruled_out[place] |= player not in allowed
        return allowed

    def mask(self, reading: Reading, here: Position) -> Mask:
        """Which events may come next: (vocab_size,)."""
        if reading.bars == 1 and not reading.metres and self.of_kind["metre"].any():
            first: Mask = self.of_kind["metre" if reading.kind == "bar" else "bar"]
            return first
        mask: Mask = self.after[reading.kind] & ~self.ruled_out
        inside = (self.values > reading.at) & (self.values < reading.size)
        left = self.prompt.end - reading.start
        if reading.at < left:  # nothing begins before the end of the prompt
            mask &= ~np.logical_or.reduce([self.of_kind[kind] for kind in ("tempo", *_NOTE)])
            inside &= self.values >= left
        mask &= ~self.of_kind["at"] | inside
        self._instruments(mask, reading, here)
        if reading.bars >= self.last_bar:
            mask &= ~self.of_kind["bar"]
        elif self.fixed:
            mask &= ~self.of_kind["end"]
        if not mask.any():  # nothing makes sense here: the bar, or the piece, is at its end
            mask = self.of_kind["end" if reading.bars >= self.last_bar else "bar"].copy()
        return mask

    def _instruments(self, mask: Mask, reading: Reading, here: Position) -> None:
        """Notes need an instrument and a loudness; at one place nobody plays twice."""
        player = reading.instrument
        for used in here.players:
            mask[self.vocabulary.id("instrument", used)] = False
        if player is None or player not in self.players:
            mask &= ~(self.of_kind["pitch"] | self.of_kind["drum"] | self.of_kind["velocity"])
            return
        mask &= ~self.of_kind["pitch" if player[0] == DRUMS else "drum"]
        if reading.velocity is None:
            mask &= ~(self.of_kind["pitch"] | self.of_kind["drum"])
        if here.players and here.players[-1] == player:
            mask &= ~(self.of_kind["pitch"] & (self.values >= here.pitch))  # from high to low


@dataclass
class Position:
    """Who has played at the place where the piece stands, and the last pitch."""

    players: list[tuple[int, int]] = field(default_factory=list)
    pitch: int = 128

    def push(self, reading: Reading) -> None:
        """Follow the reading, after it has read an event."""
        if reading.kind in ("at", "bar"):
            self.players, self.pitch = [], 128
        elif reading.kind in ("pitch", "drum") and reading.instrument is not None:
            if not self.players or self.players[-1] != reading.instrument:
                self.players.append(reading.instrument)
            self.pitch = reading.pitch


class RuledStep:
    """A step whose scores leave only what the rules allow; one row at a time.

    Args:
        step: the model.
        rules: what may follow.
    """

    def __init__(self, step: Step, rules: Rules) -> None:
        self.step, self.rules = step, rules
        self.reading, self.here = Reading(rules.vocabulary), Position()

    def __call__(self, ids: npt.NDArray[np.int64], state: Any) -> tuple[Any, Any]:
        """Logits of the event after each id, and the state."""
        logits, state = self.step(ids, state)
        self.reading.push(int(ids[0]))
        self.here.push(self.reading)
        if self.reading.bars >= self.rules.last_bar:  # where the next bar would begin, it ends
            logits = logits.copy()
            logits[:, END] = np.logaddexp(logits[:, END], logits[:, self.rules.bar])
        allowed = self.rules.mask(self.reading, self.here)
        return np.where(allowed, logits, -np.inf).astype(np.float32), state
