import gzip
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqloom.data.source import Source, format_of, open_source, row_records
from seqloom.errors import DataError


def put(folder: Path, **files: str) -> Path:
    """Files named like a_txt=..., written into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("suffix", ["txt", "csv", "tsv", "json", "jsonl", "CSV"])
@pytest.mark.parametrize("packed", [False, True])
def test_one_file(tmp_path: Path, suffix: str, packed: bool) -> None:
    data = b'{"a": "b"}\n' * 3
    path = tmp_path / f"my data.{suffix}{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(data) if packed else data)
    source = open_source(str(path))
    assert (source.name, source.files) == ("my data", (path,))
    assert source.digest() == hashlib.sha256(data).hexdigest()
    assert source.size == path.stat().st_size


def test_a_table_named_txt_is_a_table(tmp_path: Path) -> None:
    put(tmp_path, a_txt="id\tdocument\tlabel\n1\t좋다\t1\n", b_txt="no\ttable\n")
    table = open_source(tmp_path / "a.txt")
    assert table.format == "table"
    assert "2 tabs" in table.reasons[0]
    assert open_source(tmp_path / "b.txt").format == "text"


def test_folders_are_read_in_order_without_hidden_and_foreign_files(tmp_path: Path) -> None:
    folder = put(tmp_path / "poems", b_txt="b", a_txt="a", README_txt="about", c_docx="?")
    put(folder / "more", c_txt="c")
    put(folder / ".cache", d_txt="d")
    source = open_source(folder)
    assert [path.name for path in source.files] == ["a.txt", "b.txt", "c.txt"]
    assert source.name == "poems"
    assert "left out: README.txt" in source.reasons


def test_globs(tmp_path: Path) -> None:
    put(tmp_path / "poems", a_txt="a", b_txt="b", c_csv="c")
    source = open_source(f"{tmp_path}/poems/*.txt")
    assert [path.name for path in source.files] == ["a.txt", "b.txt"]
    assert source.name == "poems"
    assert open_source(f"{tmp_path}/poems/c*").name == "c"


def test_a_file_with_glob_characters_in_its_name_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a[1].txt").write_text("x")
    assert open_source(tmp_path / "a[1].txt").name == "a[1]"


def test_empty_files_among_full_ones_are_left_out(tmp_path: Path) -> None:
    source = open_source(put(tmp_path / "texts", a_txt="", b_txt="b"))
    assert [path.name for path in source.files] == ["b.txt"]
    assert source.reasons == ("1 empty files left out",)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("reviws.csv", r'reviws\.csv: no such file\. Did you mean ".*reviews\.csv"\?'),
        ("zzz", r"zzz: no such file\. Pass a file, a folder, a glob .* tinyshakespeare"),
        ("no/where.txt", r'no such file; there is no folder ".*no"'),
        ("*.nothing", r"no file matches"),
        ("empty.txt", r"empty\.txt: the file is empty"),
        ("empty.txt.gz", r"empty\.txt\.gz: the file is empty"),
        ("page.docx", r"page\.docx: files of this name cannot be read\. Expected \.txt"),
        ("hollow", r"hollow: the folder holds no file that can be read"),
        ("mixed", r'different kinds \(table, text\)\. Pass one kind, for example ".*\*\.csv"'),
        ("*.docx", r"page\.docx: files of this name"),
    ],
)
def test_what_cannot_be_opened_is_one_line(tmp_path: Path, name: str, message: str) -> None:
    put(tmp_path, reviews_csv="a\nb", empty_txt="", page_docx="x")
    (tmp_path / "empty.txt.gz").write_bytes(gzip.compress(b""))
    put(tmp_path / "hollow", LICENSE_txt="free", picture_png="x")
    put(tmp_path / "mixed", a_csv="a\nb", b_txt="b")
    with pytest.raises(DataError, match=message) as caught:
        open_source(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_a_nearly_right_catalogue_name_is_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match='Did you mean "tinyshakespeare"'):
        open_source("tinyshakespear")


def test_a_text_passed_for_a_path_is_no_crash() -> None:
    with pytest.raises(DataError, match="no such file"):
        open_source("To be, or not to be: " * 1_000)


ROWS = [{"text": "가"}, {"text": "b"}]


@pytest.mark.parametrize(
    "data",
    [
        ["가", "b"],
        ("가", "b"),
        ROWS,
        np.array(["가", "b"]),
        pd.Series(["가", "b"]),
        pl.Series(["가", "b"]),
        pd.DataFrame(ROWS),
        pl.DataFrame(ROWS),
        pa.Table.from_pylist(ROWS),
    ],
    ids=lambda data: f"{type(data).__module__}.{type(data).__name__}",
)
def test_things_in_memory(data: Any) -> None:
    source = open_source(data)
    assert (source.name, source.files, source.format) == ("data", (), "rows")
    assert list(row_records(source.rows)) == ROWS
    # The same rows have the same digest, whatever holds them.
    assert source.digest() == open_source(ROWS).digest()
    assert source.size == len('{"text": "가"}\n{"text": "b"}\n'.encode())


@pytest.mark.parametrize("data", [[], pd.DataFrame({"text": []}), 3, None, iter("ab"), {"a": "b"}])
def test_nothing_and_wrong_things_in_memory_are_refused(data: Any) -> None:
    with pytest.raises(DataError, match="Received"):
        open_source(data)


def test_a_wrong_row_is_named() -> None:
    with pytest.raises(DataError, match="Row 1 is int"):
        open_source(["a", 3])


def test_digest_tells_content_and_order_apart(tmp_path: Path) -> None:
    put(tmp_path, a_txt="ab", b_txt="c", c_txt="a", d_txt="bc")
    paths = {name: tmp_path / f"{name}.txt" for name in "abcd"}
    digests = {
        Source("x", tuple(paths[name] for name in names), format="text").digest()
        for names in ("ab", "ba", "cd", "a", "b")
    }
    assert len(digests) == 5
    assert open_source(["a"]).digest() != open_source(["b"]).digest()


def test_a_given_name_wins(tmp_path: Path) -> None:
    put(tmp_path, a_txt="x")
    assert open_source(tmp_path / "a.txt", name="mine").name == "mine"


def test_parquet_is_known(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    assert open_source(tmp_path / "a.parquet").format == "parquet"
    assert format_of(Path("A.Parquet.GZ")) == "parquet"
