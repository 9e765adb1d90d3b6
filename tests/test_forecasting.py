"""Scores of forecasts: by hand, beside scikit-learn and known formulas, whatever the batches."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.evaluate.mase import mase_scales
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, mean_squared_error

from seqloom.errors import ShapeError
from seqloom.evaluate.forecasting import (
    ForecastScore,
    level_weights,
    looks_shifted,
    pinball,
    shift_ratio,
)

RNG = np.random.default_rng(0)
ONE = np.ones((1, 1))


def scored(
    quantiles: np.ndarray, targets: np.ndarray, levels: tuple[float, ...], **others: np.ndarray
) -> ForecastScore:
    score = ForecastScore(levels, others.get("scales", ONE), others.get("spreads", ONE))
    score.add(quantiles, targets, np.zeros(len(targets), np.int64))
    return score


def test_by_hand() -> None:
    targets = np.array([[[10.0], [20.0]]])  # one window of two steps
    quantiles = np.array([[[[8.0, 11.0, 13.0]], [[14.0, 16.0, 19.0]]]])
    score = ForecastScore((0.05, 0.5, 0.95), ONE * 2, ONE * 4)
    score.add(quantiles, targets, np.array([0]))
    result = score.result()
    assert result["mae"] == (1 + 4) / 2
    assert result["rmse"] == math.sqrt((1 + 16) / 2)
    assert result["mse"] == (1 / 16 + 1) / 2
    assert result["standard_mae"] == (1 / 4 + 1) / 2
    assert result["mase"] == (0.5 + 2) / 2
    assert result["smape"] == pytest.approx((200 / 21 + 800 / 36) / 2)
    assert (result["coverage"], result["width"]) == (0.5, 5.0)
    first = 2 * (0.275 * 0.05 * 2 + 0.45 * 0.5 * 1 + 0.275 * 0.05 * 3)
    second = 2 * (0.275 * 0.05 * 6 + 0.45 * 0.5 * 4 + 0.275 * 0.95 * 1)
    assert result["crps"] == pytest.approx((first + second) / 2)
    steps = score.by_step()
    assert steps["mae"] == [1, 4]
    assert steps["coverage"] == [1, 0]
    assert steps["rmse"] == [1, 4]
    assert steps["crps"] == pytest.approx([first, second])
    assert score.windows == 1


def test_equals_scikit_learn() -> None:
    targets = RNG.normal(size=(50, 4, 3))
    levels = (0.1, 0.5, 0.8)
    quantiles = np.sort(RNG.normal(size=(50, 4, 3, 3)), -1)
    score = ForecastScore(levels, np.ones((1, 3)), np.ones((1, 3)))
    score.add(quantiles, targets, np.zeros(50, np.int64))
    flat, middle = targets.ravel(), quantiles[..., 1].ravel()
    result = score.result()
    assert result["mae"] == pytest.approx(mean_absolute_error(flat, middle))
    assert result["mse"] == pytest.approx(mean_squared_error(flat, middle))
    losses = [
        mean_pinball_loss(flat, quantiles[..., n].ravel(), alpha=level)
        for n, level in enumerate(levels)
    ]
    assert pinball(quantiles, targets, levels).mean((0, 1, 2)) == pytest.approx(losses)
    assert result["crps"] == pytest.approx(2 * np.dot(losses, level_weights(levels)))


def test_crps_of_a_normal_forecast_is_the_known_one() -> None:
    levels = tuple((np.arange(400) + 0.5) / 400)
    normal = np.array([NormalDist().inv_cdf(level) for level in levels])
    for truth in (-1.5, 0.0, 0.4):
        got = scored(normal[None, None, None], np.full((1, 1, 1), truth), levels).result()["crps"]
        density, below = NormalDist().pdf(truth), NormalDist().cdf(truth)
        # Gneiting & Raftery 2007, equation 21.
        known = truth * (2 * below - 1) + 2 * density - 1 / math.sqrt(math.pi)
        assert got == pytest.approx(known, abs=2e-3)


def test_crps_of_one_value_is_its_error() -> None:
    result = scored(np.full((1, 1, 1, 1), 3.0), np.full((1, 1, 1), 5.0), (0.5,)).result()
    assert result["crps"] == result["mae"] == 2
    assert "coverage" not in result


@given(borders=st.lists(st.integers(0, 30), max_size=5))
def test_batches_do_not_matter_and_no_window_is_dropped(borders: list[int]) -> None:
    generator = np.random.default_rng(1)
    targets = generator.normal(size=(30, 3, 2))
    targets[4, 1, 0] = np.nan
    quantiles = np.sort(generator.normal(size=(30, 3, 2, 5)), -1)
    series = generator.integers(0, 2, 30)
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    scales = generator.random((2, 2)) + 0.5
    whole, parts = (ForecastScore(levels, scales, scales) for _ in range(2))
    whole.add(quantiles, targets, series)
    for start, stop in zip([0, *sorted(borders)], [*sorted(borders), 30], strict=True):
        parts.add(quantiles[start:stop], targets[start:stop], series[start:stop])
    assert parts.windows == 30
    assert parts.result() == pytest.approx(whole.result())
    assert {"coverage", "coverage_50", "width_50"} <= set(whole.result())


def test_gaps_are_not_scored() -> None:
    targets = np.array([[[1.0], [np.nan]]])
    quantiles = np.array([[[[0.0, 2.0, 4.0]], [[9.0, 9.0, 9.0]]]])
    score = scored(quantiles, targets, (0.05, 0.5, 0.95))
    assert score.result()["mae"] == 1
    assert score.result()["coverage"] == 1
    assert math.isnan(score.by_step()["mae"][1])


def test_zero_against_zero_is_no_error() -> None:
    assert scored(np.zeros((1, 1, 1, 1)), np.zeros((1, 1, 1)), (0.5,)).result()["smape"] == 0


def test_scales_of_mase() -> None:
    season = np.tile([[0.0], [10.0]], (10, 1)) + np.repeat(np.arange(10.0), 2)[:, None]
    assert mase_scales([season], 2).tolist() == [[1.0]]
    assert mase_scales([season[:2]], 2).tolist() == [[10.0]]  # no longer than a season
    scales = mase_scales([season, np.full((20, 1), 7.0)], 2)
    assert math.isnan(scales[1, 0])
    holed = season.copy()
    holed[5] = 1000.0
    assert mase_scales([np.where(holed == 1000, np.nan, holed)], 2).tolist() == [[1.0]]
    score = ForecastScore((0.5,), scales, np.ones((2, 1)))
    score.add(np.ones((2, 1, 1, 1)), np.zeros((2, 1, 1)), np.array([0, 1]))
    assert score.result()["mase"] == 1  # the series that never changes has none


def test_wrong_shapes_are_told() -> None:
    with pytest.raises(ShapeError, match=r"expected \(batch, horizon, channels, 1\)"):
        scored(np.zeros((2, 3, 1, 2)), np.zeros((2, 3, 1)), (0.5,))


def test_a_shifted_input_is_seen_through() -> None:
    walk = RNG.normal(size=(400, 1)).cumsum(0)
    windows = np.lib.stride_tricks.sliding_window_view(walk[:, 0], 24)[..., None]
    inputs, truth = windows[:, :20], windows[:, 20:]
    last = np.repeat(inputs[:, -1:], 4, 1)
    assert looks_shifted(last, inputs)
    assert looks_shifted(0.99 * last + 0.05, inputs)
    assert not looks_shifted(truth, inputs)
    assert shift_ratio(truth, inputs) == pytest.approx(1, abs=0.15)


def test_a_forecast_that_goes_with_the_season_is_no_shift() -> None:
    season = np.sin(np.arange(300) * 2 * np.pi / 12)[:, None] * 5
    windows = np.lib.stride_tricks.sliding_window_view(season[:, 0], 36)[..., None]
    assert not looks_shifted(windows[:, 24:], windows[:, :24])
    assert math.isnan(shift_ratio(windows[:, 24:], windows[:, 23:24]))
    assert not looks_shifted(np.ones((3, 2, 1)), np.ones((3, 5, 1)))
