"""Parts cut at dates that all series share; what begins late, ends early or is short."""

from typing import Any

import numpy as np
import pytest
from seqloom_runtime.signal.windows import Parts, Windows

from seqloom.config import Settings, default_settings, override
from seqloom.data.time_series import TimeSeries
from seqloom.errors import DataError
from seqloom.tasks.series_parts import choose_parts


def asked(**data: Any) -> Settings:
    return override(default_settings("forecast"), {"data": data}, "test")


def one(length: int, first: int | None = None, name: str = "a") -> TimeSeries:
    """Days from a day of 2024 on; without times where there is none."""
    table = np.arange(length, dtype=np.float64)[:, None]
    none = np.zeros((length, 0))
    times = None
    if first is not None:
        times = (np.datetime64("2024-01-01") + first + np.arange(length)).astype("datetime64[s]")
    axis = None if times is None else times.astype(np.int64)
    missing = np.zeros(table.shape, np.bool_)
    return TimeSeries(name, times, table, none, none, {}, missing, axis=axis)


def test_parts_are_cut_in_time() -> None:
    for series in (one(100), one(100, first=7)):
        (parts,), reasons = choose_parts([series], asked(), 5, ())
        assert parts == Parts((0, 70), (70, 80), (80, 100))
        assert reasons == []


def test_series_are_cut_at_the_same_dates_whatever_their_lengths() -> None:
    series = [one(100, 0), one(40, 50), one(60, 0), one(30, 60), one(15, 85), one(9, 72)]
    parts, reasons = choose_parts(series, asked(), 5, ())
    assert parts[:3] == [
        Parts((0, 70), (70, 80), (80, 100)),
        Parts((0, 20), (20, 30), (30, 40)),
        Parts((0, 60), (60, 60), (60, 60)),  # it ended before
    ]
    assert parts[3] == Parts((0, 10), (10, 20), (20, 30))
    assert parts[4] == Parts((0, 0), (5, 5), (5, 15))  # its first steps are for its scale alone
    assert parts[4].scaled == (0, 5)
    assert parts[5] == Parts((0, 0), (4, 8), (8, 9))
    assert reasons == [
        "all series are cut at the same times: validation from 2024-03-11, test from 2024-03-21",
        "1 of 6 series end before that: they are not scored",
        "2 of 6 series begin too late to be learnt from: each is put on the scale of its own first "
        "steps, which are not scored",
    ]


def test_no_part_sees_dates_of_a_later_one() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        series = [
            one(int(length), int(first))
            for length, first in zip(
                random.integers(1, 90, 7), random.integers(0, 60, 7), strict=True
            )
        ] + [one(150, 0)]
        parts, _ = choose_parts(series, asked(), 4, ())
        last, first = {}, {}
        for part in ("train", "valid", "test"):
            ranges = [getattr(own, part) for own in parts]
            windows = Windows.over([s.values for s in series], ranges, 8, 4)
            days = [
                series[owner].axis[start : start + 4]
                for owner, start in zip(windows.owners, windows.starts, strict=True)
            ]
            last[part], first[part] = max(map(max, days)), min(map(min, days))
        assert last["train"] < first["valid"] <= last["valid"] < first["test"]
        for own in parts:  # what a scale is fitted on is scored nowhere
            assert own.scaled[1] <= min(own.valid[0], own.test[0])


def test_an_official_split_counts_unless_another_is_asked_for() -> None:
    (parts,), reasons = choose_parts([one(100, 0)], asked(), 5, (50, 60, 90))
    assert parts == Parts((0, 50), (50, 60), (60, 90))
    assert "as customary" in reasons[0]
    (parts,), _ = choose_parts([one(100)], asked(split="0.8/0.1/0.1"), 5, (50, 60, 90))
    assert parts.train == (0, 80)


@pytest.mark.parametrize("first", [None, 3])
def test_a_series_too_short_for_three_parts_is_validated_on(first: int | None) -> None:
    (parts,), reasons = choose_parts([one(25, first)], asked(), 12, ())
    assert parts.valid == (13, 25) and parts.test == (25, 25)
    assert "too short for a test part" in reasons[0]


def test_short_series_beside_long_ones_are_not_learnt_from() -> None:
    parts, reasons = choose_parts([one(100), one(4)], asked(), 5, ())
    assert parts[1] == Parts((0, 4), (4, 4), (4, 4))
    assert reasons == ["1 of 2 series are too short to be learnt from"]


def test_a_split_without_windows_is_refused() -> None:
    with pytest.raises(DataError, match="Pass a smaller --horizon"):
        choose_parts([one(30)], asked(split="0.3/0.7"), 12, ())
