"""Scores of whole sequences of tags: a linear-chain conditional random field.

    score(y) = begin[y₁] + Σ s_t[y_t] + Σ transitions[y_t, y_t+1] + end[y_last]
    -log p(y) = log Σ_y' exp score(y') - score(y)

All sums run over a padded batch, one step of time after the other; nothing loops over sequences.
Knows tags as numbers only, not what they mean.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqloom.errors import ShapeError
from seqloom.nn.masks import length_mask

FORBIDDEN = -1e4  # e^-10000 is 0 in float32, and sums of it stay finite


class ConditionalRandomField(nn.Module):
    """Transitions between tags, and what follows from them.

    Args:
        tags: how many there are.
        allowed: which tag may follow which, (tags + 1, tags + 1): the last row is the beginning of
            a sequence, the last column its end. Without it everything is allowed.
    Shape:
        scores (batch, time, tags), targets (batch, time), lengths (batch,) → nats (batch,).
    Source:
        Lafferty et al. 2001; as the last layer of a BiLSTM, Huang et al. 2015.
    """

    allowed: Tensor

    def __init__(self, tags: int, allowed: Tensor | None = None) -> None:
        super().__init__()
        if allowed is None:
            allowed = torch.ones(tags + 1, tags + 1, dtype=torch.bool)
        if allowed.shape != (tags + 1, tags + 1):
            raise ShapeError(
                f"allowed is {tuple(allowed.shape)}; expected {(tags + 1, tags + 1)}: a row and a "
                "column for each tag, a last row for the beginning, a last column for the end."
            )
        self.tags = tags
        self.transitions = nn.Parameter(torch.zeros(tags, tags))
        self.begin = nn.Parameter(torch.zeros(tags))
        self.end = nn.Parameter(torch.zeros(tags))
        # What is allowed follows from the tags, so it is no weight to be saved.
        self.register_buffer("allowed", allowed, persistent=False)

    def forward(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """Nats of each target sequence; 0 for one of no steps."""
        scores = in_float32(scores)
        nats = self.log_partition(scores, lengths) - self.score(scores, targets, lengths)
        return nats.masked_fill(lengths == 0, 0.0)

    def moves(self) -> tuple[Tensor, Tensor, Tensor]:
        """Transitions (from, to), begin and end, with what is forbidden put out of reach."""
        between = self.transitions.masked_fill(~self.allowed[:-1, :-1], FORBIDDEN)
        begin = self.begin.masked_fill(~self.allowed[-1, :-1], FORBIDDEN)
        end = self.end.masked_fill(~self.allowed[:-1, -1], FORBIDDEN)
        return between, begin, end

    def score(self, scores: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """Score of each target sequence: (batch,)."""
        between, begin, end = self.moves()
        real = length_mask(lengths, scores.shape[1])
        emitted = scores.gather(2, targets.unsqueeze(2)).squeeze(2)  # (batch, time)
        moved = between[targets[:, :-1], targets[:, 1:]]  # (batch, time - 1)
        last = targets.gather(1, (lengths - 1).clamp(min=0).unsqueeze(1)).squeeze(1)
        total = (emitted * real).sum(1) + (moved * real[:, 1:]).sum(1)
        result: Tensor = total + begin[targets[:, 0]] + end[last]
        return result

    def log_partition(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Log of the sum over all sequences of e^score: the forward algorithm, (batch,)."""
        between, begin, end = self.moves()
        alpha = begin + scores[:, 0]  # (batch, tags)
        for step in range(1, scores.shape[1]):
            longer = torch.logsumexp(alpha.unsqueeze(2) + between, dim=1) + scores[:, step]
            alpha = torch.where((step < lengths).unsqueeze(1), longer, alpha)
        return torch.logsumexp(alpha + end, dim=1)


def in_float32(scores: Tensor) -> Tensor:
    """Scores in float32 at least: under autocast they come with too few digits to be summed."""
    return scores if scores.dtype == torch.float64 else scores.float()
