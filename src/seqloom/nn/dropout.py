"""Dropout that stays the same over time, and dropout of the recurrent weights themselves.

Masks are drawn for the rows of the whole batch even where one process of several holds only a
part of them (``shard``), so that two processes and one draw the same masks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LockedDropout(nn.Module):
    """Zeroes the same units of a sequence at every step, and scales the others up.

    Shape:
        x (batch, time, size) → alike.
    Source:
        Gal & Ghahramani 2016.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.shard = (0, 1)  # (this process, processes): the part of the batch held here

    def forward(self, x: Tensor) -> Tensor:
        """x itself outside training or when nothing is dropped."""
        if not self.training or self.share == 0.0:
            return x
        rank, world = self.shard
        rows = x.shape[0]
        kept = torch.rand(rows * world, 1, x.shape[2], device=x.device) >= self.share
        mask = kept[rank * rows : (rank + 1) * rows].to(x.dtype) / (1 - self.share)
        return x * mask  # (batch, 1, size) against (batch, time, size)


def drop_weights(weight: Tensor, share: float) -> Tensor:
    """A weight matrix with a random share of its entries zeroed, the others scaled up.

    Source:
        DropConnect, Wan et al. 2013; on hidden-to-hidden weights, Merity et al. 2017.
    """
    return nn.functional.dropout(weight, share, training=True)
