"""Cuts in time, scales of the training part, windows as views, gaps that stay unseen."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.signal.gaps import fill, first_gap, on_grid, span, without_holidays
from seqloom_runtime.signal.scaling import Scaler, difference, undifference
from seqloom_runtime.signal.series import SeriesStore, write_series
from seqloom_runtime.signal.windows import Parts, Windows, cut

from seqloom.errors import DataError, RunError, SettingsError

RNG = np.random.default_rng(0)
SHARES = (0.7, 0.1, 0.2)


def walk(length: int, channels: int = 1) -> np.ndarray:
    return RNG.normal(size=(length, channels)).cumsum(0).astype(np.float32)


@given(length=st.integers(2, 500), horizon=st.integers(1, 40))
def test_parts_follow_each_other_and_use_all(length: int, horizon: int) -> None:
    if length <= horizon:
        with pytest.raises(DataError, match="The horizon of"):
            cut(length, SHARES, 10, horizon)
        return
    parts = cut(length, SHARES, 10, horizon)
    assert parts.train[0] == 0 < parts.train[1]
    assert parts.train[1] == parts.valid[0] <= parts.valid[1] == parts.test[0] <= parts.test[1]
    assert parts.test[1] == length
    for start, stop in (parts.valid, parts.test):
        assert stop == start or stop - start >= horizon
    if parts.valid[1] > parts.valid[0]:
        assert parts.train[1] > horizon


def test_official_borders_and_wrong_ones() -> None:
    assert cut(20, SHARES, 2, 2, (8, 12, 16)) == Parts((0, 8), (8, 12), (12, 16))
    for borders in ((8, 12), (12, 8, 16), (8, 12, 21), (0, 8, 12)):
        with pytest.raises(SettingsError, match="expected the ends of train, valid and test"):
            cut(20, SHARES, 2, 2, borders)
    for shares in ((0.5, 0.5), (0.9, 0.9, 0.1), (0.0, 0.5, 0.5), (1.2, -0.1, -0.1)):
        with pytest.raises(SettingsError, match="expected three parts of 1"):
            cut(20, shares, 2, 2)


def test_every_target_lies_in_its_part_and_none_is_dropped() -> None:
    values = [walk(40, 2), walk(17, 2)]
    windows = Windows.over(values, [(20, 30), (10, 17)], look_back=6, horizon=3)
    assert windows.starts.tolist() == [*range(20, 28), *range(10, 15)]
    assert windows.owners.tolist() == [0] * 8 + [1] * 5
    seen = 0
    for batch in windows.batches(4):
        for row, owner in enumerate(batch.series):
            start = windows.starts[seen]
            assert (batch.inputs[row] == values[owner][start - 6 : start]).all()
            assert (batch.targets[row] == values[owner][start : start + 3]).all()
            seen += 1
    assert seen == len(windows) == 13
    assert len(Windows.over(values, [(20, 30), (10, 17)], 6, 3, stride=4)) == 2 + 2


def test_short_series_are_filled_up_in_front() -> None:
    values = [np.arange(1, 6, dtype=np.float32)[:, None]]
    windows = Windows.over(values, [(0, 5)], look_back=3, horizon=2)
    batch = windows.batch(np.arange(len(windows)))
    assert batch.inputs[:, :, 0].tolist() == [[1, 1, 1], [1, 1, 2], [1, 2, 3]]
    assert batch.lengths.tolist() == windows.lengths().tolist() == [1, 2, 3]
    assert windows.whole().starts.tolist() == [3]
    wide = windows.seeing(4).batch([2])
    assert wide.inputs[0, :, 0].tolist() == [1, 1, 2, 3]
    assert (wide.targets == batch.targets[2:]).all()


def test_covariates_come_with_their_windows() -> None:
    values, past = [walk(20)], [walk(20, 2)]
    known = [np.arange(24, dtype=np.float32)[:, None]]
    windows = Windows.over(values, [(10, 20)], 4, 3, past=past, known=known)
    batch = windows.batch([0, 7])
    assert (batch.past[1] == past[0][13:17]).all()
    assert batch.known[:, :, 0].tolist() == [list(range(6, 13)), list(range(13, 20))]
    bare = Windows.over(values, [(10, 20)], 4, 3).batch([0])
    assert bare.past.shape == (1, 4, 0)
    assert bare.known.shape == (1, 7, 0)


def test_what_stands_behind_a_window_changes_nothing() -> None:
    values = RNG.normal(size=(60, 1))
    values[[20, 21, 22, 40, 41]] = np.nan
    past = RNG.normal(size=(60, 1))
    past[30:33] = np.nan
    for start in range(10, 58):
        seen = []
        for future in (1.0, 1e6):  # a signal that only the future has
            later = np.concatenate([values, past], 1)
            later[start:] = np.where(np.isnan(later[start:]), np.nan, future)
            filled, missing = fill(later, "interpolate")
            scaler = Scaler.fit([filled[:, :1]], [(0, 10)])
            windows = Windows(
                [scaler.encode(filled[:, :1], 0)],
                np.array([start]),
                np.array([0]),
                5,
                2,
                past=[filled[:, 1:].astype(np.float32)],
                missing=[missing],
            )
            batch = windows.batch([0])
            seen.append(np.concatenate([batch.inputs, batch.past], 2))
        assert (seen[0] == seen[1]).all(), start


def test_gaps_inside_are_drawn_and_those_at_the_end_are_carried() -> None:
    values = np.array([[0.0], [np.nan], [np.nan], [3.0], [4.0]])
    filled, missing = fill(values, "interpolate")
    assert filled[:, 0].tolist() == [0, 1, 2, 3, 4]
    windows = Windows.over([filled.astype(np.float32)], [(0, 5)], 3, 1, missing=[missing])
    batch = windows.batch(np.arange(len(windows)))
    assert batch.inputs[:, :, 0].tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 0], [1, 2, 3]]
    assert batch.real[:, 0, 0].tolist() == [False, False, True, True]


def test_gaps_carried_forward_and_grids() -> None:
    values = np.array([[1.0, 5.0], [np.nan, np.nan], [np.nan, 7.0]])
    filled, missing = fill(values, "fill")
    assert filled.tolist() == [[1, 5], [1, 5], [1, 7]]
    assert missing.sum() == 3
    assert first_gap(values) == (1, 0)
    assert first_gap(filled) is None
    grid = on_grid(np.array([[1.0], [2.0]]), np.array([0, 3]))
    assert np.isnan(grid[1:3]).all() and grid[3, 0] == 2
    late = np.array([[np.nan, 1.0], [2.0, 2.0], [np.nan, 3.0], [np.nan, np.nan]])
    assert span(late) == (1, 3)
    assert span(late * np.nan) == (0, 0)
    assert without_holidays(np.array([0, 2, 12]))[0].tolist() == [0, 1, 11]


def test_scales_know_the_training_part_alone() -> None:
    values = [RNG.normal(5, 3, (50, 2)), RNG.normal(-2, 0.1, (30, 2))]
    scaler = Scaler.fit(values, [(0, 30), (0, 20)])
    other = [np.concatenate([values[0][:30], values[0][30:] * 100]), values[1]]
    assert (Scaler.fit(other, [(0, 30), (0, 20)]).mean == scaler.mean).all()
    scaled = scaler.encode(values[1], 1)
    assert scaled[:20].mean(0) == pytest.approx([0, 0], abs=1e-5)
    assert scaled[:20].std(0) == pytest.approx([1, 1], abs=1e-4)
    assert scaled.dtype == np.float32
    constant = Scaler.fit([np.full((9, 1), 0.1)], [(0, 9)])
    assert constant.spread[0, 0] == 1
    with pytest.raises(DataError, match="Series 1 has no step in its training part"):
        Scaler.fit(values, [(3, 3), (0, 9)])


@pytest.mark.parametrize("log", [False, True])
def test_scales_have_inverses(log: bool) -> None:
    values = [np.abs(RNG.normal(size=(30, 3))) * 1000, np.abs(RNG.normal(size=(30, 3)))]
    scaler = Scaler.fit(values, [(0, 20)] * 2, log=log)
    encoded = [scaler.encode(one, number) for number, one in enumerate(values)]
    assert scaler.decode(encoded[1], 1) == pytest.approx(values[1], rel=1e-4, abs=1e-5)
    batch = np.stack([encoded[1][:4], encoded[0][:4]])
    back = scaler.decode(batch, np.array([1, 0]))
    assert back[1] == pytest.approx(values[0][:4], rel=1e-4, abs=1e-2)
    levels = np.stack([batch, batch], -1)
    assert (scaler.decode(levels, np.array([1, 0]))[..., 1] == back).all()
    assert (scaler.decode(levels[0], 1)[..., 0] == scaler.decode(batch[0], 1)).all()
    again = Scaler.from_dict(scaler.to_dict())
    assert (again.encode(values[0], 0) == encoded[0]).all()


def test_logarithms_go_on_below_zero() -> None:
    scaler = Scaler.fit([np.array([[1.0], [30.0]])], [(0, 2)], log=True)
    later = np.array([[-5.0], [-1.0], [-1e-3], [0.0], [1e-3]])
    scaled = scaler.encode(later, 0)
    assert np.isfinite(scaled).all() and (np.diff(scaled[:, 0]) > 0).all()
    assert scaler.decode(scaled, 0) == pytest.approx(later, abs=1e-4)


def test_scales_are_of_what_was_measured() -> None:
    values = np.array([[1.0], [np.nan], [3.0], [np.nan]])
    scaler = Scaler.fit([values], [(0, 4)])
    assert (scaler.mean[0, 0], scaler.spread[0, 0]) == (2.0, 1.0)


def test_damage_of_a_scale_is_seen() -> None:
    for damaged in ({}, {"mean": [1.0], "spread": [1.0], "log": False}):
        with pytest.raises(RunError, match="scale of the series is damaged"):
            Scaler.from_dict(damaged)


@given(lag=st.integers(1, 7), length=st.integers(8, 30), horizon=st.integers(1, 20))
def test_changes_have_an_exact_inverse(lag: int, length: int, horizon: int) -> None:
    values = np.random.default_rng(length).integers(-99, 99, (length + horizon, 2)).astype(float)
    changed = difference(values, lag)
    assert (changed[:lag] == values[:lag]).all()
    back = undifference(changed[length:], values[length - lag : length], lag)
    assert (back == values[length:]).all()
    both = undifference(changed[None, length:], values[None, length - lag : length], lag)
    assert (both[0] == back).all()


def test_memory_does_not_grow_with_the_series(tmp_path: Path) -> None:
    peaks = []
    for count in (20, 200):
        folder = tmp_path / str(count)
        folder.mkdir()
        write_series(folder, (walk(500) for _ in range(count)), [500] * count, 1)
        store = SeriesStore(folder)
        tracemalloc.start()
        windows = Windows.over([store[n] for n in range(count)], [(250, 255)] * count, 200, 5)
        for batch in windows.batches(16):
            assert batch.inputs.shape[1:] == (200, 1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Ten times the numbers are 360 kB more; what grows are views and starts.
    assert peaks[1] < peaks[0] + 150_000
