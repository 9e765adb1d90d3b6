"""What the loop asks of a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch import nn

from seqloom.data.batching import Batch, Stream
from seqloom.nn.cells import State
from seqloom.nn.language_model import Loss
from seqloom.watching import Pace, Report, Silent, Watcher

__all__ = ["Job", "Pace", "Report", "Silent", "Watcher"]


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
