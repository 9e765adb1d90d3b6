"""A recognizer as a graph: steps of sound in, log probabilities of tokens out, states carried.

    steps (batch, time, size), lengths (batch,), states → scores (batch, time, vocab_size), states

A network that reads from both ends, or that has attention, reads whole recordings: no states.
"""

from __future__ import annotations

import numpy as np
import torch

from seqloom.export.encoders import encoder, state_inputs, state_outputs
from seqloom.export.fronts import front_of_sound
from seqloom.export.graph import FLOAT, Graph
from seqloom.export.language import named, some_states, states_of, tensors_of
from seqloom.export.layers import gelu, lengths_input, linear, norm
from seqloom.export.networks import Arrays, Network, Random, some_lengths, some_numbers
from seqloom.nn.ctc_model import NEVER, UNSAID, CTCModel
from seqloom.nn.recurrent import Recurrent


def speech_network(model: CTCModel) -> Network:
    """The graph of a recognizer."""
    size = model.front.in_features
    carries = isinstance(model.encoder, Recurrent) and model.encoder.directions == 1

    def inputs(random: Random, batch: int, time: int) -> Arrays:
        found: Arrays = {"steps": some_numbers(random, batch, time, size)}
        found["lengths"] = some_lengths(random, batch, time)
        return {**found, **(some_states(model.encoder, random, batch, time) if carries else {})}

    @torch.inference_mode()
    def said(given: Arrays) -> Arrays:
        tensors = tensors_of(given)
        states = states_of(model.encoder, tensors) if carries else None
        scores, after = model.log_probabilities(tensors["steps"], tensors["lengths"], states)
        return {"scores": scores.numpy(), **(named(model.encoder, after) if carries else {})}

    return Network("model", _graph(model, carries=carries), inputs, said)


def _graph(model: CTCModel, *, carries: bool) -> Graph:
    graph = Graph("speech")
    steps = graph.input("steps", FLOAT, ["batch", "time", model.front.in_features])
    lengths = lengths_input(graph)
    states = state_inputs(graph, model.encoder) if carries else []
    x = gelu(norm(front_of_sound(steps, model.front), model.norm), "none")
    outputs, after = encoder(x, model.encoder, lengths, states or None)
    logits = linear(outputs, model.head)
    never = np.zeros(model.head.out_features, np.bool_)
    never[1:UNSAID] = True
    logits = graph.where(graph.constant(never), NEVER, logits)
    scores = logits.apply("LogSoftmax", axis=-1)
    graph.output("scores", scores, ["batch", "time", model.head.out_features])
    if carries:
        state_outputs(graph, states, after)
    return graph
