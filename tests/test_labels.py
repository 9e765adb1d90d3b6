"""The label is found without being told, explained, and refused where it is none."""

import csv
import json
import random
from pathlib import Path

import pytest

from seqloom.config import DataSettings
from seqloom.data import labels as module
from seqloom.data.examples import read_examples
from seqloom.data.labels import (
    LabelPlan,
    doubtful_label,
    infer_inputs,
    infer_labels,
    surely_labelled,
)
from seqloom.data.records import ReadReport
from seqloom.data.source import open_source
from seqloom.errors import DataError, SeqloomError, SettingsError

Rows = list[dict[str, object]]

CHANCE = random.Random(0)
WORDS = "good bad nice film plot actor dull great boring scene music end".split()


def text() -> str:
    return " ".join(CHANCE.choice(WORDS) for _ in range(12))


def column(name: str, *values: object, rows: int = 120) -> Rows:
    """Reviews, each with one of the values."""
    return [{"review": text(), name: values[row % len(values)]} for row in range(rows)]


def plan_of(data: object, **settings: object) -> LabelPlan:
    return infer_labels(open_source(data), DataSettings.model_validate(settings))


def refused(data: object, **settings: object) -> str:
    with pytest.raises((DataError, SettingsError)) as caught:
        plan_of(data, **settings)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("name", "values", "shown"),
    [
        ("sentiment", ["positive", "negative"], '"positive", "negative"'),
        ("감정", ["긍정", "부정", "중립"], '"긍정", "부정", "중립"'),
        ("stars", [1, 2, 3, 4, 5], '"1", "2", "3", "4", ...'),
        ("rating", [f"{n / 2}" for n in range(1, 11)], '"0.5", "1.0", "1.5", "2.0", ...'),
        ("is_spam", [True, False], '"True", "False"'),
        ("label", [0.0, None, 1.0], '"0", "1"'),
        ("kind", ["a", "b"], '"a", "b"'),
    ],
)
def test_the_label_is_found(name: str, values: list[object], shown: str) -> None:
    plan = plan_of(column(name, *values))
    assert (plan.text, plan.label, plan.multi) == ("{review}", name, False)
    known = len({str(value) for value in values if value is not None})
    assert f'column "{name}" is the label: {known} different values ({shown})' in plan.reasons


def test_lists_are_several_labels() -> None:
    plan = plan_of(column("tags", ["war", "love"], ["war"], []))
    assert (plan.label, plan.multi, plan.separator) == ("tags", True, "")
    assert "a row may have several labels, or none of them" in plan.reasons


def test_a_separator_makes_several_labels() -> None:
    rows = column("genre", "war|love", "war", "love|fun", "fun|war")
    offered = [reason for reason in plan_of(rows).reasons if "--label-separator" in reason]
    assert offered == [
        'values of "genre" look like several labels joined by |; if they are, pass '
        '--label-separator "|"'
    ]
    plan = plan_of(rows, label_separator="|")
    assert (plan.multi, plan.separator) == (True, "|")
    assert not any("--label-separator" in reason for reason in plan.reasons)
    many = [{"review": text(), "x": "|".join(CHANCE.sample(WORDS, 5))} for _ in range(300)]
    assert 'pass --label-separator "|" too' in refused(many)


def test_other_columns_that_could_be_it_are_offered() -> None:
    rows = [{**row, "biased": row_number % 3, "toxic": "ab"[row_number % 2]}
            for row_number, row in enumerate(column("shop", "x", "y"))]  # fmt: skip
    plan = plan_of(rows)
    assert plan.label == "toxic"
    assert 'other columns could be the label: "shop", "biased"; choose with --label' in plan.reasons
    chosen = plan_of(rows, label="biased")
    assert chosen.label == "biased"
    assert any(
        reason.startswith('the label is column "biased": as set') for reason in chosen.reasons
    )


def test_columns_that_give_the_label_away_are_told() -> None:
    rows = [
        {"id": f"{label}/{row}", "review": text(), "label": label, "rating": 2 + 5 * (label == "p")}
        for row in range(60)
        for label in "np"
    ]
    told = 'columns "id", "rating" give the label away and are not used'
    assert told in plan_of(rows).reasons
    plan = plan_of(rows, text="{rating}: {review}")
    assert 'column "id" gives the label away and is not used' in plan.reasons
    assert 'the text holds "rating", which alone gives the label away' in plan.reasons


@pytest.mark.parametrize(
    ("rows", "settings", "said"),
    [
        (
            [{"review": text(), "price": CHANCE.random()} for _ in range(99)],
            {},
            'beside the text there is "price" (99 different numbers, a quantity). Name it with '
            "--label; a quantity is no label, predicting it is regression.",
        ),
        (
            [{"review": text(), "price": CHANCE.random()} for _ in range(99)],
            {"label": "price"},
            "a quantity, not a label, and predicting it is regression. Put it into classes",
        ),
        (
            [{"review": text(), "note": text()} for _ in range(99)],
            {"text": "review", "label": "note"},
            "in 99 rows: free text or ids, not labels. Name the right one with --label.",
        ),
        (
            [{"review": text(), "label": f"user{row}"} for row in range(30)],
            {"label": "label"},
            'column "label" holds 30 different values ("user0", "user1", "user2", "user3", ...) in',
        ),
        (column("label", "a"), {"label": "label"}, 'has one label, "a", in every row; at least'),
        (column("label", ""), {"label": "label"}, 'column "label" is empty in every row'),
        (column("label", "a"), {}, 'no column looks like a label'),
        ([{"review": text()} for _ in range(9)], {}, "beside the text there is no column."),
        (column("sentiment", "a", "b"), {"label": "sentimant"}, 'Did you mean "sentiment"?'),
        (column("x", "a"), {"label": "review", "text": "review"}, "label and part of the input"),
    ],
)  # fmt: skip
def test_what_is_no_label_is_refused(rows: Rows, settings: dict[str, str], said: str) -> None:
    assert said in refused(rows, **settings)


def test_plain_text_has_no_labels(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one line\nanother\n")
    assert refused(str(tmp_path / "a.txt")).startswith("a: is plain text without columns.")


def test_a_table_without_names_of_columns_is_told_from_one_whose_label_is_named_like_a_value(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("".join(f"{text()},{'pos' if n % 2 else 'neg'}\n" for n in range(60)))
    assert 'first row should name the columns, but "neg" in it is also a value' in refused(path)
    named = [{"subject": row["review"], "urgent": row["x"]} for row in column("x", "urgent", "no")]
    assert plan_of(named).label == "urgent"


def sorted_file(path: Path, rows: int) -> str:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["review", "label"])
        writer.writerows([text(), "neg" if row < rows // 2 else "pos"] for row in range(rows))
    return str(path)


def test_a_large_file_sorted_by_its_label_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_READ", 100)
    path = sorted_file(tmp_path / "a.csv", 1_000)
    assert plan_of(path).label == "label"
    assert plan_of(path, label="label").label == "label"


def test_a_sample_is_of_the_whole_file_and_the_same_each_time(tmp_path: Path) -> None:
    path = sorted_file(tmp_path / "a.csv", 9_000)
    plan = plan_of(path)
    assert plan == plan_of(path)
    assert 'column "label" is the label: 2 different values' in " ".join(plan.reasons)


def test_series_are_read_beside_their_label() -> None:
    rows: Rows = [{"values": [row, row + 1.5], "label": "ab"[row % 2]} for row in range(40)]
    plan = plan_of(rows)
    assert (plan.text, plan.series, plan.label) == (None, "values", "label")
    long: Rows = [
        {"id": n // 4, "t": n % 4, "x": n, "y": "ab"[n // 4 % 2]} for n in range(160)
    ]  # fmt: skip
    plan = plan_of(long, series="x", id="id", time="t")
    assert (plan.series, plan.id, plan.time, plan.label) == ("x", "id", "t", "y")


def test_encoding_drop_and_catalogue_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = "".join(f"재미있는 영화 {n},{'긍정' if n % 2 else '부정'}\n" for n in range(60))
    path.write_bytes(("글,라벨\n" + rows).encode("cp949"))
    plan = plan_of(path)
    assert (plan.text, plan.label, plan.encoding) == ("{글}", "라벨", "cp949")
    assert plan_of(path, encoding="cp949", drop=("긍정",)).drop == ("긍정",)


def test_a_text_that_tells_its_label_is_no_leak() -> None:
    """It is what is to be learnt, even where there are few different texts."""
    rows: Rows = [{"review": f"a {WORDS[n % 2]} film in number {n % 20}", "label": "ab"[n % 2]}
                  for n in range(120)]  # fmt: skip
    assert not any("gives the label away" in reason for reason in plan_of(rows).reasons)


def sure(rows: Rows) -> str | None:
    return surely_labelled(open_source(rows), DataSettings())


def doubt(rows: Rows) -> str | None:
    return doubtful_label(open_source(rows), DataSettings())


def test_a_table_is_surely_labelled_by_a_name_or_by_few_words_in_one_column() -> None:
    assert sure(column("sentiment", "a", "b")) == (
        'column "sentiment" looks like the label of the rows'
    )
    assert sure(column("tonality", "warm", "cold")) == (
        'column "tonality" looks like the label of the rows: 2 different values ("warm", "cold")'
    )
    assert sure(column("shop", "a", "b")) is None, "where a text comes from is rarely learnt"
    assert sure(column("lang", "en", "ko")) is None
    assert sure(column("tonality", 0, 1)) is None
    assert sure(column("tonality", *(f"kind {n}" for n in range(30)))) is None, "seen 4 times each"
    assert sure(column("score", *range(60))) is None
    assert sure([{"review": text()} for _ in range(20)]) is None
    two = [{**row, "verdict": "ab"[n % 2]} for n, row in enumerate(column("tonality", *"xyz"))]
    assert sure(two) is None, "which of the two, the user must say"


def test_a_column_that_could_be_the_label_is_named_with_what_to_pass() -> None:
    said = 'column "{0}" could be a label, with {1}. To learn it, pass --label {0}.'
    assert doubt(column("shop", "a", "b")) == said.format("shop", '2 different values ("a", "b")')
    assert doubt(column("tonality", 0, 1)) == (
        said.format("tonality", '2 different values ("0", "1")')
    )
    assert "--label 'the shop'" in str(doubt(column("the shop", "a", "b")))
    assert doubt(column("year", 2001, 2002)) is None and doubt(column("lang", "en", "ko")) is None
    assert doubt([{"review": text(), "n": number} for number in range(99)]) is None
    assert "pass --task classify" in str(doubt(column("score", *(n / 7 for n in range(60)))))


def test_a_word_for_the_mood_is_rather_the_label_than_stars() -> None:
    rows = [{**row, "mood": CHANCE.choice(["good", "bad"])} for row in column("stars", 1, 2, 3)]
    plan = plan_of(rows)
    assert plan.label == "mood"
    assert 'other columns could be the label: "stars"; choose with --label' in plan.reasons


def test_inputs_need_no_label() -> None:
    plan = infer_inputs(open_source([{"id": 1, "review": text()}]), DataSettings(text="review"))
    assert (plan.text, plan.label, plan.markup) == ("{review}", None, True)
    with pytest.raises(SettingsError, match=r'data: no column "review"\. Did you mean "reviews"'):
        infer_inputs(open_source([{"reviews": "a"}]), DataSettings(text="review"))


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format_gives_the_same_examples(tmp_path: Path, suffix: str) -> None:
    rows = column("label", "1", "0", "1")
    path = tmp_path / f"a.{suffix}"
    if suffix == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    elif suffix == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["review", "label"], delimiter=",\t"[suffix == "tsv"])
            writer.writeheader()
            writer.writerows(rows)
    source = open_source(path)
    read = read_examples(source, plan_of(path), DataSettings(), ReadReport())
    assert [(e.text, e.labels) for e in read] == [(r["review"], (r["label"],)) for r in rows]


SIXTY = "".join(f"{{{number}}}" for number in range(1, 61))

REAL = [
    ("nsmc/ratings_test.txt.gz", "{document}", "label", [], 49_997, 3),
    ("imdb/imdb_test.csv.gz", "{review}", "label", ["id", "rating"], 25_000, 0),
    ("korean-hate-speech/train.tsv", "{comments}", "hate", [], 7_896, 0),
    ("dna-splice/splice.csv", SIXTY, "Label", ["Donor"], 3_190, 0),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "label", "leaks", "count", "dropped"), REAL)
def test_real_files_are_read_right_without_being_told(
    data_folder: Path, file: str, text: str, label: str, leaks: list[str], count: int, dropped: int
) -> None:
    source = open_source(data_folder / file)
    plan = infer_labels(source, DataSettings())
    assert (plan.text, plan.label, plan.multi) == (text, label, False)
    told = [reason for reason in plan.reasons if "label away" in reason]
    assert all(f'"{name}"' in told[0] for name in leaks) and len(told) == bool(leaks)
    assert plan.markup == file.startswith("imdb")
    report = ReadReport()
    read = list(read_examples(source, plan, DataSettings(), report))
    assert (len(read), report.dropped.total()) == (count, dropped)
    assert not any("<br" in (example.text or "") for example in read[:500])


def test_one_line_for_data_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("review,label\n")
    with pytest.raises(SeqloomError, match="a: holds no rows, only a header"):
        plan_of(tmp_path / "a.csv")
