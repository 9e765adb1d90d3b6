"""The fused head and loss equal torch's, whatever the block."""

import pytest
import torch
from torch.nn import functional as F

from seqloom.nn import losses
from seqloom.nn.losses import linear_cross_entropy


def problem(dtype: torch.dtype = torch.float64):
    torch.manual_seed(0)
    hidden = torch.randn(300, 16, dtype=dtype, requires_grad=True)
    weight = torch.randn(900, 16, dtype=dtype, requires_grad=True)
    bias = torch.randn(900, dtype=dtype, requires_grad=True)
    return hidden, weight, bias, torch.randint(0, 900, (300,))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("block", [1, 900 * 100, 10**9])
def test_value_and_gradients_equal_torch(
    monkeypatch: pytest.MonkeyPatch, block: int, smoothing: float
) -> None:
    monkeypatch.setattr(losses, "BLOCK_NUMBERS", block)
    hidden, weight, bias, targets = problem()
    logits = F.linear(hidden, weight, bias)
    wanted = F.cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)
    ours = linear_cross_entropy(hidden, weight, bias, targets, smoothing)
    torch.testing.assert_close(ours, wanted)
    inputs = (hidden, weight, bias)
    for a, b in zip(
        torch.autograd.grad(3 * ours, inputs), torch.autograd.grad(3 * wanted, inputs), strict=True
    ):
        torch.testing.assert_close(a, b)


def test_without_gradient_it_is_the_same_number() -> None:
    hidden, weight, bias, targets = problem()
    with torch.no_grad():
        plain = linear_cross_entropy(hidden, weight, bias, targets)
    torch.testing.assert_close(plain, linear_cross_entropy(hidden, weight, bias, targets).detach())


def test_bfloat16_gradients_are_near() -> None:
    hidden, weight, bias, targets = problem(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        rough = linear_cross_entropy(hidden, weight, bias, targets)
    exact = linear_cross_entropy(hidden, weight, bias, targets)
    assert abs(rough / exact - 1) < 0.01
    for a, b in zip(
        torch.autograd.grad(rough, (hidden, weight)),
        torch.autograd.grad(exact, (hidden, weight)),
        strict=True,
    ):
        assert (a - b).norm() / b.norm() < 0.02


def test_the_mean_of_the_weights_is_made_for_smoothing_alone() -> None:
    hidden, weight, bias, targets = problem()
    means = []
    for smoothing in (0.0, 0.1):
        with torch.profiler.profile() as watched:
            linear_cross_entropy(hidden, weight, bias, targets, smoothing)
        names = [event.key for event in watched.key_averages()]
        means.append("aten::mean" in names)
    assert means == [False, True]
