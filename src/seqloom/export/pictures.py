"""What looks at pictures as a graph: pixels in, all that a decoder starts from out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from seqloom.export.backbones import backbone_grid
from seqloom.export.decoders import arrays_of, start_outputs
from seqloom.export.graph import BOOL, FLOAT, UINT8, Array, Graph, Value
from seqloom.export.layers import norm
from seqloom.export.networks import Arrays, Network, Random
from seqloom.nn.convolution import Convolution, ResidualBlock
from seqloom.nn.embedding import LearnedEmbedding
from seqloom.nn.picture_captioner import PictureCaptioner
from seqloom.tasks.backbone import Backbone


def picture_network(model: PictureCaptioner, size: int) -> Network:
    """From pixels (batch, size, size, 3) to what the decoder starts from."""

    def inputs(random: Random, batch: int, time: int) -> Arrays:
        return {"pixels": random.integers(0, 256, (batch, size, size, 3)).astype(np.uint8)}

    @torch.inference_mode()
    def said(given: Arrays) -> Arrays:
        memory = model.encode_pictures(torch.from_numpy(given["pixels"]))
        return arrays_of(model.start(memory))

    return Network("encoder", _graph(model, size), inputs, said)


def _graph(model: PictureCaptioner, size: int) -> Graph:
    graph = Graph("pictures")
    pixels = graph.input("pixels", UINT8, ["batch", size, size, 3])
    scores = pixels.cast(FLOAT) / 255.0 - graph.weight(model.pixels.mean)
    x = (scores / graph.weight(model.pixels.spread)).transpose(0, 3, 1, 2)
    reader: Any = model.encoder
    if isinstance(reader, Backbone):
        x = backbone_grid(x, reader)
    else:
        for layer in reader.layers:
            x = _layer(x, layer)
    grid = x.reshape(0, reader.output_size, -1).transpose(0, 2, 1)
    places = model.embedding["places"]
    assert isinstance(places, LearnedEmbedding)
    cells = norm(grid + graph.weight(places.weight), model.norm)
    shape = graph.shape_of([cells.size(0), reader.cells])
    real = graph.op("Expand", graph.constant(np.ones((1, 1), np.bool_)), shape, kind=BOOL)
    start_outputs(graph, model, cells, real, [(cells.sum(1) / float(reader.cells),)])
    return graph


def _layer(x: Value, layer: nn.Module) -> Value:
    if isinstance(layer, Convolution):
        return _convolution(x, layer)
    if isinstance(layer, nn.GroupNorm):
        return _group_norm(x, layer)
    if isinstance(layer, nn.ReLU):
        return x.apply("Relu")
    assert isinstance(layer, ResidualBlock)
    added = x
    for each, convolution in zip(layer.norms, layer.convolutions, strict=True):
        assert isinstance(each, nn.GroupNorm)
        assert isinstance(convolution, Convolution)
        added = _convolution(_group_norm(added, each).apply("Relu"), convolution)
    return x + added


def _convolution(x: Value, layer: Convolution) -> Value:
    def shaped(weight: Array) -> Array:
        return weight.reshape(layer.shape)

    weight = x.graph.weight(layer.weight, shaped, "shaped")
    pad, stride = layer.shape[2] // 2, layer.stride
    return x.graph.op("Conv", x, weight, pads=[pad] * 4, strides=[stride] * 2)


def _group_norm(x: Value, layer: nn.GroupNorm) -> Value:
    """Standard scores of each group of channels, then a scale and a shift for each channel."""
    graph = x.graph
    flat, axis = x.reshape(0, layer.num_groups, -1), graph.integers(2)
    apart = flat - graph.op("ReduceMean", flat, axis)
    variance = graph.op("ReduceMean", apart * apart, axis)
    scores = apart / (variance + layer.eps).apply("Sqrt")
    back = graph.op("Reshape", scores, graph.op("Shape", x, kind=graph.integers(0).kind))

    def shaped(weight: Array) -> Array:
        return weight.reshape(-1, 1, 1)

    weight, bias = (graph.weight(one, shaped, "shaped") for one in (layer.weight, layer.bias))
    return back * weight + bias
