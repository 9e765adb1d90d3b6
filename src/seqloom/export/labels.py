"""A classifier's network as a graph: inputs and lengths in, scores of the labels out."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from seqloom.export.encoders import encoder
from seqloom.export.graph import FLOAT, INT64, Graph, Value
from seqloom.export.language import tensors_of
from seqloom.export.layers import front, last_step, lengths_input, linear, real_steps
from seqloom.export.networks import Arrays, Network, Random, some_ids, some_lengths, some_numbers
from seqloom.nn.pooling import Pooling
from seqloom.nn.sequence_classifier import SequenceClassifier


def classifier_network(model: SequenceClassifier, vocabulary: int) -> Network:
    """The graph of a classifier.

    Args:
        model: the network.
        vocabulary: ids that it reads; 0 where it reads numbers.
    """

    def inputs(random: Random, batch: int, time: int) -> Arrays:
        given = (
            some_ids(random, batch, time, vocabulary)
            if vocabulary
            else some_numbers(random, batch, time, _channels(model))
        )
        return {"inputs": given, "lengths": some_lengths(random, batch, time)}

    @torch.inference_mode()
    def said(given: Arrays) -> Arrays:
        return {"logits": model(*tensors_of(given).values()).numpy()}

    return Network("model", _graph(model), inputs, said)


def _channels(model: SequenceClassifier) -> int:
    assert isinstance(model.embedding, nn.Linear)
    return model.embedding.in_features


def _graph(model: SequenceClassifier) -> Graph:
    graph = Graph("classifier")
    if isinstance(model.embedding, nn.Linear):
        given = graph.input("inputs", FLOAT, ["batch", "time", model.embedding.in_features])
    else:
        given = graph.input("inputs", INT64, ["batch", "time"])
    lengths = lengths_input(graph)
    outputs, _ = encoder(front(given, model.embedding), model.encoder, lengths)
    logits = linear(pooled(outputs, model.pooling, lengths), model.head)
    graph.output("logits", logits, ["batch", model.head.out_features])
    return graph


def pooled(outputs: Value, pooling: Pooling, lengths: Value) -> Value:
    """One vector for each sequence: outputs (batch, time, size) → (batch, output size)."""
    return outputs.graph.concat(
        [_pool(kind, outputs, pooling, lengths) for kind in pooling.kinds], 1
    )


def _pool(kind: str, outputs: Value, pooling: Pooling, lengths: Value) -> Value:
    graph = outputs.graph
    real = real_steps(lengths, outputs.size(1)).unsqueeze(2)
    if kind == "mean":
        return outputs.sum(1) / lengths.cast(FLOAT).unsqueeze(1)
    if kind == "max":
        hidden = graph.where(real, outputs, -np.inf)
        return graph.op("ReduceMax", hidden, graph.integers(1), keepdims=0)
    if kind == "attention":
        scores = linear(linear(outputs, pooling.key).apply("Tanh"), pooling.query)
        shares = graph.where(real, scores, -np.inf).apply("Softmax", axis=1)
        return (outputs * shares).sum(1)
    if pooling.directions == 1:
        return last_step(outputs, lengths)
    forward, backward = outputs.split(2, 2)
    return graph.concat([last_step(forward, lengths), backward.at(1, 0)], 1)
