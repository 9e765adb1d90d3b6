"""Which positions of a padded batch are real, and how a sequence is turned round by its length."""

from __future__ import annotations

import torch
from torch import Tensor


def length_mask(lengths: Tensor, time: int) -> Tensor:
    """True where real: lengths (batch,) → (batch, time)."""
    return torch.arange(time, device=lengths.device) < lengths.unsqueeze(1)


def reverse_by_length(x: Tensor, lengths: Tensor) -> Tensor:
    """Each sequence turned round within its own length; padding stays where it is.

        lengths 3:  a b c . .   →   c b a . .

    Shape:
        x (batch, time, size), lengths (batch,) → like x. Its own inverse.
    """
    time = torch.arange(x.shape[1], device=x.device).expand(x.shape[0], -1)
    last = lengths.unsqueeze(1) - 1
    index = torch.where(time <= last, last - time, time)  # (batch, time)
    return x.gather(1, index.unsqueeze(2).expand_as(x))


def last_step(x: Tensor, lengths: Tensor) -> Tensor:
    """The last real step of each sequence: x (batch, time, size) → (batch, size)."""
    index = (lengths - 1).clamp(min=0).view(-1, 1, 1).expand(-1, 1, x.shape[2])
    return x.gather(1, index).squeeze(1)
