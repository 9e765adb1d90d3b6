"""The gated recurrent unit over whole sequences on a CPU, its gradient written out by hand.

torch has no fused kernel for this cell on a CPU: its own loop makes a dozen tensors and autograd
nodes a step. Here the input side of all steps is one product; a step is one product and five
elementwise passes in place; a step of the backward pass is one product and two passes, because all
of its gradients are linear in that of h':

    a_r, a_z, m = U h + b           a_r and a_z with W x + b added, m without
    a_n = W x + b + r·m             r, z = σ(a_r, a_z);  n = tanh(a_n);  h' = (1 - z)·n + z·h

    d a_n = d h'·(1 - z)(1 - n²)    d m = d a_n·r    d a_r = d a_n·m·r(1 - r)
    d a_z = d h'·(h - n)·z(1 - z)   d h = d h'·z + (d m, d a_r, d a_z) U

The four factors of d h' are formed for a stretch of steps at once, short enough for the cache, and
the gradients of the weights are one product a stretch.

Memory is time-major, and a row of it holds four blocks of hidden_size numbers in an order that
leaves what either matrix works on side by side:

    | m | r | z | n |       U: m r z        W: r z n

Knows nothing of lengths, directions or modules.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

STRETCH_ROWS = 1024  # rows (steps times batch) of a stretch; its gradients then stay in the cache
LOW_PRECISION_STEP = 1 << 22  # batch·hidden² from which bfloat16 pays within a step

sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input


def can_scan(x: Tensor, *weights: Tensor) -> bool:
    """Whether ``gru_scan`` takes these: float32 or float64 on a CPU, all alike or autocast."""
    dtype = weights[0].dtype
    if x.device.type != "cpu" or dtype not in (torch.float32, torch.float64):
        return False
    alike = all(weight.dtype == dtype for weight in weights)
    return alike and (x.dtype == dtype or _product_dtype(weights[0]) != dtype)


def gru_scan(
    x: Tensor, h: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor
) -> Tensor:
    """All outputs of a GRU, as ``torch.nn.GRU`` defines it; the last of them is its state.

    Under autocast the large products are of that precision, and so are those within a step where
    it pays. Everything else, the state above all, keeps the precision of the weights.

    Shape:
        x (batch, time, input_size); h (batch, hidden_size); weights and biases as in ``torch.nn``
        → (batch, time, hidden_size).
    """
    x = x.transpose(0, 1).to(_product_dtype(weight_hh)).contiguous()  # (time, batch, input)
    inputs = x, h, weight_ih, weight_hh, bias_ih, bias_hh
    if torch.is_grad_enabled() and any(value.requires_grad for value in inputs):
        outputs: Tensor = _GRUScan.apply(*inputs)  # type: ignore[no-untyped-call]
    else:
        outputs = _forward(*inputs, keep=False)[0][1:]
    return outputs.transpose(0, 1)


class _GRUScan(torch.autograd.Function):
    """Time-major: x (time, batch, input) → (time, batch, hidden)."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        h: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor,
        bias_hh: Tensor,
    ) -> Tensor:
        states, *kept = _forward(x, h, weight_ih, weight_hh, bias_ih, bias_hh, keep=True)
        ctx.save_for_backward(x, weight_ih.to(x.dtype), states, *kept)
        return states[1:]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight_ih, states, gates, recurrent = ctx.saved_tensors
        sums = _Sums(x, weight_ih, states, ctx.needs_input_grad[0])
        d_h = torch.zeros_like(states[0])
        for steps in reversed(_stretches(*gates.shape[:2])):
            factors = _factors(gates[steps], states[steps])
            d_h = _run_back(factors, gates[steps], grads[0][steps], d_h, recurrent)
            sums.add(steps, factors)
        return sums.d_x, d_h, *sums.of_weights()


def _forward(
    x: Tensor,
    h: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor,
    bias_hh: Tensor,
    *,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """States before and after each step (time + 1, batch, hidden), gates, U as the steps use it.

    The gates are those of all steps only if they are to be kept; else one stretch at a time.
    """
    time, batch, _ = x.shape
    recurrent = _recurrent_order(weight_hh, x)
    project = _Projection(weight_ih, bias_ih, bias_hh, x.dtype)
    kept = time if keep else min(time, _stretch_length(batch))
    gates = weight_hh.new_empty(kept, batch, 4 * h.shape[1])
    states = weight_hh.new_empty(time + 1, *h.shape)
    states[0] = h
    for steps in _stretches(time, batch):
        current = gates[steps] if keep else gates[: steps.stop - steps.start]
        project(x[steps], current)
        _run(current, states[steps.start : steps.stop + 1], recurrent.t())
    return states, gates, recurrent


def _product_dtype(weight: Tensor) -> torch.dtype:
    if weight.dtype == torch.float32 and torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu")
    return weight.dtype


def _recurrent_order(weight_hh: Tensor, x: Tensor) -> Tensor:
    """U with its rows in the order m r z, in the precision of the steps' products."""
    hidden = weight_hh.shape[1]
    low = x.shape[1] * hidden * hidden >= LOW_PRECISION_STEP
    return weight_hh.roll(hidden, 0).to(x.dtype if low else weight_hh.dtype)


class _Projection:
    """What a step adds to U h: b on m, W x and biases on the rest.

    The block of n is doubled, which costs no digits: ``_run`` wants 2·a_n.
    """

    def __init__(
        self, weight_ih: Tensor, bias_ih: Tensor, bias_hh: Tensor, dtype: torch.dtype
    ) -> None:
        self.hidden = len(bias_hh) // 3
        n = slice(2 * self.hidden, 3 * self.hidden)
        weight, bias = weight_ih.clone(), bias_ih.clone()
        weight[n] *= 2
        bias[n] *= 2
        bias[: 2 * self.hidden] += bias_hh[: 2 * self.hidden]
        self.weight, self.bias, self.bias_m = weight.to(dtype).t(), bias, bias_hh[n]

    def __call__(self, x: Tensor, gates: Tensor) -> None:
        """Fill gates (steps, batch, 4·hidden) from x (steps, batch, input)."""
        x, rows = x.flatten(0, 1), gates.flatten(0, 1)
        rows[:, : self.hidden] = self.bias_m
        rest = rows[:, self.hidden :]
        if x.dtype == rows.dtype:
            torch.addmm(self.bias, x, self.weight, out=rest)
        else:
            torch.add(x @ self.weight, self.bias, out=rest)


def _run(gates: Tensor, states: Tensor, weight: Tensor) -> None:
    """Every step in place: gates become m r z n, states[t + 1] the state after step t.

    n = tanh(a) is formed as 2σ(2a) - 1, equal to rounding: tanh on a CPU takes three times as long.
    """
    hidden = states.shape[2]
    to_recur = gates[:, :, : 3 * hidden].unbind(0)  # each (batch, 3·hidden)
    r_z = gates[:, :, hidden : 3 * hidden].unbind(0)
    m, r, z, n = (block.unbind(0) for block in gates.chunk(4, dim=2))  # each (batch, hidden)
    h = states.unbind(0)
    minus_one = gates.new_full((), -1.0)
    for t in range(len(m)):
        _add_product(to_recur[t], h[t], weight)
        r_z[t].sigmoid_()
        n[t].addcmul_(r[t], m[t], value=2).sigmoid_()
        torch.add(minus_one, n[t], alpha=2, out=n[t])
        torch.lerp(n[t], h[t], z[t], out=h[t + 1])


def _stretch_length(batch: int) -> int:
    return max(1, STRETCH_ROWS // max(1, batch))


def _stretches(time: int, batch: int) -> list[slice]:
    """All steps, cut into stretches in order."""
    length = _stretch_length(batch)
    return [slice(start, min(start + length, time)) for start in range(0, time, length)]


def _factors(gates: Tensor, before: Tensor) -> Tensor:
    """What d h' is multiplied by to give d m, d a_r, d a_z and d a_n.

    Shape:
        gates (steps, batch, 4·hidden), before (steps, batch, hidden) → like gates.
    """
    factors = torch.empty_like(gates)
    m, r, z, n = gates.chunk(4, dim=2)
    d_m, d_r, d_z, d_n = factors.chunk(4, dim=2)
    torch.sub(1, z, out=d_n)
    tanh_backward(d_n, n, grad_input=d_n)
    torch.mul(d_n, r, out=d_m)
    torch.mul(d_n, m, out=d_r)
    sigmoid_backward(d_r, r, grad_input=d_r)
    torch.sub(before, n, out=d_z)
    sigmoid_backward(d_z, z, grad_input=d_z)
    return factors


def _run_back(factors: Tensor, gates: Tensor, grad: Tensor, d_h: Tensor, weight: Tensor) -> Tensor:
    """Every step of a stretch from its end: factors become gradients; d h before its first step.

    Shape:
        grad (steps, batch, hidden), that of the outputs; d_h (batch, hidden) → alike.
    """
    hidden = d_h.shape[1]
    blocks = factors.unflatten(2, (4, hidden)).unbind(0)  # each (batch, 4, hidden)
    recurred = factors[:, :, : 3 * hidden].unbind(0)  # each (batch, 3·hidden)
    z = gates[:, :, 2 * hidden : 3 * hidden].unbind(0)
    for t in range(len(blocks) - 1, -1, -1):
        d_h = d_h + grad[t]
        blocks[t].mul_(d_h.unsqueeze(1))
        d_h.mul_(z[t])
        _add_product(d_h, recurred[t], weight)
    return d_h


def _add_product(out: Tensor, a: Tensor, b: Tensor) -> None:
    """out += a b, the product in the precision of b."""
    if out.dtype == b.dtype:
        torch.addmm(out, a, b, out=out)
    else:
        out.add_(a.to(b.dtype) @ b)


class _Sums:
    """Gradients that are sums over steps, stretch by stretch, and that of x.

    Shape:
        x (time, batch, input), weight_ih (3·hidden, input), states (time + 1, batch, hidden).
    """

    def __init__(self, x: Tensor, weight_ih: Tensor, states: Tensor, wants_x: bool) -> None:
        self.x, self.weight_ih, self.states = x, weight_ih, states
        self.d_x = torch.empty_like(x) if wants_x else None
        rows, hidden = len(weight_ih), states.shape[2]
        self.input_side = states.new_zeros(rows, x.shape[2])
        self.recurrent = states.new_zeros(rows, hidden)
        self.bias = states.new_zeros(4 * hidden)

    def add(self, steps: slice, gradients: Tensor) -> None:
        """Take in a stretch: gradients (steps, batch, 4·hidden) of m, a_r, a_z and a_n."""
        hidden = self.states.shape[2]
        rows = gradients.flatten(0, 1)
        self.bias += rows.sum(0)
        rows = rows.to(self.x.dtype)
        recurred, projected = rows[:, : 3 * hidden], rows[:, hidden:]
        before = self.states[steps].flatten(0, 1).to(rows.dtype)
        _add_product(self.recurrent, recurred.t(), before)
        _add_product(self.input_side, projected.t(), self.x[steps].flatten(0, 1))
        if self.d_x is not None:
            torch.mm(projected, self.weight_ih, out=self.d_x[steps].flatten(0, 1))

    def of_weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Of weight_ih, weight_hh, bias_ih and bias_hh, in the order of ``torch.nn``."""
        hidden = self.states.shape[2]
        recurrent = self.recurrent.roll(-hidden, 0)
        return self.input_side, recurrent, self.bias[hidden:], self.bias[: 3 * hidden].roll(-hidden)
