"""Series of numbers in records: a list a row, or a number a row with an id and a time.

Knows neither labels' names nor files; what a number means is the caller's business.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from seqloom_runtime.data.template import as_text

from seqloom.data.label_columns import is_list
from seqloom.errors import DataError

Series = npt.NDArray[np.float32]
Record = dict[str, Any]

_MISSING = ("", None)
_GAP = re.compile(r"[\s,;]+")


def count_numbers(value: Any) -> int:
    """How many numbers, or steps of several, a field holds; 0 where something is no number."""
    try:
        return len(np.asarray(_parse(value), dtype=np.float32))
    except (TypeError, ValueError):
        return 0


def is_series(value: Any) -> bool:
    """Whether a field is surely a series: a list of numbers, or one written in brackets."""
    # "1, 2" in a table may be anything.
    listed = is_list(value) or (isinstance(value, str) and value.lstrip().startswith("["))
    return listed and count_numbers(value) > 1


def read_series(value: Any, where: str) -> Series:
    """A list of numbers, or of lists of them, as (time, channels).

    Args:
        value: a field; in a text, numbers stand between spaces, commas or semicolons.
        where: opens the message when something is no number.

    Raises:
        DataError: something is no number.
    """
    try:
        numbers = np.asarray(_parse(value), dtype=np.float32)
    except (TypeError, ValueError):
        shown = as_text(value)[:40]
        raise DataError(f'{where} holds "{shown}", which is no list of numbers.') from None
    numbers = numbers[:, None] if numbers.ndim == 1 else numbers
    if numbers.ndim != 2:
        raise DataError(
            f"{where} holds lists of lists of lists; expected steps, or their channels."
        )
    if not np.isfinite(numbers).all():
        step = int(np.argwhere(~np.isfinite(numbers))[0][0])
        raise DataError(f"{where} has no number at step {step + 1}. Fill or drop it first.")
    return numbers


def _parse(value: Any) -> list[Any]:
    """The numbers of a field, not yet looked at."""
    if is_list(value):
        return list(value)
    if not isinstance(value, str):
        return [] if value is None else [value]
    text = value.strip()
    try:
        parsed = json.loads(text) if text.startswith("[") else None
    except json.JSONDecodeError:
        parsed = None
    if isinstance(parsed, list):
        return parsed
    # How numpy prints an array: brackets, and spaces between the numbers.
    return [part for part in _GAP.split(text.strip("[]")) if part]


@dataclass
class _Growing:
    """A series of which not all rows may have been seen yet."""

    record: Record
    label: str
    values: list[Any] = field(default_factory=list)
    times: list[Any] = field(default_factory=list)


def gather_series(
    records: Iterable[Record], series: str, id_column: str, time: str | None, label: str | None
) -> Iterator[Record]:
    """Rows of one number each, those of an id put together in the order of time.

    Rows of an id may stand anywhere, so all numbers are held in memory. The first row's other
    fields stand for all.

    Raises:
        DataError: an id is empty or has two labels, or a time is neither a number nor a date.
    """
    growing: dict[str, _Growing] = {}
    for record in records:
        name = as_text(record.get(id_column))
        if not name.strip():
            raise DataError(f'a row has no "{id_column}", which says what series it belongs to.')
        one = growing.get(name)
        if one is None:
            one = growing[name] = _Growing(record, as_text(record.get(label or "")))
        elif label and as_text(record.get(label)) != one.label:
            raise DataError(
                f'the rows with "{id_column}" {name} are one series, but have the labels '
                f'"{one.label}" and "{as_text(record.get(label))}"; expected one.'
            )
        value = record.get(series)
        one.values.append(math.nan if value in _MISSING else value)
        if time:
            one.times.append(time_key(record.get(time), time))
    for one in growing.values():
        order = sorted(range(len(one.values)), key=one.times.__getitem__) if time else None
        values = one.values if order is None else [one.values[place] for place in order]
        yield {**one.record, series: values}


def time_key(value: Any, column: str) -> float:
    """A time as a number: itself, or the seconds of a date.

    >>> time_key("2020-01-02", "day") - time_key("2020-01-01", "day")
    86400.0

    Raises:
        DataError: it is neither a number nor a date whose parts go from large to small.
    """
    text = as_text(value).strip()
    try:
        number = float(text)
    except ValueError:
        try:
            date = datetime.fromisoformat(text)
        except ValueError:
            date = None
        if date is not None:
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    else:
        if math.isfinite(number):
            return number
    raise DataError(
        f'column "{column}" holds the time "{text[:40]}", which is neither a number nor a date '
        "such as 2020-01-31 or 2020-01-31T18:30."
    )
