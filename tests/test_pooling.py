"""Poolings: what a plain loop over the real steps gives, and nothing of the padding."""

import numpy as np
import pytest
import torch

from seqloom.nn.masks import length_mask
from seqloom.nn.pooling import POOLINGS, Pooling

LENGTHS = torch.tensor([4, 1, 6, 2])
SIZE = 6


def outputs(time: int = 6) -> torch.Tensor:
    """Of an encoder: zero on padding."""
    steps = torch.randn(4, 6, SIZE, generator=torch.Generator().manual_seed(1)).double()
    steps = torch.nn.functional.pad(steps, (0, 0, 0, time - 6))
    return steps * length_mask(LENGTHS, time).unsqueeze(2)


def pooling(*kinds: str, directions: int = 2) -> Pooling:
    torch.manual_seed(4)
    return Pooling(kinds, SIZE, directions).double()


def by_loop(pool: Pooling, steps: np.ndarray, kind: str, directions: int) -> np.ndarray:
    """One kind of pooling of the real steps of one sequence (time, size)."""
    if kind == "mean":
        return sum(steps) / len(steps)
    if kind == "max":
        return np.array([max(column) for column in steps.T])
    if kind == "last":
        half = SIZE // directions
        return np.concatenate([steps[-1][:half], steps[0][half:]])
    key, bias = pool.key.weight.detach().numpy(), pool.key.bias.detach().numpy()
    query = pool.query.weight.detach().numpy()[0]
    scores = np.array([np.exp(query @ np.tanh(key @ step + bias)) for step in steps])
    return sum(score * step for score, step in zip(scores / scores.sum(), steps, strict=True))


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("kind", POOLINGS)
def test_pooling_is_the_plain_loop(kind: str, directions: int) -> None:
    pool, steps = pooling(kind, directions=directions), outputs()
    found = pool(steps, LENGTHS).detach().numpy()
    for row, length in enumerate(LENGTHS.tolist()):
        wanted = by_loop(pool, steps[row, :length].numpy(), kind, directions)
        np.testing.assert_allclose(found[row], wanted, rtol=1e-6)


def test_several_stand_side_by_side_in_the_order_named() -> None:
    pool, steps = pooling("max", "last", "mean"), outputs()
    found = pool(steps, LENGTHS)
    assert found.shape == (4, pool.output_size) == (4, 3 * SIZE)
    alone = [pooling(kind)(steps, LENGTHS) for kind in ("max", "last", "mean")]
    assert torch.equal(found, torch.cat(alone, dim=1))


@pytest.mark.parametrize("kind", POOLINGS)
def test_more_padding_other_rows_and_their_order_change_nothing(kind: str) -> None:
    pool = pooling(kind)
    found = pool(outputs(), LENGTHS)
    torch.testing.assert_close(pool(outputs(13), LENGTHS), found)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(pool(outputs()[order], LENGTHS[order]), found[order])
    for row, length in enumerate(LENGTHS.tolist()):
        alone = pool(outputs()[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(alone[0], found[row])


def test_the_maximum_of_negative_numbers_is_not_the_padding() -> None:
    steps = -outputs().abs()
    assert (pooling("max")(steps, LENGTHS) < 0).all()


def test_attention_sums_to_one_over_real_steps_and_is_nothing_on_padding() -> None:
    real = length_mask(LENGTHS, 6).unsqueeze(2)
    weights = pooling("attention").weights(outputs() * 50, real)
    torch.testing.assert_close(weights.sum(1), torch.ones(4, 1))
    assert not weights[~real].any()
    assert (weights[real] > 0).all()
    assert weights[1, 0] == 1.0  # a single step


@pytest.mark.parametrize("kind", POOLINGS)
def test_gradients_are_right_and_none_reaches_padding(kind: str) -> None:
    pool = pooling(kind)
    steps = outputs().requires_grad_()
    pool(steps, LENGTHS).square().sum().backward()
    assert not steps.grad[~length_mask(LENGTHS, 6)].any() or kind == "mean"
    if kind != "attention":  # whose softmax is taken in float32
        steps = outputs().requires_grad_()
        assert torch.autograd.gradcheck(lambda x: pool(x, LENGTHS), (steps,))


@pytest.mark.parametrize("kind", POOLINGS)
def test_bfloat16_is_exact_to_its_rounding(kind: str) -> None:
    pool = pooling(kind).float()
    steps = outputs(300).float()
    exact = pool(steps, LENGTHS)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = pool(steps.bfloat16(), LENGTHS)
    torch.testing.assert_close(rounded.float(), exact, rtol=0.02, atol=0.02)
