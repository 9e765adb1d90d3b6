"""The printed equations of every cell in numpy, with every gate kept, or those asked for.

``nn/cells.py`` has the same equations as they run; a test holds both together. A cell here is a
function of all its inputs at once, step after step:

    gates = CELL_EQUATIONS["lstm"](weights, x, state)
    gates["forget"]                                     # (batch, time, hidden_size)

Arrays are those that the equations name, gates after their σ, candidates after their tanh:

    elman              hidden
    jordan             inner (h), hidden (o')
    output-to-output   inner (h), hidden (o')
    lstm               input, forget, candidate, output, cell, hidden
    gru                reset, update, candidate (n), hidden
    mingru             update, candidate (g(n)), hidden

They are worked out in the numbers that weights and x have: float64 for what is shown of an input,
float32 where thousands of tokens are searched. Knows no layers, directions or texts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
Weights = Mapping[str, Array]
State = Sequence[Array] | None
Kept = Collection[str] | None  # names of the arrays that are kept; all when None
Step = Callable[[Array, tuple[Array, ...]], tuple[dict[str, Array], tuple[Array, ...]]]


class Equations(Protocol):
    """The equations of one cell."""

    def __call__(
        self, weights: Weights, x: Array, state: State = None, kept: Kept = None
    ) -> dict[str, Array]:
        """Every step of x (batch, time, input_size), from a state or from zeros."""


def sigmoid(x: Array) -> Array:
    """σ(x) = 1 / (1 + e^-x), by way of tanh, which does not overflow."""
    result: Array = 0.5 * np.tanh(0.5 * x) + 0.5
    return result


def over_time(
    step: Step, x: Array, state: tuple[Array, ...], kept: Kept = None
) -> dict[str, Array]:
    """One step after the other: x (batch, time, size) → what each step names, side by side."""
    found: dict[str, Array] = {}
    for place, column in enumerate(np.moveaxis(x, 1, 0)):
        named, state = step(column, state)
        for name, array in named.items():
            if kept is not None and name not in kept:
                continue
            if name not in found:
                found[name] = np.empty((len(array), x.shape[1], array.shape[1]), array.dtype)
            found[name][:, place] = array
    return found


def elman(weights: Weights, x: Array, state: State = None, kept: Kept = None) -> dict[str, Array]:
    """h' = tanh(W x + b + U h + b)."""

    def step(projected: Array, before: tuple[Array, ...]) -> tuple[dict[str, Array], tuple[Array]]:
        h = np.tanh(projected + before[0] @ weights["weight_hh"].T + weights["bias_hh"])
        return {"hidden": h}, (h,)

    return over_time(step, input_part(weights, x), state_of(weights, x, state, 1), kept)


def jordan(weights: Weights, x: Array, state: State = None, kept: Kept = None) -> dict[str, Array]:
    """h = tanh(W x + b + U o + b); o' = tanh(V h + c)."""

    def step(projected: Array, before: tuple[Array, ...]) -> tuple[dict[str, Array], tuple[Array]]:
        h = np.tanh(projected + before[0] @ weights["weight_hh"].T + weights["bias_hh"])
        o = np.tanh(h @ weights["weight_ho"].T + weights["bias_ho"])
        return {"inner": h, "hidden": o}, (o,)

    return over_time(step, input_part(weights, x), state_of(weights, x, state, 1), kept)


def output_to_output(
    weights: Weights, x: Array, state: State = None, kept: Kept = None
) -> dict[str, Array]:
    """h = tanh(V x + c); o' = tanh(W h + b + U o + b)."""
    inner = np.tanh(x @ weights["weight_xh"].T + weights["bias_xh"])
    above = elman(weights, inner, state, kept)
    return above if kept is not None and "inner" not in kept else {"inner": inner, **above}


def lstm(weights: Weights, x: Array, state: State = None, kept: Kept = None) -> dict[str, Array]:
    """c' = σ(f)·c + σ(i)·tanh(g); h' = σ(o)·tanh(c')."""

    def step(
        projected: Array, before: tuple[Array, ...]
    ) -> tuple[dict[str, Array], tuple[Array, Array]]:
        h, c = before
        sums: Array = projected + h @ weights["weight_hh"].T + weights["bias_hh"]
        i, f, g, o = np.split(sums, 4, axis=1)  # each (batch, hidden)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * np.tanh(c)
        named = {"input": i, "forget": f, "candidate": g, "output": o, "cell": c, "hidden": h}
        return named, (h, c)

    return over_time(step, input_part(weights, x), state_of(weights, x, state, 2), kept)


def gru(weights: Weights, x: Array, state: State = None, kept: Kept = None) -> dict[str, Array]:
    """h' = (1 - z)·n + z·h, n = tanh(W x + b + r·(U h + b))."""

    def step(projected: Array, before: tuple[Array, ...]) -> tuple[dict[str, Array], tuple[Array]]:
        (h,) = before
        r_x, z_x, n_x = np.split(projected, 3, axis=1)  # each (batch, hidden)
        r_h, z_h, n_h = np.split(h @ weights["weight_hh"].T + weights["bias_hh"], 3, axis=1)
        r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
        n = np.tanh(n_x + r * n_h)
        h = (1 - z) * n + z * h
        return {"reset": r, "update": z, "candidate": n, "hidden": h}, (h,)

    return over_time(step, input_part(weights, x), state_of(weights, x, state, 1), kept)


def mingru(weights: Weights, x: Array, state: State = None, kept: Kept = None) -> dict[str, Array]:
    """h' = (1 - σ(z))·h + σ(z)·g(n), g(n) = n + ½ where n ≥ 0, else σ(n)."""

    def step(projected: Array, before: tuple[Array, ...]) -> tuple[dict[str, Array], tuple[Array]]:
        z, n = np.split(projected, 2, axis=1)  # each (batch, hidden)
        z, added = sigmoid(z), np.where(n >= 0, n + 0.5, sigmoid(n))
        h = (1 - z) * before[0] + z * added
        return {"update": z, "candidate": added, "hidden": h}, (h,)

    return over_time(step, input_part(weights, x), state_of(weights, x, state, 1), kept)


def input_part(weights: Weights, x: Array) -> Array:
    """W x + b of all steps."""
    result: Array = x @ weights["weight_ih"].T
    result += weights["bias_ih"]
    return result


def state_of(weights: Weights, x: Array, state: State, parts: int) -> tuple[Array, ...]:
    """The state given, or zeros (batch, hidden_size)."""
    if state is not None:
        return tuple(state)
    hidden = (
        weights["weight_hh"].shape[1] if "weight_hh" in weights else len(weights["bias_ih"]) // 2
    )
    return (np.zeros((len(x), hidden), x.dtype),) * parts


CELL_EQUATIONS: dict[str, Equations] = {
    "elman": elman,
    "jordan": jordan,
    "output-to-output": output_to_output,
    "lstm": lstm,
    "gru": gru,
    "mingru": mingru,
}
SIGNALS: dict[str, tuple[str, ...]] = {
    "elman": ("hidden",),
    "jordan": ("inner", "hidden"),
    "output-to-output": ("inner", "hidden"),
    "lstm": ("input", "forget", "candidate", "output", "cell", "hidden"),
    "gru": ("reset", "update", "candidate", "hidden"),
    "mingru": ("update", "candidate", "hidden"),
}
"""The arrays of each cell, in the order of its equations."""
