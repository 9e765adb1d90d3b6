"""The Transformer's decoder: what was written looks at itself, then at the source, layer by layer.

    x ← x + attention(norm(x))                  to itself and the steps before
    x ← x + attention(norm(x), memory)          to the source
    x ← x + feed_forward(norm(x))

Has the face of ``decoder.RecurrentDecoder``: all steps at once in training, one by one in use, with
the keys and values of the steps before as its state.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from seqloom.nn.attention import MultiHeadAttention, SelfAttention, View
from seqloom.nn.cells import State
from seqloom.nn.decoder import DecoderState, Memory
from seqloom.nn.transformer import FeedForward


class DecoderLayer(nn.Module):
    """The three equations above.

    Args:
        size: numbers in a step.
        memory_size: numbers in a step of the memory.
        num_heads: heads of both attentions.
        dropout: of what each of the three adds.
        depth: layers of the whole stack. What each of them adds starts 1 / √(3 · depth) as large,
            so that a deep stack does not begin with large sums.
    Source:
        Vaswani et al. 2017, section 3.1; norm first: Xiong et al. 2020; sums kept small by depth:
        Radford et al. 2019, section 2.3.
    """

    def __init__(
        self, size: int, memory_size: int, num_heads: int, dropout: float = 0.0, depth: int = 1
    ) -> None:
        super().__init__()
        self.own_norm, self.memory_norm, self.forward_norm = (nn.LayerNorm(size) for _ in range(3))
        self.own = SelfAttention(size, size, num_heads, dropout)
        self.memory = MultiHeadAttention(size, memory_size, size, num_heads, dropout)
        self.feed_forward = FeedForward(size, dropout)
        with torch.no_grad():
            for last in (self.own.output, self.memory.output, self.feed_forward.narrow):
                last.weight /= math.sqrt(3 * depth)

    def keys_values(self, memory: Tensor) -> State:
        """What its attention makes of the source, once for all steps."""
        return self.memory.keys_values(memory)

    def forward(
        self, x: Tensor, view: View, own: State, memory: State, mask: Tensor, *, weights: bool
    ) -> tuple[Tensor, State, Tensor | None]:
        """The step's numbers, the keys and values of all steps, how it looked at the source."""
        found, after = self.own(self.own_norm(x), view, (own[0], own[1]))
        x = x + found
        query = self.memory_norm(x)
        found, looked = self.memory.look(query, (memory[0], memory[1]), mask, weights=weights)
        x = x + found
        return x + self.feed_forward(self.forward_norm(x)), after, looked


class TransformerDecoder(nn.Module):
    """Layers that look at what was written and at the source.

    Args:
        input_size: numbers in an embedded token.
        hidden_size: numbers a step has in each layer.
        output_size: numbers handed to the head.
        memory_size: numbers in a step of the encoder's output.
        num_layers, num_heads, dropout: see ``AttentionEncoder``.
    Shape:
        x (batch, time, input_size) → (batch, time, output_size).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        memory_size: int,
        *,
        num_layers: int = 1,
        num_heads: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.projection: nn.Linear | None = None
        if input_size != hidden_size:
            self.projection = nn.Linear(input_size, hidden_size)
        self.layers = nn.ModuleList(
            DecoderLayer(hidden_size, memory_size, num_heads, dropout, num_layers)
            for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(hidden_size)
        self.output: nn.Linear | None = None
        if output_size != hidden_size:
            self.output = nn.Linear(hidden_size, output_size)
        self.num_heads, self.head_size = num_heads, hidden_size // num_heads

    def _layers(self) -> list[DecoderLayer]:
        return [layer for layer in self.layers if isinstance(layer, DecoderLayer)]

    def start(self, memory: Memory) -> DecoderState:
        """The state before the first token: nothing written, the source's keys and values made."""
        empty = self.norm.weight.new_zeros(len(memory.mask), self.num_heads, 0, self.head_size)
        keys: list[State] = [layer.keys_values(memory.steps) for layer in self._layers()]
        texts = torch.arange(len(memory.mask), device=memory.mask.device)
        attended = memory.steps.new_zeros(memory.mask.shape)
        return DecoderState(memory, keys, [(empty, empty) for _ in keys], attended, texts)

    def forward(self, x: Tensor, state: DecoderState) -> tuple[Tensor, Tensor | None, DecoderState]:
        """Outputs of all steps, the attention paid at each (batch, time, source), the state after.

        The attention is the mean over the heads of the last layer; in training it is left out.
        """
        if self.projection is not None:
            x = self.projection(x)
        x = x.to(self.norm.weight.dtype)  # layers add to it: it keeps its digits in autocast
        past = state.layers[0][0].shape[2]
        view = View.of(x, self.head_size, past=past, causal=True)
        after: list[State] = []
        weights = None
        for layer, own, memory in zip(self._layers(), state.layers, state.keys, strict=True):
            wanted = not self.training and len(after) == len(self.layers) - 1
            x, kept, looked = layer(x, view, own, memory, state.memory.mask, weights=wanted)
            after.append(kept)
            if looked is not None:
                weights = looked.mean(1)
        outputs = self.norm(x)
        if self.output is not None:
            outputs = self.output(outputs)
        attended = state.attended
        if weights is not None:
            attended = attended + weights.sum(1).to(attended.dtype)
        return outputs, weights, replace(state, layers=after, attended=attended)
