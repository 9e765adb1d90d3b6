"""What the loop asks of a task, and how a run is made of several trainings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import nn

from seqloom.config import TrainSettings
from seqloom.data.batching import Batch, Stream
from seqloom.nn.cells import State
from seqloom.nn.language_model import Loss
from seqloom.run import Run
from seqloom.train.schedule import DEFAULT_MINUTES
from seqloom.watching import Units


@dataclass(frozen=True)
class Validation:
    """How good the weights are on the validation part.

    Args:
        loss: nats a target.
        scores: by name, as in ``metrics.json``.
        rank: what the best weights have least of; the loss when None.
    """

    loss: float
    scores: dict[str, float] = field(default_factory=dict)
    rank: float | None = None


class Job(Protocol):
    """A task in training.

    Attributes:
        model: what is trained; its forward pass is ``loss``.
        stream: the training part.
        units: what the loss and the pace are counted in.
    """

    model: nn.Module
    stream: Stream
    units: Units

    def loss(self, model: nn.Module, batch: Batch, states: Sequence[State] | None) -> Loss:
        """What a batch costs ``model``, which is ``self.model`` or stands for it."""

    def count(self, batch: Batch) -> int:
        """Targets of a batch; the loss is its nats over them."""

    def validate(self) -> Validation:
        """The weights as they are on the validation part."""

    def samples(self) -> list[dict[str, Any]]:
        """What the model can do by now, to be shown."""

    def pictures(self) -> dict[str, bytes]:
        """The same as files by name, which stand in the run folder until the next ones."""


@dataclass(frozen=True)
class Stage:
    """One of several trainings of a run, which share weights.

    Args:
        job: what is trained.
        settings: with the stage's own budget.
        name: of the stage's folder in the run; the run's own folder when empty.
        share: of the whole budget.
        words: said when the stage begins.
        after: done when the stage has ended, given its updates; what it returns is said.
    """

    job: Job
    settings: TrainSettings
    name: str = ""
    share: float = 0.0
    words: str = ""
    after: Callable[[int], str] | None = None

    def run(self, run: Run) -> Run:
        """The folder of the stage."""
        folder = run.path / self.name
        folder.mkdir(exist_ok=True)
        return Run(folder)


def share_of(settings: TrainSettings, share: float) -> TrainSettings:
    """The same settings with a share of the budget."""
    changes: dict[str, float | int] = {}
    if settings.updates is not None:
        changes["updates"] = max(1, round(settings.updates * share))
    elif settings.epochs is not None:
        changes["epochs"] = settings.epochs * share
    else:
        changes["minutes"] = (settings.minutes or DEFAULT_MINUTES) * share
    return settings.model_copy(update=changes)
