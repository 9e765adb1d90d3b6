"""From the steps of a sequence to one vector: the last real step, the mean, the maximum, attention.

Padding never counts. Knows the encoder's outputs only.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqloom.nn.masks import last_step, length_mask

POOLINGS = ("last", "mean", "max", "attention")


class Pooling(nn.Module):
    """One vector for each sequence, of the poolings named, side by side.

    last        the last real step of each direction: the end for the one that reads forward, the
                beginning for the one that reads backward
    mean, max   over the real steps
    attention   Σ a_t h_t with a = softmax(v · tanh(W h_t)) over the real steps

    Args:
        kinds: names in ``POOLINGS``.
        size: numbers a step has, of both directions together.
        directions: 2 where the second half of the numbers reads backward.
    Shape:
        outputs (batch, time, size), zero on padding; lengths (batch,), at least 1
        → (batch, output_size).
    Source:
        attention: Yang et al. 2016, "Hierarchical Attention Networks", equations 5 to 7.
    """

    def __init__(self, kinds: tuple[str, ...], size: int, directions: int = 1) -> None:
        super().__init__()
        self.kinds, self.directions = kinds, directions
        self.output_size = size * len(kinds)
        if "attention" in kinds:
            self.key = nn.Linear(size, size)
            self.query = nn.Linear(size, 1, bias=False)

    def forward(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """The pooled vectors, in the order of ``kinds``."""
        real = length_mask(lengths, outputs.shape[1]).unsqueeze(2)  # (batch, time, 1)
        return torch.cat([self._pool(kind, outputs, lengths, real) for kind in self.kinds], dim=1)

    def _pool(self, kind: str, outputs: Tensor, lengths: Tensor, real: Tensor) -> Tensor:
        if kind == "mean":
            return outputs.sum(1) / lengths.unsqueeze(1)
        if kind == "max":
            below = torch.zeros_like(real, dtype=outputs.dtype).masked_fill(~real, -torch.inf)
            return (outputs + below).amax(1)  # a sum is quicker than filling what is as wide
        if kind == "attention":
            return (outputs * self.weights(outputs, real)).sum(1)
        return self._last(outputs, lengths)

    def _last(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        if self.directions == 1:
            return last_step(outputs, lengths)
        forward, backward = outputs.chunk(2, dim=2)
        return torch.cat([last_step(forward, lengths), backward[:, 0]], dim=1)

    def weights(self, outputs: Tensor, real: Tensor) -> Tensor:
        """How much attention each step gets: (batch, time, 1), summing to 1 over real steps."""
        scores: Tensor = self.query(torch.tanh(self.key(outputs))).float()
        return scores.masked_fill(~real, -torch.inf).softmax(1)
