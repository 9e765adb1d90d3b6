"""Layers of attention over padded batches, with the face of ``Recurrent``.

    basic-attention   Y = softmax(R X (R X)ᵀ / √size) X, layer upon layer: nothing to learn
    self-attention    queries, keys, values and heads, layer upon layer
    transformer       attention and a small network at each step, each added to what it read

A layer reads a whole sequence in a few large products. Where a text goes on and on, each step sees
itself and the ``window - 1`` steps before it in every layer; what is handed on is their keys and
values. So a text read at once, in pieces or step by step gives the same numbers. Without a window
a sequence is read whole and nothing is handed on.

Knows nothing of embeddings, vocabularies or losses.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.nn.attention import BasicAttention, Cache, SelfAttention, View
from seqloom.nn.cells import State
from seqloom.nn.dropout import LockedDropout
from seqloom.nn.masks import length_mask

ATTENTION_KINDS = ("basic-attention", "self-attention", "transformer")
WIDENING = 4  # of the network inside a transformer's layer


class FeedForward(nn.Module):
    """A small network that each step goes through alone.

    y = W_2 gelu(W_1 x + b_1) + b_2,  gelu(x) = ½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))

    Args:
        size: numbers in a step.
        dropout: of y, the same at every step (locked).
    Shape:
        x (batch, time, size) → alike.
    Source:
        gelu: Hendrycks & Gimpel 2016, section 2, by its tanh.
    """

    def __init__(self, size: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.widen = nn.Linear(size, WIDENING * size)
        self.narrow = nn.Linear(WIDENING * size, size)
        self.dropout = LockedDropout(dropout)
        for layer in (self.widen, self.narrow):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """The equation above."""
        y: Tensor = self.dropout(self.narrow(F.gelu(self.widen(x), approximate="tanh")))
        return y


class TransformerLayer(nn.Module):
    """Attention, then a small network, each reading a normalised x and adding to it.

    x ← x + attention(norm(x))
    x ← x + feed_forward(norm(x))

    Args:
        size: numbers in a step.
        num_heads: heads of the attention.
        dropout: of what each of the two adds.
    Shape:
        x (batch, time, size) → alike, and the keys and values of all steps.
    Source:
        norm first: Xiong et al. 2020, figure 1b. What is added starts at zero, so that fresh layers
        hand on what they read, however many they are: Zhang et al. 2019, "Fixup", section 3.
    """

    def __init__(self, size: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(size)
        self.attention = SelfAttention(size, size, num_heads, dropout)
        self.feed_forward_norm = nn.LayerNorm(size)
        self.feed_forward = FeedForward(size, dropout)
        nn.init.zeros_(self.attention.output.weight)
        nn.init.zeros_(self.feed_forward.narrow.weight)

    @property
    def num_heads(self) -> int:
        """Heads of the attention."""
        return self.attention.num_heads

    def forward(self, x: Tensor, view: View, cache: Cache | None = None) -> tuple[Tensor, Cache]:
        """The equations above."""
        found, cache = self.attention(self.attention_norm(x), view, cache)
        x = x + found
        return x + self.feed_forward(self.feed_forward_norm(x)), cache

    def weights(self, x: Tensor, view: View) -> Tensor:
        """How much each step looks at each: (batch, heads, time, time)."""
        return self.attention.weights(self.attention_norm(x), view)


class AttentionEncoder(nn.Module):
    """A stack of attention layers.

    Args:
        kind: a name in ``ATTENTION_KINDS``.
        input_size: numbers a step of the input has.
        hidden_size: numbers a step has in each layer; of basic-attention, the input's.
        num_layers: layers, one above the other.
        num_heads: heads of each layer; basic-attention has one.
        causal: a step sees itself and those before it; otherwise every real step.
        window: so many steps, itself among them, does a causal step see in each layer, also
            across calls; None sees all steps of a call and hands nothing on.
        dropout: locked dropout of what each layer puts out, or adds.
    Shape:
        x (batch, time, input_size), lengths (batch,) → outputs (batch, time, output_size) and one
        state a layer: keys and values (batch, heads, steps, head size) of the last steps read, at
        most ``window - 1``, and how many of them are real (batch,), the last ones.
    """

    directions = 1

    def __init__(
        self,
        kind: str,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        num_heads: int = 1,
        causal: bool = True,
        window: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.causal, self.window, self.num_layers = causal, window, num_layers
        self.output_size = input_size if kind == "basic-attention" else hidden_size
        self.projection: nn.Linear | None = None
        self.norm: nn.LayerNorm | None = None
        self.dropout = LockedDropout(0.0 if kind == "transformer" else dropout)
        self.layers = nn.ModuleList()
        for layer in range(num_layers):
            if kind == "basic-attention":
                self.layers.append(BasicAttention())
            elif kind == "self-attention":
                size = hidden_size if layer else input_size
                self.layers.append(SelfAttention(size, hidden_size, num_heads))
            else:
                self.layers.append(TransformerLayer(hidden_size, num_heads, dropout))
        if kind == "transformer":
            self.norm = nn.LayerNorm(hidden_size)
            if input_size != hidden_size:
                self.projection = nn.Linear(input_size, hidden_size)
        self.num_heads = 1 if kind == "basic-attention" else num_heads
        self.head_size = self.output_size // self.num_heads

    def zero_state(self, batch: int) -> list[State]:
        """States without a step, for ``batch`` sequences; none where nothing is handed on."""
        if self.window is None:
            return []
        weight = next(self.parameters(), torch.zeros(()))
        empty = weight.new_zeros(batch, self.num_heads, 0, self.head_size)
        count = torch.zeros(batch, dtype=torch.int64, device=weight.device)
        return [(empty, empty, count) for _ in self.layers]

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        states: Sequence[State] | None = None,
    ) -> tuple[Tensor, list[State]]:
        """Outputs of the top layer, zero on padding, and the states after the last real step."""
        states = states or []
        time, view = x.shape[1], self._view(x, lengths, states)
        if self.projection is not None:
            x = self.projection(x)
        if self.norm is not None:
            x = x.to(self.norm.weight.dtype)  # layers add to it: it keeps its digits in autocast
        after: list[State] = []
        for number, layer in enumerate(self.layers):
            cache = states[number][:2] if states else None
            x, cache = layer(x, view, cache)
            x = self.dropout(x)
            if self.window is not None:
                count = states[number][2] if states else lengths_of(x, 0)
                after.append(kept(cache, count, lengths, time, self.window - 1))
        if self.norm is not None:
            x = self.norm(x)
        if lengths is not None:
            # Not a product with zero: a row without a real step may hold what is no number.
            x = x.masked_fill(~length_mask(lengths, time).unsqueeze(2), 0.0)
        return x, after

    def weights(self, x: Tensor, lengths: Tensor | None = None) -> list[Tensor]:
        """How much each step looks at each, layer by layer: (batch, heads, time, time)."""
        view, found = self._view(x, lengths, []), []
        if self.projection is not None:
            x = self.projection(x)
        for layer in self.layers:
            assert isinstance(layer, BasicAttention | SelfAttention | TransformerLayer)
            found.append(layer.weights(x, view))
            x, _ = layer(x, view)
        return found

    def layer_of(self, name: str) -> int:
        """The layer, counted from 0, that a weight of this name belongs to."""
        if name.startswith("layers."):
            return int(name.split(".")[1])
        return 0 if name.startswith("projection.") else self.num_layers - 1

    def _view(self, x: Tensor, lengths: Tensor | None, states: Sequence[State]) -> View:
        """What each step sees: without causality padding is hidden, with it, it comes after."""
        past, real = 0, None
        if states:
            past, count = states[0][0].shape[2], states[0][2]
            if bool((count < past).any()):
                steps = torch.arange(past + x.shape[1], device=x.device)
                real = steps >= (past - count).unsqueeze(1)
        elif lengths is not None and not self.causal:
            # A row without a real step looks at padding, to no effect, rather than at nothing.
            real = length_mask(lengths.clamp(min=1), x.shape[1])
        return View.of(
            x, self.head_size, past=past, causal=self.causal, window=self.window, real=real
        )


def lengths_of(x: Tensor, length: int) -> Tensor:
    """The same length for every row of x."""
    return torch.full((x.shape[0],), length, dtype=torch.int64, device=x.device)


def kept(cache: Cache, count: Tensor, lengths: Tensor | None, time: int, most: int) -> State:
    """The last steps of each row, at most ``most``, moved to the end, and how many are real.

        most 3, past 2, time 3      row 0, count 2, length 3   p q a b c  →  a b c   3
                                    row 1, count 1, length 1   . q a . .  →  . q a   2

    Args:
        cache: keys and values of the steps before and of these.
        count: how many of the steps before are real.
        lengths: how many of these are real; all when None.
        time: how many these are.
    """
    steps = cache[0].shape[2]
    size = min(most, steps)
    if lengths is None:
        key, value = (part[:, :, steps - size :] for part in cache)
        return key, value, (count + time).clamp(max=size)
    first = steps - time + lengths - size
    index = (first.unsqueeze(1) + torch.arange(size, device=first.device)).clamp(min=0)
    index = index[:, None, :, None].expand(-1, cache[0].shape[1], -1, cache[0].shape[3])
    key, value = (part.gather(2, index) for part in cache)
    return key, value, (count + lengths).clamp(max=size)
