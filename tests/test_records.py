import gzip
import json
import os
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqloom.data.records import ReadReport, read_records
from seqloom.data.source import open_source
from seqloom.errors import DataError

ROWS = [{"id": str(number), "text": f'문장 {number}, "quoted"'} for number in range(50)]


@pytest.fixture
def data_folder() -> Path:
    folder = Path(os.environ.get("SEQLOOM_DATA", "absent"))
    if not folder.is_dir():
        pytest.skip("SEQLOOM_DATA names no folder with the real data")
    return folder


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    name = path.name.removesuffix(".gz")
    plain = path.with_name(name)
    if name.endswith("parquet"):
        pq.write_table(pa.Table.from_pylist(rows), plain)
    elif name.endswith("jsonl"):
        plain.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif name.endswith("json"):
        plain.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    else:
        mark = "\t" if name.endswith("tsv") else ";"
        quote = '"' if mark == ";" else ""
        lines = [f"id{mark}text"]
        for row in rows:
            text = row["text"].replace('"', '""') if quote else row["text"]
            lines.append(f"{row['id']}{mark}{quote}{text}{quote}")
        plain.write_text("\n".join(lines), encoding="utf-8")
    if path != plain:
        path.write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    return path


@pytest.mark.parametrize("suffix", ["csv", "tsv", "json", "jsonl", "parquet"])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_every_format_gives_the_same_records(tmp_path: Path, suffix: str, packed: str) -> None:
    path = write(tmp_path / f"a.{suffix}{packed}", ROWS)
    assert list(read_records(open_source(path))) == ROWS


def test_lines_of_plain_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\n two \n")
    records = list(read_records(open_source(tmp_path / "a.txt")))
    assert records == [{"text": "one"}, {"text": "two"}]


def test_every_line_of_a_text_where_all_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\n two \n\n")
    source = open_source(tmp_path / "a.txt")
    lines = [record["text"] for record in read_records(source, complete=True)]
    assert lines == ["one", "", "two", ""]


@pytest.mark.parametrize("lines", ["x\ny\n", "x\n", "x\ny\nz\n"])
def test_columns_in_files_of_their_own(tmp_path: Path, lines: str) -> None:
    (tmp_path / "a.tsv").write_text("text\tlabel\none\t1\ntwo\t0\n")
    (tmp_path / "titles.txt").write_text(lines)
    source = replace(open_source(tmp_path / "a.tsv"), columns=(("title", tmp_path / "titles.txt"),))
    assert source.digest() != open_source(tmp_path / "a.tsv").digest()
    if lines == "x\ny\n":
        assert list(read_records(source)) == [
            {"text": "one", "label": "1", "title": "x"},
            {"text": "two", "label": "0", "title": "y"},
        ]
        return
    with pytest.raises(DataError, match=r"do not hold as many rows: .*a.tsv, .*titles.txt"):
        list(read_records(source))


def test_files_of_a_folder_follow_each_other_each_in_its_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,n\n가나다라,1\n", encoding="cp949")
    (tmp_path / "b.csv").write_text("text,n\n마바사아,2\n", encoding="utf-8")
    assert [row["text"] for row in read_records(open_source(tmp_path))] == ["가나다라", "마바사아"]


def test_a_bad_row_stops_or_is_dropped_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3\n4,5,6\n7,8\n")
    source = open_source(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"line 3.*pass --skip-bad-rows"):
        list(read_records(source))
    report = ReadReport()
    records = list(read_records(source, skip_bad_rows=True, report=report))
    assert [row["a"] for row in records] == ["1", "7"]
    assert report.dropped == {"bad row": 2}


def test_the_report_in_words() -> None:
    report = ReadReport(records=18_660, characters=1_234_567)
    assert report.lines() == ["18,660 records, 1,234,567 characters"]
    for reason in ("bad row", 'missing field "a"', 'missing field "a"'):
        report.drop(reason)
    assert report.lines()[1] == '3 dropped: missing field "a" (2), bad row (1)'


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "json"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, suffix: str) -> None:
    peaks = []
    for count in (20_000, 60_000):
        path = tmp_path / f"{count}.{suffix}"
        write(path, [{"id": str(i), "text": "word " * 12} for i in range(count)])
        source = open_source(path)
        tracemalloc.start()
        assert sum(1 for _ in read_records(source)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_reviews_with_unbalanced_quotes_are_all_read(data_folder: Path) -> None:
    source = open_source(data_folder / "nsmc" / "ratings_train.txt.gz")
    labels = [row["label"] for row in read_records(source)]
    assert len(labels) == 150_000
    assert set(labels) == {"0", "1"}
