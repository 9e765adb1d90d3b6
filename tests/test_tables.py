import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.data.tables import hidden_table, read_table, sniff_dialect

from seqloom.errors import DataError


def stop(message: str) -> None:
    raise DataError(message)


def rows_of(path: Path, text: str) -> list[dict[str, str]]:
    path.write_text(text, encoding="utf-8", newline="")
    return list(read_table(path, "utf-8", stop))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_is_found(tmp_path: Path, separator: str) -> None:
    text = f"id{separator}text\n1{separator}hello\n2{separator}bye\n"
    expected = [{"id": "1", "text": "hello"}, {"id": "2", "text": "bye"}]
    assert rows_of(tmp_path / "a.csv", text) == expected


def test_commas_in_a_semicolon_table_do_not_mislead(tmp_path: Path) -> None:
    text = "id;text\n1;one, two, three\n2;four\n3;five, six\n"
    assert rows_of(tmp_path / "a.csv", text)[0]["text"] == "one, two, three"


FIELD = st.text(st.sampled_from('ab가,"\n;\t '), min_size=1, max_size=12)


@given(rows=st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=8))
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("id", "text"), *rows])
    read = rows_of(tmp_path_factory.mktemp("csv") / "a.csv", out.getvalue())
    assert [tuple(row.values()) for row in read] == rows


def test_tabs_are_read_without_quoting(tmp_path: Path) -> None:
    text = 'id\tdocument\tlabel\n1\t"재밌다" 하더니\t1\n2\t별로"\t0\n3\t"끝\t0\n'
    documents = [row["document"] for row in rows_of(tmp_path / "a.tsv", text)]
    assert documents == ['"재밌다" 하더니', '별로"', '"끝']


def test_tabs_with_a_column_always_quoted_are_unquoted(tmp_path: Path) -> None:
    text = 'id\ttext\n1\t"a ""b"""\n2\t"c"\n'
    assert [row["text"] for row in rows_of(tmp_path / "a.tsv", text)] == ['a "b"', "c"]


def test_tabs_inside_quotes_are_kept(tmp_path: Path) -> None:
    text = 'id\ttext\n1\t"a\tb"\n2\tc\n3\td\n'
    assert rows_of(tmp_path / "a.tsv", text)[0]["text"] == "a\tb"


def test_unbalanced_quotes_between_commas_are_plain_characters(tmp_path: Path) -> None:
    text = 'id,text\n1,"he said\n2,fine\n3,ok\n'
    assert [row["text"] for row in rows_of(tmp_path / "a.csv", text)] == ['"he said', "fine", "ok"]


def test_one_column_may_hold_commas(tmp_path: Path) -> None:
    text = 'headline\nThe New Noma, Explained\n"Yes," he said\n'
    read = rows_of(tmp_path / "a.csv", text)
    assert [row["headline"] for row in read] == ["The New Noma, Explained", '"Yes," he said']
    quoted = rows_of(tmp_path / "b.csv", 'headline\n"a, b"\nc\n')
    assert [row["headline"] for row in quoted] == ["a, b", "c"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n\n3\n", r"a\.csv, line 4, column 2: 1 fields, expected 2 \(a, b\)"),
        ("a,b\n1,2\n1,2,3\n4,5\n", r"line 3, column 3: 3 fields, expected 2"),
        ("a,,b\n1,2,3\n", r"line 1, column 2: the column has no name"),
        ("a,b,a\n1,2,3\n", r'line 1, column 3: "a" is the name of column 1 too'),
    ],
)
def test_wrong_rows_and_names_are_located(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        rows_of(tmp_path / "a.csv", text)


def test_line_numbers_count_line_ends_inside_fields(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 5, column 2: 1 fields"):
        rows_of(tmp_path / "a.csv", 'a,b\n1,"x\ny"\n1,2\n3\n')


def test_a_quote_far_down_that_never_closes_names_where_it_opens(tmp_path: Path) -> None:
    text = "a,b\n" + '1,"x"\n' * 100_000 + '2,"open\n' + "3,y\n" * 1_000
    with pytest.raises(DataError, match="line 100002: a quote that opens here is not closed"):
        rows_of(tmp_path / "a.csv", text)


def test_a_bad_row_handler_may_go_on(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,2\n3\n4,"x"y\n5,6\n' + '7,"8"\n' * 60_000, encoding="utf-8")
    messages: list[str] = []
    rows = list(read_table(path, "utf-8", messages.append))
    assert [row["a"] for row in rows[:3]] == ["1", "4", "5"]
    assert len(messages) == 1
    assert len(rows) == 60_003


def test_a_nameless_first_column_is_the_row_number_of_pandas(tmp_path: Path) -> None:
    assert rows_of(tmp_path / "a.csv", ",text\n0,x\n")[0] == {"index": "0", "text": "x"}


@pytest.mark.parametrize(
    "text",
    [
        "id\tdocument\tlabel\n1\t좋다\t1\n2\t\t0\n",
        "이름\t내용\n가\t나\n",
        "word\tweight\nx\t1.5\ny\t-2\n",
    ],
)
def test_a_table_in_a_text_file_is_seen(text: str) -> None:
    assert "it is a table" in (hidden_table(text, True) or "")


@pytest.mark.parametrize(
    "text",
    [
        "Go.\t가.\nHi.\t안녕.\n",  # no header
        "Hi\t안녕\nRun\t뛰어\n",
        "id\ttext\n1\ta\tb\n",  # uneven
        "id\tid\n1\t2\n",
        "text\n a\n",
        "id\ttext\n",
        "1\t2\n3\t4\n",
        "",
    ],
)
def test_other_text_is_no_table(text: str) -> None:
    assert hidden_table(text, True) is None


def test_a_cut_sample_is_judged_by_its_whole_lines() -> None:
    assert hidden_table("id\ttext\n1\ta\n2", False)
    head = "id,text\n" + '1,"x, y"\n' * 50 + '2,"cut in the mid'
    assert sniff_dialect(head, False).quoted
    assert sniff_dialect(head, False).strict
