"""Layers that know no time, as ONNX operators: products, norms, tables, masks."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from seqloom.export.graph import FLOAT, INT64, Graph, Value
from seqloom.nn.embedding import LearnedEmbedding, OneHot


def linear(x: Value, layer: nn.Linear) -> Value:
    """W x + b of the last axis."""
    y = x @ x.graph.weight(layer.weight, np.transpose, "transposed")
    return y if layer.bias is None else y + x.graph.weight(layer.bias)


def norm(x: Value, layer: nn.LayerNorm) -> Value:
    """(x - mean) / √(variance + ε) · w + b over the last axis."""
    weight, bias = x.graph.weight(layer.weight), x.graph.weight(layer.bias)
    return x.graph.op("LayerNormalization", x, weight, bias, axis=-1, epsilon=layer.eps)


def embedded(ids: Value, table: LearnedEmbedding | OneHot | nn.Embedding) -> Value:
    """The rows of ids, or ones at their places."""
    graph = ids.graph
    if isinstance(table, OneHot):
        depth = graph.integers(table.size)
        values = graph.constant(np.array([0, 1], np.float32))
        return graph.op("OneHot", ids, depth, values, kind=FLOAT)
    return graph.op("Gather", graph.weight(table.weight), ids, kind=FLOAT)


def front(inputs: Value, layer: LearnedEmbedding | OneHot | nn.Module) -> Value:
    """What an encoder reads of ids or of numbers."""
    if isinstance(layer, LearnedEmbedding | OneHot):
        return embedded(inputs, layer)
    return linear(inputs, layer) if isinstance(layer, nn.Linear) else inputs


def gelu(x: Value, approximate: str = "tanh") -> Value:
    """x · Φ(x), by its tanh or exact."""
    return x.apply("Gelu", approximate=approximate)


def real_steps(lengths: Value, count: Value) -> Value:
    """True where real: lengths (batch,), count (1,) → (batch, count)."""
    return lengths.graph.steps(count).unsqueeze(0) < lengths.unsqueeze(1)


def last_step(x: Value, lengths: Value) -> Value:
    """The last real step of each: x (batch, time, size), lengths (batch,) → (batch, size)."""
    steps = x.graph.steps(x.size(1)).unsqueeze(0)
    last = steps.equals((lengths - 1).unsqueeze(1))  # (batch, time)
    return (x * last.cast(FLOAT).unsqueeze(2)).sum(1)


def lengths_input(graph: Graph) -> Value:
    """How many steps of each row are real: (batch,)."""
    return graph.input("lengths", INT64, ["batch"])


def parameter(graph: Graph, tensor: torch.Tensor) -> Value:
    """A weight as it is."""
    return graph.weight(tensor)
