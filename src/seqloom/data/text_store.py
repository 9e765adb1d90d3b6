"""Texts on disk, mapped into memory, by number: those of labelled examples.

One Arrow IPC file with one column of strings. Knows nothing of labels, tokens or splits.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import overload

import numpy as np
import pyarrow as pa

BATCH_CHARACTERS = 1 << 22  # buffered before they are written


class TextWriter:
    """Writes texts one by one; the file appears under its name only when all are written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._schema = pa.schema([("text", pa.large_string())])
        self._temporary = path.with_name(path.name + ".tmp")
        self._file = pa.OSFile(str(self._temporary), "wb")
        self._writer = pa.ipc.new_file(self._file, self._schema)
        self._texts: list[str] = []
        self._waiting = 0

    def add(self, text: str) -> None:
        """Append one text; half of a character pair, which no file can hold, becomes a mark."""
        self._texts.append(text.encode("utf-8", "replace").decode("utf-8"))
        self._waiting += len(text)
        if self._waiting >= BATCH_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        column = pa.array(self._texts, pa.large_string())
        self._writer.write_batch(pa.record_batch([column], schema=self._schema))
        self._texts, self._waiting = [], 0

    def __enter__(self) -> TextWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._flush()
        self._writer.close()
        self._file.close()
        if error is None:
            os.replace(self._temporary, self.path)
        else:
            self._temporary.unlink()


class Texts(Sequence[str]):
    """Texts of a file, or some of them, in the order of ``rows``."""

    def __init__(self, path: Path, rows: Sequence[int] | None = None) -> None:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        self._column = pa.chunked_array([b.column(0) for b in batches], pa.large_string())
        self._rows = range(len(self._column)) if rows is None else rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        """One text, or those of a slice."""
        if isinstance(place, slice):
            rows = pa.array(np.asarray(self._rows[place], dtype=np.int64))
            texts: list[str] = self._column.take(rows).to_pylist()
            return texts
        text: str = self._column[int(self._rows[place])].as_py()
        return text

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), 4096):
            yield from self[start : start + 4096]
