"""Attention: each query takes a mean of values, weighted by how well their keys fit it.

    Attention(Q, K, V) = softmax(Q Kᵀ / √size) V                 (Vaswani et al. 2017, equation 1)

``MultiHeadAttention`` looks into a memory, as a decoder looks into what an encoder read.
``SelfAttention`` looks into its own sequence, in which steps have positions; which steps each one
sees is a ``View``. Both can keep the keys and values of steps already read:

    attention = MultiHeadAttention(query_size, memory_size, size, num_heads)
    outputs, weights = attention(query, memory, mask, weights=True)      # at once, or
    cache = attention.keys_values(memory)                                # once a memory, then
    outputs, _ = attention.look(query, cache, mask)                      # as often as wanted

    attention = SelfAttention(input_size, size, num_heads)
    outputs, cache = attention(x, View.of(x, attention.head_size, causal=True))
    past = cache[0].shape[2]
    outputs, cache = attention(y, View.of(y, attention.head_size, causal=True, past=past), cache)

A cache holds no positions, they are given when it is looked at: steps may be dropped from its
front, and rows selected. Knows no layers, lengths or vocabularies.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.errors import SettingsError
from seqloom.nn.dropout import LockedDropout
from seqloom.nn.positions import turn, turns

Cache = tuple[Tensor, Tensor]  # keys and values, each (batch, heads, steps, head size)

MOST_SCORES = 8_000_000  # that are written out: 16 MB
BLOCK = 64  # queries at least that are scored together, where a window bounds what they see


@dataclass(frozen=True)
class View:
    """Which steps each step sees, and where they stand; one serves all layers.

        past 2, time 3, causal, window 3       step   0 1 2 3 4
                                            query 2   x x x
                                            query 3     x x x
                                            query 4       x x x

    Attributes:
        past: steps read before, whose keys and values are kept.
        causal: a step sees itself and those before it; otherwise all.
        window: so many steps, itself among them, does a causal step see; None sees all.
        real: True where there is a step to see (batch, past + time); None where all are.
        turns: see ``positions.turns``, of past + time steps; None looks without positions.
    """

    past: int = 0
    causal: bool = False
    window: int | None = None
    real: Tensor | None = None
    turns: Tensor | None = None

    @classmethod
    def of(
        cls,
        x: Tensor,
        head_size: int,
        *,
        past: int = 0,
        causal: bool = False,
        window: int | None = None,
        real: Tensor | None = None,
    ) -> View:
        """The view of steps x (batch, time, size) that stand after ``past`` others."""
        return cls(past, causal, window, real, turns(past + x.shape[1], head_size, x))

    def is_plain(self, time: int) -> bool:
        """Whether each of ``time`` steps sees all before it, and there is nothing else."""
        whole = self.window is None or time <= self.window
        return self.causal and self.past == 0 and self.real is None and whole

    def blocks(self, time: int, device: torch.device) -> Iterator[tuple[slice, slice, Tensor]]:
        """Queries, the keys that they may see, and the mask of both, True where seen.

        A window is narrow beside a long sequence: a block of queries is scored against the keys
        that any of them sees, not against all.

        Yields:
            slices of the time axis, (batch or 1, 1, queries, keys).
        """
        size = max(self.window, BLOCK) if self.window and self.causal else time
        for first in range(0, time, size):
            last = min(first + size, time)
            low, high = self._reach(first, last, time)
            yield slice(first, last), slice(low, high), self.mask(first, last, low, high, device)

    def _reach(self, first: int, last: int, time: int) -> tuple[int, int]:
        """The keys that queries ``first`` to ``last`` may see."""
        if not self.causal:
            return 0, self.past + time
        low = 0 if self.window is None else max(0, self.past + first - self.window + 1)
        return low, self.past + last

    def mask(self, first: int, last: int, low: int, high: int, device: torch.device) -> Tensor:
        """Which keys ``low`` to ``high`` are seen by queries ``first`` to ``last``."""
        seen = torch.ones(last - first, high - low, dtype=torch.bool, device=device)
        if self.causal:
            seen = seen.tril(self.past + first - low)
            if self.window is not None:
                seen = seen.triu(self.past + first - low - self.window + 1)
        if self.real is None:
            return seen[None, None]
        return seen & self.real[:, None, None, low:high]


class MultiHeadAttention(nn.Module):
    """Looks into a memory with several heads, each with queries, keys and values of its own.

    head_i = softmax((W_q q)_i (W_k m)_iᵀ / √head_size) (W_v m)_i
    output = W_o [head_1; …; head_n]                with biases

    Args:
        query_size: numbers in a query.
        memory_size: numbers in a step of the memory.
        size: numbers in all heads together, and in the output.
        num_heads: heads; they share ``size`` evenly.
        dropout: of the outputs, the same at every step (locked).
    Raises:
        SettingsError: size cannot be shared evenly.
    Source:
        Vaswani et al. 2017, section 3.2.2; with the same weights equal to
        ``torch.nn.MultiheadAttention``.
    """

    def __init__(
        self,
        query_size: int,
        memory_size: int,
        size: int,
        num_heads: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if size % num_heads:
            raise SettingsError(
                f"{num_heads} heads cannot share {size} units evenly. Pass --num-heads or "
                "--hidden-size so that one divides the other."
            )
        self.num_heads, self.head_size = num_heads, size // num_heads
        self.query = nn.Linear(query_size, size)
        self.key = nn.Linear(memory_size, size)
        self.value = nn.Linear(memory_size, size)
        self.output = nn.Linear(size, size)
        self.dropout = LockedDropout(dropout)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform after Glorot, biases zero, as ``torch.nn.MultiheadAttention`` starts."""
        for layer in (self.query, self.key, self.value, self.output):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(
        self,
        query: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        *,
        weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """What the queries find, and, where ``weights`` are asked for, how they looked.

        Shape:
            query (batch, time, query_size), memory (batch, source, memory_size), mask
            (batch, source) or (batch, time, source), True where there is something to see, which
            must be so somewhere for each query
            → outputs (batch, time, size), weights (batch, heads, time, source).
        """
        return self.look(query, self.keys_values(memory), mask, weights=weights)

    def keys_values(self, memory: Tensor) -> Cache:
        """Keys and values of every step of a memory, to be made once for all queries."""
        return self._split(self.key(memory)), self._split(self.value(memory))

    def look(
        self,
        query: Tensor,
        cache: Cache,
        mask: Tensor | None = None,
        *,
        weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """``forward`` with the keys and values of the memory, whose batch may be 1."""
        q, (k, v) = self._split(self.query(query)), cache
        if mask is not None:
            mask = mask[:, None, None] if mask.dim() == 2 else mask[:, None]  # a place for heads
        if not weights:
            found = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            return self._join(found), None
        shares = attention_weights(q, k, mask)
        return self._join(shares.to(v.dtype) @ v), shares

    def _split(self, x: Tensor) -> Tensor:
        """(batch, time, size) → (batch, heads, time, head size)."""
        heads: Tensor = x.unflatten(2, (self.num_heads, self.head_size)).transpose(1, 2)
        return heads

    def _join(self, found: Tensor) -> Tensor:
        """(batch, heads, time, head size) → outputs (batch, time, size)."""
        outputs: Tensor = self.dropout(self.output(found.transpose(1, 2).flatten(2)))
        return outputs


class SelfAttention(MultiHeadAttention):
    """Looks into its own sequence: queries, keys and values are of the same steps.

    head_i = softmax(R (W_q x)_i (R (W_k x)_i)ᵀ / √head_size) (W_v x)_i
    output = W_o [head_1; …; head_n]                R turns each step by its position

    Args:
        input_size: numbers in a step.
        size, num_heads, dropout: see ``MultiHeadAttention``.
    Shape:
        x (batch, time, input_size), cache of the ``view.past`` steps before → outputs
        (batch, time, size), cache of all steps.
    """

    def __init__(
        self, input_size: int, size: int, num_heads: int = 1, dropout: float = 0.0
    ) -> None:
        super().__init__(input_size, input_size, size, num_heads, dropout)

    def forward(  # type: ignore[override]
        self, x: Tensor, view: View, cache: Cache | None = None
    ) -> tuple[Tensor, Cache]:
        """What each step finds in those that it sees."""
        key, value = self.keys_values(x)
        found, cache = look_within(self._split(self.query(x)), key, value, view, cache)
        return self._join(found), cache

    def weights(self, x: Tensor, view: View) -> Tensor:
        """How much each step looks at each: (batch, heads, time, time)."""
        key, _ = self.keys_values(x)
        return weights_within(self._split(self.query(x)), key, view)


class BasicAttention(nn.Module):
    """Self-attention without parameters: inputs are their own queries, keys and values.

    Y = softmax(R X (R X)ᵀ / √size) X               R turns each step by its position

    Turning, rather than adding numbers to X for each position, keeps what two steps score a matter
    of their distance, so that it is the same wherever they stand in a text.

    Shape:
        x (batch, time, size), cache of the ``view.past`` steps before → outputs alike, cache of
        all steps.
    """

    num_heads = 1

    def forward(self, x: Tensor, view: View, cache: Cache | None = None) -> tuple[Tensor, Cache]:
        """What each step finds in those that it sees."""
        x = x.unsqueeze(1)  # one head
        found, cache = look_within(x, x, x, view, cache)
        return found.squeeze(1), cache

    def weights(self, x: Tensor, view: View) -> Tensor:
        """How much each step looks at each: (batch, 1, time, time)."""
        return weights_within(x.unsqueeze(1), x.unsqueeze(1), view)


def look_within(
    query: Tensor, key: Tensor, value: Tensor, view: View, cache: Cache | None
) -> tuple[Tensor, Cache]:
    """What each step of a sequence finds, and keys and values of all its steps.

    Shape:
        query, key, value (batch, heads, time, head size), cache of the ``view.past`` steps before
        → (batch, heads, time, head size), cache of past + time steps.
    """
    turned = key
    if view.turns is not None:
        query = turn(query, view.turns[view.past :])
        turned = turn(key, view.turns[view.past :])
    if cache is not None:
        before = cache[0].to(key.dtype)
        key = torch.cat([before, key], dim=2)
        value = torch.cat([cache[1].to(value.dtype), value], dim=2)
        if view.turns is not None:
            before = turn(before, view.turns[: view.past])
        turned = torch.cat([before, turned], dim=2)
    return _scored(query, turned, value, view), (key, value)


def _scored(query: Tensor, key: Tensor, value: Tensor, view: View) -> Tensor:
    """Attention of keys that are turned already, in blocks where a window is narrow."""
    time = query.shape[2]
    by_products = _faster_by_products(query, key)
    if not by_products and view.is_plain(time):
        return F.scaled_dot_product_attention(query, key, value, is_causal=True)
    if not by_products and not view.causal and view.real is None:
        return F.scaled_dot_product_attention(query, key, value)
    look = _attention_by_products if by_products else F.scaled_dot_product_attention
    found = [
        look(query[:, :, queries], key[:, :, keys], value[:, :, keys], mask)
        for queries, keys, mask in view.blocks(time, query.device)
    ]
    return found[0] if len(found) == 1 else torch.cat(found, dim=2)


def _faster_by_products(query: Tensor, key: Tensor) -> bool:
    """Whether two matrix products are faster than torch's fused kernel, and their scores few.

    On a CPU that kernel works out bfloat16 in float32, at half the speed of the products.
    """
    scores = query.shape[0] * query.shape[1] * query.shape[2] * key.shape[2]
    return query.device.type == "cpu" and query.dtype == torch.bfloat16 and scores <= MOST_SCORES


def _attention_by_products(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """softmax(Q Kᵀ / √size) V with its scores written out, and rounded, in bfloat16."""
    hidden = torch.zeros_like(mask, dtype=query.dtype).masked_fill_(~mask, -torch.inf)
    scores = (query / math.sqrt(query.shape[-1])) @ key.transpose(-2, -1) + hidden
    found: Tensor = scores.softmax(-1, dtype=scores.dtype) @ value
    return found


def attention_weights(query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:
    """softmax(Q Kᵀ / √size), 0 where the mask is False; in float32 at least."""
    scores = (query @ key.transpose(-2, -1)) / math.sqrt(query.shape[-1])
    if scores.dtype != torch.float64:
        scores = scores.float()
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return scores.softmax(-1)


def weights_within(query: Tensor, key: Tensor, view: View) -> Tensor:
    """How much each step of a sequence looks at each: (batch, heads, time, time)."""
    time = query.shape[2]
    if view.turns is not None:
        query, key = turn(query, view.turns), turn(key, view.turns)
    return attention_weights(query, key, view.mask(0, time, 0, time, query.device))
