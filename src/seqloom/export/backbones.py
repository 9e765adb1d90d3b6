"""Networks of torchvision as graphs: layer by layer, in the order that torch.fx finds."""

from __future__ import annotations

import operator
from typing import Any

from torch import nn

from seqloom.errors import SettingsError
from seqloom.export.graph import Value
from seqloom.tasks.backbone import Backbone

PLAIN = {
    nn.ReLU: "Relu",
    nn.Sigmoid: "Sigmoid",
    nn.Hardswish: "HardSwish",
    nn.AdaptiveAvgPool2d: "GlobalAveragePool",
}
"""Layers that are one operator without weights."""


def backbone_grid(x: Value, backbone: Backbone) -> Value:
    """The last grid: (batch, 3, size, size) → (batch, channels, rows, columns).

    Raises:
        SettingsError: a layer that none of ``seqloom.tasks.backbone.LAYERS`` has.
    """
    from torch.fx import symbolic_trace

    traced = symbolic_trace(nn.Sequential(*backbone.layers.values()).eval())
    modules = dict(traced.named_modules())
    values: dict[Any, Value] = {}
    for node in traced.graph.nodes:
        given = [values[one] for one in node.args if one in values]
        if node.op == "placeholder":
            values[node] = x
        elif node.op == "call_module":
            values[node] = _layer(given[0], modules[str(node.target)])
        elif node.op == "output":
            return given[0]
        else:
            values[node] = _function(given, node.target)
    raise AssertionError("a traced network has an output")


def _function(given: list[Value], function: Any) -> Value:
    if function in (operator.add, operator.iadd):
        return given[0] + given[1]
    if function in (operator.mul, operator.imul):
        return given[0] * given[1]
    if getattr(function, "__name__", "") == "stochastic_depth":  # leaves nothing out in use
        return given[0]
    raise _unknown(getattr(function, "__name__", str(function)))


def _layer(x: Value, layer: nn.Module) -> Value:
    if isinstance(layer, nn.Conv2d):
        return _convolution(x, layer)
    if isinstance(layer, nn.BatchNorm2d):
        kept = (layer.weight, layer.bias, layer.running_mean, layer.running_var)
        weights = (x.graph.weight(one) for one in kept if one is not None)
        return x.graph.op("BatchNormalization", x, *weights, epsilon=layer.eps)
    if isinstance(layer, nn.MaxPool2d):
        size, stride, pad = (_pair(n) for n in (layer.kernel_size, layer.stride, layer.padding))
        return x.apply("MaxPool", kernel_shape=size, strides=stride, pads=pad * 2)
    if isinstance(layer, nn.SiLU):
        return x * x.apply("Sigmoid")
    if isinstance(layer, nn.Hardsigmoid):
        return x.apply("HardSigmoid", alpha=1 / 6, beta=0.5)
    if type(layer) in PLAIN:
        return x.apply(PLAIN[type(layer)])
    raise _unknown(type(layer).__name__)


def _convolution(x: Value, layer: nn.Conv2d) -> Value:
    weights = [x.graph.weight(one) for one in (layer.weight, layer.bias) if one is not None]
    strides, dilations = list(layer.stride), list(layer.dilation)
    pads = _pair(layer.padding) * 2
    return x.graph.op(
        "Conv", x, *weights, strides=strides, dilations=dilations, pads=pads, group=layer.groups
    )


def _pair(number: Any) -> list[int]:
    """Rows and columns."""
    return list(number) if isinstance(number, tuple) else [int(number)] * 2


def _unknown(name: str) -> SettingsError:
    return SettingsError(f"The backbone has a layer {name}, which cannot be exported.")
