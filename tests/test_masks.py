"""Padding: where it is, turned round about it, and put to zero; forward and backward."""

import torch
from torch import Tensor

from seqloom.nn.masks import length_mask, reverse_by_length, zero_padding

LENGTHS = torch.tensor([3, 5, 1, 0])


def reference(x: Tensor, lengths: Tensor) -> Tensor:
    """Each row by itself."""
    rows = [
        torch.cat([row[:size].flip(0), row[size:]])
        for row, size in zip(x, lengths.tolist(), strict=True)
    ]
    return torch.stack(rows)


def drawn() -> Tensor:
    torch.manual_seed(4)
    return torch.randn(4, 5, 2, dtype=torch.float64, requires_grad=True)


def test_each_sequence_is_turned_within_its_own_length() -> None:
    x = drawn()
    turned = reverse_by_length(x, LENGTHS)
    assert torch.equal(turned, reference(x, LENGTHS))
    assert torch.equal(reverse_by_length(turned, LENGTHS), x)
    ids = torch.arange(20).view(4, 5, 1)
    assert torch.equal(reverse_by_length(ids, LENGTHS), reference(ids, LENGTHS))


def test_what_is_not_contiguous_is_turned_too() -> None:
    x = torch.randn(5, 4, 6).transpose(0, 1)[:, :, ::2]
    assert torch.equal(reverse_by_length(x, LENGTHS), reference(x, LENGTHS))


def test_gradients_of_turning_are_exact_also_the_second() -> None:
    x, weights = drawn(), torch.randn(4, 5, 2, dtype=torch.float64)
    (found,) = torch.autograd.grad((reverse_by_length(x, LENGTHS) * weights).sum(), x)
    (wanted,) = torch.autograd.grad((reference(x, LENGTHS) * weights).sum(), x)
    assert torch.equal(found, wanted)
    assert torch.autograd.gradcheck(lambda x: reverse_by_length(x, LENGTHS), x)
    assert torch.autograd.gradgradcheck(lambda x: reverse_by_length(x, LENGTHS) ** 2, x)


def test_padding_is_zero_and_has_no_gradient() -> None:
    x = drawn()
    zeroed = zero_padding(x, LENGTHS)
    real = length_mask(LENGTHS, 5)
    assert torch.equal(zeroed[real], x[real]) and not zeroed[~real].any()
    (found,) = torch.autograd.grad(zeroed.sum(), x)
    assert torch.equal(found, real.unsqueeze(2).expand_as(x).double())
