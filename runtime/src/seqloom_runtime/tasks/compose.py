"""Composing: prompt in, piece out, for models of events and of piano rolls."""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from seqloom_runtime.decode.frames import Joint, draw_frame
from seqloom_runtime.decode.generation import generate
from seqloom_runtime.decode.sampling import Sampler
from seqloom_runtime.errors import DataError, SettingsError
from seqloom_runtime.evaluate.keys import scale_of
from seqloom_runtime.signal.events import BEGIN, END, EventVocabulary
from seqloom_runtime.signal.music import (
    KEYS,
    LOWEST_KEY,
    Instrument,
    Piece,
    frames_of_piece,
    piece_of_frames,
)
from seqloom_runtime.stepping import Step
from seqloom_runtime.tasks.composing import (
    EVENTS_A_BAR,
    MOST_BARS,
    Prompt,
    RuledStep,
    Rules,
    Wishes,
    parse_instrument,
    parse_key,
)
from seqloom_runtime.tasks.composition import Composition

QUARTERS = 4  # of a bar, where nothing else is known
DEFAULT_BARS = 16

Frames = npt.NDArray[np.float32]


Made = TypeVar("Made", bound=Composition, covariant=True)


class Composer(Protocol[Made]):
    """Whoever writes music."""

    grid: int

    def compose(self, options: Any, prompt: Piece | None = None, *, row: int = 0) -> Made:
        """A piece, or the prompt and what follows it; ``row`` numbers it among several."""


class EventComposer(Generic[Made]):
    """A model of events that writes.

    Args:
        stepper: the network, one event at a time.
        vocabulary: events to ids and back.
        made: of what class the compositions are.
    """

    def __init__(self, stepper: Step, vocabulary: EventVocabulary, made: type[Made]) -> None:
        self.made, self.stepper, self.vocabulary = made, stepper, vocabulary
        self.grid = vocabulary.grid

    def compose(self, options: Any, prompt: Piece | None = None, *, row: int = 0) -> Made:
        """A piece, or the prompt and what follows it.

        Raises:
            SettingsError: a key or instrument is none that the model knows.
            DataError: the prompt holds nothing to go on from.
        """
        if prompt is not None and options.prompt_bars:
            prompt = prompt.first_bars(options.prompt_bars)
        start, before = self._read(prompt)
        wishes = Wishes(
            options.bars,
            parse_key(options.key) if options.key else None,
            tuple(parse_instrument(words) for words in options.instruments),
        )
        rules = Rules(self.vocabulary, wishes, before)
        step = RuledStep(self.stepper, rules)
        sampler = Sampler(
            temperature=options.temperature,
            top_k=options.top_k,
            top_p=options.top_p,
            seed=options.seed,
        )
        most = (options.bars or MOST_BARS) * EVENTS_A_BAR
        written = generate(
            step, [start], sampler, most, END, self.stepper.zero_state(1),
            streams=sampler.streams(1, row),
        )  # fmt: skip
        new = [int(column[0]) for column in written if column[0] >= 0]
        piece = self.vocabulary.decode([*start, *new], "composed")
        if options.bars:  # a note may be held beyond the last bar line
            piece = piece.first_bars(before.bars + options.bars)
        misread = 0 if prompt is None else self.vocabulary.misread(prompt)
        return self.made(piece, before.end, misread).at_tempo(options.tempo)

    def _read(self, prompt: Piece | None) -> tuple[list[int], Prompt]:
        """Ids that the model reads before it writes, and what they hold."""
        if prompt is None:
            return [BEGIN], Prompt()
        if not len(prompt.notes):
            raise DataError(
                f"{prompt.name}: holds no note in the bars that are read.", code="bars_empty"
            )
        ids = [int(i) for i in self.vocabulary.encode(prompt)]
        return [BEGIN, *ids], Prompt(sum(1 for _ in prompt.bars()), prompt.end)


class RollComposer(Generic[Made]):
    """A model of piano rolls that writes; the network is a subclass's.

    Args:
        grid: frames of a quarter note.
        joint: how keys of a frame depend on each other; None where they do not.
        made: of what class the compositions are.
    """

    def __init__(self, grid: int, joint: Joint | None, made: type[Made]) -> None:
        self.grid, self.joint, self.made = grid, joint, made

    def read(self, frames: Frames, states: Any = None) -> tuple[Frames, Frames | None, Any]:
        """What the next frame starts from, after frames (time, keys), and the states."""
        raise NotImplementedError

    def compose(self, options: Any, prompt: Piece | None = None, *, row: int = 0) -> Made:
        """A roll as a piece, or the prompt and what follows it.

        Raises:
            SettingsError: something is asked for that a piano roll has not.
            DataError: the prompt holds nothing to go on from.
        """
        instrument = self._instrument(options)
        allowed = self._allowed(options)
        start = self._start(options, prompt)
        random = np.random.default_rng([options.seed, row])
        silence = np.zeros((1, KEYS), np.float32)
        given, states, written = np.concatenate([silence, start]), None, []
        for _ in range((options.bars or DEFAULT_BARS) * QUARTERS * self.grid):
            bias, begin, states = self.read(given, states)
            uniform = random.random(KEYS, np.float32)
            new = draw_frame(bias, begin, self.joint, uniform, options.temperature, allowed)
            written.append(new)
            given = new[None]
        frames = np.concatenate([start, np.stack(written)]) > 0
        piece = piece_of_frames("composed", frames, self.grid, instrument)
        return self.made(piece, len(start)).at_tempo(options.tempo)

    def _instrument(self, options: Any) -> Instrument:
        if options.top_p < 1 or options.top_k:
            raise SettingsError(
                "--top-p and --top-k choose among events; a piano roll draws each key. "
                "Pass --temperature.",
                code="roll_keys",
            )
        if len(options.instruments) > 1:
            raise SettingsError("A piano roll is played by one instrument; several were given.")
        return parse_instrument(options.instruments[0]) if options.instruments else Instrument(0)

    def _allowed(self, options: Any) -> Frames:
        pitches = np.arange(LOWEST_KEY, LOWEST_KEY + KEYS)
        if not options.key:
            return np.ones(KEYS, np.float32)
        scale = list(scale_of(*parse_key(options.key)))
        return np.isin(pitches % 12, scale).astype(np.float32)

    def _start(self, options: Any, prompt: Piece | None) -> Frames:
        if prompt is None:
            return np.zeros((0, KEYS), np.float32)
        if options.prompt_bars:
            prompt = prompt.first_bars(options.prompt_bars)
        frames = frames_of_piece(prompt).astype(np.float32)
        if not frames.any():
            raise DataError(
                f"{prompt.name}: holds no note of a piano in the bars that are read.",
                code="bars_empty",
            )
        return frames
