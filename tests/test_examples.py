"""Rows become examples: what cannot be learnt is dropped and counted, for prediction nothing is."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.config import DataSettings, PredictSettings
from seqloom.data.examples import Example, plain_text, read_examples, read_inputs
from seqloom.data.labels import LabelPlan, infer_inputs
from seqloom.data.records import ReadReport
from seqloom.data.source import open_source
from seqloom.errors import DataError, SettingsError

PLAN = LabelPlan("{text}", "label", encoding="utf-8")
SETTINGS = DataSettings()


def examples(
    rows: list[dict[str, object]], plan: LabelPlan = PLAN
) -> tuple[list[Example], ReadReport]:
    report = ReadReport()
    return list(read_examples(open_source(rows), plan, SETTINGS, report)), report


def inputs(data: object, settings: DataSettings = SETTINGS) -> list[tuple[object, object]]:
    source = open_source(data)
    read = read_inputs(source, infer_inputs(source, settings), settings, ReadReport())
    return [(text, record) for text, _, record in read]


def test_rows_without_label_or_text_are_dropped_and_counted() -> None:
    rows: list[dict[str, object]] = [
        {"text": "good", "label": "a"},
        {"text": "bad", "label": " "},
        {"text": "bad"},
        {"text": " \n", "label": "b"},
        {"label": "b"},
        {"text": "😀", "label": "b"},
        {"text": "word " * 100_000, "label": 1.0},
    ]
    read, report = examples(rows)
    assert [(example.labels, example.row) for example in read] == [
        (("a",), 1), (("b",), 6), (("1",), 7),
    ]  # fmt: skip
    assert read[1].text == "😀" and len(read[2].text or "") == 500_000
    assert dict(report.dropped) == {"no label": 2, "no text": 2}
    assert report.records == 3


def test_nothing_left_is_an_error_that_says_why() -> None:
    with pytest.raises(DataError, match=r"no labelled example is left; dropped: no label \(2\)"):
        examples([{"text": "a", "label": ""}, {"text": "b", "label": None}])


def test_values_that_count_as_missing() -> None:
    plan = LabelPlan("{text}", "label", drop=("Unknown",))
    rows: list[dict[str, object]] = [
        {"text": "a", "label": "x"},
        {"text": "Unknown", "label": "x"},
        {"text": "b", "label": "Unknown"},
    ]
    read, report = examples(rows, plan)
    assert [example.text for example in read] == ["a"]
    assert dict(report.dropped) == {"no label": 1, "no text": 1}


def test_a_row_of_several_labels_may_have_none_but_not_lack_the_field() -> None:
    rows: list[dict[str, object]] = [
        {"text": "1", "label": "a|b|a"},
        {"text": "2", "label": ""},
        {"text": "3", "label": None},
        {"text": "4", "label": ["c", "a|b"]},
    ]
    plan = LabelPlan("{text}", "label", separator="|", multi=True)
    read, report = examples(rows, plan)
    assert [example.labels for example in read] == [("a", "b"), (), ("c", "a|b")]
    assert dict(report.dropped) == {"no label": 1}


def test_templates_keep_rows_of_which_a_part_is_there() -> None:
    plan = LabelPlan("{title} | {body}{{}}", "label")
    rows: list[dict[str, object]] = [
        {"title": "t", "body": "b", "label": 1},
        {"title": "", "body": "b", "label": 1},
        {"title": " ", "body": None, "label": 1},
    ]
    read, report = examples(rows, plan)
    assert [example.text for example in read] == ["t | b{}", " | b{}"]
    assert report.dropped["no text"] == 1


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("one<br /><BR>two<br/>", "one\n\ntwo\n"),
        ("salt &amp; pepper &lt;b&gt; &#39;q&#x27;", "salt & pepper <b> 'q'"),
        ("rock&reggae &copy &ampere", "rock&reggae &copy &ampere"),
        ("&amp;lt;", "&lt;"),
        ("a < b & c <b>bold</b> 한글", "a < b & c <b>bold</b> 한글"),
        ("&nosuchname; &#xZZ;", "&nosuchname; &#xZZ;"),
    ],
)
def test_markup_becomes_what_it_stands_for(text: str, plain: str) -> None:
    assert plain_text(text) == plain
    row: list[dict[str, object]] = [{"text": text, "label": 1}]
    assert examples(row)[0][0].text == text
    assert examples(row, LabelPlan("{text}", "label", markup=True))[0][0].text == plain


@given(st.text(st.characters(exclude_characters="<&")))
def test_text_without_markup_stays(text: str) -> None:
    assert plain_text(text) == text


def test_series_a_row_and_in_long_form() -> None:
    plan = LabelPlan(None, "label", series="x")
    rows: list[dict[str, object]] = [
        {"x": [1, 2], "label": "a"},
        {"x": [], "label": "a"},
        {"x": "[[3, 4], [5, 6]]", "label": "b"},
    ]
    read, report = examples(rows, plan)
    assert [np.shape(np.asarray(example.series)) for example in read] == [(2, 1), (2, 2)]
    assert all(example.text is None and example.given is example.series for example in read)
    assert dict(report.dropped) == {"no numbers": 1}
    long: list[dict[str, object]] = [
        {"id": n % 2, "t": -n, "x": n, "label": "ab"[n % 2]} for n in range(6)
    ]
    read, _ = examples(long, LabelPlan(None, "label", series="x", id="id", time="t"))
    assert [np.ravel(e.given).tolist() for e in read if e.series is not None] == [
        [4, 2, 0], [5, 3, 1],
    ]  # fmt: skip
    assert [example.labels for example in read] == [("a",), ("b",)]


@pytest.mark.parametrize(
    ("rows", "plan", "message"),
    [
        (
            [{"x": [1], "label": 1}, {"x": ["one"], "label": 1}],
            LabelPlan(None, "label", series="x"),
            'data, row 2: column "x" holds "one", which is no list of numbers',
        ),
        (
            [{"k": "p", "x": "", "label": 1}],
            LabelPlan(None, "label", series="x", id="k"),
            'data: column "x" of "k" p has no number at step 1',
        ),
        (
            [{"k": "p", "x": 1, "label": 1}, {"k": "p", "x": 1, "label": 2}],
            LabelPlan(None, "label", series="x", id="k"),
            'data: the rows with "k" p are one series, but have the labels "1" and "2"',
        ),
    ],
)
def test_bad_numbers_are_named(
    rows: list[dict[str, object]], plan: LabelPlan, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        examples(rows, plan)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "txt"])
def test_for_prediction_nothing_is_dropped(tmp_path: Path, suffix: str) -> None:
    texts = ["hello", "", "bye &amp; bye", "😀"]
    path = tmp_path / f"in.{suffix}"
    if suffix == "csv":
        path.write_text("n,text\n" + "".join(f"{n},{t}\n" for n, t in enumerate(texts)))
    elif suffix == "jsonl":
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    else:
        path.write_text("\n".join(texts) + "\n")
    read = inputs(str(path), DataSettings(text="text"))
    assert [text for text, _ in read] == ["hello", "", "bye & bye", "😀"]
    assert [record["text"] for _, record in read] == texts  # type: ignore[index]


def test_for_prediction_a_field_may_be_missing_but_not_the_column() -> None:
    rows = [{"text": "a"}, {"other": 1}, {"text": None}]
    assert [text for text, _ in inputs(rows, DataSettings(text="text"))] == ["a", "", ""]
    with pytest.raises(SettingsError, match=r'data: no column "txet"\. Did you mean "text"'):
        inputs(rows, DataSettings(text="txet"))


def test_for_prediction_bad_rows_stop_even_where_training_skipped_them(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text\n1,hello\n2,b,c\n")
    trained = DataSettings(text="text", skip_bad_rows=True)
    settings = trained.model_copy(update=PredictSettings().reading())
    with pytest.raises(DataError, match=r"in.csv, line 3, column 3: .*pass --skip"):
        inputs(str(tmp_path / "in.csv"), settings)


def test_for_prediction_a_series_without_numbers_is_named() -> None:
    with pytest.raises(DataError, match='data, row 2: column "x" holds no numbers'):
        inputs([{"x": [1, 2]}, {"x": []}], DataSettings(series="x"))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for count in (20_000, 60_000):
        path = tmp_path / f"{count}.jsonl"
        rows = ({"text": "some words to read", "label": "ab"[n % 2]} for n in range(count))
        path.write_text("\n".join(map(json.dumps, rows)))
        source = open_source(str(path))
        tracemalloc.start()
        assert sum(1 for _ in read_examples(source, PLAN, SETTINGS, ReadReport())) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
