"""A model of the next token: front end → encoder → scores over the vocabulary.

    ids (batch, time) ─ embedding ─ encoder ─ head ─→ logits (batch, time, vocab_size)

Knows ids only: no tokens, no files, no settings object.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from seqloom.nn.cells import State
from seqloom.nn.dropout import LockedDropout
from seqloom.nn.embedding import LearnedEmbedding, OneHot
from seqloom.nn.encoders import Encoder
from seqloom.nn.losses import linear_cross_entropy
from seqloom.nn.masks import last_step, length_mask


@dataclass(frozen=True)
class Loss:
    """What a batch cost: nats over all its targets, how many targets, and the states to carry."""

    nats: Tensor
    targets: int
    states: list[State]


class LanguageModel(nn.Module):
    """Scores the next token of each sequence.

    Args:
        vocab_size: ids run from 0 to vocab_size - 1; 0 is padding.
        embedding_size: numbers in a learned embedding; 0 takes one-hot vectors instead.
        encoder: the layers, made for the embedding's size.
        embedding_dropout: locked dropout of the embedded input.
        tie_embeddings: the head's table is the embedding's (a linear layer bridges their sizes).
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_size: int,
        encoder: Encoder,
        *,
        embedding_dropout: float = 0.0,
        tie_embeddings: bool = False,
    ) -> None:
        super().__init__()
        self.embedding: LearnedEmbedding | OneHot = (
            LearnedEmbedding(vocab_size, embedding_size) if embedding_size else OneHot(vocab_size)
        )
        self.embedding_dropout = LockedDropout(embedding_dropout)
        self.encoder = encoder
        self.bridge: nn.Linear | None = None
        head_size = encoder.output_size
        if tie_embeddings and head_size != embedding_size:
            self.bridge = nn.Linear(head_size, embedding_size)
            head_size = embedding_size
        self.head = nn.Linear(head_size, vocab_size)
        nn.init.zeros_(self.head.bias)
        if tie_embeddings and isinstance(self.embedding, LearnedEmbedding):
            # One table in two places: rows must be small enough for scores, so they start small.
            nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(embedding_size))
            self.head.weight = self.embedding.weight

    def encode(
        self, ids: Tensor, lengths: Tensor | None = None, states: Sequence[State] | None = None
    ) -> tuple[Tensor, list[State]]:
        """Hidden vectors the head reads: (batch, time) → (batch, time, head size), and states."""
        x = self.embedding_dropout(self.embedding(ids))
        hidden, after = self.encoder(x, lengths, states)
        return (hidden if self.bridge is None else self.bridge(hidden)), after

    def logits(
        self, ids: Tensor, lengths: Tensor | None = None, states: Sequence[State] | None = None
    ) -> tuple[Tensor, list[State]]:
        """Scores of the token after each: (batch, time) → (batch, time, vocab_size), and states."""
        hidden, after = self.encode(ids, lengths, states)
        return self.head(hidden), after

    def forward(
        self,
        ids: Tensor,
        lengths: Tensor,
        targets: Tensor,
        states: Sequence[State] | None = None,
    ) -> Loss:
        """What the targets cost: the pass that is trained, and that several processes wrap.

        Shape:
            ids (batch, time), lengths (batch,); targets (batch, time), the token after each, or
            (batch,), the one token after the last real step.
        """
        full = bool((lengths == ids.shape[1]).all())
        hidden, after = self.encode(ids, None if full else lengths, states)
        if targets.dim() == 1:
            # A row without a real step only fills up one process's part of a batch.
            real = lengths > 0
            hidden, targets = last_step(hidden, lengths)[real], targets[real]
        else:
            real = length_mask(lengths, ids.shape[1])
            hidden = hidden.flatten(0, 1) if full else hidden[real]  # (real steps, head size)
            targets = targets.flatten() if full else targets[real]
        nats = linear_cross_entropy(hidden, self.head.weight, self.head.bias, targets)
        return Loss(nats, targets.numel(), after)


def detach(states: Sequence[State]) -> list[State]:
    """States whose gradient ends here."""
    return [tuple(part.detach() for part in state) for state in states]
