import json
import os
from pathlib import Path

import pytest

from seqloom.config import DataSettings
from seqloom.data.schema import TextPlan, infer_text
from seqloom.data.source import Source, open_source
from seqloom.errors import DataError, SettingsError

REVIEWS = [
    {"id": f"a{number}", "review": f"I liked film number {number} very much", "label": "0"}
    for number in range(30)
]
LINES = "".join(f"A {'very ' * (number % 9)}small dog runs.\n" for number in range(60))


@pytest.fixture
def data_folder() -> Path:
    folder = Path(os.environ.get("SEQLOOM_DATA", "absent"))
    if not folder.is_dir():
        pytest.skip("SEQLOOM_DATA names no folder with the real data")
    return folder


def plan_of(source: Source, **settings: object) -> TextPlan:
    return infer_text(source, DataSettings.model_validate(settings))


def text_file(folder: Path, text: str, encoding: str = "utf-8") -> Source:
    (folder / "a.txt").write_text(text, encoding=encoding)
    return open_source(folder / "a.txt")


def test_the_text_of_a_table_is_found_and_explained() -> None:
    plan = plan_of(open_source(REVIEWS))
    assert (plan.kind, plan.text) == ("row", "{review}")
    assert plan.reasons[0] == (
        'column "review" is the text: 30 values, 32 characters on average, nearly all different'
    )
    assert "each row is a record" in plan.reasons


def test_other_columns_with_text_are_named() -> None:
    rows = [{**row, "notes": row["review"]} for row in REVIEWS]
    assert (
        'other columns with text: "notes"; choose with --text' in plan_of(open_source(rows)).reasons
    )


def test_a_list_of_texts_needs_no_guess() -> None:
    plan = plan_of(open_source(["hello", "bye now"]))
    assert (plan.kind, plan.text) == ("row", "{text}")


def test_only_the_beginning_of_a_long_table_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(REVIEWS[0]) + "\n" + (json.dumps(REVIEWS[1]) + "\n") * 2_500)
    assert "in the first 2,000 rows" in plan_of(open_source(path)).reasons[1]


def test_plain_text_is_one_text_or_lines_or_files(tmp_path: Path) -> None:
    assert plan_of(text_file(tmp_path, "One long text.\n")).kind == "continuous"
    assert plan_of(text_file(tmp_path, LINES)).kind == "line"
    (tmp_path / "b.txt").write_text("second")
    plan = plan_of(open_source(tmp_path))
    assert (plan.kind, plan.text) == ("file", None)
    assert plan.reasons[-1] == "each file is a record: there are 2 text files"


@pytest.mark.parametrize("records", ["continuous", "line", "paragraph", "file"])
def test_settings_win_over_looks(tmp_path: Path, records: str) -> None:
    source = text_file(tmp_path, "가나다 라마바\n" * 30, "cp949")
    plan = plan_of(source, records=records, encoding="cp949", drop=("x",))
    assert (plan.kind, plan.encoding, plan.drop) == (records, "cp949", ("x",))
    assert all("as set" in reason for reason in plan.reasons)


def test_the_encoding_is_explained(tmp_path: Path) -> None:
    plan = plan_of(text_file(tmp_path, "정말 재밌는 영화\n" * 30, "cp949"))
    assert plan.encoding == "cp949"
    assert plan.reasons[0].startswith("the encoding is cp949: the bytes are not UTF-8 and give")


def test_files_of_several_encodings_are_each_read_by_their_own(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("정말 재밌는 영화", encoding="cp949")
    (tmp_path / "b.txt").write_text("정말 재밌는 영화", encoding="utf-8")
    plan = plan_of(open_source(tmp_path))
    assert plan.encoding == "auto"
    assert "the files differ in encoding (cp949, utf-8)" in plan.reasons
    (tmp_path / "a.txt").write_text("정말", encoding="utf-8-sig")
    assert plan_of(open_source(tmp_path)).encoding == "utf-8"


def test_templates_are_checked_against_the_columns() -> None:
    source = open_source(REVIEWS, name="films")
    assert plan_of(source, text="Film: {review}").text == "Film: {review}"
    assert plan_of(source, text="review").text == "{review}"
    for wrong in ("revew", "Film: {revew}"):
        with pytest.raises(
            SettingsError, match=r'films: no column "revew"\. Did you mean "review"'
        ):
            plan_of(source, text=wrong)


def test_settings_that_contradict_the_data(tmp_path: Path) -> None:
    table, text = open_source(REVIEWS), text_file(tmp_path, LINES)
    for records in ("line", "paragraph", "file"):
        with pytest.raises(SettingsError, match="is a table"):
            plan_of(table, records=records)
    assert plan_of(table, records="continuous").kind == "continuous"
    with pytest.raises(SettingsError, match="plain text, which has no rows"):
        plan_of(text, records="row")
    with pytest.raises(SettingsError, match="plain text without columns"):
        plan_of(text, text="review")
    with pytest.raises(SettingsError, match="encoding"):
        plan_of(text, encoding="utf-9")


def test_tables_without_rows_or_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n")
    with pytest.raises(DataError, match="a: holds no rows"):
        plan_of(open_source(tmp_path / "a.csv"))
    rows = [{"n": number, "label": "yes"} for number in range(30)]
    with pytest.raises(DataError, match=r"no column looks like text \(n, label\).*--text"):
        plan_of(open_source(rows))
    assert plan_of(open_source(rows), text="label").text == "{label}"


def test_numbers_by_date_are_hinted_to_be_a_series() -> None:
    rows = [
        {"id": n // 9, "visits": 5 + n % 7, "date": f"2024-01-{n % 9 + 1:02}"} for n in range(99)
    ]
    with pytest.raises(DataError) as caught:
        plan_of(open_source(rows))
    assert str(caught.value).endswith(
        'Column "visits" in the order of "date" looks like a time series. To forecast it, '
        "pass --task forecast --value visits; to learn labels of series, pass --series visits "
        "--id id --time date --label COLUMN."
    )
    dead = [{**row, "visits": ""} for row in rows]
    with pytest.raises(DataError, match=r'\(id, visits, date\)\. "visits" holds no value\. '):
        plan_of(open_source(dead))
    single = [{"when": row["date"], "the price": row["visits"]} for row in rows]
    with pytest.raises(DataError, match="--series 'the price' --id COLUMN --time when --label"):
        plan_of(open_source(single))
    no_dates = [{"id": row["id"], "visits": row["visits"]} for row in rows]
    with pytest.raises(DataError, match="Name it with --text"):
        plan_of(open_source(no_dates))


@pytest.mark.parametrize(
    ("path", "kind", "text"),
    [
        ("tinyshakespeare/input.txt", "continuous", None),
        ("nyt-articles-2018-04", "row", "{headline}"),
        ("recipes-epicurious", "row", "{directions}"),
        ("nsmc/ratings_train.txt.gz", "row", "{document}"),
        ("imdb", "row", "{review}"),
        ("korean-hate-speech/train.tsv", "row", "{comments}"),
        ("korean-hate-speech/train.news_title.txt", "line", None),
        ("korean-chatbot", "row", "{Q}"),
    ],
)
def test_real_data(data_folder: Path, path: str, kind: str, text: str | None) -> None:
    plan = plan_of(open_source(data_folder / path))
    assert (plan.kind, plan.text, plan.encoding) == (kind, text, "utf-8")
