"""What the loop asks of a task, and what it tells those who watch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import nn

from seqloom.data.batching import Batch, Stream
from seqloom.nn.cells import State
from seqloom.nn.language_model import Loss


class Job(Protocol):
    """A task in training.

    Attributes:
        model: what is trained; its forward pass is ``loss``.
        stream: the training part.
    """

    model: nn.Module
    stream: Stream

    def loss(self, model: nn.Module, batch: Batch, states: Sequence[State] | None) -> Loss:
        """What a batch costs ``model``, which is ``self.model`` or stands for it."""

    def validate(self) -> float:
        """Nats a target on the validation part, with the weights as they are."""

    def samples(self) -> list[dict[str, Any]]:
        """What the model can do by now, to be shown."""


@dataclass
class Report:
    """What is said at the end of an epoch; a line of ``history.jsonl``.

    ``train`` is the mean loss since the report before, ``valid`` that on the validation part, both
    in nats a target; ``best`` says whether no report before was better.
    """

    update: int
    epoch: float
    seconds: float
    tokens: int
    rate: float
    train: float
    valid: float
    best: bool
    samples: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Pace:
    """Where a run stands, for a progress bar: seconds are of training time."""

    update: int
    progress: float
    loss: float
    tokens_per_second: float
    seconds_left: float


class Watcher(Protocol):
    """Whoever shows a run."""

    def passage(self, tokens: Sequence[str], ids: Sequence[int]) -> None:
        """How the data begins, as the model sees it."""

    def pace(self, pace: Pace) -> None:
        """An update is done."""

    def report(self, report: Report) -> None:
        """An epoch, or a fifth of the budget, is done."""

    def message(self, text: str) -> None:
        """Something worth a line happened."""


class Silent:
    """Shows nothing."""

    def passage(self, tokens: Sequence[str], ids: Sequence[int]) -> None:
        """Nothing."""

    def pace(self, pace: Pace) -> None:
        """Nothing."""

    def report(self, report: Report) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        """Nothing."""
