"""Scores of additive attention in bounded memory: v · tanh(q + k) of every query and every key.

There is a number for each text, query, key and unit: 32 texts of 100 steps on both sides, with 256
units, make 330 MB, and a backward pass through plain operations keeps three such. Here a few
queries at a time are scored, and the backward pass works their tanh out once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

MOST_SUMS = 2_000_000  # numbers q + k that are held at once


def additive_scores(queries: Tensor, keys: Tensor, weight: Tensor) -> Tensor:
    """v · tanh(q + k), with gradients to all three.

    Shape:
        queries (batch, time, size), keys (batch, source, size), weight (size,)
        → (batch, time, source).
    Source:
        Bahdanau et al. 2015.
    """
    result: Tensor = _AdditiveScores.apply(queries, keys, weight)
    return result


def _blocks(queries: Tensor, keys: Tensor) -> Iterator[slice]:
    """Some queries of each text at a time, at least one."""
    each = max(1, MOST_SUMS // max(1, keys.numel()))
    return (slice(first, first + each) for first in range(0, queries.shape[1], each))


def _tanh(queries: Tensor, keys: Tensor) -> Tensor:
    """tanh(q + k): (batch, block, source, size)."""
    return (queries.unsqueeze(2) + keys.unsqueeze(1)).tanh_()


class _AdditiveScores(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(queries, keys, weight)
        v = weight.to(queries.dtype)
        scores = queries.new_empty(*queries.shape[:2], keys.shape[1])
        for block in _blocks(queries, keys):
            scores[:, block] = _tanh(queries[:, block], keys) @ v
        return scores

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """With t = tanh(q + k), of a gradient g: dv = Σ g t; dq and dk are sums of g v (1 - t²)."""
        (grad,) = grads
        queries, keys, weight = ctx.saved_tensors
        v = weight.to(queries.dtype)
        d_queries = torch.empty_like(queries)
        # Summed over many blocks: in the weights' type, which may be longer than the activations'.
        d_keys, d_weight = torch.zeros_like(keys, dtype=weight.dtype), torch.zeros_like(weight)
        for block in _blocks(queries, keys):
            t, g = _tanh(queries[:, block], keys), grad[:, block]
            d_weight += g.flatten() @ t.flatten(0, 2)
            t.square_().neg_().add_(1).mul_(v).mul_(g.unsqueeze(3))
            d_queries[:, block] = t.sum(2)
            d_keys += t.sum(1)
        return d_queries, d_keys.to(keys.dtype), d_weight
