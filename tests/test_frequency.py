"""Steps of time: found, said, continued over calendars."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.signal.frequency import (
    Frequency,
    Times,
    Unit,
    check_frequency,
    infer_frequency,
)

from seqloom.errors import DataError, RunError, SettingsError


def dates(*texts: str) -> Times:
    return np.array(texts, "datetime64[s]")


def every(start: str, frequency: Frequency, count: int) -> Times:
    return frequency.after(np.datetime64(start, "s"), np.arange(count))


KINDS = [
    (Frequency("second"), "every second", 3600),
    (Frequency("minute", 15), "every 15 minutes", 96),
    (Frequency("hour"), "hourly", 24),
    (Frequency("hour", 7), "every 7 hours", 1),
    (Frequency("day"), "daily", 7),
    (Frequency("day", 7), "weekly", 52),
    (Frequency("day", 14), "every 2 weeks", 26),
    (Frequency("business day"), "every business day", 5),
    (Frequency("month", 1, 31), "monthly", 12),
    (Frequency("month", 3), "quarterly", 4),
    (Frequency("month", 12), "yearly", 1),
]


@pytest.mark.parametrize(("frequency", "words", "season"), KINDS)
def test_each_kind_is_found_said_and_continued(
    frequency: Frequency, words: str, season: int
) -> None:
    start = "2024-01-31" if frequency.month_day == 31 else "2024-01-01"
    times = every(start, frequency, 40)
    found, reason = infer_frequency([("a", times[:30])])
    assert found == frequency
    assert (found.describe(), found.season_length) == (words, season)
    assert reason == f"the series are {words}: 29 of 29 steps are that long"
    assert (found.future(times[29], 10) == times[30:]).all()


@given(
    unit=st.sampled_from([frequency for frequency, _, _ in KINDS]),
    start=st.integers(0, 2_000_000_000),
    steps=st.lists(st.integers(0, 500), min_size=1, max_size=20),
)
def test_steps_are_the_inverse_of_after(unit: Frequency, start: int, steps: list[int]) -> None:
    begin = np.datetime64(start, "s")
    if unit.unit in ("month", "business day"):  # their grids begin on days of their own
        begin = unit.after(begin, np.array([1]))[0]
    numbers = np.array([0, *sorted(steps)])
    times = unit.after(begin, numbers)
    assert unit.fits(times).all()
    assert (unit.steps(times) == numbers).all()


def test_months_end_on_their_last_day() -> None:
    ends = dates("2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29")
    found, _ = infer_frequency([("a", ends)])
    assert found == Frequency("month", 1, 31)
    assert (found.future(ends[-1], 2) == dates("2024-03-31", "2024-04-30")).all()
    thirtieth = dates("2023-01-30", "2023-02-28", "2023-03-30")
    assert infer_frequency([("a", thirtieth)])[0].month_day == 30


def test_the_time_of_day_stays() -> None:
    times = dates("2024-05-03 16:30", "2024-05-06 16:30", "2024-05-07 16:30")
    frequency = Frequency("business day")
    assert frequency.steps(times).tolist() == [0, 1, 2]
    assert (frequency.future(times[1], 1) == times[2:]).all()


def test_gaps_do_not_hide_the_frequency() -> None:
    times = every("2024-01-01", Frequency("hour"), 50)[[0, 1, 2, 3, 9, 10, 11, 30]]
    found, reason = infer_frequency([("a", times)])
    assert found == Frequency("hour")
    assert "5 of 7 steps" in reason


def test_short_series_follow_the_others() -> None:
    daily = every("2024-01-01", Frequency("day"), 30)
    found, _ = infer_frequency([("one", daily[:1]), ("two", daily[[3, 9]]), ("many", daily)])
    assert found == Frequency("day")


def test_days_with_weekends_are_no_business_days() -> None:
    week = every("2024-01-01", Frequency("day"), 5)
    assert infer_frequency([("a", week)])[0] == Frequency("day")
    closed = every("2024-01-01", Frequency("business day"), 6)
    assert infer_frequency([("a", closed)])[0] == Frequency("business day")


def test_mixed_frequencies_are_named() -> None:
    daily = every("2024-01-01", Frequency("day"), 30)
    monthly = every("2024-01-01", Frequency("month"), 8)
    with pytest.raises(DataError, match='"b" is daily, "a" is monthly'):
        infer_frequency([("a", monthly), ("b", daily)])
    odd = np.sort(np.append(daily, dates("2024-01-05 07:00")))
    with pytest.raises(DataError, match="is daily, but 2024-01-05 07:00:00 is not on that grid"):
        infer_frequency([("a", odd)])
    with pytest.raises(DataError, match="No series has two times"):
        infer_frequency([("a", daily[:1])])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("hourly", ("hour", 1)),
        ("15min", ("minute", 15)),
        ("2 weeks", ("day", 14)),
        ("Q", ("month", 3)),
        ("business days", ("business day", 1)),
        ("rows", ("step", 1)),
    ],
)
def test_frequencies_people_write(written: str, expected: tuple[Unit, int]) -> None:
    assert Frequency.parse(written) == Frequency(*expected)


@pytest.mark.parametrize("written", ["hourli", "0 days", "", "-1 hours", "15"])
def test_what_is_no_frequency(written: str) -> None:
    with pytest.raises(SettingsError, match=f'frequency = "{written}": expected such as hourly'):
        Frequency.parse(written)


def test_an_asked_frequency_must_fit() -> None:
    daily = every("2024-01-05", Frequency("day"), 3)
    assert check_frequency(Frequency("hour"), [("a", daily)]) == Frequency("hour")
    with pytest.raises(DataError, match="is weekly, but 2024-01-06 00:00:00"):
        check_frequency(Frequency("day", 7), [("a", daily)])
    ends = dates("2024-01-31", "2024-02-29")
    assert check_frequency(Frequency("month"), [("a", ends)]).month_day == 31


def test_saved_and_read_again() -> None:
    frequency = Frequency("month", 3, 31)
    assert Frequency.from_dict(frequency.to_dict()) == frequency
    for damaged in ({}, {**frequency.to_dict(), "unit": "moon"}, {"unit": "day", "count": "x"}):
        with pytest.raises(RunError, match="frequency is damaged"):
            Frequency.from_dict(damaged)
