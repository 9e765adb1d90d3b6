"""A model of piano rolls as a graph: frames in, what each key of the next frame starts from out.

    frames (batch, time, keys), lengths (batch,), states → bias (batch, time, keys), states

Where notes are joint there is ``start`` (batch, time, units) too, and how one key that is down
changes the others stands in two arrays: ``seqloom_runtime.decode.frames`` draws frames from them.
"""

from __future__ import annotations

import numpy as np
import torch

from seqloom.export.encoders import encoder, state_inputs, state_outputs
from seqloom.export.graph import FLOAT, Graph
from seqloom.export.language import named, some_states, states_of, tensors_of
from seqloom.export.layers import front, lengths_input, linear
from seqloom.export.networks import Arrays, Network, Random, some_lengths
from seqloom.nn.roll_model import JointNotes, RollModel


def roll_network(model: RollModel) -> Network:
    """The graph of a model of piano rolls."""

    def inputs(random: Random, batch: int, time: int) -> Arrays:
        frames = (random.random((batch, time, model.keys)) < 0.05).astype(np.float32)
        found: Arrays = {"frames": frames, "lengths": some_lengths(random, batch, time)}
        return {**found, **some_states(model.encoder, random, batch, time)}

    @torch.inference_mode()
    def said(given: Arrays) -> Arrays:
        tensors = tensors_of(given)
        states = states_of(model.encoder, tensors)
        hidden, after = model.encode(tensors["frames"], tensors["lengths"], states)
        head = model.head
        if isinstance(head, JointNotes):
            found = {"bias": head.bias(hidden), "start": head.start(hidden)}
        else:
            found = {"bias": head.linear(hidden)}
        plain: Arrays = {name: tensor.numpy() for name, tensor in found.items()}
        return {**plain, **named(model.encoder, after)}

    return Network("model", _graph(model), inputs, said)


def _graph(model: RollModel) -> Graph:
    graph = Graph("rolls")
    frames = graph.input("frames", FLOAT, ["batch", "time", model.keys])
    lengths, states = lengths_input(graph), state_inputs(graph, model.encoder)
    hidden, after = encoder(front(frames, model.front), model.encoder, lengths, states)
    head = model.head
    bias = head.bias if isinstance(head, JointNotes) else head.linear
    graph.output("bias", linear(hidden, bias), ["batch", "time", model.keys])
    if isinstance(head, JointNotes):
        units = head.start.out_features
        graph.output("start", linear(hidden, head.start), ["batch", "time", units])
    state_outputs(graph, states, after)
    return graph
