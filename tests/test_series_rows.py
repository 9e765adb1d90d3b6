"""Numbers in rows: lists, texts of numbers, and rows of an id in any order."""

import random
from datetime import datetime

import numpy as np
import pytest

from seqloom.data.series_rows import (
    count_numbers,
    gather_series,
    is_series,
    read_series,
    time_key,
)
from seqloom.errors import DataError


@pytest.mark.parametrize(
    ("value", "shape", "total"),
    [
        ([1, 2, 3], (3, 1), 6),
        ((1.5, 2), (2, 1), 3.5),
        (np.arange(4), (4, 1), 6),
        ([[1, 2], [3, 4], [5, 6]], (3, 2), 21),
        ("[1, 2.5, 3]", (3, 1), 6.5),
        ("[[1, 2], [3, 4]]", (2, 2), 10),
        ("[0.5 1.  2]", (3, 1), 3.5),
        ("1;2;3", (3, 1), 6),
        ("1 2, 3", (3, 1), 6),
        (7, (1, 1), 7),
        ("", (0, 1), 0),
        (None, (0, 1), 0),
        ([], (0, 1), 0),
    ],
)
def test_numbers_of_a_field(value: object, shape: tuple[int, int], total: float) -> None:
    numbers = read_series(value, "a")
    assert numbers.dtype == np.float32
    assert (numbers.shape, numbers.sum()) == (shape, total)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["a", 1], r'^here holds "a 1", which is no list of numbers\.$'),
        ("1 apple", '"1 apple", which is no list'),
        ([[1, 2], [3]], "no list of numbers"),
        ([1.0, float("nan"), 3], r"has no number at step 2\."),
        ([1.0, 2.0, float("inf")], r"has no number at step 3\."),
        ([[[1]]], "lists of lists of lists"),
    ],
)
def test_what_is_no_series_is_one_line(value: object, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_series(value, "here")
    assert "\n" not in str(caught.value)


def test_what_looks_like_a_series() -> None:
    assert all(map(is_series, ([1, 2], "[1, 2]", [[1], [2]])))
    assert not any(map(is_series, ([1], "1, 2", "a text", ["a", "b"], 5, None, [])))
    values = [[1, 2], "1, 2", 5, "5.5", [1], "five", None, "", ["a"]]
    assert list(map(count_numbers, values)) == [2, 2, 1, 1, 1, 0, 0, 0, 0]


def test_rows_of_an_id_are_put_together_in_the_order_of_time() -> None:
    rows = [
        {"who": who, "when": when, "x": 10 * who + when, "label": "ab"[who], "note": when}
        for who in (0, 1)
        for when in range(5)
    ]
    shuffled = rows[:1] + random.Random(3).sample(rows[1:], 9)
    gathered = list(gather_series(shuffled, "x", "who", "when", "label"))
    assert [record["x"] for record in gathered] == [[0, 1, 2, 3, 4], [10, 11, 12, 13, 14]]
    assert [record["label"] for record in gathered] == ["a", "b"]
    assert gathered[0]["note"] == 0
    as_they_stand = list(gather_series(rows[::-1], "x", "who", None, None))
    assert [record["x"][0] for record in as_they_stand] == [14, 4]


def test_missing_numbers_stay_in_their_place() -> None:
    rows: list[dict[str, object]] = [
        {"id": "a", "x": "1"},
        {"id": "a", "x": ""},
        {"id": "a", "x": None},
    ]
    (record,) = gather_series(rows, "x", "id", None, None)
    with pytest.raises(DataError, match="no number at step 2"):
        read_series(record["x"], "here")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "a", "t": 2, "label": "no"}, 'have the labels "yes" and "no"'),
        ({"id": "a", "t": 2, "label": ""}, 'have the labels "yes" and ""'),
        ({"id": "a", "t": "31.12.2019", "label": "yes"}, 'the time "31.12.2019", which is neither'),
        ({"id": "a", "t": "", "label": "yes"}, 'the time ""'),
        ({"id": " ", "t": 2, "label": "yes"}, 'a row has no "id"'),
    ],
)
def test_rows_that_make_no_series_are_refused(row: dict[str, object], message: str) -> None:
    rows: list[dict[str, object]] = [{"id": "a", "t": 1, "x": 1, "label": "yes"}, {"x": 2, **row}]
    with pytest.raises(DataError, match=message):
        list(gather_series(rows, "x", "id", "t", "label"))


def test_times_are_ordered_as_times() -> None:
    for times in (
        ["9", "10", "11.5"],
        ["2019-12-31", "2020-01-01", "2020-01-01T01:00", "2020-01-01 02:00:00"],
        ["2020-01-01T12:00+09:00", "2020-01-01T04:00+00:00", "2020-01-01T05:00"],
        [datetime(2020, 1, 1), datetime(2020, 1, 2)],
    ):
        keys = [time_key(time, "t") for time in times]
        assert keys == sorted(keys) and len(set(keys)) == len(keys)
    with pytest.raises(DataError, match='column "t" holds the time "nan"'):
        time_key("nan", "t")
