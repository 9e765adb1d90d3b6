"""The composer of a run; how it goes about it is in ``seqloom_runtime.tasks.compose``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from seqloom_runtime.signal.events import EventVocabulary
from seqloom_runtime.signal.music import Piece
from seqloom_runtime.stepping import Step, make_stepper
from seqloom_runtime.tasks import compose

from seqloom.config import ModelSettings
from seqloom.data.music import read_prompt
from seqloom.errors import RunError
from seqloom.run import Run
from seqloom.tasks.composition import Composition
from seqloom.tasks.music_corpus import vocabulary_of
from seqloom.tasks.writer import read_weights
from seqloom.toml import read_settings

Composer = compose.Composer[Composition]
Weights = Mapping[str, npt.NDArray[np.float32]]


class EventComposer(compose.EventComposer[Composition]):
    """A model of events that writes, from a run or in training; needs no torch."""

    def __init__(self, stepper: Step, vocabulary: EventVocabulary) -> None:
        super().__init__(stepper, vocabulary, Composition)

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


__all__ = ["Composer", "EventComposer", "load_composer", "prompt_for"]
