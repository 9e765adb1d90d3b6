"""The equations of attention with a model's own numbers: one number of one step's output.

Every function writes its lines on a blackboard and gives the number. ``x`` is what the layer reads
(time, size), ``mask`` which step each step sees (time, time). Of several heads the one that gives
most to this number is worked out in full.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqloom.explain import attention_equations as eq
from seqloom.explain.blackboard import Blackboard, added, number
from seqloom.explain.cell_equations import Array, Weights

MOST = 6  # steps whose scores are written out: those looked at most

Mask = npt.NDArray[np.bool_]


def _shares(
    board: Blackboard, query: Array, key: Array, seen: Mask, letters: tuple[str, str]
) -> Array:
    """Scores and shares of the steps that one step sees: query (size,), key (time, size)."""
    scores = np.where(seen, key @ query / np.sqrt(len(query)), -np.inf)
    shares = eq.softmax(scores)
    chosen = sorted(np.argsort(-shares, kind="stable")[: min(MOST, int(seen.sum()))].tolist())
    asked, held = letters
    for step in chosen:
        dot = float(key[step] @ query)
        text = f"{number(dot)} / √{len(query)}"
        formula = f"R{asked}·R{held}[{step + 1}] / √{len(query)}"
        board.write(f"s[{step + 1}]", formula, text, scores[step])
    total = float(np.exp(scores).sum())
    powers = [float(np.exp(scores[step])) for step in chosen]
    rest = total - sum(powers)
    left = int(seen.sum()) - len(chosen)
    text = added(powers) + (f" + [{left}: {number(rest)}]" if left else "")
    board.write("S", "Σ e^s", text, total)
    for step in chosen:
        text = f"e^{number(scores[step])} / {number(total)}"
        board.write(f"a[{step + 1}]", f"e^s[{step + 1}] / S", text, shares[step])
    return shares


def _mean(board: Blackboard, name: str, letter: str, shares: Array, values: Array) -> float:
    """Σ a v, the largest shares written out."""
    seen = shares > 0
    return board.product(name, shares[seen], letter, values[seen])


def basic(board: Blackboard, x: Array, mask: Mask, step: int, unit: int) -> float:
    """y = Σ a x, a = softmax(R x · R x / √size)."""
    own = eq.turned(x)
    shares = _shares(board, own[step], own, mask[step], ("x", "x"))
    return _mean(board, "y", "a·x", shares, x[:, unit])


def with_heads(
    board: Blackboard, w: Weights, name: str, x: Array, heads: int, mask: Mask, at: tuple[int, int]
) -> float:
    """y = W_o [head_1; …] + b of a layer with queries, keys and values; ``at`` is (step, unit)."""
    step, unit = at
    q, k, v = (
        eq.heads_of(eq.linear(w, f"{name}{part}", x[None]), heads)[0]
        for part in ("query", "key", "value")
    )  # each (heads, time, head size)
    looked = eq.shares(eq.turned(q), eq.turned(k), mask[None])
    found = (looked @ v)[:, step]  # (heads, head size)
    row = w[f"{name}output.weight"][unit].reshape(heads, -1)
    given = (row * found).sum(1)
    head = int(np.argmax(np.abs(given)))
    turned_q, turned_k = eq.turned(q[head]), eq.turned(k[head])
    shares = _shares(board, turned_q[step], turned_k, mask[step], ("q", "k"))
    best = int(np.argmax(np.abs(row[head] * found[head])))
    _mean(board, f"head{head + 1}[{best}]", "a·v", shares, v[head][:, best])
    for number_of in range(heads):
        board.product(f"O·head{number_of + 1}", row[number_of], "head", found[number_of])
    bias = float(w[f"{name}output.bias"][unit])
    parts = [*(float(one) for one in given), bias]
    names = " + ".join(f"O·head{n + 1}" for n in range(heads))
    return board.total("y", f"{names} + b", parts)


def transformer(
    board: Blackboard, w: Weights, name: str, x: Array, heads: int, mask: Mask, at: tuple[int, int]
) -> float:
    """x ← x + attention(norm(x)); x ← x + feed_forward(norm(x))."""
    step, unit = at
    normed = eq.layer_norm(w, f"{name}attention_norm", x)
    y = with_heads(board, w, f"{name}attention.", normed, heads, mask, at)
    middle = board.total("x'", "x + y", [float(x[step, unit]), y])
    found, _ = eq.self_attention(w, f"{name}attention.", normed[None], heads, mask[None, None])
    after = (x + found[0])[step]
    wide = eq.gelu(
        eq.linear(
            w, f"{name}feed_forward.widen", eq.layer_norm(w, f"{name}feed_forward_norm", after)
        )
    )
    row = w[f"{name}feed_forward.narrow.weight"][unit]
    product = board.product("V·g", row, "gelu", wide)
    bias = float(w[f"{name}feed_forward.narrow.bias"][unit])
    return board.total("x''", "x' + V·g + b", [middle, product, bias])
