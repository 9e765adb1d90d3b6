"""Which columns of a table are time, series, values and what goes with them; each with a reason.

value            date,a,b,c               unique_id,ds,y,price
112              2020-01-01,1,4,7         shop1,2020-01-01,5,9.9
118              2020-01-02,2,5,8         shop2,2020-01-01,6,9.9
one column       wide: a column a series  long: a row a series and time
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from seqloom_runtime.data.column_names import words_of
from seqloom_runtime.signal.gaps import Gaps

from seqloom.data.numbers import NumberForm
from seqloom.data.sample import Sample
from seqloom.data.timestamps import looks_like_time
from seqloom.errors import DataError, SettingsError

Shape = Literal["one", "wide", "long"]

PARTS = ("year", "month", "day", "hour", "minute")
_LOOKED_AT = 500  # values of a column, to know whether it holds numbers or dates
_TIMES = (
    *("ds", "date", "datetime", "timestamp", "time", "day", "week", "month", "quarter", "year"),
    *("period", "t", "step", "날짜", "일자", "일시", "시간", "시각", "기간", "연월", "연도"),
)
_VALUES = (
    *("y", "value", "values", "target", "sales", "demand", "quantity", "count", "amount"),
    *("값", "판매량", "매출", "수요", "수량"),
)
_IDS = (
    *("unique_id", "series_id", "series", "item_id", "item", "sku", "product", "store", "shop"),
    *("station", "sensor", "symbol", "ticker", "id", "name", "상품", "매장", "지점", "종목"),
)
_CALENDAR = frozenset(
    "year quarter month monthf week weekday weekdayf day dayofweek dayofyear hour minute second "
    "no index idx row number 연도 월 일 요일 시 번호".split()
)


@dataclass(frozen=True)
class SeriesOptions:
    """What the user says of the columns; what is left out is found out.

    Args:
        value: columns of numbers to forecast; several are the channels of one series.
        time: column of the times.
        id: column that says which series a row belongs to.
        past: columns of numbers known only until now.
        known: columns of numbers known for the future too.
        static: columns that say something of a series as a whole.
        gaps: what to do with steps that have no value.
        frequency: as ``Frequency.parse`` takes it; None finds it in the times.
        skip_bad_rows: leave out rows that cannot be read, instead of stopping at the first.
        skip_bad_series: leave out series without any value, instead of stopping at the first.
        encoding: of text files.
    """

    value: tuple[str, ...] = ()
    time: str | None = None
    id: str | None = None
    past: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    gaps: Gaps = "error"
    frequency: str | None = None
    skip_bad_rows: bool = False
    skip_bad_series: bool = False
    encoding: str = "auto"


@dataclass(frozen=True)
class TimeLayout:
    """Which column is what.

    Args:
        shape: one series, a column a series, or rows of several series.
        times: the column of times; or year, month, ... by name of the part; empty without times.
        id: column of the series' names in a long table.
        values: columns to forecast.
        forms: how the numbers of each column are written.
        headless: whether the first line holds values, not names.
        reasons: all this, in words for the user.
    """

    shape: Shape
    times: dict[str, str]
    id: str | None
    values: tuple[str, ...]
    past: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    forms: dict[str, NumberForm] = field(default_factory=dict)
    headless: bool = False
    reasons: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """All columns of numbers, those to forecast first."""
        return (*self.values, *self.past, *self.known)


def find_time_layout(sample: Sample, asked: SeriesOptions) -> TimeLayout:
    """What is asked for, and the rest by names and content.

    Raises:
        SettingsError: a named column does not exist, or is asked for twice.
        DataError: no column holds numbers.
    """
    _check_asked(sample, asked)
    named = (asked.time, asked.id, *asked.value, *asked.past, *asked.known, *asked.static)
    headless = not any(named) and _is_headless(sample)
    if headless:
        names = numbered(sample.columns)
        rows = [numbered(record.values()) for record in sample.records]
        sample = replace(sample, records=[names, *rows], columns=list(names))
    forms = {name: NumberForm.of(_column(sample, name)) for name in sample.columns}
    times, time_reason = _find_times(sample, asked, forms)
    taken = {*times.values(), *asked.past, *asked.known, *asked.static}
    identity, id_reason = _find_id(sample, asked, forms, taken)
    taken |= {identity} if identity else set()
    shape, values, value_reason = _find_values(sample, asked, forms, taken, bool(identity))
    left = [
        name
        for name in sample.columns
        if name not in taken and name not in values and _is_numeric(sample, name, forms)
    ]
    reasons = [time_reason, id_reason, value_reason]
    if left:
        shown = ", ".join(f'"{name}"' for name in left[:8]) + (" ..." if len(left) > 8 else "")
        reasons.append(f"other columns of numbers are left out: {shown}; use them with --past")
    if headless:
        reasons.insert(0, "the first line holds values, not names of columns")
    commas = [name for name in values if forms[name].comma_decimal]
    if commas:
        reasons.append(f'in column "{commas[0]}" a comma is the decimal point')
    return TimeLayout(
        shape, times, identity, values, asked.past, asked.known, asked.static, forms, headless,
        tuple(reason for reason in reasons if reason),
    )  # fmt: skip


def numbered(values: Iterable[Any]) -> dict[str, Any]:
    """The values of a row under the numbers of the columns, where those have no names.

    >>> numbered([46.1, 4])
    {'1': 46.1, '2': 4}
    """
    return {str(place): value for place, value in enumerate(values, 1)}


def _check_asked(sample: Sample, asked: SeriesOptions) -> None:
    single = [name for name in (asked.time, asked.id) if name]
    every = [*asked.value, *single, *asked.past, *asked.known, *asked.static]
    for place, name in enumerate(every):
        sample.check(name)
        if name in every[:place]:
            raise SettingsError(
                f'{sample.name}: column "{name}" is asked for twice; a column can be one of value, '
                "time, id, past, known and static."
            )


def _column(sample: Sample, name: str) -> list[Any]:
    return [record.get(name) for record in sample.records]


def _is_headless(sample: Sample) -> bool:
    """Whether every name is a value, as the first line of a file without names is."""
    form = NumberForm()
    values = [form.read(name) is not None or looks_like_time(name) for name in sample.columns]
    return all(values)


def _is_numeric(sample: Sample, name: str, forms: dict[str, NumberForm]) -> bool:
    """Whether most of a column's values are numbers, those missing left aside."""
    read = [forms[name].read(value) for value in _column(sample, name)[:_LOOKED_AT]]
    real = [number for number in read if number is None or number == number]
    return bool(real) and sum(number is None for number in real) * 2 < len(real)


def _called(columns: list[str], names: tuple[str, ...]) -> list[str]:
    lower = {column.lower().strip(): column for column in columns}
    return [lower[name] for name in names if name in lower]


def _find_times(
    sample: Sample, asked: SeriesOptions, forms: dict[str, NumberForm]
) -> tuple[dict[str, str], str]:
    if asked.time:
        return {"time": asked.time}, f'the time is column "{asked.time}": as set'
    dated = [name for name in sample.columns if _mostly_dates(sample, name)]
    if dated:
        named = _called(dated, _TIMES)
        best = named[0] if named else dated[0]
        others = [name for name in dated if name != best]
        choice = f'; others: "{others[0]}", choose with --time' if others else ""
        return {"time": best}, f'the time is column "{best}": it holds dates{choice}'
    parts = {name: found[0] for name in PARTS if (found := _called(sample.columns, (name,)))}
    if "year" in parts and "month" in parts:
        parts = dict(list(parts.items())[: _unbroken(parts)])
        shown = ", ".join(parts.values())
        return parts, f"the time is put together of columns {shown}"
    free = [name for name in sample.columns if name not in asked.value]
    named = [name for name in _called(free, _TIMES) if _rises(sample, name, forms)]
    if named and len(sample.columns) > 1:
        return {"time": named[0]}, f'the time is column "{named[0]}": by its name'
    return {}, "there is no column of times: rows are steps in the order of the file"


def _unbroken(parts: dict[str, str]) -> int:
    """How many parts there are from the year on, without one left out."""
    return next((n for n, part in enumerate(PARTS) if part not in parts), len(PARTS))


def _mostly_dates(sample: Sample, name: str) -> bool:
    values = [value for value in _column(sample, name)[:_LOOKED_AT] if value not in ("", None)]
    return bool(values) and sum(map(looks_like_time, values)) * 2 > len(values)


def _rises(sample: Sample, name: str, forms: dict[str, NumberForm]) -> bool:
    """Whether a column may be times: numbers of which few repeat, or all words alike."""
    return _is_numeric(sample, name, forms) or len(set(map(str, _column(sample, name)))) > 1


def _find_id(
    sample: Sample, asked: SeriesOptions, forms: dict[str, NumberForm], taken: set[str]
) -> tuple[str | None, str]:
    if asked.id:
        return asked.id, f'the series are told apart by column "{asked.id}": as set'
    free = [name for name in sample.columns if name not in taken and name not in asked.value]
    for name in _called(free, _IDS):
        values = _column(sample, name)
        distinct = len(set(map(str, values)))
        numbers = _is_numeric(sample, name, forms)
        whole = not numbers or all("." not in str(value) for value in values)
        # A number of its own in every row is a row's number, not a series'.
        if whole and (distinct * 2 <= len(values) or name.lower() == "unique_id"):
            return name, f'the series are told apart by column "{name}": by its name'
    return None, ""


def _find_values(
    sample: Sample,
    asked: SeriesOptions,
    forms: dict[str, NumberForm],
    taken: set[str],
    long: bool,
) -> tuple[Shape, tuple[str, ...], str]:
    if asked.value:
        shown = ", ".join(f'"{name}"' for name in asked.value)
        return ("long" if long else "one"), asked.value, f"the values are {shown}: as set"
    free = [name for name in sample.columns if name not in taken]
    numeric = [
        name
        for name in free
        if _is_numeric(sample, name, forms) and not _CALENDAR.issuperset(words_of(name) or ["-"])
    ] or [name for name in free if _is_numeric(sample, name, forms)]
    if not numeric:
        raise DataError(
            f"{sample.name}: no column holds numbers to forecast ({', '.join(sample.columns)}). "
            "Name it with --value."
        )
    shape: Shape = "long" if long else "one"
    if len(numeric) == 1:
        return shape, (numeric[0],), f'the values are column "{numeric[0]}": it holds numbers'
    named = _called(numeric, _VALUES)
    if named:
        return shape, (named[0],), f'the values are column "{named[0]}": by its name'
    if long:
        reason = f'the values are column "{numeric[0]}", the first of numbers; choose with --value'
        return "long", (numeric[0],), reason
    reason = f"each of {len(numeric)} columns of numbers is a series; choose with --value"
    return "wide", tuple(numeric), reason
