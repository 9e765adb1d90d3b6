"""Data frames of pandas, polars and Arrow, and Parquet files, as records, batch by batch.

Frames are known by what they can do, so pandas and polars are never imported.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from seqloom_runtime.data.encoding import open_bytes

from seqloom.errors import DataError

ROWS = 1_024
"""Rows turned into records at a time."""


def is_frame(data: object) -> bool:
    """Whether the object is a table with columns that gives an Arrow stream or ``to_dict``."""
    readable = hasattr(data, "__arrow_c_stream__") or hasattr(data, "to_dict")
    return readable and hasattr(data, "columns")


def frame_records(frame: Any) -> Iterator[dict[str, Any]]:
    """One dict a row; missing values are None. The frame's row index is left out.

    Raises:
        DataError: two columns have the same name.
    """
    import pyarrow as pa

    _check_names([str(name) for name in _names(frame)], "the frame")
    try:
        reader = pa.RecordBatchReader.from_stream(frame)
    except (pa.ArrowException, TypeError):
        # A pandas column of mixed values has no Arrow type; a frame may also know no Arrow.
        yield from _plain_records(frame)
        return
    kept = [name for name in reader.schema.names if not name.startswith("__index_level_")]
    for batch in reader:
        for start in range(0, batch.num_rows, ROWS):
            yield from batch.slice(start, ROWS).select(kept).to_pylist()


def read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """One dict a row of a Parquet file, or of a gzipped one.

    Raises:
        DataError: the file is not Parquet, is damaged or has two columns of one name.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Parquet is read from its end: gzip cannot go back, so it is unpacked to disk first.
    with open_bytes(path) as file, tempfile.TemporaryFile() as unpacked:
        seekable: BinaryIO = file
        if path.suffix.lower() == ".gz":
            shutil.copyfileobj(file, unpacked)
            unpacked.seek(0)
            seekable = unpacked
        try:
            table = pq.ParquetFile(seekable)
            _check_names(table.schema_arrow.names, str(path))
            for batch in table.iter_batches(batch_size=ROWS):
                yield from batch.to_pylist()
        except pa.ArrowException as error:
            reason = str(error).splitlines()[0]
            raise DataError(f"{path}: cannot be read as Parquet ({reason}).") from None


def _names(frame: Any) -> Iterable[object]:
    # Arrow's columns are arrays; their names stand beside them.
    return getattr(frame, "column_names", None) or list(getattr(frame, "columns", ()))


def _check_names(names: list[str], where: str) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise DataError(f'{where}: two columns are named "{twice[0]}". Give each its own name.')


def _plain_records(frame: Any) -> Iterator[dict[str, Any]]:
    if not hasattr(frame, "to_dict"):
        raise DataError(
            f"Received {type(frame).__name__}, whose rows cannot be read. Pass a list of dicts."
        )
    rows: list[Mapping[Any, Any]] = frame.to_dict("records")
    for row in rows:
        yield {str(key): None if _is_missing(value) else value for key, value in row.items()}


def _is_missing(value: object) -> bool:
    # pandas' own marks cannot be compared, so they are known by name.
    return type(value).__name__ in ("NAType", "NaTType") or (
        isinstance(value, float) and math.isnan(value)
    )
