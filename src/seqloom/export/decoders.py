"""Encoder and decoder as two graphs: what was read, once; then one token of each text at a time.

    encoder   ids (batch, source), lengths (batch,) → all that a decoder starts from
    decoder   ids (rows,), all that was read, states → logits (rows, vocab_size), weights, states

What was read does not change from token to token (``memory``, ``real``, ``keys_…``); states do. A
row of each belongs to a text that is being written. ``weights`` is the attention paid to each step
of the source; a decoder without attention gives none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from seqloom.export.attentions import (
    Sight,
    feed_forward,
    heads,
    joined,
    self_attention,
    shares,
)
from seqloom.export.encoders import encoder
from seqloom.export.graph import BOOL, FLOAT, INT64, Graph, Sizes, Value
from seqloom.export.layers import embedded, lengths_input, linear, norm, real_steps
from seqloom.export.networks import Arrays, Network, Random, some_ids, some_lengths, some_numbers
from seqloom.export.recurrences import States, recurrent
from seqloom.nn.decoder import Attention, DecoderState, Memory, RecurrentDecoder
from seqloom.nn.embedding import LearnedEmbedding, OneHot
from seqloom.nn.seq2seq import EncoderDecoder
from seqloom.nn.transformer_decoder import DecoderLayer, TransformerDecoder


@dataclass(frozen=True)
class Read:
    """All that a decoder knows of a source: see ``nn.decoder.DecoderState``."""

    memory: Value | None
    real: Value
    keys: list[tuple[Value, ...]]
    layers: States


def encoder_network(model: EncoderDecoder, vocabulary: int) -> Network:
    """From a source to what the decoder starts from."""

    def inputs(random: Random, batch: int, time: int) -> Arrays:
        ids = some_ids(random, batch, time, vocabulary)
        return {"ids": ids, "lengths": some_lengths(random, batch, time)}

    @torch.inference_mode()
    def said(given: Arrays) -> Arrays:
        ids, lengths = (torch.from_numpy(given[name]) for name in ("ids", "lengths"))
        return arrays_of(model.start(model.encode(ids, lengths)))

    graph = Graph("encoder")
    ids, lengths = graph.input("ids", INT64, ["batch", "source"]), lengths_input(graph)
    table = model.embedding["source"]
    assert isinstance(table, LearnedEmbedding | OneHot)
    steps, states = encoder(embedded(ids, table), model.encoder, lengths)
    real = real_steps(lengths, ids.size(1))
    if not states:
        states = [(steps.sum(1) / lengths.cast(FLOAT).unsqueeze(1),)]
    start_outputs(graph, model, steps, real, states)
    return Network("encoder", graph, inputs, said)


def decoder_network(model: EncoderDecoder, start: Callable[[Random, int, int], Arrays]) -> Network:
    """One token of each text.

    Args:
        model: the network.
        start: what was read of some sources, at random: of a batch size and a length.
    """
    vocabulary = model.head.out_features

    def inputs(random: Random, batch: int, time: int) -> Arrays:
        found = {**start(random, batch, time), "ids": some_ids(random, batch, 1, vocabulary)[:, 0]}
        for name, array in found.items():
            if name.startswith("past_"):  # as if a token or two had been written
                shape = (*array.shape[:2], min(time, 3), array.shape[3])
                found[name] = some_numbers(random, *shape)
        return found

    @torch.inference_mode()
    def said(given: Arrays) -> Arrays:
        tensors = {name: torch.from_numpy(array) for name, array in given.items()}
        state = _state_of(model, tensors)
        logits, after = model.step(tensors["ids"], state)
        layers = _named_layers(model, after.layers, "_after")
        found = {"logits": logits.numpy()} | {n: p.numpy() for n, p in layers.items()}
        if _looks(model):
            found["weights"] = (after.attended - state.attended).numpy()
        return found

    return Network("decoder", _decoder_graph(model), inputs, said)


def _looks(model: EncoderDecoder) -> bool:
    decoder = model.decoder
    return isinstance(decoder, TransformerDecoder) or decoder.attention is not None


def _named_layers(
    model: EncoderDecoder, layers: list[tuple[torch.Tensor, ...]], mark: str = ""
) -> dict[str, torch.Tensor]:
    """Parts of the states by their names in the graphs."""
    names = _part_names(model)
    return {
        f"{name}_{number}{mark}": part
        for number, layer in enumerate(layers)
        for name, part in zip(names, layer, strict=True)
    }


def _part_names(model: EncoderDecoder) -> tuple[str, ...]:
    if isinstance(model.decoder, TransformerDecoder):
        return ("past_keys", "past_values")
    return ("h", "c")[: model.decoder.state_parts]


def _key_names(model: EncoderDecoder) -> tuple[str, ...]:
    return ("keys", "values") if isinstance(model.decoder, TransformerDecoder) else ("keys",)


def _needs_memory(model: EncoderDecoder) -> bool:
    """Whether a step looks at the source itself, beside its keys."""
    return isinstance(model.decoder, RecurrentDecoder) and model.decoder.attention is not None


def arrays_of(state: DecoderState) -> Arrays:
    """What an encoder's graph puts out, of the model's own state."""
    transformer = len(state.keys) > 1 or (bool(state.keys) and len(state.keys[0]) == 2)
    found = {"real": state.memory.mask.numpy()}
    if state.keys and not transformer:
        found["memory"] = state.memory.steps.numpy()
    for number, made in enumerate(state.keys):
        for name, part in zip(("keys", "values"), made, strict=False):
            found[f"{name}_{number}"] = part.numpy()
    names = ("past_keys", "past_values") if transformer else ("h", "c")
    for number, layer in enumerate(state.layers):
        for name, part in zip(names, layer, strict=False):
            found[f"{name}_{number}"] = part.numpy()
    return found


def _state_of(model: EncoderDecoder, tensors: dict[str, torch.Tensor]) -> DecoderState:
    """The model's own state, of the inputs of a decoder's graph."""
    real = tensors["real"]
    memory = Memory(tensors.get("memory", torch.zeros(*real.shape, 1)), real, [])
    number = (
        model.decoder.num_layers
        if isinstance(model.decoder, RecurrentDecoder)
        else len(model.decoder.layers)
    )
    keys = [
        tuple(tensors[f"{name}_{layer}"] for name in _key_names(model))
        for layer in range(number)
        if f"keys_{layer}" in tensors
    ]
    layers = [
        tuple(tensors[f"{name}_{layer}"] for name in _part_names(model)) for layer in range(number)
    ]
    return DecoderState(memory, keys, layers, torch.zeros(real.shape), torch.arange(len(real)))


def start_outputs(
    graph: Graph, model: EncoderDecoder, steps: Value, real: Value, summary: States
) -> None:
    """The outputs of an encoder's graph: what a decoder makes of a memory before the first token.

    Args:
        steps: outputs of the encoder (batch, source, size).
        real: True where real (batch, source).
        summary: states after the last real step.
    """
    decoder = model.decoder
    graph.output("real", real, ["batch", "source"])
    if isinstance(decoder, TransformerDecoder):
        _start_transformer(graph, decoder, steps)
        return
    if decoder.attention is not None:
        graph.output("memory", steps, ["batch", "source", None])
        keys = decoder.attention.keys
        made = steps if keys is None else linear(steps, keys)
        graph.output("keys_0", made, ["batch", "source", None])
    directions = len(summary) // decoder.summary_layers
    for layer in range(decoder.num_layers):
        below = min(layer, decoder.summary_layers - 1) * directions
        parts = [part for state in summary[below : below + directions] for part in state]
        x = graph.concat(parts, 1)
        if decoder.bridges is not None:
            bridge = decoder.bridges[layer]
            assert isinstance(bridge, torch.nn.Linear)
            x = linear(x, bridge).apply("Tanh")
        each = x.split(decoder.state_parts, 1) if decoder.state_parts > 1 else [x]
        for name, part in zip(_part_names(model), each, strict=True):
            graph.output(f"{name}_{layer}", part, ["batch", decoder.hidden_size])


def _start_transformer(graph: Graph, decoder: TransformerDecoder, steps: Value) -> None:
    shape: Sizes = ["batch", decoder.num_heads, "source", decoder.head_size]
    sizes: list[int | Value] = [steps.size(0), decoder.num_heads, 0, decoder.head_size]
    zeros = graph.constant(np.zeros((1, 1, 1, 1), np.float32))
    for number, layer in enumerate(decoder.layers):
        assert isinstance(layer, DecoderLayer)
        look = layer.memory
        for name, part in (("keys", look.key), ("values", look.value)):
            graph.output(f"{name}_{number}", heads(linear(steps, part), look), shape)
        empty = graph.op("Expand", zeros, graph.shape_of(sizes))
        for name in ("past_keys", "past_values"):
            graph.output(f"{name}_{number}", empty, [*shape[:2], "past", shape[3]])


def _decoder_graph(model: EncoderDecoder) -> Graph:
    graph = Graph("decoder")
    ids = graph.input("ids", INT64, ["batch"])
    table = model.embedding["target"]
    assert isinstance(table, LearnedEmbedding | OneHot)
    x = embedded(ids.unsqueeze(1), table)  # (rows, 1, size)
    read = _read_inputs(graph, model)
    if isinstance(model.decoder, TransformerDecoder):
        outputs, weights, after = _transformer_step(x, model.decoder, read)
    else:
        outputs, weights, after = _recurrent_step(x, model.decoder, read)
    graph.output("logits", linear(outputs, model.head).squeeze(1), ["batch", None])
    for before, layer in zip(read.layers, after, strict=True):
        for old, new in zip(before, layer, strict=True):
            shape = ["kept" if size == "past" else size for size in graph.shapes[old.name] or ()]
            graph.output(f"{old.name}_after", new, shape)
    if weights is not None:
        graph.output("weights", weights, ["batch", "source"])
    return graph


def _read_inputs(graph: Graph, model: EncoderDecoder) -> Read:
    decoder = model.decoder
    memory: Value | None = None
    keys: list[tuple[Value, ...]] = []
    if isinstance(decoder, TransformerDecoder):
        shape: Sizes = ["batch", decoder.num_heads, "source", decoder.head_size]
        past: Sizes = [*shape[:2], "past", shape[3]]
        count = len(decoder.layers)
        keys = [_inputs(graph, _key_names(model), n, shape) for n in range(count)]
        layers = [_inputs(graph, _part_names(model), n, past) for n in range(count)]
    else:
        if _needs_memory(model):
            memory = graph.input("memory", FLOAT, ["batch", "source", None])
            keys = [_inputs(graph, ("keys",), 0, ["batch", "source", None])]
        own: Sizes = ["batch", decoder.hidden_size]
        layers = [_inputs(graph, _part_names(model), n, own) for n in range(decoder.num_layers)]
    real = graph.input("real", BOOL, ["batch", "source"])
    return Read(memory, real, keys, layers)


def _inputs(graph: Graph, names: tuple[str, ...], number: int, shape: Sizes) -> tuple[Value, ...]:
    return tuple(graph.input(f"{name}_{number}", FLOAT, shape) for name in names)


Step = tuple[Value, Value | None, States]


def _recurrent_step(x: Value, decoder: RecurrentDecoder, read: Read) -> Step:
    graph = x.graph
    ones = graph.op("Expand", graph.integers(1), x.size(0))
    hidden, first = recurrent(x, decoder.first, ones, read.layers[:1])
    weights = context = None
    if decoder.attention is not None:
        assert read.memory is not None
        weights = _looked(hidden, decoder.attention, read.keys[0][0], read.real)
        context = weights @ read.memory
        hidden = graph.concat([hidden, context], 2)
    upper: States = []
    if decoder.upper is not None:
        hidden, upper = recurrent(hidden, decoder.upper, ones, read.layers[1:])
        if context is not None:
            hidden = graph.concat([hidden, context], 2)
    outputs = linear(hidden, decoder.output).apply("Tanh")
    return outputs, None if weights is None else weights.squeeze(1), [*first, *upper]


def _looked(query: Value, attention: Attention, keys: Value, real: Value) -> Value:
    """How much each step of the source matters: (rows, 1, source)."""
    if attention.kind == "additive":
        sums = (linear(query, attention.queries) + keys).apply("Tanh")  # (rows, source, size)
        scores = linear(sums, attention.score).transpose(0, 2, 1)
    else:
        scores = query @ keys.transpose(0, 2, 1)
    return query.graph.where(real.unsqueeze(1), scores, -np.inf).apply("Softmax", axis=2)


def _transformer_step(x: Value, decoder: TransformerDecoder, read: Read) -> Step:
    graph = x.graph
    if decoder.projection is not None:
        x = linear(x, decoder.projection)
    sight = Sight(read.layers[0][0].size(2), graph.integers(1), decoder.head_size, None)
    after: States = []
    weights: Value | None = None
    for layer, own, made in zip(decoder.layers, read.layers, read.keys, strict=True):
        assert isinstance(layer, DecoderLayer)
        found, kept = self_attention(norm(x, layer.own_norm), layer.own, sight, (own[0], own[1]))
        x = x + found
        query = heads(linear(norm(x, layer.memory_norm), layer.memory.query), layer.memory)
        looked = shares(query, made[0], read.real.unsqueeze(1, 2))  # (rows, heads, 1, source)
        x = x + joined(looked @ made[1], layer.memory)
        x = x + feed_forward(norm(x, layer.forward_norm), layer.feed_forward)
        after.append(kept)
        mean = graph.op("ReduceMean", looked, graph.integers(1), keepdims=0)
        weights = mean.squeeze(1)
    outputs = norm(x, decoder.norm)
    if decoder.output is not None:
        outputs = linear(outputs, decoder.output)
    return outputs, weights, after
