"""Spans as conlleval reads them, held against a reading of its rules written another way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.evaluate.spans import SpanCounts, marks_spans, may_follow, spans_of

LETTERS = ("B", "I", "E", "S")
TAGS = ["O", *(f"{letter}-{kind}" for letter in LETTERS for kind in ("x", "y"))]


def conlleval(tags: list[str]) -> list[tuple[str, int, int]]:
    """startOfChunk and endOfChunk of conlleval.pl, condition by condition."""
    spans, start = [], 0
    last, last_kind = "O", ""
    for place, tag in enumerate([*tags, "O"]):
        letter, _, kind = tag.partition("-")
        end = (
            (last in "ES" and last != "O")
            or (last == "B" and letter in "BSO")
            or (last == "I" and letter in "BSO")
            or (last != "O" and last_kind != kind)
        )
        begin = (
            letter in "BS"
            or (last in "ESO" and letter in "EI")
            or (letter != "O" and last_kind != kind)
        )
        if end:
            spans.append((last_kind, start, place))
        if begin and letter != "O":
            start = place
        last, last_kind = letter, kind
    return spans


@given(st.lists(st.sampled_from(TAGS), max_size=12))
def test_spans_equal_conlleval(tags: list[str]) -> None:
    assert spans_of(tags) == conlleval(tags)


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        ("B-a I-a O", [("a", 0, 2)]),
        ("B-a B-a", [("a", 0, 1), ("a", 1, 2)]),
        ("I-a I-a I-b", [("a", 0, 2), ("b", 2, 3)]),
        ("B-a I-b", [("a", 0, 1), ("b", 1, 2)]),
        ("S-a B-a E-a I-a", [("a", 0, 1), ("a", 1, 3), ("a", 3, 4)]),
        ("U-a B-a L-a", [("a", 0, 1), ("a", 1, 3)]),
        ("B-creative-work I-creative-work", [("creative-work", 0, 2)]),
        ("B-a", [("a", 0, 1)]),
        ("", []),
    ],
)
def test_spans_of_each_scheme(tags: str, spans: list[tuple[str, int, int]]) -> None:
    assert spans_of(tags.split()) == spans


def test_counts_by_hand() -> None:
    counts = SpanCounts()
    counts.add("B-a I-a O B-b".split(), "B-a I-a O B-a".split())
    counts.add("B-a I-a O O".split(), "B-a O O B-b".split())
    assert counts.f1() == pytest.approx(2 * 1 / (3 + 4))
    assert counts.table()["a"] == {
        "precision": pytest.approx(1 / 3),
        "recall": 0.5,
        "f1": pytest.approx(0.4),
        "support": 2,
    }
    assert counts.table()["b"]["f1"] == 0
    assert SpanCounts().f1() == 0


def test_perfect_guesses_score_one() -> None:
    counts = SpanCounts()
    counts.add(["I-a", "O"], ["I-a", "O"])
    assert counts.f1() == 1


@pytest.mark.parametrize(
    ("tags", "marking"),
    [
        ("O B-per I-per", True),
        ("O S-per B-per I-per E-per", True),
        ("NOUN VERB O", False),
        ("B I O", False),
        ("O", False),
        ("B-per X", False),
        ("S-NOUN NOUN", False),
    ],
)
def test_which_tags_mark_spans(tags: str, marking: bool) -> None:
    assert marks_spans(tags.split()) is marking


@pytest.mark.parametrize(
    ("before", "tag", "closing", "allowed"),
    [
        (None, "I-a", False, False),
        ("O", "I-a", False, False),
        ("B-a", "I-a", False, True),
        ("B-a", "I-b", False, False),
        ("I-a", "B-b", False, True),
        ("I-a", None, False, True),
        ("B-a", "O", True, False),
        ("B-a", "E-a", True, True),
        ("E-a", "I-a", True, False),
        ("E-a", "B-a", True, True),
        ("S-a", None, True, True),
        ("I-a", None, True, False),
        (None, "S-a", True, True),
        ("I-a", "I-a", True, True),
        ("B-a", "L-a", True, True),
        ("S-a", "E-a", True, False),
    ],
)
def test_which_tag_may_follow_which(
    before: str | None, tag: str | None, closing: bool, allowed: bool
) -> None:
    assert may_follow(before, tag, closing=closing) is allowed
