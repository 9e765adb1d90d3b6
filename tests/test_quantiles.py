"""Quantiles: never crossing, and learnt by a loss whose minimum they are."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqloom.errors import SettingsError
from seqloom.evaluate.forecasting import pinball as pinball_in_numpy
from seqloom.nn.quantiles import ForecastLoss, check_levels, in_order, pinball

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@given(st.lists(st.floats(-50, 50), min_size=5, max_size=5), st.integers(0, 4))
def test_quantiles_never_cross_and_the_middle_one_is_free(raw: list[float], middle: int) -> None:
    quantiles = in_order(torch.tensor([raw]), middle)
    assert (quantiles.diff(dim=-1) >= 0).all()
    assert quantiles[0, middle] == torch.tensor(raw[middle])


def test_quantiles_by_hand() -> None:
    raw = torch.tensor([1.0, -1.0, 7.0, 0.0, 2.0], dtype=torch.float64)
    soft = [float(np.log1p(np.exp(value))) for value in (1.0, -1.0, 0.0, 2.0)]
    expected = [7 - soft[1] - soft[0], 7 - soft[1], 7.0, 7 + soft[2], 7 + soft[2] + soft[3]]
    np.testing.assert_allclose(in_order(raw, 2).numpy(), expected, rtol=1e-12)
    assert in_order(torch.tensor([3.0]), 0).tolist() == [3.0]


def test_pinball_is_that_of_the_evaluation() -> None:
    quantiles, targets = torch.randn(4, 3, 5), torch.randn(4, 3)
    here = pinball(quantiles, targets, torch.tensor(LEVELS)).numpy()
    there = pinball_in_numpy(quantiles.numpy(), targets.numpy(), LEVELS)
    np.testing.assert_allclose(here, there, rtol=1e-5, atol=1e-7)


def test_the_losses_by_hand() -> None:
    one, target = torch.tensor([[3.0]]), torch.tensor([1.0])
    assert ForecastLoss("mse", (0.5,))(one, target).tolist() == [4.0]
    assert ForecastLoss("mae", (0.5,))(one, target).tolist() == [2.0]
    assert ForecastLoss("quantile", (0.5,))(one, target).tolist() == [2.0]
    three = torch.tensor([[0.0, 2.0, 3.0]])
    # 2 (0.1 · 1 + 0.5 · 1 + 0.1 · 2) / 3
    loss = ForecastLoss("quantile", (0.1, 0.5, 0.9))(three, target)
    torch.testing.assert_close(loss, torch.tensor([1.6 / 3]))


def test_the_least_loss_is_at_the_quantiles_of_the_data() -> None:
    torch.manual_seed(1)
    data = torch.randn(2000, dtype=torch.float64) ** 2  # lopsided
    raw = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    loss = ForecastLoss("quantile", LEVELS)
    optimizer = torch.optim.Adam([raw], 0.05)
    for _ in range(600):
        optimizer.zero_grad()
        loss(in_order(raw, 2).expand(2000, 5), data).mean().backward()
        optimizer.step()
    found = in_order(raw, 2).detach().numpy()
    np.testing.assert_allclose(found, np.quantile(data.numpy(), LEVELS), atol=0.1)


def test_levels_and_losses_that_are_none_are_told() -> None:
    for levels in [(0.5, 0.1), (0.1, 0.9), (0.0, 0.5), (0.5, 1.0), ()]:
        with pytest.raises(SettingsError, match="levels"):
            check_levels(levels)
    with pytest.raises(SettingsError, match="expected one of"):
        ForecastLoss("huber", (0.5,))
    with pytest.raises(SettingsError, match="one value"):
        ForecastLoss("mse", (0.1, 0.5, 0.9))
