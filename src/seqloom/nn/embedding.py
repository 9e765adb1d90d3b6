"""From ids to vectors: a learned row of a table, or a one at the id's place."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class OneHot(nn.Module):
    """The vector of zeros with a one at the id's place; nothing to learn, vocab_size wide.

    Shape:
        ids (batch, time) → (batch, time, vocab_size).
    """

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.size = vocab_size

    def forward(self, ids: Tensor) -> Tensor:
        """Float zeros and ones."""
        return F.one_hot(ids, self.size).to(torch.get_default_dtype())


class LearnedEmbedding(nn.Module):
    """A table with a row to learn for each id; pad's row stays zero.

    Shape:
        ids (batch, time) → (batch, time, size).
    """

    def __init__(self, vocab_size: int, size: int, pad: int = 0) -> None:
        super().__init__()
        self.size = size
        self.pad = pad
        self.weight = nn.Parameter(torch.empty(vocab_size, size))
        nn.init.normal_(self.weight)
        with torch.no_grad():
            self.weight[pad].zero_()

    def forward(self, ids: Tensor) -> Tensor:
        """The rows of the ids."""
        return F.embedding(ids, self.weight, padding_idx=self.pad)
