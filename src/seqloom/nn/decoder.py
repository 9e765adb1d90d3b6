"""Decoders: from what was written so far, and the source's steps, to the vector of the next token.

    h = recurrence(embedded tokens)                 all steps at once, as in the encoder
    a = softmax(score(h_t, memory))                 how much each source step matters now
    c = Σ a_s memory_s                              the context
    output = tanh(W [h; c])

What is written enters through the recurrence alone, never through an earlier output. So with the
true tokens given (teacher forcing) nothing waits for the step before: a batch costs a few large
matrix products, and no loop over time. Layers above the first read [h; c], which gives the
recurrence what it attended to as well.

``forward`` is all steps, ``step`` is one, with a state whose tensors have a row a text being
written; a test holds them together. Knows no vocabulary and no search.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from seqloom.nn.additive_scores import additive_scores
from seqloom.nn.cells import State
from seqloom.nn.dropout import LockedDropout
from seqloom.nn.encoders import check_layers
from seqloom.nn.masks import length_mask
from seqloom.nn.recurrent import Recurrent

DECODERS = ("elman", "lstm", "gru")
ATTENTIONS = ("none", "additive", "dot", "general")


@dataclass(frozen=True)
class Memory:
    """What the encoder hands on.

    Attributes:
        steps: outputs of the encoder (batch, source, size), zero on padding.
        mask: True where real (batch, source).
        summary: states after the last real step, one a layer and direction; of an encoder without
            a recurrence one of the mean of its outputs.
    """

    steps: Tensor
    mask: Tensor
    summary: list[State]

    def select(self, rows: Tensor) -> Memory:
        """The memory of these rows; the summary is used up by then and left out."""
        return Memory(self.steps[rows], self.mask[rows], [])


class Attention(nn.Module):
    """How much each step of a memory matters to a query, and the sum of steps so weighted.

    dot        score = q · k                       sizes must be equal
    general    score = q · W k
    additive   score = v · tanh(W q + U k)

    Args:
        kind: one of these three.
        query_size: numbers in a query.
        memory_size: numbers in a step of the memory.
    Shape:
        query (batch, time, query_size), memory (batch, source, memory_size), mask (batch, source)
        → context (batch, time, memory_size), weights (batch, time, source), 0 on padding.
    Source:
        additive: Bahdanau et al. 2015; dot and general: Luong et al. 2015, section 3.1.
    """

    def __init__(self, kind: str, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.kind = kind
        self.keys: nn.Linear | None = None
        if kind != "dot":
            self.keys = nn.Linear(memory_size, query_size, bias=False)
        if kind == "additive":
            self.queries = nn.Linear(query_size, query_size)
            self.score = nn.Linear(query_size, 1, bias=False)

    def project(self, memory: Tensor) -> Tensor:
        """k of every step, made once for all queries: (batch, source, query_size)."""
        return memory if self.keys is None else self.keys(memory)

    def forward(
        self, query: Tensor, keys: Tensor, memory: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Context and weights; ``keys`` is ``project(memory)``."""
        if self.kind == "additive":
            scores = additive_scores(self.queries(query), keys, self.score.weight[0])
        else:
            scores = query @ keys.transpose(1, 2)  # (batch, time, source)
        scores = scores.float() if scores.dtype != torch.float64 else scores
        weights = scores.masked_fill(~mask.unsqueeze(1), -torch.inf).softmax(2)
        return weights.to(memory.dtype) @ memory, weights


@dataclass(frozen=True)
class DecoderState:
    """What a decoder knows between two steps; every tensor has a row a text being written.

    Attributes:
        memory: of the source of each row.
        keys: what each attention made of the memory once for all steps; empty without attention.
        layers: state of each layer.
        attended: sum of the attention paid to each source step so far (rows, source).
        texts: number of the source each row belongs to.
    """

    memory: Memory
    keys: list[State]
    layers: list[State]
    attended: Tensor
    texts: Tensor

    def select(self, rows: Tensor) -> DecoderState:
        """These rows, in this order; one may come more than once."""
        layers = [tuple(part[rows] for part in state) for state in self.layers]
        texts = self.texts[rows]
        if torch.equal(texts, self.texts):  # texts change places with their like: no copy is needed
            return replace(self, layers=layers, attended=self.attended[rows])
        keys = [tuple(part[rows] for part in made) for made in self.keys]
        return DecoderState(self.memory.select(rows), keys, layers, self.attended[rows], texts)


class RecurrentDecoder(nn.Module):
    """Layers of a recurrence with attention to the source above the first.

    Args:
        kind: a name in ``DECODERS``.
        input_size: numbers in an embedded token.
        hidden_size: units of a layer.
        output_size: numbers handed to the head.
        memory_size: numbers in a step of the encoder's output.
        summary: parts of the encoder's state a layer, times their sizes: what the first state of
            each layer is made from, as (layers, numbers).
        attention: a name in ``ATTENTIONS``.
        num_layers: layers, one above the other.
        dropout: locked dropout of what each layer and the attention put out.
        weight_drop: see ``Recurrent``.
        hand_over: start with the encoder's own state, of the same kind and size, as it is.
    Shape:
        x (batch, time, input_size) → (batch, time, output_size).
    Raises:
        SettingsError: num_layers is less than 1.
    """

    def __init__(
        self,
        kind: str,
        input_size: int,
        hidden_size: int,
        output_size: int,
        memory_size: int,
        summary: tuple[int, int],
        *,
        attention: str = "general",
        num_layers: int = 1,
        dropout: float = 0.0,
        weight_drop: float = 0.0,
        forget_bias: float = 1.0,
        hand_over: bool = False,
    ) -> None:
        super().__init__()
        check_layers(num_layers)
        context = memory_size if attention != "none" else 0

        def layers(size: int, count: int) -> Recurrent:
            return Recurrent(
                kind,
                size,
                hidden_size,
                num_layers=count,
                dropout=dropout,
                weight_drop=weight_drop,
                forget_bias=forget_bias,
            )

        self.first = layers(input_size, 1)
        self.upper: Recurrent | None = None
        if num_layers > 1:
            self.upper = layers(hidden_size + context, num_layers - 1)
        self.attention: Attention | None = None
        if attention != "none":
            self.attention = Attention(attention, hidden_size, memory_size)
        self.num_layers, self.hidden_size, self.summary_layers = num_layers, hidden_size, summary[0]
        self.state_parts = 2 if kind == "lstm" else 1
        wanted = self.state_parts * hidden_size
        self.bridges: nn.ModuleList | None = None
        if not hand_over:
            self.bridges = nn.ModuleList(nn.Linear(summary[1], wanted) for _ in range(num_layers))
        self.output = nn.Linear(hidden_size + context, output_size)
        self.dropout = LockedDropout(dropout)

    def start(self, memory: Memory) -> DecoderState:
        """The state before the first token: the encoder's last, brought to this decoder's size."""
        keys: list[State] = []
        if self.attention is not None:
            keys = [(self.attention.project(memory.steps),)]
        directions = len(memory.summary) // self.summary_layers
        layers = []
        for layer in range(self.num_layers):
            below = min(layer, self.summary_layers - 1) * directions
            parts = [part for state in memory.summary[below : below + directions] for part in state]
            x = torch.cat(parts, dim=1)
            if self.bridges is not None:
                x = torch.tanh(self.bridges[layer](x))
            layers.append(x.chunk(self.state_parts, dim=1))
        texts = torch.arange(len(memory.mask), device=memory.mask.device)
        attended = memory.steps.new_zeros(memory.mask.shape)
        return DecoderState(memory, keys, layers, attended, texts)

    def forward(self, x: Tensor, state: DecoderState) -> tuple[Tensor, Tensor | None, DecoderState]:
        """Outputs of all steps, the attention paid at each (batch, time, source), the state after.

        Padding lies at the end of ``x``, where it reaches nothing that is real.
        """
        hidden, first = self.first(x, None, state.layers[:1])
        weights = None
        if self.attention is not None:
            context, weights = self.attention(
                hidden, state.keys[0][0], state.memory.steps, state.memory.mask
            )
            hidden = torch.cat([hidden, context.to(hidden.dtype)], dim=2)
        upper: Sequence[State] = []
        if self.upper is not None:
            top, upper = self.upper(hidden, None, state.layers[1:])
            hidden = top
            if weights is not None:
                hidden = torch.cat([top, context.to(top.dtype)], dim=2)
        outputs = self.dropout(torch.tanh(self.output(hidden)))
        attended = state.attended
        if weights is not None:
            attended = attended + weights.sum(1).to(attended.dtype)
        after = replace(state, layers=[*first, *upper], attended=attended)
        return outputs, weights, after


def memory_of(steps: Tensor, lengths: Tensor, states: Sequence[State]) -> Memory:
    """What an encoder put out, as a memory.

    Args:
        steps: outputs (batch, source, size), zero on padding.
        lengths: real steps of each (batch,).
        states: the encoder's states after the last real step; empty where it has no recurrence.
    """
    mask = length_mask(lengths, steps.shape[1])
    if not states:
        states = [(steps.sum(1) / lengths.unsqueeze(1),)]
    return Memory(steps, mask, list(states))


def coverage_of(state: DecoderState) -> Tensor:
    """What each row loses for source steps without attention: Σ log min(attended, 1), at most 0.

    Source:
        Wu et al. 2016, equation 14.
    """
    floor = math.exp(-10)  # a step never looked at costs ten nats, not infinitely many
    shares = state.attended.clamp(floor, 1.0).log()
    return shares.masked_fill(~state.memory.mask, 0.0).sum(1)
