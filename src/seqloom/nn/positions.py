"""Where a step stands: pairs of numbers turned by an angle that grows with the step.

Attention alone sees a bag of steps. Turned so, what two steps score depends on how far apart they
stand and on which comes first, and on nothing else: a text moved along scores as before. There is
nothing to learn, and no longest text.

Knows no attention.
"""

from __future__ import annotations

import torch
from torch import Tensor

BASE = 10_000.0


def turns(count: int, size: int, like: Tensor) -> Tensor:
    """By how much each pair is turned at the steps 0, 1, …, as complex numbers of length 1.

    e^(i t ω_k),  ω_k = 10000^(-k / pairs)

    Args:
        count: steps.
        size: numbers a step has; an odd one out is never turned.
        like: whose device, and whose precision in float32 or float64, is taken.
    Shape:
        → (count, size // 2).
    Source:
        Su et al. 2021, "RoFormer", equation 15.
    """
    pairs = size // 2
    exact = torch.float64  # the angle of a late step is large, and its sine needs all digits
    rates = BASE ** -(torch.arange(pairs, dtype=exact, device=like.device) / max(1, pairs))
    angles = torch.outer(torch.arange(count, dtype=exact, device=like.device), rates)
    result = torch.polar(torch.ones_like(angles), angles)
    return result if like.dtype == exact else result.to(torch.complex64)


def turn(x: Tensor, by: Tensor) -> Tensor:
    """Each pair (a, b) of numbers, as a + bi, times its turn.

    Shape:
        x (…, time, size), by (time, size // 2) → like x.
    """
    wide = x if x.dtype == torch.float64 else x.float()  # complex numbers have no bfloat16
    even = 2 * by.shape[-1]
    pairs = torch.view_as_complex(wide[..., :even].unflatten(-1, (-1, 2)).contiguous())
    turned = torch.view_as_real(pairs * by).flatten(-2)
    if even < x.shape[-1]:
        turned = torch.cat([turned, wide[..., even:]], dim=-1)
    return turned.to(x.dtype)
