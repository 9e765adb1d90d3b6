import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqloom.data.frames import frame_records, is_frame, read_parquet
from seqloom.errors import DataError

ROWS = [{"text": "가나", "n": 1}, {"text": None, "n": 2}]
FRAMES = [pd.DataFrame(ROWS), pl.DataFrame(ROWS), pa.Table.from_pylist(ROWS)]


@pytest.mark.parametrize(
    "frame", [*FRAMES, FRAMES[2].to_batches()[0]], ids=lambda f: type(f).__name__
)
def test_frames_give_their_rows(frame: Any) -> None:
    assert is_frame(frame)
    assert list(frame_records(frame)) == ROWS


@pytest.mark.parametrize("thing", [[], {}, "a", ROWS, 3, None, pd.Series(["a"])])
def test_other_things_are_no_frames(thing: object) -> None:
    assert not is_frame(thing)


def test_the_index_is_left_out_and_lists_stay_lists() -> None:
    frame = pd.DataFrame({"steps": [["a", "b"], []]}, index=[7, 9])
    assert list(frame_records(frame)) == [{"steps": ["a", "b"]}, {"steps": []}]


def test_mixed_columns_fall_back_to_plain_rows() -> None:
    frame = pd.DataFrame({"text": pd.Series(["a", 3, pd.NA, None], dtype=object), 5: [1, 2, 3, 4]})
    assert [row["text"] for row in frame_records(frame)] == ["a", 3, None, None]
    assert next(frame_records(frame))["5"] == 1


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='the frame: two columns are named "a"'):
        list(frame_records(pd.DataFrame([[1, 2]], columns=["a", "a"])))
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), path)
    with pytest.raises(DataError, match=r'a\.parquet: two columns are named "a"'):
        list(read_parquet(path))


def test_parquet_and_gzipped_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    rows = [{"text": f"row {i}", "n": i} for i in range(3_000)]
    pq.write_table(pa.Table.from_pylist(rows), path)
    packed = tmp_path / "a.parquet.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert list(read_parquet(path)) == rows
    assert list(read_parquet(packed)) == rows


def test_damaged_parquet_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 this is no parquet PAR1")
    with pytest.raises(DataError, match="cannot be read as Parquet") as caught:
        list(read_parquet(path))
    assert "\n" not in str(caught.value)


def test_reading_a_list_imports_no_frame_library() -> None:
    code = (
        "import sys; from seqloom.data.source import open_source, row_records;"
        "list(row_records(open_source(['a']).rows));"
        "assert not {'pandas', 'polars', 'pyarrow', 'torch', 'pooch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
