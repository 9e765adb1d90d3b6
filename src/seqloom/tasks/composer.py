"""Composing with a trained model: prompt in, piece out, for models of events and of piano rolls."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from seqloom_runtime.decode.generation import generate
from seqloom_runtime.decode.sampling import Sampler
from seqloom_runtime.signal.events import BEGIN, END, EventVocabulary
from seqloom_runtime.signal.music import Piece
from seqloom_runtime.stepping import Step, make_stepper

from seqloom.config import ComposeSettings, ModelSettings
from seqloom.data.music import read_prompt
from seqloom.errors import DataError, RunError
from seqloom.run import Run
from seqloom.tasks.composing import (
    EVENTS_A_BAR,
    MOST_BARS,
    Prompt,
    RuledStep,
    Rules,
    Wishes,
    parse_instrument,
    parse_key,
)
from seqloom.tasks.composition import Composition
from seqloom.tasks.music_corpus import vocabulary_of
from seqloom.tasks.writer import read_weights
from seqloom.toml import read_settings

Weights = Mapping[str, npt.NDArray[np.float32]]


class Composer(Protocol):
    """Whoever writes music."""

    grid: int

    def compose(
        self, options: ComposeSettings, prompt: Piece | None = None, *, row: int = 0
    ) -> Composition:
        """A piece, or the prompt and what follows it; ``row`` numbers it among several."""


class EventComposer:
    """A model of events that writes; needs no torch.

    Args:
        stepper: the network, one event at a time.
        vocabulary: events to ids and back.
    """

    def __init__(self, stepper: Step, vocabulary: EventVocabulary) -> None:
        self.stepper, self.vocabulary = stepper, vocabulary
        self.grid = vocabulary.grid

    @classmethod
    def of_weights(
        cls, weights: Weights, settings: ModelSettings, vocabulary: EventVocabulary
    ) -> EventComposer:
        """A composer from the arrays of ``model.safetensors``."""
        stepper = make_stepper(
            weights,
            settings.encoder,
            max(1, settings.num_layers),
            num_heads=settings.num_heads,
            window=settings.attention_window,
        )
        return cls(stepper, vocabulary)

    def compose(
        self, options: ComposeSettings, prompt: Piece | None = None, *, row: int = 0
    ) -> Composition:
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
        return Composition(piece, before.end, misread).at_tempo(options.tempo)

    def _read(self, prompt: Piece | None) -> tuple[list[int], Prompt]:
        """Ids that the model reads before it writes, and what they hold."""
        if prompt is None:
            return [BEGIN], Prompt()
        if not len(prompt.notes):
            raise DataError(f"{prompt.name}: holds no note in the bars that are read.")
        ids = [int(i) for i in self.vocabulary.encode(prompt)]
        return [BEGIN, *ids], Prompt(sum(1 for _ in prompt.bars()), prompt.end)


def prompt_for(composer: Composer, path: str | Path | None) -> Piece | None:
    """The piece in a MIDI file, on the composer's grid; None for None.

    Raises:
        DataError: it is not there, or cannot be read.
    """
    return None if path is None else read_prompt(Path(path), composer.grid)


def load_composer(run: Run) -> Composer:
    """The composer of a run folder.

    Raises:
        RunError: the run has no weights yet, or they are damaged.
    """
    settings = read_settings(run.path / "config.toml")
    vocabulary = vocabulary_of(run.read_json("vocabulary.json"))
    if vocabulary is None:
        from seqloom.tasks.compose_roll import load_roll_composer

        return load_roll_composer(run, settings)
    weights = read_weights(run, "model.safetensors")
    try:
        return EventComposer.of_weights(weights, settings.model, vocabulary)
    except (KeyError, IndexError, ValueError) as error:
        raise RunError(
            f"{run.path / 'model.safetensors'}: the weights do not fit the settings beside them "
            f"({error}). Copy the run anew, or train again with --overwrite."
        ) from None
