"""Intervals that follow the world: they come to hold, and see nothing that is not known yet."""

import numpy as np
from seqloom_runtime.evaluate.conformal import Conformal

from seqloom.evaluate.adaptive_conformal import AdaptiveConformal

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
NORMAL = np.array([-1.6449, -0.6745, 0.0, 0.6745, 1.6449])


def chance(windows: int, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Truths of normal chance, and quantiles that are right where the spread is 1."""
    targets = np.random.default_rng(seed).normal(size=(windows, 3, 2)) * spread
    return np.broadcast_to(NORMAL, (*targets.shape, 5)), targets


def coverage(quantiles: np.ndarray, targets: np.ndarray, low: int = 0) -> float:
    inside = (quantiles[..., low] <= targets) & (targets <= quantiles[..., -1 - low])
    return float(inside.mean())


def started() -> AdaptiveConformal:
    return AdaptiveConformal(Conformal.fit(*chance(500, 1.0, 0), LEVELS))


def test_they_come_to_hold_when_the_world_changes() -> None:
    for spread in (0.4, 2.5):
        quantiles, targets = chance(3000, spread, 1)
        still = started().at(0).apply(quantiles)
        held = started().hold(quantiles, targets, np.arange(3000))
        for low, share in ((0, 0.9), (1, 0.5)):
            assert abs(coverage(still, targets, low) - share) > 0.08
            # The end of a narrowed interval keeps a tenth of its way from the median.
            assert abs(coverage(held[1000:], targets[1000:], low) - share) < 0.03
        assert (np.diff(held, axis=-1) >= 0).all()


def test_nothing_counts_before_it_has_come_true() -> None:
    quantiles, targets = chance(60, 3.0, 2)
    held = started().hold(quantiles, targets, np.arange(60))
    later = targets.copy()
    for window in range(60):
        later[window, max(30 - window, 0) :] = 99.0  # what is known from time 30 on
    other = started().hold(quantiles, later, np.arange(60))
    np.testing.assert_array_equal(held[:31], other[:31])
    assert (held[31] != other[31]).any()


def test_batches_and_series_side_by_side_do_not_matter() -> None:
    quantiles, targets = chance(90, 3.0, 3)
    places = np.repeat(np.arange(30), 3) + 5  # three series
    whole = started().hold(quantiles, targets, places)
    parts, moving = [], started()
    for first in range(0, 90, 7):
        part = slice(first, first + 7)
        parts.append(moving.hold(quantiles[part], targets[part], places[part]))
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    order = np.arange(90).reshape(30, 3)[:, ::-1].ravel()
    turned = started().hold(quantiles[order], targets[order], places)
    np.testing.assert_allclose(whole[order], turned)


def test_what_was_not_measured_moves_nothing() -> None:
    quantiles, targets = chance(20, 3.0, 4)
    moving, start = started(), started().at(0)
    moving.hold(quantiles, np.full_like(targets, np.nan), np.arange(20))
    np.testing.assert_array_equal(moving.after(19).margins, start.margins)
    moving.hold(quantiles, targets, np.arange(100, 120))
    assert (moving.after(119).margins > start.margins).mean() > 0.8
