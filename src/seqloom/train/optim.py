"""The optimizers, and which weights decay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from seqloom.config import TrainSettings

MUON_FACTOR = 5.0  # Muon's step for matrices per AdamW's step for the rest; see docs/engine


def make_optimizers(model: nn.Module, settings: TrainSettings) -> list[torch.optim.Optimizer]:
    """The optimizers of all weights; matrices decay, vectors do not.

    ``muon`` turns the gradient of each recurrent matrix into its nearest orthogonal matrix
    (Jordan et al. 2024) and leaves tables, the head and vectors to AdamW.
    """
    rate = settings.learning_rate
    if settings.optimizer == "muon":
        matrices = _groups(model, settings, ("hidden",), rate * MUON_FACTOR)
        rest = _groups(model, settings, ("tables", "vectors"), rate)
        adamw = torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.99), fused=True)
        if not matrices:  # tables and a head are all that there is
            return [adamw]
        muon = torch.optim.Muon(
            matrices, lr=rate * MUON_FACTOR, weight_decay=settings.weight_decay, momentum=0.95
        )
        return [muon, adamw]
    groups = _groups(model, settings, ("hidden", "tables", "vectors"), rate)
    if settings.optimizer == "adamw":
        return [torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), fused=True)]
    if settings.optimizer == "adam":
        return [torch.optim.Adam(groups, lr=rate, fused=True)]
    return [torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True)]


def _groups(
    model: nn.Module, settings: TrainSettings, kinds: tuple[str, ...], rate: float
) -> list[dict[str, Any]]:
    """Weights of these kinds that share depth and decay, with the rate of that depth.

    Depth is how far a weight that was trained before stands below the fresh ones; a model without
    such weights has one depth.
    """
    depth_of = getattr(model, "depth_of", lambda name: 0)
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, weight in model.named_parameters():
        kind = _kind(name, weight)
        if kind not in kinds or not weight.requires_grad:  # what is frozen is left alone
            continue
        depth = depth_of(name)
        empty = {
            "params": [],
            "weight_decay": settings.weight_decay if kind != "vectors" else 0.0,
            "lr": rate * settings.rate_decay**depth,
            "frozen_epochs": settings.unfreezing * depth,
        }
        groups.setdefault((depth, kind == "vectors"), empty)["params"].append(weight)
    return list(groups.values())


def _kind(name: str, weight: Tensor) -> str:
    """Matrices between layers are hidden; tables have a row a token or label; vectors the rest."""
    if weight.dim() < 2:
        return "vectors"
    return "tables" if name.startswith(("embedding.", "head.")) else "hidden"


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


def set_rate(optimizers: list[torch.optim.Optimizer], share: float, epoch: float = 0.0) -> None:
    """Set every learning rate to a share of its largest, that of layers still frozen to zero.

    Source:
        gradual unfreezing and rates by layer: Howard & Ruder 2018, section 3.2 and 3.3.
    """
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group.setdefault("largest_lr", group["lr"])
            frozen = epoch < group["frozen_epochs"]
            group["lr"] = 0.0 if frozen else group["largest_lr"] * share
