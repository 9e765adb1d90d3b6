"""Frames of a piano roll drawn key by key, each given those below it where notes are joint.

    p(v_k | v_<k) = σ(b_k + V_k σ(a_k)),  a_k = c + Σ_{i<k} W_i v_i          (NADE)

Knows arrays only: no network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Joint:
    """How a key that is down changes the chances of those above it.

    Args:
        seen: W of the equation (keys, units).
        out: V (keys, units).
    """

    seen: Array
    out: Array


def draw_frame(
    bias: Array,
    start: Array | None,
    joint: Joint | None,
    uniform: Array,
    temperature: float,
    allowed: Array,
) -> Array:
    """One frame (keys,) of zeros and ones.

    Args:
        bias: b of the equation, or without ``joint`` the scores of the keys (keys,).
        start: c (units,); None without ``joint``.
        joint: None where each key stands for itself.
        uniform: chances between 0 and 1 (keys,).
        temperature: 0 takes what is likelier.
        allowed: 1 where a key may go down (keys,).
    """
    if joint is None or start is None:
        alone: Array = _drawn(bias, uniform, temperature) * allowed
        return alone.astype(np.float32)
    frame, a, key = np.zeros(len(bias), np.float32), start, 0
    while key < len(bias):  # what is drawn from here on holds up to the first key that is down
        logits = bias + joint.out @ _sigmoid(a)
        down = np.flatnonzero((_drawn(logits, uniform, temperature) * allowed)[key:])
        if not len(down):
            break
        key += int(down[0])
        frame[key] = 1
        a = a + joint.seen[key]
        key += 1
    return frame


def _sigmoid(x: Array) -> Array:
    found: Array = np.tanh(x * 0.5) * 0.5 + 0.5
    return found


def _drawn(logits: Array, uniform: Array, temperature: float) -> Array:
    """1 where a key goes down."""
    if temperature == 0:
        return logits > 0
    found: Array = uniform < _sigmoid(logits / temperature)
    return found
