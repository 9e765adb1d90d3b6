"""A lead that may be chance is told from one that is none."""

import numpy as np

from seqloom.evaluate.leads import lead

RNG = np.random.default_rng(0)


def test_a_lead_by_chance_is_seldom_taken_for_one() -> None:
    """Windows of a stretch err alike, so a plain standard error would be far too small."""
    stretches = np.repeat(np.arange(12), 20)
    taken = 0
    for _ in range(300):
        both = RNG.normal(size=(2, 12)).repeat(20, 1) + RNG.normal(size=(2, 240)) / 5
        mean, sure = lead(both[0], both[1], stretches)
        taken += abs(mean) > sure
    assert 0.02 < taken / 300 < 0.09  # 5 % by its making


def test_a_real_lead_is_seen() -> None:
    ours = RNG.normal(size=240)
    mean, sure = lead(ours, ours + 0.3 + RNG.normal(size=240) / 10, np.arange(240) // 20)
    assert 0 < sure < 0.1 < mean


def test_too_little_says_nothing() -> None:
    assert lead(np.zeros(5), np.ones(5), np.zeros(5, int)) == (1.0, np.inf)
    assert np.isnan(lead(np.array([np.nan]), np.ones(1), np.zeros(1, int))).all()
