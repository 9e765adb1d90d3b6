"""Series: scaled by the training part's mean and spread, and the same from disk."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqloom_runtime.signal.series import SeriesScale, SeriesStore, write_series

from seqloom.errors import DataError, RunError


def some(*lengths: int, channels: int = 2) -> list[np.ndarray]:
    random = np.random.default_rng(3)
    return [random.normal(5, 2, (n, channels)).astype(np.float32) for n in lengths]


def test_scale_is_the_mean_and_spread_of_all_steps() -> None:
    series = some(4, 1, 9)
    together = np.concatenate(series).astype(np.float64)
    scale = SeriesScale.fit(iter(series))
    np.testing.assert_allclose(scale.mean, together.mean(0))
    np.testing.assert_allclose(scale.spread, together.std(0))
    scaled = np.concatenate([scale.encode(one) for one in series])
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(0), 1, atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.floats(-1e6, 1e6, width=32), st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_a_small_spread_far_from_zero_is_not_lost(level: float, lengths: list[int]) -> None:
    series = [level + one for one in some(*lengths, channels=1)]
    together = np.concatenate(series).astype(np.float64)
    spread = together.std(0)
    found = SeriesScale.fit(series).spread
    np.testing.assert_allclose(found, np.where(spread > 1e-12, spread, 1.0), rtol=1e-9)


def test_a_channel_that_never_changes_becomes_zeros() -> None:
    series = np.stack([np.full(5, 1e6), np.arange(5)], axis=1).astype(np.float32)
    scale = SeriesScale.fit([series, series[:0]])
    assert scale.spread[0] == 1.0
    assert not scale.encode(series)[:, 0].any()


def test_series_of_other_channels_are_refused() -> None:
    with pytest.raises(DataError, match=r"Series 2 has 1 numbers a step; those before it have 2"):
        SeriesScale.fit([*some(3), *some(3, channels=1)])
    scale = SeriesScale.fit(some(3))
    for wrong in (some(3, channels=3)[0], np.zeros(4, np.float32)):
        with pytest.raises(DataError, match="trained on 2"):
            scale.encode(wrong)


def test_scale_comes_back_from_json_bit_for_bit() -> None:
    scale = SeriesScale.fit(some(7, 3))
    again = SeriesScale.from_dict(json.loads(json.dumps(scale.to_dict())))
    assert again.channels == 2
    assert np.array_equal(scale.encode(some(5)[0]), again.encode(some(5)[0]))


@pytest.mark.parametrize("damaged", [{}, {"mean": [1], "spread": ["x"]}, {"mean": [[1], [1, 2]]}])
def test_a_damaged_scale_is_said_so(damaged: dict) -> None:
    with pytest.raises(RunError, match="damaged"):
        SeriesScale.from_dict(damaged)


def test_series_come_back_from_disk(tmp_path: Path) -> None:
    series = some(4, 1, 9)
    write_series(tmp_path, iter(series), [4, 1, 9], 2)
    store = SeriesStore(tmp_path)
    assert (len(store), store.tokens, store.lengths.tolist()) == (3, 14, [4, 1, 9])
    for number, one in enumerate(series):
        assert np.array_equal(store[number], one)
        assert store[number].dtype == np.float32
