"""The equations of each cell with a model's own numbers: one unit at one step.

Every function writes its lines on a blackboard and gives the unit's new value. ``w`` holds the
cell's weights by name, ``x`` what it reads at this step, ``state`` what it holds before (h; of an
LSTM h and c). Letters are those of ``nn/cells.py``; of the two biases, b and b there, the second
is d, for its number is another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from seqloom.explain.blackboard import Blackboard, added, number
from seqloom.explain.cell_equations import Array, Weights, sigmoid

Lesson = Callable[[Blackboard, Weights, Array, Sequence[Array], int], float]


def _sums(board: Blackboard, w: Weights, x: Array, h: Array, row: int, letter: str) -> list[float]:
    """W x, b, U h and b of a row of the weights."""
    wx = board.product(f"W{letter}·x", w["weight_ih"][row], "x", x)
    uh = board.product(f"U{letter}·h", w["weight_hh"][row], "h", h)
    return [wx, float(w["bias_ih"][row]), uh, float(w["bias_hh"][row])]


def _squashed(board: Blackboard, name: str, kind: str, formula: str, parts: list[float]) -> float:
    """σ or tanh of a sum."""
    total = sum(parts)
    value = float(sigmoid(np.array(total))) if kind == "σ" else float(np.tanh(total))
    numbers = f"{kind}({added(parts)}) = {kind}({number(total)})"
    return board.write(name, f"{kind}({formula})", numbers, value)


def elman(board: Blackboard, w: Weights, x: Array, state: Sequence[Array], unit: int) -> float:
    """h' = tanh(W x + b + U h + d)."""
    parts = _sums(board, w, x, state[0], unit, "")
    return _squashed(board, "h'", "tanh", "W·x + b + U·h + d", parts)


def jordan(board: Blackboard, w: Weights, x: Array, state: Sequence[Array], unit: int) -> float:
    """h = tanh(W x + b + U o + d); o' = tanh(V h + c)."""
    o = state[0]
    wx = board.product("W·x", w["weight_ih"][unit], "x", x)
    uo = board.product("U·o", w["weight_hh"][unit], "o", o)
    parts = [wx, float(w["bias_ih"][unit]), uo, float(w["bias_hh"][unit])]
    _squashed(board, f"h[{unit}]", "tanh", "W·x + b + U·o + d", parts)
    h = np.tanh(w["weight_ih"] @ x + w["bias_ih"] + w["weight_hh"] @ o + w["bias_hh"])
    vh = board.product("V·h", w["weight_ho"][unit], "h", h)
    return _squashed(board, "o'", "tanh", "V·h + c", [vh, float(w["bias_ho"][unit])])


def output_to_output(
    board: Blackboard, w: Weights, x: Array, state: Sequence[Array], unit: int
) -> float:
    """h = tanh(V x + c); o' = tanh(W h + b + U o + d)."""
    row = min(unit, len(w["bias_xh"]) - 1)
    vx = board.product("V·x", w["weight_xh"][row], "x", x)
    _squashed(board, f"h[{row}]", "tanh", "V·x + c", [vx, float(w["bias_xh"][row])])
    h = np.tanh(w["weight_xh"] @ x + w["bias_xh"])
    wh = board.product("W·h", w["weight_ih"][unit], "h", h)
    uo = board.product("U·o", w["weight_hh"][unit], "o", state[0])
    parts = [wh, float(w["bias_ih"][unit]), uo, float(w["bias_hh"][unit])]
    return _squashed(board, "o'", "tanh", "W·h + b + U·o + d", parts)


def lstm(board: Blackboard, w: Weights, x: Array, state: Sequence[Array], unit: int) -> float:
    """c' = σ(f)·c + σ(i)·tanh(g); h' = σ(o)·tanh(c')."""
    h, c = state
    size = len(h)
    gates: dict[str, float] = {}
    for place, letter in enumerate("ifgo"):
        parts = _sums(board, w, x, h, place * size + unit, letter)
        kind = "tanh" if letter == "g" else "σ"
        formula = f"W{letter}·x + b{letter} + U{letter}·h + d{letter}"
        gates[letter] = _squashed(board, letter, kind, formula, parts)
    i, f, g, o = (gates[letter] for letter in "ifgo")
    before = float(c[unit])
    text = f"{number(f)}·{number(before)} + {number(i)}·{number(g)}"
    after = board.write("c'", "f·c + i·g", text, f * before + i * g)
    text = f"{number(o)}·tanh({number(after)})"
    return board.write("h'", "o·tanh(c')", text, o * float(np.tanh(after)))


def gru(board: Blackboard, w: Weights, x: Array, state: Sequence[Array], unit: int) -> float:
    """r, z = σ(…); n = tanh(W x + b + r·(U h + d)); h' = (1 - z)·n + z·h."""
    h = state[0]
    size = len(h)
    gates = {}
    for place, letter in enumerate("rz"):
        parts = _sums(board, w, x, h, place * size + unit, letter)
        formula = f"W{letter}·x + b{letter} + U{letter}·h + d{letter}"
        gates[letter] = _squashed(board, letter, "σ", formula, parts)
    wx, b, uh, c = _sums(board, w, x, h, 2 * size + unit, "n")
    r, z, before = gates["r"], gates["z"], float(h[unit])
    text = f"tanh({number(wx)} + {number(b)} + {number(r)}·({number(uh)} + {number(c)}))"
    n = board.write("n", "tanh(Wn·x + bn + r·(Un·h + dn))", text, np.tanh(wx + b + r * (uh + c)))
    text = f"(1 - {number(z)})·{number(n)} + {number(z)}·{number(before)}"
    return board.write("h'", "(1 - z)·n + z·h", text, (1 - z) * n + z * before)


def mingru(board: Blackboard, w: Weights, x: Array, state: Sequence[Array], unit: int) -> float:
    """h' = (1 - z)·h + z·g(n), g(n) = n + ½ where n ≥ 0, else σ(n)."""
    h = state[0]
    size = len(h)
    wz = board.product("Wz·x", w["weight_ih"][unit], "x", x)
    z = _squashed(board, "z", "σ", "Wz·x + bz", [wz, float(w["bias_ih"][unit])])
    wn = board.product("Wn·x", w["weight_ih"][size + unit], "x", x)
    n = board.total("n", "Wn·x + bn", [wn, float(w["bias_ih"][size + unit])])
    if n >= 0:
        g = board.write("g", "n + ½   (n ≥ 0)", f"{number(n)} + 0.5", n + 0.5)
    else:
        g = board.write("g", "σ(n)   (n < 0)", f"σ({number(n)})", float(sigmoid(np.array(n))))
    before = float(h[unit])
    text = f"(1 - {number(z)})·{number(before)} + {number(z)}·{number(g)}"
    return board.write("h'", "(1 - z)·h + z·g", text, (1 - z) * before + z * g)


CELL_LESSONS: dict[str, Lesson] = {
    "elman": elman,
    "jordan": jordan,
    "output-to-output": output_to_output,
    "lstm": lstm,
    "gru": gru,
    "mingru": mingru,
}
