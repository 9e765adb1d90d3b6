"""How far apart the steps of a time series are: found in its timestamps, said, and continued.

Months, quarters and years are steps of the calendar, not of a number of seconds. Knows no files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import DataError, RunError, SettingsError, nearest

Times = npt.NDArray[np.datetime64]
Steps = npt.NDArray[np.int64]
Unit = Literal["second", "minute", "hour", "day", "business day", "month", "step"]

_SECONDS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
_CYCLE = {"second": 3_600, "minute": 1_440, "hour": 24, "month": 12}  # units until all comes again
_ADVERBS = {
    ("second", 1): "every second",
    ("minute", 1): "every minute",
    ("hour", 1): "hourly",
    ("day", 1): "daily",
    ("day", 7): "weekly",
    ("business day", 1): "every business day",
    ("month", 1): "monthly",
    ("month", 3): "quarterly",
    ("month", 12): "yearly",
    ("step", 1): "a row a step",
}
_WRITTEN: dict[str, tuple[Unit, int]] = {
    **{word: ("second", 1) for word in ("s", "sec", "second", "seconds")},
    **{word: ("minute", 1) for word in ("min", "minute", "minutes")},
    **{word: ("hour", 1) for word in ("h", "hour", "hours", "hourly")},
    **{word: ("day", 1) for word in ("d", "day", "days", "daily")},
    **{word: ("business day", 1) for word in ("b", "business day", "business days")},
    **{word: ("day", 7) for word in ("w", "week", "weeks", "weekly")},
    **{word: ("month", 1) for word in ("m", "month", "months", "monthly")},
    **{word: ("month", 3) for word in ("q", "quarter", "quarters", "quarterly")},
    **{word: ("month", 12) for word in ("y", "a", "year", "years", "yearly")},
    **{word: ("step", 1) for word in ("row", "rows", "step", "steps")},
}


@dataclass(frozen=True)
class Frequency:
    """One step of time.

    Args:
        unit: what is counted; "step" where rows are counted and times mean nothing.
        count: units in a step; a week is 7 days, a quarter 3 months, a year 12.
        month_day: of steps of months, the day they fall on; 31 is each month's last.

    >>> Frequency("minute", 15).season_length, Frequency("month", 3).describe()
    (96, 'quarterly')
    """

    unit: Unit
    count: int = 1
    month_day: int = 1

    @classmethod
    def parse(cls, written: str) -> Frequency:
        """What a person writes: "hourly", "15min", "2 weeks", "M", "business days", "rows".

        Raises:
            SettingsError: it is no frequency.
        """
        match = re.fullmatch(r"(\d*)\s*([a-z ]+)", written.strip().lower())
        known = _WRITTEN.get(match[2].strip()) if match else None
        times = int(match[1] or 1) if match else 0
        if known is None or times < 1:
            names = [name for name in _WRITTEN if len(name) > 3]
            raise SettingsError(
                f'frequency = "{written}": expected such as hourly, 15 minutes, daily, business '
                f"days, weekly, monthly, quarterly, yearly or rows. {nearest(written, names)}"
            )
        return cls(known[0], known[1] * times)

    @property
    def season_length(self) -> int:
        """Steps until the season comes again, by custom: hourly 24, daily 7, weekly 52, monthly 12.

        It is 1 where a season is no whole number of steps.
        """
        if self.unit == "business day":
            return 5 if self.count == 1 else 1
        if self.unit == "day":
            whole = 364 if self.count % 7 == 0 else 7
            return whole // self.count if whole % self.count == 0 else 1
        cycle = _CYCLE.get(self.unit, 1)
        return cycle // self.count if cycle % self.count == 0 else 1

    def describe(self) -> str:
        """In words: "hourly", "every 15 minutes"."""
        known = _ADVERBS.get((self.unit, self.count))
        if known:
            return known
        if self.unit == "day" and self.count % 7 == 0:
            return f"every {self.count // 7} weeks"
        return f"every {self.count} {self.unit}s"

    def steps(self, times: Times) -> Steps:
        """Number of each time on the grid that begins with the first: (time,) → alike.

        The times must be on the grid, as ``fits`` tells.
        """
        return self._offsets(times)[0]

    def fits(self, times: Times) -> npt.NDArray[np.bool_]:
        """Whether each time is on the grid that begins with the first: (time,) → alike."""
        return self._offsets(times)[1]

    def after(self, start: np.datetime64, steps: Steps) -> Times:
        """The times a number of steps after ``start``: (steps,) → alike.

        >>> end = np.datetime64("2023-12-31T00:00:00")
        >>> [str(day)[:10] for day in Frequency("month", 1, 31).after(end, np.array([1, 2]))]
        ['2024-01-31', '2024-02-29']
        """
        start = start.astype("datetime64[s]")
        day = start.astype("datetime64[D]")
        clock = start - day.astype("datetime64[s]")
        if self.unit == "month":
            months = start.astype("datetime64[M]") + steps * self.count
            moved: Times = _on_day(months, self.month_day).astype("datetime64[s]") + clock
            return moved
        if self.unit == "business day":
            days = np.busday_offset(day, steps * self.count, roll="forward")
            moved = days.astype("datetime64[s]") + clock
            return moved
        return start + (steps * self._seconds()).astype("timedelta64[s]")

    def future(self, last: np.datetime64, horizon: int) -> Times:
        """The ``horizon`` times after the last one: (horizon,)."""
        return self.after(last, np.arange(1, horizon + 1))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Frequency:
        """What ``to_dict`` gave.

        Raises:
            RunError: the content is damaged.
        """
        try:
            found = cls(saved["unit"], int(saved["count"]), int(saved["month_day"]))
        except (KeyError, TypeError, ValueError):
            raise RunError("The saved frequency is damaged.") from None
        if found.unit not in get_args(Unit) or found.count < 1:
            raise RunError("The saved frequency is damaged.")
        return found

    def _seconds(self) -> int:
        return _SECONDS[self.unit] * self.count

    def _offsets(self, times: Times) -> tuple[Steps, npt.NDArray[np.bool_]]:
        times = times.astype("datetime64[s]")
        days = times.astype("datetime64[D]")
        clocks = times - days.astype("datetime64[s]")
        right = clocks == clocks[0]
        if self.unit == "month":
            months = times.astype("datetime64[M]")
            units = (months - months[0]).astype(np.int64)
            right &= days == _on_day(months, self.month_day)
        elif self.unit == "business day":
            units = np.busday_count(days[0], days).astype(np.int64)
            right &= np.is_busday(days)
        else:
            units = (times - times[0]).astype(np.int64) // _SECONDS[self.unit]
            whole = (times - times[0]).astype(np.int64) % _SECONDS[self.unit] == 0
            right = whole
        return units // self.count, right & (units % self.count == 0)


def _on_day(months: Times, day: int) -> Times:
    """The ``day`` of each month, or its last where it has not as many days."""
    first = months.astype("datetime64[D]")
    length = ((months + 1).astype("datetime64[D]") - first).astype(np.int64)
    placed: Times = first + (np.minimum(day, length) - 1)
    return placed


def infer_frequency(series: Sequence[tuple[str, Times]]) -> tuple[Frequency, str]:
    """The frequency of all series, and why.

    Args:
        series: name and times of each; the times rise and none stands twice.

    Raises:
        DataError: no series has two times, or the series or their steps differ in frequency.
    """
    found = [(name, times, _own(times)) for name, times in series if len(times) > 1]
    if not found:
        raise DataError(
            "No series has two times, so how far apart they are cannot be told. Pass --frequency."
        )
    votes: Counter[Frequency] = Counter()
    for _, times, own in found:
        votes[own] += len(times) - 1
    common = _anchored(votes.most_common(1)[0][0], [times for _, times, _ in found])
    _check_one_frequency(found, common)
    ones = sum(int((np.diff(common.steps(times)) == 1).sum()) for _, times, _ in found)
    steps = sum(len(times) - 1 for _, times, _ in found)
    return common, f"the series are {common.describe()}: {ones:,} of {steps:,} steps are that long"


def check_frequency(frequency: Frequency, series: Sequence[tuple[str, Times]]) -> Frequency:
    """A frequency that was asked for, with its day of the month.

    Raises:
        DataError: some time is not on its grid.
    """
    full = [(name, times) for name, times in series if len(times)]
    frequency = _anchored(frequency, [times for _, times in full])
    for name, times in full:
        _check_fits(name, times, frequency)
    return frequency


def _own(times: Times) -> Frequency:
    """The commonest distance of one series, of the calendar where the days say so."""
    seconds = np.diff(times.astype("datetime64[s]")).astype(np.int64)
    if seconds.min() >= 28 * 86_400 and (day := _month_day([times])):
        months = np.diff(times.astype("datetime64[M]")).astype(np.int64)
        return Frequency("month", _commonest(months), day)
    step = _commonest(seconds)
    if step == 86_400 and _weekdays_only(times):
        return Frequency("business day")
    unit = next(unit for unit, size in _SECONDS.items() if step % size == 0)
    return Frequency(unit, step // _SECONDS[unit])  # type: ignore[arg-type]


def _commonest(numbers: npt.NDArray[np.int64]) -> int:
    """The commonest number; of several as common, the smallest."""
    values, counts = np.unique(numbers, return_counts=True)
    return int(values[np.argmax(counts)])


def _month_day(series: Sequence[Times]) -> int | None:
    """The day of the month that all times fall on, 31 for the last; None when they do not."""
    times = np.concatenate([one.astype("datetime64[s]") for one in series])
    days, months = times.astype("datetime64[D]"), times.astype("datetime64[M]")
    if (
        (times - days.astype("datetime64[s]")) != (times[0] - days[0].astype("datetime64[s]"))
    ).any():
        return None
    numbers = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    largest = int(numbers.max())
    return next((day for day in (31, largest) if (days == _on_day(months, day)).all()), None)


def _anchored(frequency: Frequency, series: Sequence[Times]) -> Frequency:
    """Steps of months with the day they fall on in the data."""
    if frequency.unit != "month" or not series:
        return frequency
    return Frequency("month", frequency.count, _month_day(series) or frequency.month_day)


def _weekdays_only(times: Times) -> bool:
    """Whether weekends were passed and none of their days stands in the data."""
    days = times.astype("datetime64[D]")
    passed = (days[-1] - days[0]).astype(np.int64) >= 5
    weekend_passed = bool((np.diff(days).astype(np.int64) == 3).any())
    return bool(passed and weekend_passed and np.is_busday(days).all())


def _check_one_frequency(found: Sequence[tuple[str, Times, Frequency]], common: Frequency) -> None:
    for name, times, own in found:
        # A few rows with gaps between them look like a lower frequency; more of them are one.
        if len(times) > 4 and own.describe() != common.describe():
            other = next(name for name, _, o in found if o.describe() == common.describe())
            raise DataError(
                f'The series differ in frequency: "{other}" is {common.describe()}, "{name}" is '
                f"{own.describe()}. Train on one frequency at a time, or pass --frequency."
            )
        _check_fits(name, times, common)


def _check_fits(name: str, times: Times, frequency: Frequency) -> None:
    if frequency.unit == "step":
        return
    wrong = np.flatnonzero(~frequency.fits(times))
    if len(wrong):
        place = int(wrong[0])
        raise DataError(
            f'Series "{name}" is {frequency.describe()}, but {_shown(times[place])} is not on that '
            f"grid (it begins with {_shown(times[0])}). Mend that time, or pass --frequency rows "
            "to take every row as one step."
        )


def _shown(time: np.datetime64) -> str:
    return str(time.astype("datetime64[s]")).replace("T", " ")
