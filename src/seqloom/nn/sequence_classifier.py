"""A model of labels: front end → encoder → pooling → scores of the labels.

    ids (batch, time) ─ embedding ─ encoder ─ pooling ─ head ─→ logits (batch, labels)

and, before it is given labels, a model of the text itself: the direction that reads forward
predicts the next token of each step, the one that reads backward the token before.

Knows ids and numbers only: no tokens, no label names, no files, no settings object.
"""

from __future__ import annotations

from torch import Tensor, nn

from seqloom.nn.cells import Cell
from seqloom.nn.dropout import LockedDropout
from seqloom.nn.embedding import LearnedEmbedding, OneHot
from seqloom.nn.encoders import Encoder
from seqloom.nn.language_model import Loss
from seqloom.nn.masks import length_mask, reverse_by_length
from seqloom.nn.pooling import Pooling
from seqloom.nn.recurrent import Recurrent


class SequenceClassifier(nn.Module):
    """Scores the labels of each sequence.

    Args:
        front: embedding of ids, or a layer for the numbers of a series.
        encoder: layers, made for the front end's size.
        pooling: names in ``pooling.POOLINGS``.
        labels: how many labels there are.
        embedding_dropout: locked dropout of the front end's output.
        dropout: of the pooled vector.
    Shape:
        inputs (batch, time) ids or (batch, time, channels) numbers, lengths (batch,) at least 1
        → logits (batch, labels).
    """

    def __init__(
        self,
        front: LearnedEmbedding | OneHot | nn.Linear,
        encoder: Encoder,
        pooling: tuple[str, ...],
        labels: int,
        *,
        embedding_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = front
        self.embedding_dropout = LockedDropout(embedding_dropout)
        self.encoder = encoder
        self.pooling = Pooling(pooling, encoder.output_size, encoder.directions)
        self.dropout = LockedDropout(dropout)
        self.head = nn.Linear(self.pooling.output_size, labels)
        nn.init.zeros_(self.head.bias)

    def depth_of(self, name: str) -> int:
        """How far below the head a weight stands that may have been trained before."""
        if name.startswith("embedding."):
            return self.encoder.num_layers + 1
        if name.startswith("encoder."):
            return self.encoder.num_layers - self.encoder.layer_of(name.removeprefix("encoder."))
        return 0

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Scores of the labels."""
        x = self.embedding_dropout(self.embedding(inputs))
        outputs, _ = self.encoder(x, lengths)
        pooled = self.dropout(self.pooling(outputs, lengths).unsqueeze(1)).squeeze(1)
        logits: Tensor = self.head(pooled).float()
        return logits


class TextPretraining(nn.Module):
    """Learns to predict a text from both ends with the embedding and first layer of another model.

    The scores of the tokens are an adaptive softmax: frequent tokens cost a small matrix product,
    rare ones share a few slots there and are told apart by narrow vectors. It is a proper
    distribution over the whole vocabulary, at a fifth of the price.

    Args:
        embedding: shared with the model that is trained afterwards.
        encoder: whose first layer is trained; a bidirectional one in both directions.
        ranks: the place of each id among all when sorted by falling frequency (vocab_size,).
        dropout: of the encoder's outputs, locked.
    Source:
        two directions with one table: Peters et al. 2018, "Deep contextualized word
        representations", section 3.1; adaptive softmax: Grave et al. 2017.
    """

    ranks: Tensor

    def __init__(
        self, embedding: LearnedEmbedding, encoder: Recurrent, ranks: Tensor, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.cells = nn.ModuleList(list(encoder.cells)[: encoder.directions])
        self.dropout = LockedDropout(dropout)
        self.register_buffer("ranks", ranks, persistent=False)
        hidden = encoder.output_size // encoder.directions
        self.bridge = nn.Linear(hidden, embedding.size)
        vocab_size = len(ranks)
        cutoffs = [cut for cut in (1_000, 6_000) if cut < vocab_size - 1] or [vocab_size // 2]
        # Each group of rarer tokens has vectors a third as wide, but never of no width.
        narrowing = min(3.0, embedding.size ** (1 / len(cutoffs)) - 1e-6)
        self.scores = nn.AdaptiveLogSoftmaxWithLoss(embedding.size, vocab_size, cutoffs, narrowing)

    def forward(self, ids: Tensor, lengths: Tensor) -> Loss:
        """Nats of the tokens after, and before, each step.

        Shape:
            ids (batch, time) with start and end tokens, lengths (batch,).
        """
        x = self.embedding(ids)
        nats, targets = x.new_zeros(()), 0
        real = length_mask(lengths - 1, ids.shape[1] - 1)
        for direction, cell in enumerate(self.cells):
            assert isinstance(cell, Cell)
            if direction:
                x = reverse_by_length(x, lengths)
                ids = reverse_by_length(ids.unsqueeze(2), lengths).squeeze(2)
            outputs, _ = cell.scan(x[:, :-1], cell.zero_state(len(ids)))
            hidden = self.bridge(self.dropout(outputs)[real])  # (real steps, embedding size)
            due = self.ranks[ids[:, 1:][real]]
            nats = nats - self.scores(hidden, due).output.float().sum()
            targets += due.numel()
        return Loss(nats, targets, [])
