"""h[t] = a[t]·h[t-1] + b[t] over time, forward and backward, without an autograd node a step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def linear_recurrence(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """All h[t] for t = 1 … time.

    Shape:
        a, b (batch, time, size); h (batch, size) → (batch, time, size).
    """
    result: Tensor = _LinearRecurrence.apply(a, b, h)
    return result


class _LinearRecurrence(torch.autograd.Function):
    """With d[t] the whole gradient at h[t]:  d[t] = grad[t] + a[t+1]·d[t+1].

    Then grad b[t] = d[t], grad a[t] = d[t]·h[t-1], grad h[0] = a[1]·d[1].
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, h: Tensor) -> Tensor:
        outputs = torch.empty_like(b)
        last = h
        for t in range(b.shape[1]):
            last = torch.addcmul(b[:, t], a[:, t], last)
            outputs[:, t] = last
        ctx.save_for_backward(a, h, outputs)
        return outputs

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (grad,) = grads
        a, h, outputs = ctx.saved_tensors
        d = torch.empty_like(grad)
        carried = torch.zeros_like(h)
        for t in range(grad.shape[1] - 1, -1, -1):
            total = grad[:, t] + carried
            d[:, t] = total
            carried = a[:, t] * total
        before = torch.cat([h.unsqueeze(1), outputs[:, :-1]], dim=1)  # h[t-1] for each t
        return d * before, d, carried
