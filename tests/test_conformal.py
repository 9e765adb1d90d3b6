"""Conformal intervals: the coverage they promise, by hand, on chance, and where levels cross."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.evaluate.conformal import Conformal, finite_quantile

from seqloom.errors import RunError, SettingsError, ShapeError

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def chance(windows: int, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Truths of normal chance, and quantiles right only where the spread is 1."""
    rng = np.random.default_rng(seed)
    steps = np.array([1.0, 3.0])[None, :, None]  # the second step is harder
    targets = rng.normal(size=(windows, 2, 3)) * spread * steps
    normal = np.array([-1.6449, -0.6745, 0.0, 0.6745, 1.6449])
    return np.broadcast_to(normal, (*targets.shape, 5)), targets


def coverage(quantiles: np.ndarray, targets: np.ndarray, low: int) -> np.ndarray:
    inside = (quantiles[..., low] <= targets) & (targets <= quantiles[..., -1 - low])
    return np.asarray(inside.mean(0))


def test_the_finite_quantile_is_the_rank_of_the_paper() -> None:
    scores = np.array([5.0, 1.0, 4.0, 2.0, 3.0])
    assert finite_quantile(scores, 0.5) == 3.0  # rank ⌈6 · 0.5⌉
    assert finite_quantile(scores, 0.6) == 4.0  # rank ⌈3.6⌉
    assert finite_quantile(scores, 0.99) == 5.0  # too few: the largest
    assert finite_quantile(np.arange(1.0, 20.0), 0.9) == 18.0  # 20 · 0.9, rounding or not
    assert finite_quantile(np.array([np.nan, 2.0, np.nan]), 0.5) == 2.0
    assert finite_quantile(np.array([np.nan]), 0.5) == 0.0


@pytest.mark.parametrize("spread", [0.3, 1.0, 4.0])
def test_intervals_cover_their_share_at_every_step_whatever_the_network_thought(
    spread: float,
) -> None:
    fitted = Conformal.fit(*chance(4000, spread, 1), LEVELS)
    quantiles, targets = chance(4000, spread, 2)
    moved = fitted.apply(quantiles)
    np.testing.assert_allclose(coverage(moved, targets, 0), 0.9, atol=0.02)
    np.testing.assert_allclose(coverage(moved, targets, 1), 0.5, atol=0.03)
    assert (np.diff(moved, axis=-1) >= 0).all()
    np.testing.assert_array_equal(moved[..., 2], quantiles[..., 2])


def test_coverage_holds_on_average_over_few_windows() -> None:
    found = []
    for seed in range(200):
        fitted = Conformal.fit(*chance(19, 2.0, 2 * seed), LEVELS)
        quantiles, targets = chance(50, 2.0, 2 * seed + 1)
        found.append(coverage(fitted.apply(quantiles), targets, 0).mean())
    assert 0.9 - 0.01 < np.mean(found) < 0.9 + 1 / 20 + 0.01  # section 2 of the paper


def test_margins_by_hand() -> None:
    targets = np.array([3.0, -2.0, 0.5]).reshape(3, 1, 1)
    quantiles = np.broadcast_to([-1.0, 0.0, 1.0], (3, 1, 1, 3))
    fitted = Conformal.fit(quantiles, targets, (0.25, 0.5, 0.75))
    assert fitted.margins.ravel().tolist() == [1.0]  # distances 2, 1, -0.5; rank ⌈4 · 0.5⌉
    assert fitted.apply(quantiles)[0, 0, 0].tolist() == [-2.0, 0.0, 2.0]


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=2))
def test_quantiles_never_cross_even_where_margins_narrow(margins: list[float]) -> None:
    fitted = Conformal(LEVELS, np.array(margins).reshape(2, 1, 1))
    moved = fitted.apply(np.array([-1.0, -0.5, 0.0, 0.5, 1.0]).reshape(1, 1, 1, 5))
    assert (np.diff(moved) >= 0).all()
    assert moved[0, 0, 0, 2] == 0.0


def test_targets_not_in_the_data_do_not_count() -> None:
    quantiles, targets = chance(100, 2.0, 3)
    gappy = np.concatenate([targets, np.full((50, 2, 3), np.nan)])
    wide = np.broadcast_to(quantiles[:1], (150, 2, 3, 5))
    np.testing.assert_array_equal(
        Conformal.fit(wide, gappy, LEVELS).margins,
        Conformal.fit(quantiles, targets, LEVELS).margins,
    )


def test_saved_and_loaded_it_is_the_same_and_takes_a_shorter_horizon() -> None:
    quantiles, targets = chance(50, 2.0, 4)
    fitted = Conformal.fit(quantiles, targets, LEVELS)
    loaded = Conformal.from_dict(json.loads(json.dumps(fitted.to_dict())))
    np.testing.assert_array_equal(loaded.apply(quantiles), fitted.apply(quantiles))
    np.testing.assert_array_equal(loaded.apply(quantiles[:, :1]), fitted.apply(quantiles)[:, :1])
    with pytest.raises(RunError, match="damaged"):
        Conformal.from_dict({"levels": [0.1, 0.5, 0.9], "margins": [1.0]})
    with pytest.raises(RunError, match="damaged"):
        Conformal.from_dict({"margins": "much"})


def test_wrong_levels_and_shapes_are_told() -> None:
    quantiles, targets = chance(5, 1.0, 5)
    with pytest.raises(SettingsError, match="mirror"):
        Conformal.fit(quantiles, targets, (0.05, 0.25, 0.5, 0.75, 0.9))
    with pytest.raises(SettingsError, match="mirror"):
        Conformal.fit(quantiles[..., :2], targets, (0.05, 0.95))
    with pytest.raises(ShapeError, match="targets"):
        Conformal.fit(quantiles, targets[:, :1], LEVELS)
    with pytest.raises(ShapeError, match="margins"):
        Conformal.fit(quantiles, targets, LEVELS).apply(np.zeros((1, 3, 3, 5)))
