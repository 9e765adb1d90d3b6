"""Every layer of an encoder or a decoder once more, by its printed equations.

    arrays = trace_encoder(encoder, x, lengths)
    arrays["layer1.forward.forget"]       (batch, time, hidden)    of a recurrence
    arrays["layer1.attention"]            (batch, heads, time, time) of attention
    arrays["layer1.hidden"]               (batch, time, size)

``x`` is what the encoder read; its numbers, float64 or float32, are those that are worked in.
Layers are counted from 1. What a cell that reads backward holds
stands at the token it belongs to. Beyond a row's length nothing is meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from seqloom.explain import attention_equations as eq
from seqloom.explain.cell_equations import CELL_EQUATIONS, Array, Kept
from seqloom.nn.cells import Cell
from seqloom.nn.decoder import Attention
from seqloom.nn.encoders import Encoder
from seqloom.nn.recurrent import CELLS, Recurrent
from seqloom.nn.transformer import AttentionEncoder
from seqloom.nn.transformer_decoder import TransformerDecoder

Lengths = npt.NDArray[np.int64]
DIRECTIONS = ("forward", "backward")


def as_float64(tensor: Any) -> Array:
    """A tensor's numbers."""
    array: Array = tensor.detach().double().cpu().numpy()
    return array


def weights_of(module: nn.Module, x: Array | None = None) -> dict[str, Array]:
    """All weights of a module by name, in float64 or in the numbers of x."""
    found = {name: as_float64(tensor) for name, tensor in module.state_dict().items()}
    return found if x is None else {name: own.astype(x.dtype) for name, own in found.items()}


def kind_of(cell: nn.Module) -> str:
    """The name of a cell."""
    return next(name for name, made in CELLS.items() if type(cell) is made)


def trace_encoder(
    encoder: Encoder, x: Array, lengths: Lengths | None = None, kept: Kept = None
) -> dict[str, Array]:
    """Everything that an encoder works out from x (batch, time, size), or what is to be kept."""
    if lengths is None:
        lengths = np.full(len(x), x.shape[1], np.int64)
    if isinstance(encoder, AttentionEncoder):
        return trace_attention(encoder, x, lengths, kept)
    return trace_recurrent(encoder, x, lengths, kept=kept)


def trace_recurrent(
    layers: Recurrent,
    x: Array,
    lengths: Lengths,
    states: Sequence[Sequence[Array]] | None = None,
    kept: Kept = None,
) -> dict[str, Array]:
    """All gates and states of recurrent layers.

    Args:
        layers: the layers.
        x: (batch, time, size).
        lengths: real steps of each row.
        states: where each layer and direction starts; zeros when None.
        kept: the signals wanted, "hidden" among them; all when None.
    """
    arrays: dict[str, Array] = {}
    for number, cell in enumerate(layers.cells):
        assert isinstance(cell, Cell)
        layer, backward = divmod(number, layers.directions)
        read = turned_round(x, lengths) if backward else x
        state = None if states is None else states[number]
        found = CELL_EQUATIONS[kind_of(cell)](weights_of(cell, x), read, state, kept)
        place = f"layer{layer + 1}.{DIRECTIONS[backward]}"
        for name, array in found.items():
            arrays[f"{place}.{name}"] = turned_round(array, lengths) if backward else array
        if backward + 1 == layers.directions:
            above = [f"layer{layer + 1}.{way}.hidden" for way in DIRECTIONS[: layers.directions]]
            x = np.concatenate([arrays[name] for name in above], 2)
    return arrays


def turned_round(x: Array, lengths: Lengths) -> Array:
    """Each row turned round within its own length; its own inverse."""
    time = np.arange(x.shape[1])[None]
    last = lengths[:, None] - 1
    index = np.where(time <= last, last - time, time)
    return np.take_along_axis(x, index[:, :, None], 1)


def trace_attention(
    encoder: AttentionEncoder, x: Array, lengths: Lengths, kept: Kept = None
) -> dict[str, Array]:
    """What every head of every layer looked at, what each layer handed on, and the output."""
    weights = weights_of(encoder, x)
    mask = eq.seen(x.shape[1], causal=encoder.causal, window=encoder.window, lengths=lengths)
    arrays: dict[str, Array] = {}
    if encoder.projection is not None:
        x = eq.linear(weights, "projection", x)
    for number in range(encoder.num_layers):
        name, heads = f"layers.{number}.", encoder.num_heads
        if f"{name}attention.query.weight" in weights:
            x, looked = eq.transformer_layer(weights, name, x, heads, mask)
        elif f"{name}query.weight" in weights:
            x, looked = eq.self_attention(weights, name, x, heads, mask)
        else:
            x, looked = eq.basic_layer(x, mask)
        if kept is None or "attention" in kept:
            arrays[f"layer{number + 1}.attention"] = looked
        arrays[f"layer{number + 1}.hidden"] = x
    if encoder.norm is not None:
        arrays["norm.hidden"] = eq.layer_norm(weights, "norm", x)
    return arrays


def outputs_of(arrays: dict[str, Array]) -> Array:
    """What an encoder put out, of the arrays of its trace: (batch, time, size)."""
    if "norm.hidden" in arrays:
        return arrays["norm.hidden"]
    last = max(int(name.split(".")[0].removeprefix("layer")) for name in arrays)
    if f"layer{last}.hidden" in arrays:
        return arrays[f"layer{last}.hidden"]
    ways = [f"layer{last}.{way}.hidden" for way in DIRECTIONS]
    return np.concatenate([arrays[name] for name in ways if name in arrays], 2)


def trace_looking(attention: Attention, query: Array, memory: Array) -> Array:
    """Alignment of a recurrent decoder: weights (batch, time, source)."""
    weights = weights_of(attention)
    keys = memory if attention.keys is None else memory @ weights["keys.weight"].T
    if attention.kind == "additive":
        asked = eq.linear(weights, "queries", query)
        sums = np.tanh(asked[:, :, None] + keys[:, None])  # (batch, time, source, size)
        scores = sums @ weights["score.weight"][0]
    else:
        scores = query @ keys.swapaxes(1, 2)
    return eq.softmax(scores)


def trace_transformer_decoder(
    decoder: TransformerDecoder, x: Array, memory: Array
) -> dict[str, Array]:
    """What every head looked at in what was written, and in the source; and the output.

    Args:
        decoder: the layers.
        x: embedded tokens (batch, time, input_size).
        memory: outputs of the encoder, all of them real (batch, source, size).
    """
    weights, heads = weights_of(decoder), decoder.num_heads
    lengths = np.full(len(x), x.shape[1], np.int64)
    own = eq.seen(x.shape[1], causal=True, window=None, lengths=lengths)
    whole = np.ones((1, 1, 1, memory.shape[1]), bool)
    arrays: dict[str, Array] = {}
    if decoder.projection is not None:
        x = eq.linear(weights, "projection", x)
    for number in range(len(decoder.layers)):
        name, place = f"layers.{number}.", f"layer{number + 1}"
        normed = eq.layer_norm(weights, f"{name}own_norm", x)
        found, looked = eq.self_attention(weights, f"{name}own.", normed, heads, own)
        x = x + found
        arrays[f"{place}.attention"] = looked
        normed = eq.layer_norm(weights, f"{name}memory_norm", x)
        found, looked = eq.cross_attention(weights, f"{name}memory.", normed, memory, heads, whole)
        x = x + found
        arrays[f"{place}.alignment"] = looked
        normed = eq.layer_norm(weights, f"{name}forward_norm", x)
        x = x + eq.feed_forward(weights, f"{name}feed_forward", normed)
        arrays[f"{place}.hidden"] = x
    x = eq.layer_norm(weights, "norm", x)
    arrays["output"] = eq.linear(weights, "output", x) if decoder.output is not None else x
    return arrays
