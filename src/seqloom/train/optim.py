"""The optimizers, and which weights decay."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from seqloom.config import TrainSettings

MUON_FACTOR = 5.0  # Muon's step for matrices per AdamW's step for the rest; see docs/engine


def make_optimizers(model: nn.Module, settings: TrainSettings) -> list[torch.optim.Optimizer]:
    """The optimizers of all weights; matrices decay, vectors do not.

    ``muon`` turns the gradient of each recurrent matrix into its nearest orthogonal matrix
    (Jordan et al. 2024) and leaves tables, the head and vectors to AdamW.
    """
    hidden, tables, vectors = _sort_weights(model)
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "muon":
        muon = torch.optim.Muon(hidden, lr=rate * MUON_FACTOR, weight_decay=decay, momentum=0.95)
        groups = [
            {"params": tables, "weight_decay": decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        return [muon, torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), fused=True)]
    groups = [
        {"params": hidden + tables, "weight_decay": decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    if settings.optimizer == "adamw":
        return [torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), fused=True)]
    if settings.optimizer == "adam":
        return [torch.optim.Adam(groups, lr=rate, fused=True)]
    return [torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True)]


def _sort_weights(model: nn.Module) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Matrices between layers; tables with a row a token; vectors."""
    hidden: list[Tensor] = []
    tables: list[Tensor] = []
    vectors: list[Tensor] = []
    for name, weight in model.named_parameters():
        if weight.dim() < 2:
            vectors.append(weight)
        elif name.startswith(("embedding.", "head.")):
            tables.append(weight)
        else:
            hidden.append(weight)
    return hidden, tables, vectors


class Average:
    """A running average of the weights, kept beside them.

    Args:
        decay: share of the old average kept at each update; the first updates count fully.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: weight.detach().clone() for name, weight in _weights(model)}

    @torch.no_grad()
    def add(self, model: nn.Module, update: int) -> None:
        """Take the weights after an update in."""
        decay = min(self.decay, (update + 1) / (update + 10))
        for name, weight in _weights(model):
            self.weights[name].lerp_(weight, 1 - decay)

    @torch.no_grad()
    def load(self, weights: dict[str, Tensor]) -> None:
        """Go on with a saved average, on the device of this one."""
        for name, kept in self.weights.items():
            kept.copy_(weights[name])

    @torch.no_grad()
    def swap(self, model: nn.Module) -> None:
        """Exchange the average and the model's weights; twice is nothing done."""
        for name, weight in _weights(model):
            kept = weight.detach().clone()
            weight.copy_(self.weights[name])
            self.weights[name].copy_(kept)


def _weights(model: nn.Module) -> Iterable[tuple[str, nn.Parameter]]:
    return model.named_parameters()


def set_rate(optimizers: list[torch.optim.Optimizer], share: float) -> None:
    """Set every learning rate to a share of its largest."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group.setdefault("largest_lr", group["lr"])
            group["lr"] = group["largest_lr"] * share
