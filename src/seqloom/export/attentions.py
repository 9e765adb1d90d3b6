"""Layers of attention as ONNX operators; keys and values of the steps before are states."""

from __future__ import annotations

import numpy as np
from torch import nn

from seqloom.export.graph import DOUBLE, FLOAT, INT64, Graph, Value
from seqloom.export.layers import gelu, linear, norm, real_steps
from seqloom.export.recurrences import States
from seqloom.nn.attention import BasicAttention, MultiHeadAttention, SelfAttention
from seqloom.nn.positions import BASE
from seqloom.nn.transformer import AttentionEncoder, FeedForward, TransformerLayer

Kept = tuple[Value, Value]  # keys and values (batch, heads, steps, head size)


class Sight:
    """Which steps each step sees, and where they stand: see ``nn.attention.View``.

    Args:
        past: steps read before (1,).
        time: steps read now (1,).
        head_size: numbers in a head.
        seen: True where seen (batch or 1, 1, time, past + time); None where all are.
    """

    def __init__(self, past: Value, time: Value, head_size: int, seen: Value | None) -> None:
        graph = past.graph
        self.past, self.pairs, self.seen = past, head_size // 2, seen
        # In float64, as the model has them: the angle of a late step is large.
        rates = BASE ** -(np.arange(self.pairs) / max(1, self.pairs))
        angles = graph.steps(past + time).cast(DOUBLE).unsqueeze(1) * graph.constant(rates[None])
        self.turns = [angles.apply(kind).cast(FLOAT) for kind in ("Cos", "Sin")]

    def turned(self, x: Value, first: Value | None = None) -> Value:
        """Each pair of numbers turned by its step's angle; steps count from ``first``, or 0.

        Shape:
            x (batch, heads, time, head size) → alike.
        """
        if not self.pairs:
            return x
        graph, count = x.graph, x.size(2)
        begin = graph.integers(0) if first is None else first
        cos, sin = (one.part(0, begin, begin + count) for one in self.turns)  # (time, pairs)
        pairs = x.part(3, 0, 2 * self.pairs).reshape(0, 0, 0, self.pairs, 2)
        a, b = pairs.at(4, 0), pairs.at(4, 1)
        both = [a * cos - b * sin, a * sin + b * cos]
        turned = graph.concat([one.unsqueeze(4) for one in both], 4).reshape(0, 0, 0, -1)
        return graph.concat([turned, x.part(3, 2 * self.pairs)], 3)


def attention_encoder(
    x: Value, model: AttentionEncoder, lengths: Value, states: States | None = None
) -> tuple[Value, States]:
    """Outputs of the top layer, zero on padding, and the states after the last real step."""
    graph, time = x.graph, x.size(1)
    sight = _sight(model, time, lengths, states)
    if model.projection is not None:
        x = linear(x, model.projection)
    after: States = []
    for number, layer in enumerate(model.layers):
        kept = (states[number][0], states[number][1]) if states else None
        x, both = _layer(x, layer, sight, kept)
        if states:
            after.append(_last_steps(both, states[number][2], lengths, time, model.window))
    if model.norm is not None:
        x = norm(x, model.norm)
    real = real_steps(lengths, time).unsqueeze(2)
    return graph.where(real, x, 0.0), after


def _sight(model: AttentionEncoder, time: Value, lengths: Value, states: States | None) -> Sight:
    graph = time.graph
    past = states[0][0].size(2) if states else graph.integers(0)
    keys = graph.steps(past + time).unsqueeze(0)  # (1, past + time)
    if not model.causal:  # a row without a real step looks at padding, rather than at nothing
        least = graph.op("Max", lengths, graph.integers(1))
        seen = (keys < least.unsqueeze(1)).unsqueeze(1, 2)
        return Sight(past, time, model.head_size, seen)
    queries = graph.steps(time).unsqueeze(1) + past  # (time, 1)
    seen = keys <= queries
    if model.window is not None:
        seen = seen & (keys > queries - graph.integers(model.window))
    seen = seen.unsqueeze(0, 1)
    if states:
        real = keys >= (past - states[0][2]).unsqueeze(1)  # (batch, past + time)
        seen = seen & real.unsqueeze(1, 2)
    return Sight(past, time, model.head_size, seen)


def _layer(x: Value, layer: object, sight: Sight, kept: Kept | None) -> tuple[Value, Kept]:
    if isinstance(layer, TransformerLayer):
        found, kept = self_attention(norm(x, layer.attention_norm), layer.attention, sight, kept)
        x = x + found
        return x + feed_forward(norm(x, layer.feed_forward_norm), layer.feed_forward), kept
    if isinstance(layer, SelfAttention):
        return self_attention(x, layer, sight, kept)
    assert isinstance(layer, BasicAttention)
    one_head = x.unsqueeze(1)
    found, kept = _within(one_head, one_head, one_head, sight, kept)
    return found.squeeze(1), kept


def self_attention(
    x: Value, layer: SelfAttention, sight: Sight, kept: Kept | None
) -> tuple[Value, Kept]:
    """What each step finds in those that it sees, and the keys and values of all of them."""
    query, key, value = (heads(linear(x, part), layer) for part in _parts(layer))
    found, kept = _within(query, key, value, sight, kept)
    return joined(found, layer), kept


def _parts(layer: MultiHeadAttention) -> tuple[nn.Linear, ...]:
    return layer.query, layer.key, layer.value


def heads(x: Value, layer: MultiHeadAttention) -> Value:
    """(batch, time, size) → (batch, heads, time, head size)."""
    return x.reshape(0, 0, layer.num_heads, layer.head_size).transpose(0, 2, 1, 3)


def joined(found: Value, layer: MultiHeadAttention) -> Value:
    """(batch, heads, time, head size) → outputs (batch, time, size)."""
    return linear(found.transpose(0, 2, 1, 3).reshape(0, 0, -1), layer.output)


def _within(
    query: Value, key: Value, value: Value, sight: Sight, kept: Kept | None
) -> tuple[Value, Kept]:
    graph = query.graph
    if kept is not None:
        key, value = (graph.concat(pair, 2) for pair in zip(kept, (key, value), strict=True))
    weights = shares(sight.turned(query, sight.past), sight.turned(key), sight.seen)
    return weights @ value, (key, value)


def shares(query: Value, key: Value, seen: Value | None) -> Value:
    """softmax(Q Kᵀ / √size), 0 where nothing is seen."""
    graph = query.graph
    size = query.size(3).cast(FLOAT).apply("Sqrt")
    scores = query @ key.transpose(0, 1, 3, 2) / size
    if seen is not None:
        scores = graph.where(seen, scores, -np.inf)
    return scores.apply("Softmax", axis=-1)


def feed_forward(x: Value, layer: FeedForward) -> Value:
    """W_2 gelu(W_1 x + b_1) + b_2."""
    return linear(gelu(linear(x, layer.widen)), layer.narrow)


def _last_steps(
    both: Kept, count: Value, lengths: Value, time: Value, window: int | None
) -> tuple[Value, ...]:
    """The last steps of each row, moved to the end, and how many are real: see ``kept``."""
    graph = both[0].graph
    assert window is not None
    steps = both[0].size(2)
    size = graph.op("Min", graph.integers(window - 1), steps)
    first = steps - time + lengths - size  # (batch,)
    index = graph.op("Max", first.unsqueeze(1) + graph.steps(size).unsqueeze(0), graph.integers(0))
    index = index.unsqueeze(1, 3)  # (batch, 1, size, 1)
    moved = []
    for part in both:
        shape = graph.shape_of([part.size(0), part.size(1), size, part.size(3)])
        moved.append(graph.op("GatherElements", part, graph.op("Expand", index, shape), axis=2))
    return *moved, graph.op("Min", count + lengths, size)


def attention_states(graph: Graph, model: AttentionEncoder) -> States:
    """Inputs for keys, values and how many steps are real, a layer each."""
    return [
        (
            *(
                graph.input(
                    f"{name}_{layer}",
                    FLOAT,
                    ["batch", model.num_heads, "past", model.head_size],
                )
                for name in ("keys", "values")
            ),
            graph.input(f"count_{layer}", INT64, ["batch"]),
        )
        for layer in range(model.num_layers)
    ]
