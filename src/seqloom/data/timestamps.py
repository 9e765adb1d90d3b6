"""Columns of times as seconds since 1970: ISO dates, months, quarters, days first or last, epochs.

What a column means is decided on all of its values at once. Knows no files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.data.time_zones import in_one_zone, zone_seconds
from seqloom.errors import DataError

Seconds = npt.NDArray[np.int64]

_CLOCK = (
    r"(?:[T ]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d+))?)?)?"
)
_ZONE = r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
_ISO = re.compile(
    r"(?P<year>\d{4})(?:[-/.년]\s*(?P<month>\d{1,2})(?:[-/.월]\s*(?P<day>\d{1,2})[.일]?|월?))?년?"
    + _CLOCK
    + _ZONE
)
_DAY_OR_MONTH = re.compile(
    r"(?P<first>\d{1,2})[-/.](?P<then>\d{1,2})[-/.](?P<year>\d{4}|\d{2})" + _CLOCK + _ZONE
)
_QUARTER = re.compile(r"(?P<year>\d{4})[- ]?Q(?P<quarter>[1-4])")
_WEEK = re.compile(r"(?P<year>\d{4})-?W(?P<week>\d{2})")
_NAMED = (
    *("%b %Y", "%B %Y", "%b-%Y", "%Y-%b", "%Y %b", "%b-%y", "%d-%b-%Y", "%d %b %Y", "%d-%b-%y"),
    *("%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%m/%Y", "%m-%Y", "%d/%m/%Y %I:%M:%S %p"),
    *("%a %b %d %Y", "%Y%m%d %H:%M", "%Y%m%d%H%M%S", "%Y%m%dT%H%M%S"),
)
_WHOLE = re.compile(r"[-+]?\d+(?:\.0*)?")


class BadTimeError(DataError):
    """A value that is no time; ``place`` is its number among the values."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True)
class ReadTimes:
    """Times of a column.

    Args:
        seconds: since 1970; or plain step numbers.
        dated: whether they are dates, not step numbers.
        reason: how they were read, in words for the user.
        zone: in which the clocks are, such as "+09:00"; empty where the times have none.
    """

    seconds: Seconds
    dated: bool
    reason: str
    zone: str = ""


def looks_like_time(value: Any) -> bool:
    """Whether a value is surely a date: not just any number."""
    text = _text(value)
    forms = (_ISO, _DAY_OR_MONTH, _QUARTER, _WEEK)
    if _WHOLE.fullmatch(text) or not any(letter.isdigit() for letter in text):
        return False
    return any(form.fullmatch(text) for form in forms) or _named_form([text]) is not None


def read_times(values: Sequence[Any]) -> ReadTimes:
    """The times of a column's values: texts, numbers, or Python's dates.

    Raises:
        BadTimeError: a value is no time of the kind that most of the others are.
        DataError: whether the day or the month comes first is not certain, or only some times
            have a zone.
    """
    texts = [_text(value) for value in values]
    for test, read in _KINDS:
        looks = sum(map(test, texts[:50])) * 2 > len(texts[:50])
        if looks:
            return read(texts)
    form = _named_form(texts[:50])
    if form is None:
        raise _bad(texts, 0, "a date such as 2020-01-31, 2020-01 or 2020-01-31 18:30")
    return _read_named(texts, form)


def from_parts(parts: Mapping[str, Sequence[float]]) -> Seconds:
    """Seconds of columns year, month, day, hour, minute; those absent are the smallest.

    Raises:
        BadTimeError: together they are no date.
    """
    columns = {name: np.asarray(part, np.float64) for name, part in parts.items()}
    size = len(next(iter(columns.values())))
    seconds = np.zeros(size, np.int64)
    for row in range(size):
        try:
            whole = [int(columns[n][row]) if n in columns else 1 for n in ("year", "month", "day")]
            clock = [int(columns[n][row]) if n in columns else 0 for n in ("hour", "minute")]
            seconds[row] = _seconds(datetime(*whole, *clock))  # type: ignore[arg-type]
        except (ValueError, OverflowError):
            shown = ", ".join(f"{name} {column[row]:g}" for name, column in columns.items())
            raise BadTimeError(f'"{shown}" is no date.', row) from None
    return seconds


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return "" if value is None else str(value).strip()


def _seconds(date: datetime) -> int:
    return int((date - datetime(1970, 1, 1)).total_seconds())


def _read_numbers(texts: list[str]) -> ReadTimes:
    """Whole numbers: years, 20200131, seconds or parts of them since 1970, or steps."""
    for place, text in enumerate(texts):
        if not _WHOLE.fullmatch(text):
            raise _bad(texts, place, f'a whole number such as "{texts[0][:20]}"')
    numbers = np.array([int(text.split(".")[0]) for text in texts], np.int64)
    low, high = int(numbers.min()), int(numbers.max())
    if low >= 1500 and high <= 2200:
        return ReadTimes(_of_digits(texts, "%Y"), True, "they are years")
    for form, shape in (("%Y%m", 6), ("%Y%m%d", 8)):
        if low // 10 ** (shape - 4) >= 1500 and high // 10 ** (shape - 4) <= 2200:
            return ReadTimes(_of_digits(texts, form), True, f"they are digits as {texts[0]}")
    for unit, size in (("", 1), ("milli", 1_000), ("micro", 10**6), ("nano", 10**9)):
        if 10**8 * size <= low and high < 10**10 * size:
            return ReadTimes(numbers // size, True, f"they are {unit}seconds since 1970")
    return ReadTimes(numbers, False, "they are numbers of steps, no dates")


def _of_digits(texts: list[str], form: str) -> Seconds:
    seconds = np.zeros(len(texts), np.int64)
    for place, text in enumerate(texts):
        try:
            seconds[place] = _seconds(datetime.strptime(text.split(".")[0], form))
        except ValueError:
            raise _bad(texts, place, f'a date as "{texts[0]}"') from None
    return seconds


def _read_matched(
    texts: list[str], form: re.Pattern[str], date_of: Callable[[re.Match[str]], datetime]
) -> tuple[Seconds, Seconds | None]:
    """Seconds of clocks as they stand in texts that all match a form, and their zones' seconds."""
    seconds, offsets = np.zeros((2, len(texts)), np.int64)
    zones = np.zeros(len(texts), np.bool_)
    for place, text in enumerate(texts):
        match = form.fullmatch(text)
        if match is None:
            raise _bad(texts, place, f'a date as "{texts[0][:30]}"')
        try:
            seconds[place] = _seconds(date_of(match))
        except (ValueError, OverflowError):
            raise _bad(texts, place, "a day that the calendar has") from None
        zone = match.groupdict().get("zone")
        zones[place] = zone is not None
        offsets[place] = zone_seconds(zone)
    if zones.any() and not zones.all():
        place = int(np.flatnonzero(zones != zones[0])[0])
        raise _bad(texts, place, f'a time zone in all times or in none ("{texts[0][:30]}")')
    return seconds, offsets if zones.any() else None


def _clocked(match: re.Match[str], year: int, month: int, day: int) -> datetime:
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    return datetime(year, month, day, hour, minute, second)


def _read_iso(texts: list[str]) -> ReadTimes:
    clocks, offsets = _read_matched(
        texts,
        _ISO,
        lambda m: _clocked(m, int(m["year"]), int(m["month"] or 1), int(m["day"] or 1)),
    )
    seconds, zone, words = in_one_zone(clocks, offsets)
    return ReadTimes(seconds, True, f'they are dates as "{texts[0][:30]}"{words}', zone)


def _read_day_or_month(texts: list[str]) -> ReadTimes:
    matches = [_DAY_OR_MONTH.fullmatch(text) for text in texts]
    firsts = max((int(match["first"]) for match in matches if match), default=0)
    thens = max((int(match["then"]) for match in matches if match), default=0)
    if firsts > 12 and thens > 12:
        raise DataError(
            f'times such as "{texts[0]}": in some the first number is above 12, in others the '
            "second, so neither can be the month. Write all of them as 2020-01-31."
        )
    if firsts <= 12 and thens <= 12:
        raise DataError(
            f'times such as "{texts[0]}": whether the day or the month comes first is not '
            "certain, for no number is above 12. Write them as 2020-01-31."
        )
    day_first = firsts > 12

    def date_of(match: re.Match[str]) -> datetime:
        first, then, year = int(match["first"]), int(match["then"]), int(match["year"])
        day, month = (first, then) if day_first else (then, first)
        year += 0 if year > 99 else 2000 if year < 69 else 1900  # as POSIX reads two digits
        return _clocked(match, year, month, day)

    seconds, zone, words = in_one_zone(*_read_matched(texts, _DAY_OR_MONTH, date_of))
    order = "the day first" if day_first else "the month first"
    return ReadTimes(seconds, True, f"they are dates with {order}: one is above 12{words}", zone)


def _read_quarters(texts: list[str]) -> ReadTimes:
    seconds, _ = _read_matched(
        texts, _QUARTER, lambda m: datetime(int(m["year"]), 3 * int(m["quarter"]) - 2, 1)
    )
    return ReadTimes(seconds, True, "they are quarters, each taken by its first day")


def _read_weeks(texts: list[str]) -> ReadTimes:
    seconds, _ = _read_matched(
        texts, _WEEK, lambda m: datetime.fromisocalendar(int(m["year"]), int(m["week"]), 1)
    )
    return ReadTimes(seconds, True, "they are weeks, each taken by its Monday")


def _read_named(texts: list[str], form: str) -> ReadTimes:
    return ReadTimes(_of_digits(texts, form), True, f'they are dates as "{texts[0][:30]}"')


def _named_form(texts: list[str]) -> str | None:
    """The form in which all of some texts are dates, of those that name months and others."""
    return next((form for form in _NAMED if all(_is(text, form) for text in texts)), None)


def _is(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _bad(texts: list[str], place: int, expected: str) -> BadTimeError:
    return BadTimeError(f'"{texts[place][:40]}" is no time; expected {expected}.', place)


def _matches(form: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: form.fullmatch(text) is not None


_KINDS: tuple[tuple[Callable[[str], bool], Callable[[list[str]], ReadTimes]], ...] = (
    (_matches(_WHOLE), _read_numbers),
    (_matches(_ISO), _read_iso),
    (_matches(_DAY_OR_MONTH), _read_day_or_month),
    (_matches(_QUARTER), _read_quarters),
    (_matches(_WEEK), _read_weeks),
)
