"""Columns of times, in the many ways they are written; and numbers likewise."""

import math
from datetime import date, datetime
from typing import Any

import numpy as np
import pytest

from seqloom.data.numbers import NumberForm
from seqloom.data.timestamps import BadTimeError, from_parts, looks_like_time, read_times
from seqloom.errors import DataError


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1949-01", "1949-12"], ["1949-01-01", "1949-12-01"]),
        (["2016-07-01 00:00:00", "2016-07-01 13:05:09"], ["2016-07-01", "2016-07-01T13:05:09"]),
        (["2020-01-01T09:00:00.000", "2020-01-02 09:30"], ["2020-01-01T09", "2020-01-02T09:30"]),
        (["2020/3/1", "2020.03.02"], ["2020-03-01", "2020-03-02"]),
        (["2020년 3월 1일", "2020년 12월 31일"], ["2020-03-01", "2020-12-31"]),
        (["2020. 3. 1.", "2020. 12. 31."], ["2020-03-01", "2020-12-31"]),
        (["31/01/2020", "01/02/2020 10:30"], ["2020-01-31", "2020-02-01T10:30"]),
        (["01/31/2020", "02/01/2020"], ["2020-01-31", "2020-02-01"]),
        (["31.12.99", "1.1.00"], ["1999-12-31", "2000-01-01"]),
        (["2020Q1", "2020-Q4"], ["2020-01-01", "2020-10-01"]),
        (["2020-W01", "2021W05"], ["2019-12-30", "2021-02-01"]),
        (["Jan 1960", "Feb 1960"], ["1960-01-01", "1960-02-01"]),
        (["3-Mar-2020", "13-Apr-2020"], ["2020-03-03", "2020-04-13"]),
        (["1960", 1961], ["1960-01-01", "1961-01-01"]),
        (["20200131", "20200201"], ["2020-01-31", "2020-02-01"]),
        ([202001, 202012.0], ["2020-01-01", "2020-12-01"]),
        (["1577836800", "1577836860"], ["2020-01-01", "2020-01-01T00:01"]),
        ([1577836800000, 1577836860000], ["2020-01-01", "2020-01-01T00:01"]),
        ([datetime(2020, 1, 1, 5), date(2021, 1, 1)], ["2020-01-01T05", "2021-01-01"]),
        (["2020-01-01T09:00+09:00", "2020-01-01T01:00Z"], ["2020-01-01", "2020-01-01T01"]),
    ],
)
def test_times_people_write(values: list[Any], expected: list[str]) -> None:
    read = read_times(values)
    assert read.dated
    assert read.seconds.astype("datetime64[s]").tolist() == [
        np.datetime64(text, "s").item() for text in expected
    ]
    assert ("zone" in read.reason) == ("+" in str(values[0]))


def test_plain_numbers_are_steps() -> None:
    read = read_times(["0", "5", "10"])
    assert (read.dated, read.seconds.tolist()) == (False, [0, 5, 10])


@pytest.mark.parametrize(
    ("values", "place"),
    [
        (["2020-01-01", "2020-02-30"], 1),
        (["2020-01-01", "2020-01-02", "soon"], 2),
        (["2020-01-01T00:00Z", "2020-01-02T00:00"], 1),
        (["5", "6", "x"], 2),
        (["20200101", "20200230"], 1),
        (["soon", "later"], 0),
        (["Jan 1960", "Fub 1960"], 0),
    ],
)
def test_what_is_no_time_is_placed(values: list[str], place: int) -> None:
    with pytest.raises(BadTimeError, match="is no time; expected") as caught:
        read_times(values)
    assert caught.value.place == place


def test_day_or_month_first_must_be_certain() -> None:
    with pytest.raises(DataError, match=r"01/02/2020.*not certain, for no number is above 12"):
        read_times(["01/02/2020", "02/02/2020"])
    with pytest.raises(DataError, match="neither can be the month"):
        read_times(["13/02/2020", "02/13/2020"])


def test_parts_make_dates() -> None:
    seconds = from_parts({"year": [2010, 2011], "month": [1, 12], "hour": [5, 0]})
    assert seconds.astype("datetime64[s]").astype(str).tolist() == [
        "2010-01-01T05:00:00",
        "2011-12-01T00:00:00",
    ]
    with pytest.raises(BadTimeError, match='"year 2010, month 13" is no date') as caught:
        from_parts({"year": [2010, 2010], "month": [1, 13]})
    assert caught.value.place == 1


def test_what_looks_like_a_time() -> None:
    yes = ["2020-01-01", "1949-01", "Jan 1960", "2020Q1", datetime(2020, 1, 1)]
    no = ["1949", "12.5", "abc", "", None, 7, "sales of May"]
    assert all(map(looks_like_time, yes))
    assert not any(map(looks_like_time, no))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("1,234.5", 1234.5), ("-12", -12.0), (" 7 ", 7.0), ("1e3", 1000.0), (5, 5.0)),
        *((bad, None) for bad in ("12,", "abc", "1,23", True, "2020-01", "12 %")),
    ],
)
def test_numbers(text: Any, number: float | None) -> None:
    assert NumberForm().read(text) == number


def test_words_for_nothing_and_decimal_commas() -> None:
    for text in ("", "NA", "n/a", "NaN", None, "-", "결측", math.nan):
        number = NumberForm().read(text)
        assert number is not None and math.isnan(number)
    form = NumberForm.of(["1,5", "12,25", "1.234,5"])
    assert [form.read(text) for text in ("1,5", "1.234,5", "3")] == [1.5, 1234.5, 3.0]
    assert not NumberForm.of(["1,234", "12"]).comma_decimal
    assert not NumberForm.of(["1,234.5"]).comma_decimal


@pytest.mark.parametrize(
    ("values", "expected", "zone"),
    [
        (["2024-01-31T00:00+09:00", "2024-02-01T00:00+09:00"], "2024-01-31T00", "+09:00"),
        (["2024-01-31T05:00Z", "2024-01-31T06:00Z"], "2024-01-31T05", "+00:00"),
        (["2024-03-31T01:00-02:30", "2024-03-31T04:45+01:00"], "2024-03-31T04:30", "+01:00"),
        # midnights of a local clock before and in summer time
        (["2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00"], "2024-03-31T00", ""),
        (["2024-03-31T00:00", "2024-04-01T00:00"], "2024-03-31T00", ""),
    ],
)
def test_clocks_are_kept_with_their_zone(values: list[str], expected: str, zone: str) -> None:
    read = read_times(values)
    assert read.seconds[0] == np.datetime64(expected, "s").astype(np.int64)
    assert read.zone == zone
