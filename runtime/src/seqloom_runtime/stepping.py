"""One token at a time in numpy: the equations of ``cells`` for writing text, without torch.

Those of attention stand in ``attention_stepping``; ``make_stepper`` makes either.

A step is a few matrix–vector products. Called through torch each costs more in overhead, and torch
is slow to import; here a step of LSTM 128 over 10,000 words takes a twentieth of a millisecond.
The input product of the first layer is a row of a table made once: embedding · W + b.

A state is a list of arrays (batch, hidden_size), and never changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqloom_runtime.attention_stepping import LAYERS as ATTENTION_LAYERS
from seqloom_runtime.attention_stepping import AttentionStepper

Array = npt.NDArray[np.float32]
Weights = Mapping[str, Array]
CellStep = Callable[[Array, tuple[Array, ...]], tuple[Array, ...]]


class Step(Protocol):
    """The language model as a function of one token and a state."""

    def zero_state(self, batch: int) -> Any:
        """The state before the first token."""

    def __call__(self, ids: npt.NDArray[np.int64], state: Any) -> tuple[Array, Any]:
        """Logits of the token after each id (batch, vocab_size), and the state after it."""


def make_stepper(
    weights: Weights, encoder: str, num_layers: int, *, num_heads: int, window: int
) -> Step:
    """The stepper of an encoder by its name.

    Args:
        weights: the model's arrays by their names in ``model.safetensors``.
        encoder: name of a cell or of a kind of attention.
        num_layers: layers.
        num_heads, window: of attention.
    """
    if encoder in ATTENTION_LAYERS:
        return AttentionStepper(weights, encoder, num_layers, num_heads, window)
    return Stepper(weights, encoder, num_layers)


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), by way of tanh, which does not overflow."""
    result: Array = np.tanh(x * np.float32(0.5)) * np.float32(0.5) + np.float32(0.5)
    return result


def matmul(x: Array, weight: Array) -> Array:
    """x (batch, size) · weightᵀ (size, rows) → (batch, rows).

    One row goes as a matrix–vector product, which is what generation mostly asks for.
    """
    result: Array = (weight @ x[0])[None] if x.shape[0] == 1 else x @ weight.T
    return result


class Stepper:
    """The language model as a function of one token and a state.

    Each row of a batch is computed on its own, so that a row's numbers do not depend on how many
    rows stand beside it.

    Args:
        weights: the model's arrays by their names in ``model.safetensors``.
        encoder: name of the cell.
        num_layers: layers.
    Shape:
        ids (batch,), state → logits (batch, vocab_size), state.
    """

    def __init__(self, weights: Weights, encoder: str, num_layers: int) -> None:
        self.weights = weights
        self.encoder = encoder
        self.layers = [
            {name.split(".")[-1]: array for name, array in weights.items()
             if name.startswith(f"encoder.cells.{layer}.")}
            for layer in range(num_layers)
        ]  # fmt: skip
        self.steps = [STEPS[encoder](layer) for layer in self.layers]
        self.table = self._first_products()
        self.bridge = (
            (weights["bridge.weight"], weights["bridge.bias"])
            if ("bridge.weight" in weights)
            else None
        )

    @property
    def vocab_size(self) -> int:
        """Ids run from 0 to this less one."""
        return len(self.weights["head.bias"])

    def _first_products(self) -> Array:
        """W x + b of the first layer for every id: (vocab_size, rows)."""
        weight, bias = input_weights(self.layers[0], self.encoder)
        table = self.weights.get("embedding.weight")
        products = weight.T if table is None else table @ weight.T
        return np.ascontiguousarray(products + bias)

    def zero_state(self, batch: int) -> list[tuple[Array, ...]]:
        """The state before the first token."""
        hidden = self.layers[0]["weight_ih"].shape[0] // GATES[self.encoder]
        parts = 2 if self.encoder == "lstm" else 1
        zero = np.zeros((batch, hidden), np.float32)
        return [(zero,) * parts for _ in self.layers]

    def __call__(
        self, ids: npt.NDArray[np.int64], state: list[tuple[Array, ...]]
    ) -> tuple[Array, list[tuple[Array, ...]]]:
        """Logits of the token after each id."""
        if len(ids) == 1:
            return self._one_row(ids, state)
        rows = [
            self._one_row(ids[r : r + 1], [tuple(p[r : r + 1] for p in s) for s in state])
            for r in range(len(ids))
        ]
        logits = np.concatenate([row[0] for row in rows])
        layers = zip(*(row[1] for row in rows), strict=True)
        return logits, [
            tuple(np.concatenate(parts) for parts in zip(*layer, strict=True)) for layer in layers
        ]

    def _one_row(
        self, ids: npt.NDArray[np.int64], state: list[tuple[Array, ...]]
    ) -> tuple[Array, list[tuple[Array, ...]]]:
        projected = self.table[ids]
        after: list[tuple[Array, ...]] = []
        for layer, step, before in zip(self.layers, self.steps, state, strict=True):
            if after:
                weight, bias = input_weights(layer, self.encoder)
                projected = matmul(after[-1][0], weight) + bias
            after.append(step(projected, before))
        hidden = after[-1][0]
        if self.bridge is not None:
            hidden = matmul(hidden, self.bridge[0]) + self.bridge[1]
        return matmul(hidden, self.weights["head.weight"]) + self.weights["head.bias"], after


def input_weights(layer: Weights, encoder: str) -> tuple[Array, Array]:
    """The matrix and the bias that a layer's input meets first."""
    if encoder == "output-to-output":
        return layer["weight_xh"], layer["bias_xh"]
    return layer["weight_ih"], layer["bias_ih"]


def elman(layer: Weights) -> CellStep:
    """h' = tanh(W x + b + U h + b)."""

    def step(projected: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        return (np.tanh(projected + matmul(state[0], layer["weight_hh"]) + layer["bias_hh"]),)

    return step


def jordan(layer: Weights) -> CellStep:
    """h = tanh(W x + b + U o + b); o' = tanh(V h + c)."""
    hidden = elman(layer)

    def step(projected: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        (h,) = hidden(projected, state)
        return (np.tanh(matmul(h, layer["weight_ho"]) + layer["bias_ho"]),)

    return step


def output_to_output(layer: Weights) -> CellStep:
    """h = tanh(V x + c); o' = tanh(W h + b + U o + b)."""
    recurrence = elman(layer)

    def step(projected: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        h = np.tanh(projected)
        return recurrence(matmul(h, layer["weight_ih"]) + layer["bias_ih"], state)

    return step


def lstm(layer: Weights) -> CellStep:
    """c' = σ(f)·c + σ(i)·tanh(g); h' = σ(o)·tanh(c')."""
    size = layer["weight_hh"].shape[1]
    # All four gates in one tanh: σ(x) = ½ tanh(x/2) + ½, the halving done to the weights once.
    half = np.full(4 * size, 0.5, np.float32)
    half[2 * size : 3 * size] = 1.0
    weight = layer["weight_hh"] * half[:, None]
    bias = layer["bias_hh"] * half

    def step(projected: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        h, c = state
        gates = matmul(h, weight)
        gates += projected * half + bias
        np.tanh(gates, out=gates)
        i, f = gates[:, :size], gates[:, size : 2 * size]
        g, o = gates[:, 2 * size : 3 * size], gates[:, 3 * size :]
        c = (f * c + c + i * g + g) * np.float32(0.5)
        return (o + np.float32(1)) * np.tanh(c) * np.float32(0.5), c

    return step


def gru(layer: Weights) -> CellStep:
    """h' = (1 - z)·n + z·h."""
    size = layer["weight_hh"].shape[1]

    def step(projected: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        (h,) = state
        recurrent = matmul(h, layer["weight_hh"]) + layer["bias_hh"]
        gates = sigmoid(projected[:, : 2 * size] + recurrent[:, : 2 * size])
        r, z = gates[:, :size], gates[:, size:]
        n = np.tanh(projected[:, 2 * size :] + r * recurrent[:, 2 * size :])
        return (n + z * (h - n),)

    return step


def mingru(layer: Weights) -> CellStep:
    """h' = (1 - σ(z))·h + σ(z)·g(n)."""
    size = layer["weight_ih"].shape[0] // 2

    def step(projected: Array, state: tuple[Array, ...]) -> tuple[Array, ...]:
        n = projected[:, size:]
        added: Array = np.where(n >= 0, n + np.float32(0.5), sigmoid(n)).astype(np.float32)
        z = sigmoid(projected[:, :size])
        return (state[0] + z * (added - state[0]),)

    return step


STEPS: dict[str, Callable[[Weights], CellStep]] = {
    "elman": elman,
    "jordan": jordan,
    "output-to-output": output_to_output,
    "lstm": lstm,
    "gru": gru,
    "mingru": mingru,
}
GATES = {"elman": 1, "jordan": 1, "output-to-output": 1, "lstm": 4, "gru": 3, "mingru": 2}
