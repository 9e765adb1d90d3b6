"""What the inputs are: a text of which columns, or series of numbers."""

import random

import pytest

from seqloom.config import DataSettings
from seqloom.data.inputs import Inputs, find_inputs
from seqloom.data.sample import read_sample
from seqloom.data.source import open_source
from seqloom.errors import DataError, SettingsError

Rows = list[dict[str, object]]

CHANCE = random.Random(0)
TEXTS = [
    " ".join(CHANCE.choice(["good", "bad", "plot", "actor"]) for _ in range(9)) for _ in "." * 60
]


def found(rows: Rows | list[str], **settings: object) -> Inputs:
    source = open_source(rows)
    return find_inputs(
        source, DataSettings.model_validate(settings), read_sample(source, "auto", None)
    )


def test_the_column_that_looks_like_text() -> None:
    rows: Rows = [{"id": n, "review": text, "label": n % 2} for n, text in enumerate(TEXTS)]
    assert found(rows).text == "{review}"
    assert 'column "review" is the text: 60 values' in found(rows).reasons[0]


def test_a_named_column_or_template_is_taken_and_checked() -> None:
    rows: Rows = [{"title": "a", "body": "b"}] * 4
    assert found(rows, text="title").text == "{title}"
    assert found(rows, text="{title} | {body}").text == "{title} | {body}"
    with pytest.raises(SettingsError, match=r'no column "titel"\. Did you mean "title"'):
        found(rows, text="{titel} | {body}")


def letters(columns: int, label: str) -> Rows:
    """DNA in columns; in some rows a base is not known (N)."""
    return [
        {label: "NP"[row % 2], **{str(n): CHANCE.choice("ACGT" * 9 + "N") for n in range(columns)}}
        for row in range(200)
    ]


@pytest.mark.parametrize("columns", [10, 60])
@pytest.mark.parametrize("label", ["class", "kind"])
def test_columns_of_one_letter_each_are_a_text_without_the_label(columns: int, label: str) -> None:
    inputs = found(letters(columns, label))
    assert inputs.text == "".join(f"{{{n}}}" for n in range(columns))
    assert f'{columns} columns, "0" to "{columns - 1}", hold one letter' in inputs.reasons[0]


def test_few_columns_of_one_letter_are_no_text() -> None:
    with pytest.raises(DataError, match="no column looks like text"):
        found(letters(9, "kind"), label="kind")


@pytest.mark.parametrize(
    ("text", "every", "markup"),
    [
        ("one<br />two", 10, True),
        ("one<BR>two", 10, True),
        ("salt &amp; pepper", 10, True),
        ("&#39;quoted&#39;", 10, True),
        ("one<br />two", 400, False),
        ("a < b & c > d; rock&roll", 1, False),
    ],
)
def test_markup_is_seen_where_it_is_no_accident(text: str, every: int, markup: bool) -> None:
    rows: Rows = [{"text": text if n % every == 0 else f"plain words {n}"} for n in range(400)]
    inputs = found(rows, text="text")
    assert inputs.markup is markup
    assert any("HTML" in reason for reason in inputs.reasons) is markup


@pytest.mark.parametrize("value", [[0.5, 1.5], "[0.5, 1.5]", [[1, 2], [3, 4]]])
def test_lists_of_numbers_are_series_where_nothing_is_said_of_a_text(value: object) -> None:
    rows: Rows = [{"signal": value, "label": "ab"[n % 2]} for n in range(9)]
    inputs = found(rows)
    assert (inputs.text, inputs.series) == (None, "signal")
    with_text: Rows = [{"signal": value, "text": text} for text in TEXTS]
    assert found(with_text, text="text").text == "{text}"


def test_series_as_set() -> None:
    rows: Rows = [{"who": n // 3, "day": n % 3, "x": n} for n in range(9)]
    reasons = found(rows, series="x", id="who", time="day").reasons
    assert reasons == ('rows of the same "who" are one series of "x", in the order of "day"',)
    with pytest.raises(SettingsError, match=r'column "x" holds one number a row\. Pass --id'):
        found(rows, series="x")
    with pytest.raises(SettingsError, match=r'no column "whom"\. Did you mean "who"'):
        found(rows, series="x", id="whom")
    in_texts: Rows = [{"x": "1 2 3"}] * 3
    assert found(in_texts, series="x").series == "x"


def test_texts_without_columns_are_read_whatever_the_column_was_called() -> None:
    assert found(TEXTS, text="document").text == "{text}"
    with pytest.raises(SettingsError, match='no column "title"'):
        found(TEXTS, text="{title} | {body}")
