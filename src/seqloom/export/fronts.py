"""What an encoder reads of a step of sound, as ONNX operators."""

from __future__ import annotations

from torch import nn

from seqloom.export.graph import Array, Value
from seqloom.export.layers import gelu, linear
from seqloom.nn.band_front import POOLED, BandConvolution, BandFront


def front_of_sound(steps: Value, layer: nn.Linear | BandFront) -> Value:
    """Steps (batch, time, size) → (batch, time, output_size)."""
    if isinstance(layer, nn.Linear):
        return linear(steps, layer)
    batch, time = steps.size(0), steps.size(1)
    rows = steps.reshape(-1, layer.frames, layer.bands)
    for convolution in layer.convolutions:
        assert isinstance(convolution, BandConvolution)
        rows = _convolution(rows, convolution)
    found = linear(rows.reshape(0, layer.linear.in_features), layer.linear)
    return found.reshape(batch, time, layer.linear.out_features)


def _convolution(x: Value, layer: BandConvolution) -> Value:
    """A convolution, a gelu, and the larger of two neighbours."""

    def shaped(weight: Array) -> Array:
        return weight.reshape(layer.shape)

    weight, bias = x.graph.weight(layer.weight, shaped, "shaped"), x.graph.weight(layer.bias)
    pad = layer.shape[2] // 2
    y = gelu(x.graph.op("Conv", x, weight, bias, pads=[pad, pad]), "none")
    return y.apply("MaxPool", kernel_shape=[POOLED], strides=[POOLED])
