"""The printed equations of attention in numpy, with what every head looked at.

``nn/attention.py`` and ``nn/transformer.py`` have the same equations as they run; a test holds
both together. Shapes are (batch, time, size) for steps, (batch, heads, time, time) for weights.
Weights come as a mapping of names that begin with a layer's own name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from seqloom.explain.cell_equations import Array

Mask = npt.NDArray[np.bool_]
Weights = Mapping[str, Array]

BASE = 10_000.0  # of the angles of positions, as in ``nn/positions.py``
EPSILON = 1e-5  # of layer norm, as in torch


def linear(weights: Weights, name: str, x: Array) -> Array:
    """W x + b."""
    result: Array = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return result


def layer_norm(weights: Weights, name: str, x: Array) -> Array:
    """(x - mean) / √(variance + ε) · w + b, over the numbers of a step."""
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
    result: Array = scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
    return result


def gelu(x: Array) -> Array:
    """½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))."""
    result: Array = 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return result


def softmax(scores: Array) -> Array:
    """e^s / Σ e^s over the last axis."""
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    result: Array = powers / powers.sum(-1, keepdims=True)
    return result


def turned(x: Array) -> Array:
    """R x: each pair of numbers turned by an angle that grows with the step (…, time, size)."""
    pairs = x.shape[-1] // 2
    rates = BASE ** -(np.arange(pairs) / max(1, pairs))
    by = np.exp(1j * np.outer(np.arange(x.shape[-2]), rates))  # (time, pairs)
    even, odd = x[..., 0 : 2 * pairs : 2], x[..., 1 : 2 * pairs : 2]
    together = (even + 1j * odd) * by
    result = x.copy()
    result[..., 0 : 2 * pairs : 2], result[..., 1 : 2 * pairs : 2] = together.real, together.imag
    return result


def heads_of(x: Array, count: int) -> Array:
    """(batch, time, size) → (batch, heads, time, head size)."""
    return x.reshape(*x.shape[:2], count, -1).swapaxes(1, 2)


def joined(found: Array) -> Array:
    """(batch, heads, time, head size) → (batch, time, size)."""
    batch, _, time, _ = found.shape
    return found.swapaxes(1, 2).reshape(batch, time, -1)


def seen(time: int, *, causal: bool, window: int | None, lengths: npt.NDArray[np.int64]) -> Mask:
    """Which step (third axis) each step (second axis) sees: (batch, 1, time, time)."""
    steps = np.arange(time)
    mask = np.ones((time, time), bool)
    if causal:
        mask = steps[None] <= steps[:, None]
        if window is not None:
            mask &= steps[None] > steps[:, None] - window
    real = steps[None] < np.maximum(lengths, 1)[:, None]  # (batch, time)
    whole: Mask = mask[None, None] & (real[:, None, None] | causal)
    return whole


def shares(query: Array, key: Array, mask: Mask) -> Array:
    """softmax(Q Kᵀ / √size), 0 where the mask is False."""
    scores = query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])
    return softmax(np.where(mask, scores, -np.inf))


def basic_layer(x: Array, mask: Mask) -> tuple[Array, Array]:
    """Y = softmax(R X (R X)ᵀ / √size) X: outputs and weights."""
    own = turned(x[:, None])
    weights = shares(own, own, mask)
    return (weights @ x[:, None])[:, 0], weights


def self_attention(
    weights: Weights, name: str, x: Array, heads: int, mask: Mask
) -> tuple[Array, Array]:
    """Queries, keys and values of the same steps, turned by position: outputs and weights."""
    q, k, v = (heads_of(linear(weights, f"{name}{w}", x), heads) for w in ("query", "key", "value"))
    looked = shares(turned(q), turned(k), mask)
    return linear(weights, f"{name}output", joined(looked @ v)), looked


def cross_attention(
    weights: Weights, name: str, x: Array, memory: Array, heads: int, mask: Mask
) -> tuple[Array, Array]:
    """Queries of one sequence, keys and values of another, without positions."""
    q = heads_of(linear(weights, f"{name}query", x), heads)
    k, v = (heads_of(linear(weights, f"{name}{w}", memory), heads) for w in ("key", "value"))
    looked = shares(q, k, mask)
    return linear(weights, f"{name}output", joined(looked @ v)), looked


def feed_forward(weights: Weights, name: str, x: Array) -> Array:
    """W_2 gelu(W_1 x + b_1) + b_2."""
    return linear(weights, f"{name}.narrow", gelu(linear(weights, f"{name}.widen", x)))


def transformer_layer(
    weights: Weights, name: str, x: Array, heads: int, mask: Mask
) -> tuple[Array, Array]:
    """x ← x + attention(norm(x)); x ← x + feed_forward(norm(x)): outputs and weights."""
    normed = layer_norm(weights, f"{name}attention_norm", x)
    found, looked = self_attention(weights, f"{name}attention.", normed, heads, mask)
    x = x + found
    normed = layer_norm(weights, f"{name}feed_forward_norm", x)
    return x + feed_forward(weights, f"{name}feed_forward", normed), looked
