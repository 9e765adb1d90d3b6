"""The last layer and its loss in one: cross-entropy over a large vocabulary without the logits.

Logits of 6,400 steps over 10,000 words are 256 MB in float32, written, read and read again. Here
a block of rows at a time goes from hidden vectors to logits to gradients while it is in the cache,
so that the whole is never stored and the backward pass has nothing left to do.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

# Logits of a block: small enough for the cache, large enough for the matrix product.
BLOCK_NUMBERS = 5_000_000


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, smoothing: float = 0.0
) -> Tensor:
    """Sum over rows of -log softmax(W h + b)[target], in nats, with gradients to all three.

    Equal to ``F.cross_entropy(F.linear(hidden, weight, bias), targets, reduction="sum",
    label_smoothing=smoothing)``. Under autocast the products are in the autocast type, the softmax
    and the sums in float32.

    With smoothing ε the target is (1 - ε) one-hot + ε / vocab, so that a row costs
    -log p_target + ε (logit_target - mean of the logits).

    Shape:
        hidden (rows, size), weight (vocab, size), bias (vocab,), targets (rows,) → ().
    """
    needs_gradient = torch.is_grad_enabled() and (hidden.requires_grad or weight.requires_grad)
    if not needs_gradient:
        return _forward_only(hidden, weight, bias, targets, smoothing)
    product_type = hidden.dtype
    if torch.is_autocast_enabled(hidden.device.type):
        product_type = torch.get_autocast_dtype(hidden.device.type)
    bias = weight.new_zeros(weight.shape[0]) if bias is None else bias
    result: Tensor = _LinearCrossEntropy.apply(
        hidden, weight, bias, targets, product_type, smoothing
    )
    return result


def _block_rows(vocab: int) -> int:
    return max(64, BLOCK_NUMBERS // vocab)


def _forward_only(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, smoothing: float
) -> Tensor:
    rows = _block_rows(weight.shape[0])
    total = torch.zeros((), dtype=torch.float64, device=hidden.device)
    for block, target in zip(hidden.split(rows), targets.split(rows), strict=True):
        logits = F.linear(block, weight, bias)
        if logits.dtype != torch.float64:
            logits = logits.float()
        total += F.cross_entropy(logits, target, reduction="sum", label_smoothing=smoothing)
    return total.to(weight.dtype)


class _LinearCrossEntropy(torch.autograd.Function):
    """d loss / d logits = softmax(logits) - target, formed while the logits are there."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        product_type: torch.dtype,
        smoothing: float,
    ) -> Tensor:
        w, b = weight.to(product_type), bias.to(product_type)
        d_hidden = torch.empty_like(hidden)
        d_weight = torch.zeros_like(weight)
        d_bias = torch.zeros_like(bias)
        total = torch.zeros((), dtype=torch.float64, device=hidden.device)
        rows = _block_rows(weight.shape[0])
        # The mean of all logits is the logit of the mean weights: no second pass over them.
        centre = weight.mean(0) if smoothing else None
        ones = torch.ones(1, rows, dtype=product_type, device=hidden.device)
        for start in range(0, hidden.shape[0], rows):
            block = hidden[start : start + rows].to(product_type)  # (rows, size)
            target = targets[start : start + rows].unsqueeze(1)  # (rows, 1)
            # Bfloat16 in, float32 inside, bfloat16 out: the product below would round it anyway.
            logits = F.linear(block, w, b)
            if centre is not None:
                total += smoothing * logits.gather(1, target).double().sum()
                total -= smoothing * (block.to(centre.dtype) @ centre + bias.mean()).double().sum()
            d_logits = torch.softmax(logits, dim=1)  # (rows, vocab)
            chosen = d_logits.gather(1, target)
            total -= chosen.double().clamp(min=torch.finfo(product_type).tiny).log().sum()
            d_logits.scatter_(1, target, chosen - (1 - smoothing))
            if smoothing:
                d_logits -= smoothing / len(w)
            # As a product, for a sum over rows of bfloat16 takes longer than the softmax.
            d_bias += (ones[:, : len(block)] @ d_logits).squeeze(0)
            d_hidden[start : start + rows] = d_logits @ w
            d_weight += d_logits.t() @ block  # (vocab, size)
        ctx.save_for_backward(d_hidden, d_weight, d_bias)
        return total.to(weight.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        (grad,) = grads
        d_hidden, d_weight, d_bias = ctx.saved_tensors
        return d_hidden * grad, d_weight * grad, d_bias * grad, None, None, None
