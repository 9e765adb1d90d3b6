"""A model that turns one sequence into another: encoder, decoder, head.

    source (batch, S) ─ embedding ─ encoder ─→ memory ─┐
    target[:-1] (batch, T) ─ embedding ─ decoder ──────┴─ head ─→ logits of target[1:]

Trained on whole batches with the true target given; used by encoding once and then step by step:

    state = model.start(model.encode(source, lengths))
    logits, state = model.step(ids, state)

Knows ids only: no tokens, no languages, no search.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seqloom.nn.decoder import DecoderState, Memory, RecurrentDecoder, memory_of
from seqloom.nn.dropout import LockedDropout
from seqloom.nn.embedding import LearnedEmbedding, OneHot
from seqloom.nn.encoders import Encoder
from seqloom.nn.language_model import Loss
from seqloom.nn.losses import linear_cross_entropy
from seqloom.nn.teacher_forcing import TeacherForcing
from seqloom.nn.transformer_decoder import TransformerDecoder

GUESSED_AT_ONCE = 512  # steps whose scores of all tokens are held together
Table = LearnedEmbedding | OneHot
Decoder = RecurrentDecoder | TransformerDecoder


class EncoderDecoder(nn.Module):
    """Scores the next token of a target, given its source.

    Args:
        source: table of the source's tokens.
        target: table of the target's; the same one where both share a vocabulary.
        encoder: made for the source table's size.
        decoder: made for the target table's size and the encoder's output.
        vocab_size: ids of the target run from 0 to this less one; 0 is padding.
        output_size: numbers that the decoder puts out.
        tie_embeddings: the head's table is the target's.
        embedding_dropout: locked dropout of both embedded inputs.
        label_smoothing: share of the target's probability spread over all tokens, in training.
        teacher_forcing: see ``TeacherForcing``.
    """

    def __init__(
        self,
        source: Table,
        target: Table,
        encoder: Encoder,
        decoder: Decoder,
        vocab_size: int,
        output_size: int,
        *,
        tie_embeddings: bool = False,
        embedding_dropout: float = 0.0,
        label_smoothing: float = 0.0,
        teacher_forcing: float = 1.0,
    ) -> None:
        super().__init__()
        self.embedding = nn.ModuleDict({"source": source, "target": target})
        self.embedding_dropout = LockedDropout(embedding_dropout)
        self.encoder: Encoder = encoder
        self.decoder: Decoder = decoder
        self.head = nn.Linear(output_size, vocab_size)
        nn.init.zeros_(self.head.bias)
        self.label_smoothing = label_smoothing
        self.teacher_forcing = TeacherForcing(teacher_forcing)
        if tie_embeddings and isinstance(target, LearnedEmbedding):
            # One table in two places: rows must be small enough for scores, so they start small.
            nn.init.normal_(target.weight, std=1 / math.sqrt(target.size))
            self.head.weight = target.weight

    def encode(self, source: Tensor, lengths: Tensor) -> Memory:
        """What the decoder needs to know of the source: ids (batch, S), lengths (batch,)."""
        x = self.embedding_dropout(self.embedding["source"](source))
        steps, states = self.encoder(x, lengths)
        return memory_of(steps, lengths, states)

    def start(self, memory: Memory) -> DecoderState:
        """The state before the first token, a row a source."""
        return self.decoder.start(memory)

    def step(self, ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Scores of the token after each: ids (rows,) → logits (rows, vocab_size), state."""
        outputs, _, state = self._decode(ids.unsqueeze(1), state)
        return self.head(outputs[:, 0]), state

    def attention(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor | None:
        """How much each source step mattered to each token of a target: (batch, T, S)."""
        return self._decode(target[:, :-1], self.start(self.encode(source, lengths)))[1]

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Loss:
        """What the target costs.

        Shape:
            source (batch, S), lengths (batch,), target (batch, T + 1) with start and end, 0 beyond.
        """
        # A row without a real step only fills up one process's part of a batch.
        return self.cost(self.start(self.encode(source, lengths.clamp(min=1))), target, lengths > 0)

    def cost(self, start: DecoderState, target: Tensor, counts: Tensor) -> Loss:
        """What targets cost from where they start.

        Shape:
            target (rows, T + 1) with start and end, 0 beyond; counts (rows,) whether a row does.
        """
        inputs, due = target[:, :-1], target[:, 1:]
        if self.teacher_forcing.mixes:
            inputs = self.teacher_forcing(inputs, self._guesses(inputs, start))
        outputs, _, _ = self._decode(inputs, start)
        real = (due != 0) & counts.unsqueeze(1)
        smoothing = self.label_smoothing if self.training else 0.0
        hidden, due = outputs[real], due[real]  # (real steps, output size)
        nats = linear_cross_entropy(hidden, self.head.weight, self.head.bias, due, smoothing)
        return Loss(nats, due.numel(), [])

    def _decode(
        self, ids: Tensor, state: DecoderState
    ) -> tuple[Tensor, Tensor | None, DecoderState]:
        x = self.embedding_dropout(self.embedding["target"](ids))
        result: tuple[Tensor, Tensor | None, DecoderState] = self.decoder(x, state)
        return result

    @torch.no_grad()
    def _guesses(self, inputs: Tensor, start: DecoderState) -> Tensor:
        """The likeliest token after each."""
        outputs, _, _ = self._decode(inputs, start)
        rows = outputs.flatten(0, 1).split(GUESSED_AT_ONCE)
        return torch.cat([self.head(block).argmax(1) for block in rows]).view(inputs.shape)
