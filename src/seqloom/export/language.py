"""Models of the next token, and of the next frame, as graphs: any number of steps, states carried.

    ids (batch, time), lengths (batch,), states → logits (batch, time, vocab_size), states

A step is a text of length 1, and a whole text is one call: both are the same graph.
"""

from __future__ import annotations

import numpy as np
import torch

from seqloom.export.encoders import encoder, state_inputs, state_outputs
from seqloom.export.graph import INT64, Graph
from seqloom.export.layers import embedded, lengths_input, linear
from seqloom.export.networks import Arrays, Network, Random, some_ids, some_lengths, some_numbers
from seqloom.nn.cells import State
from seqloom.nn.encoders import Encoder
from seqloom.nn.language_model import LanguageModel
from seqloom.nn.recurrent import Recurrent


def language_network(model: LanguageModel) -> Network:
    """The graph of a model of the next token."""
    vocabulary = model.head.out_features

    def inputs(random: Random, batch: int, time: int) -> Arrays:
        found = {"ids": some_ids(random, batch, time, vocabulary)}
        found["lengths"] = some_lengths(random, batch, time)
        return {**found, **some_states(model.encoder, random, batch, time)}

    @torch.inference_mode()
    def said(given: Arrays) -> Arrays:
        tensors = tensors_of(given)
        states = states_of(model.encoder, tensors)
        logits, after = model.logits(tensors["ids"], tensors["lengths"], states)
        return {"logits": logits.numpy(), **named(model.encoder, after)}

    return Network("model", _graph(model), inputs, said)


def _graph(model: LanguageModel) -> Graph:
    graph = Graph("language_model")
    ids, lengths = graph.input("ids", INT64, ["batch", "time"]), lengths_input(graph)
    states = state_inputs(graph, model.encoder)
    hidden, after = encoder(embedded(ids, model.embedding), model.encoder, lengths, states)
    if model.bridge is not None:
        hidden = linear(hidden, model.bridge)
    graph.output("logits", linear(hidden, model.head), ["batch", "time", model.head.out_features])
    state_outputs(graph, states, after)
    return graph


def tensors_of(arrays: Arrays) -> dict[str, torch.Tensor]:
    """Arrays as tensors."""
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def state_names(model: Encoder) -> list[tuple[str, ...]]:
    """What the parts of each state are called, as inputs of a graph."""
    if not isinstance(model, Recurrent):
        return [(f"keys_{n}", f"values_{n}", f"count_{n}") for n in range(model.num_layers)]
    parts = [len(state) for state in model.zero_state(1)]
    return [tuple(f"{'hc'[part]}_{n}" for part in range(count)) for n, count in enumerate(parts)]


def states_of(model: Encoder, tensors: dict[str, torch.Tensor]) -> list[State]:
    """States out of the inputs of a graph."""
    return [tuple(tensors[name] for name in names) for names in state_names(model)]


def named(model: Encoder, states: list[State]) -> Arrays:
    """States as the outputs of a graph."""
    return {
        f"{name}_after": part.numpy()
        for names, state in zip(state_names(model), states, strict=True)
        for name, part in zip(names, state, strict=True)
    }


def some_states(model: Encoder, random: Random, batch: int, time: int) -> Arrays:
    """States as if something had been read: of attention some steps, not all of them real."""
    if isinstance(model, Recurrent):
        return {
            name: some_numbers(random, *part.shape)
            for names, state in zip(state_names(model), model.zero_state(batch), strict=True)
            for name, part in zip(names, state, strict=True)
        }
    assert model.window is not None
    past = min(time, model.window - 1)
    count = random.integers(0, past + 1, batch).astype(np.int64)
    shape = (batch, model.num_heads, past, model.head_size)
    found: Arrays = {}
    for keys, values, real in state_names(model):
        found |= {name: some_numbers(random, *shape) for name in (keys, values)}
        found[real] = count
    return found
