from collections.abc import Sequence

import pytest
from seqloom_runtime.data.column_names import is_known, words_of

from seqloom.data.text_columns import look_at

SENTENCES = [f"The {number}th film was a joy to watch" for number in range(40)]


def score(name: str, values: Sequence[object]) -> float:
    return look_at(name, [{name: value} for value in values]).score


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("x", [f"5adf{number:04x}" for number in range(40)]),
        ("x", [f"https://example.org/{number}" for number in range(40)]),
        ("x", [f"2018-04-{number % 28 + 1:02}" for number in range(40)]),
        ("x", [f"2018-04-{number % 28 + 1:02}T10:30:00" for number in range(40)]),
        ("x", list(range(40))),
        ("x", [number / 7 for number in range(40)]),
        ("x", ["positive", "negative"] * 20),
        ("x", ["", None] * 20),
        ("x", ["... !!! ###"] * 40),
        ("webURL", SENTENCES),
        ("review_id", SENTENCES),
        ("text_length", SENTENCES),
        ("작성자", SENTENCES),
    ],
)
def test_what_is_never_text(name: str, values: Sequence[object]) -> None:
    assert score(name, values) == 0


def test_a_usual_name_beats_a_longer_column() -> None:
    longer = [text * 5 for text in SENTENCES]
    assert score("review", SENTENCES) > score("notes", longer)
    assert score("text", SENTENCES) > score("review", SENTENCES)
    assert score("comments", SENTENCES) > score("notes", longer)
    assert score("headline", SENTENCES) > score("snippet", [text * 2 for text in SENTENCES])
    assert score("본문", SENTENCES) > score("비고", longer)


def test_content_decides_between_unknown_names() -> None:
    assert score("x", SENTENCES) > score("x", ["same old story again"] * 40)
    assert score("x", SENTENCES) > score("x", [text.split()[1] for text in SENTENCES])
    assert score("x", [text * 20 for text in SENTENCES]) > score("title", SENTENCES)


def test_letters_without_spaces_are_text() -> None:
    assert score("sequence", ["ACGT" * 10 + "ACGT"[number % 4] for number in range(40)]) > 0


def test_emoji_are_text() -> None:
    faces = ["😀", "👍👍", "❤️", "😡", "👎", "💩💩"]
    assert score("x", [faces[n % 6] * (1 + n // 6) for n in range(40)]) > 0


def test_what_was_seen_in_words() -> None:
    column = look_at("a", [{"a": "ab cd"}, {"a": ["ab", "c"]}, {"a": None}, {}])
    assert column.describe() == "2 values, 4 characters on average, nearly all different"
    same = look_at("a", [{"a": "x"}] * 1_500)
    assert same.describe() == "1,500 values, 1 characters on average, many repeated"


@pytest.mark.parametrize("name", ["document", "newsTitle", "webURL", "labels", "내용"])
def test_usual_names_are_known(name: str) -> None:
    assert is_known(name)


def test_words_of_names() -> None:
    assert words_of("typeOfMaterial") == ["type", "of", "material"]
    assert words_of("news") == ["news"]
    assert not is_known("Go.")
