"""A trained model as something to look into: the one face of all tasks.

    subject = open_subject(run)
    subject.trace("a text")           every gate and state, and what was thought likely
    subject.attribute("a text")       how much each token mattered to what was said
    subject.examples("valid")         held-out texts, for the search of units

What is special to a task stands in its class: how a text is read, what the model says of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqloom.config import Settings
from seqloom.errors import DataError, SettingsError
from seqloom.explain.cell_equations import Array
from seqloom.explain.layers import as_float64, outputs_of, trace_encoder
from seqloom.explain.trace import Trace, distance, without_batch
from seqloom.explain.watching_layers import Call, reading_instead, seen_calls, until_reached
from seqloom.nn.cells import Cell
from seqloom.nn.encoders import Encoder
from seqloom.nn.transformer import AttentionEncoder
from seqloom.run import Run

SUBJECTS = {
    "generate": ("seqloom.explain.texts", "Generating"),
    "classify": ("seqloom.explain.texts", "Classifying"),
    "tag": ("seqloom.explain.words", "Tagging"),
    "translate": ("seqloom.explain.pairs", "Translating"),
    "forecast": ("seqloom.explain.series", "Forecasting"),
    "transcribe": ("seqloom.explain.speech", "Transcribing"),
    "compose": ("seqloom.explain.music", "Composing"),
    "caption": ("seqloom.explain.pictures", "Captioning"),
}
"""The class that looks into runs of each task."""
HELD = ("hidden", "cell")  # the signals among which units are searched for


@dataclass(frozen=True, eq=False)
class Read:
    """One input as a model reads it.

    Attributes:
        given: the input in words.
        tokens: a name a step.
        pieces: the text of each step.
        tensors: what the network takes, a batch of one.
        targets: names of what is attributed, in the order of ``Subject.scores``.
        extra: whatever the task needs to remember.
        label: of a held-out text, its true label.
        classes: of a held-out text, a class for each step, such as a tag.
        remarks: what a reader should know, as sentences.
        measures: of a held-out input that is no text, what is told of each step, by name.
        since: the first step of it that is held out; those before are read, and not counted.
        class_kind: what its classes are.
        whole: steps before it was cut to what the model reads; 0 where nothing was cut.
    """

    given: str
    tokens: tuple[str, ...]
    pieces: tuple[str, ...]
    tensors: tuple[Tensor, ...]
    targets: tuple[str, ...] = ()
    extra: Any = None
    label: str = ""
    classes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = field(default=())
    measures: Mapping[str, Array] = field(default_factory=dict)
    since: int = 0
    class_kind: str = "tag"
    whole: int = 0


class Subject(ABC):
    """A run's model as it is used, in float32.

    Args:
        run: the run folder.
        settings: of the run.
        model: its network.
    """

    task: str

    def __init__(self, run: Run, settings: Settings, model: nn.Module) -> None:
        self.run, self.settings = run, settings
        self.model = model.cpu().eval().requires_grad_(False)  # gradients are of what is read

    @abstractmethod
    def encoder_of(self, model: nn.Module) -> Encoder:
        """The encoder within a model of this task."""

    @abstractmethod
    def read(self, given: Any) -> Read:
        """An input as the model reads it.

        Raises:
            DataError: there is nothing to read.
        """

    @abstractmethod
    def say(self, model: nn.Module, read: Read, rows: int = 1) -> Tensor:
        """What the model says of an input, given ``rows`` times: log-probabilities.

        Shape:
            (rows, …): the last axis over names.
        """

    @abstractmethod
    def scores(self, read: Read, rows: int) -> Tensor:
        """Of what is attributed: (rows, targets)."""

    @abstractmethod
    def finish(self, read: Read, said: Array, found: dict[str, Array], deviation: float) -> Trace:
        """The trace of an input, of what was said and what was worked out of the encoder."""

    @abstractmethod
    def examples(self, part: str) -> Iterator[Read]:
        """Inputs of a part of the training data, from the cache; none where it is gone."""

    def ends(self, read: Read) -> tuple[Tensor, Tensor]:
        """What the encoder reads, and where attribution starts from: nothing, vectors of zeros."""
        x = self.received(read).clone()
        return x, torch.zeros_like(x)

    def scores_at(self, read: Read, x: Tensor) -> Tensor:
        """Of what is attributed, had the encoder read x (rows, time, size): (rows, targets)."""
        with reading_instead(self.encoder, x):
            return self.scores(read, len(x))

    def states(self, group: Sequence[Read]) -> dict[str, Array]:
        """Hidden and cell states for some inputs, by name: (inputs, longest, size), padded.

        In float32, as the model runs: a search looks at thousands of tokens.
        """
        x = stacked([self.received(read)[0].float().numpy() for read in group])
        lengths = np.array([len(read.tokens) for read in group])
        return trace_encoder(self.encoder, x, lengths, HELD)

    def steps_of(self, read: Read) -> tuple[str, ...]:
        """A name for each step of what a lesson looks at."""
        return read.tokens

    def layers_of_lesson(self) -> list[Cell] | AttentionEncoder:
        """The cells of the encoder, layer by layer, forward before backward; or its attention."""
        encoder = self.encoder
        if isinstance(encoder, AttentionEncoder):
            return encoder
        return [cell for cell in encoder.cells if isinstance(cell, Cell)]

    @property
    def encoder(self) -> Encoder:
        """The encoder as it is used."""
        return self.encoder_of(self.model)

    @property
    def name(self) -> str:
        """The encoder's name."""
        return self.settings.model.encoder

    @torch.inference_mode()
    def received(self, read: Read) -> Tensor:
        """What the encoder reads of an input (1, time, size); nothing behind it is run."""
        with until_reached(self.encoder) as found:
            self.say(self.model, read)
        first: Tensor = found[0]
        return first

    @torch.inference_mode()
    def watch(self, read: Read) -> tuple[Array, Call]:
        """What the model says of an input, and what its encoder received and gave."""
        with seen_calls(self.encoder) as calls:
            said = self.say(self.model, read)
        return as_float64(said), calls[0]

    def trace(self, given: Any) -> Trace:
        """Every gate and state for one input.

        Raises:
            DataError: there is nothing to read.
        """
        read = self.read(given)
        said, (received, output) = self.watch(read)
        arrays = trace_encoder(self.encoder, as_float64(received[0]))
        deviation = distance(outputs_of(arrays), as_float64(output[0]))
        return self.finish(read, said, without_batch(arrays), deviation)


def open_subject(run: Run) -> Subject:
    """The model of a run, to be looked into.

    Raises:
        SettingsError: runs of its task cannot be.
        RunError: it has no weights yet, or a file is damaged.
    """
    task = str(run.read_json("run.json").get("task"))
    if task not in SUBJECTS:
        raise SettingsError(
            f"{run.path} is a run of {task}; runs of {', '.join(SUBJECTS)} can be looked into."
        )
    module, name = SUBJECTS[task]
    opened: Callable[[Run], Subject] = getattr(import_module(module), name).of
    return opened(run)


def need_text(given: Any, what: str) -> str:
    """A text that is not empty.

    Raises:
        DataError: it is something else, or empty.
    """
    if not isinstance(given, str):
        raise DataError(f"Expected a text {what}, received {type(given).__name__}.")
    if not given.strip():
        raise DataError(f"The text {what} is empty. Pass one with --text.")
    return given


def stacked(rows: Sequence[Array]) -> Array:
    """Arrays of unlike length (time, size) as one, with zeros behind."""
    found = np.zeros((len(rows), max(map(len, rows)), rows[0].shape[1]), rows[0].dtype)
    for place, own in zip(found, rows, strict=True):
        place[: len(own)] = own
    return found


def repeated(tensors: Sequence[Tensor], rows: int) -> tuple[Tensor, ...]:
    """A batch of one, so many times."""
    return tuple(one.expand(rows, *one.shape[1:]) for one in tensors)
