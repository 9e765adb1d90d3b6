"""What a column looks like as a label: a few short values, not texts, ids or quantities."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data.label_columns import look_at_label, split_labels


def rows(values: Sequence[object], name: str = "x") -> list[dict[str, object]]:
    return [{name: value} for value in values]


@pytest.mark.parametrize(
    ("field", "separator", "labels"),
    [
        ("sad", "", ("sad",)),
        (" sad ", "", ("sad",)),
        ("a|b", "", ("a|b",)),
        ("a | b||a", "|", ("a", "b")),
        (["a", "b", "a", None, ""], "", ("a", "b")),
        (("a", 1, 2.0, 2.5), "", ("a", "1", "2", "2.5")),
        (np.array(["a", "b"]), "", ("a", "b")),
        (1.0, "", ("1",)),
        (np.float64(3), "", ("3",)),
        (True, "", ("True",)),
        (float("nan"), "", ()),
        (None, "|", ()),
        ("  ", "|", ()),
    ],
)
def test_labels_in_a_field(field: object, separator: str, labels: tuple[str, ...]) -> None:
    assert split_labels(field, separator) == labels


@given(st.lists(st.text("abc가 ", max_size=4), max_size=5))
def test_joined_labels_are_those_of_the_list(labels: list[str]) -> None:
    assert split_labels("|".join(labels), "|") == split_labels(labels, "")


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        (["a", "b"] * 20, True),
        (["긍정", "부정", "중립"] * 5, True),
        ([1, 2, 3, 4, 5] * 9, True),
        ([f"class {i}" for i in range(150)] * 3, True),
        ([f"class {i}" for i in range(250)] * 3, False),
        (list(range(20)) * 3, True),
        (list(range(21)) * 30, False),
        (["a"] * 40, False),
        (["a", "b"] * 20 + [""] * 41, False),
        (["a" * 61, "b"] * 20, False),
        (["a", "b", "c", "d"] * 2, False),
        ([["a"], ["a", "b"], []] * 10, True),
        ([], False),
    ],
)
def test_a_label_is_few_short_values_seen_again(values: list[object], fits: bool) -> None:
    assert look_at_label("x", rows(values)).fits is fits


def test_a_column_named_as_a_label_may_hold_rare_ones() -> None:
    values: list[object] = ["a", "b", "c", "d"] * 2
    assert look_at_label("Category", rows(values, "Category")).fits
    numbers: list[object] = [1, 2, 3, 4] * 2
    assert not look_at_label("score", rows(numbers, "score")).fits


@pytest.mark.parametrize(
    ("values", "quantity", "free"),
    [
        ([i / 7 for i in range(100)], True, True),
        (list(range(300)) * 4, True, False),
        (list(range(100)), True, True),
        (list(range(100)) * 4, False, False),
        ([0.5, 1, 1.5, 2] * 30, False, False),
        ([f"text {i} of many words" for i in range(80)], False, True),
        ([f"user{i}" for i in range(10)], False, True),
        (["a long class name " * 5, "and another one " * 5] * 30, False, True),
        (["a", "b"], False, False),
        ([f"c{i}" for i in range(50)] * 2, False, False),
        ([1.25 * i for i in range(40)] + ["n/a"], True, True),
    ],
)
def test_quantities_and_free_texts(values: list[object], quantity: bool, free: bool) -> None:
    column = look_at_label("x", rows(values))
    assert (column.is_quantity, column.is_free) == (quantity, free)


def test_rank_prefers_names_then_words_then_numbers_then_dates() -> None:
    def rank(name: str, values: list[object]) -> int:
        return look_at_label(name, rows(values, name)).rank

    words: list[object] = ["a", "b"]
    ranks = [
        rank("label", words),
        rank("userSentiment", words),
        rank("라벨", words),
        rank("rating", [1, 2]),
        rank("kind", words),
        rank("kind", [1, 2]),
        rank("year", [2001, 2002]),
    ]
    assert rank("작성일", ["2024-01-05", "2024-01-06"]) > rank("kind", [1, 2]) > rank("평가", words)
    assert rank("when", ["05.01.2024 10:30", "2024/1/6"]) > rank("kind", ["1.2", "v1.2.3"])
    assert [ranks[i] for i in (0, 1, 3, 2)] == sorted(ranks[i] for i in (0, 1, 3, 2))
    assert ranks[3:] == sorted(ranks[3:])


def test_days_alone_do_not_tell_that_they_are_labels() -> None:
    days: list[object] = ["2024-01-05", "2024. 1. 6.", "06/01/2024"] * 10
    assert look_at_label("작성일", rows(days, "작성일")).is_date
    assert not look_at_label("작성일", rows(days, "작성일")).tells
    assert look_at_label("평가", rows(["긍정", "부정"] * 10, "평가")).tells


def test_several_labels_in_one_text_are_noticed() -> None:
    joined = ["war|love", "war", "love|fun", "fun|war", "fun"] * 4
    column = look_at_label("x", rows(list(joined)))
    assert column.separator() == "|"
    assert 'pass --label-separator "|"' in column.remarks()[0]
    assert "joined by |" in column.describe()
    for plain in (["a, the first", "b, the second"] * 20, ["a|b"] + ["a", "b"] * 100):
        assert look_at_label("x", rows(list(plain))).remarks() == []
    assert look_at_label("x", rows(list(joined)), "|").separator() == ""


def test_labels_that_differ_in_case_are_told() -> None:
    column = look_at_label("x", rows(["Pos", "pos", "neg"] * 9))
    assert column.remarks() == ['the labels "Pos" and "pos" differ in case only; they count as two']


def test_what_was_seen_in_words() -> None:
    assert look_at_label("x", rows(["a"] * 3 + ["b"] * 9)).values() == (
        '2 different values ("b", "a")'
    )
    described = [
        look_at_label("x", rows(values)).describe()
        for values in ([""], ["a", "a"], [i / 7 for i in range(1200)], ["a", "b"])
    ]
    assert described == [
        '"x" (empty)',
        '"x" (one value)',
        '"x" (1,200 different numbers, a quantity)',
        '"x" (2 different values)',
    ]
