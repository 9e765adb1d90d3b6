"""Token ids on disk, mapped into memory: what is trained on need not fit into memory.

A store is one Arrow IPC file with one column, a list of ids a record. A continuous text is stored
as records too (its pieces, in order) and read flat across them. Knows nothing of tokens or splits.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ids = npt.NDArray[np.integer]

BATCH_TOKENS = 1 << 20  # ids buffered before they are written


class StoreWriter:
    """Writes records one by one; the file appears under its name only when all are written."""

    def __init__(self, path: Path, vocab_size: int) -> None:
        self.path = path
        self.dtype = np.dtype(np.uint16 if vocab_size <= 1 << 16 else np.uint32)
        self._schema = pa.schema([("ids", pa.large_list(pa.from_numpy_dtype(self.dtype)))])
        self._temporary = path.with_name(path.name + ".tmp")
        self._file = pa.OSFile(str(self._temporary), "wb")
        self._writer = pa.ipc.new_file(self._file, self._schema)
        self._records: list[Ids] = []
        self._waiting = 0

    def add(self, ids: Ids) -> None:
        """Append one record."""
        self._records.append(ids.astype(self.dtype))
        self._waiting += len(ids)
        if self._waiting >= BATCH_TOKENS:
            self._flush()

    def _flush(self) -> None:
        if not self._records:
            return
        offsets = np.cumsum([0, *(len(ids) for ids in self._records)], dtype=np.int64)
        column = pa.LargeListArray.from_arrays(offsets, np.concatenate(self._records))
        self._writer.write_batch(pa.record_batch([column], schema=self._schema))
        self._records, self._waiting = [], 0

    def __enter__(self) -> StoreWriter:
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


class Store:
    """Records of ids, read from a mapped file.

    Attributes:
        lengths: ids in each record (records,).
        tokens: ids in all records.
    """

    def __init__(self, path: Path) -> None:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        columns = [reader.get_batch(i).column(0) for i in range(reader.num_record_batches)]
        self._values = [column.values.to_numpy(zero_copy_only=True) for column in columns]
        offsets = [column.offsets.to_numpy(zero_copy_only=True) for column in columns]
        self.lengths = np.concatenate([np.diff(o) for o in offsets] or [np.zeros(0, np.int64)])
        self._starts = np.concatenate([[0], np.cumsum(self.lengths)])  # of records, flat
        self._borders = np.cumsum([0, *(len(values) for values in self._values)])  # of batches
        self.tokens = int(self._borders[-1])

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, record: int) -> Ids:
        return self.slice(int(self._starts[record]), int(self._starts[record + 1]))

    def slice(self, start: int, stop: int) -> Ids:
        """Ids from start to stop, counted across all records; a view where one batch has them."""
        first = int(np.searchsorted(self._borders, start, side="right")) - 1
        parts: list[Ids] = []
        while start < stop:
            base, end = int(self._borders[first]), min(stop, int(self._borders[first + 1]))
            parts.append(self._values[first][start - base : end - base])
            start, first = end, first + 1
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.zeros(0, np.uint16)


def write_store(path: Path, records: Iterable[Ids], vocab_size: int) -> Store:
    """Write all records and open them."""
    with StoreWriter(path, vocab_size) as writer:
        for ids in records:
            writer.add(ids)
    return Store(path)
