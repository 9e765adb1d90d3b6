"""A sample of rows from all over a source: what is decided about columns is decided on it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from seqloom.data.records import read_records
from seqloom.data.source import Source
from seqloom.errors import DataError, SettingsError, nearest

SIZE = 4_000  # rows kept

Record = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """Rows of a source.

    Args:
        name: of the source, for messages.
        records: the rows.
        columns: those in the rows, in order.
        whole: whether the rows could be from anywhere in the source, or from its beginning only.
    """

    name: str
    records: list[Record]
    columns: list[str]
    whole: bool

    def check(self, column: str) -> None:
        """See that a column exists.

        Raises:
            SettingsError: it does not; the nearest is offered.
        """
        if column not in self.columns:
            raise SettingsError(
                f'{self.name}: no column "{column}". {nearest(column, self.columns)}'
            )


def read_sample(source: Source, encoding: str, most: int | None) -> Sample:
    """Rows from all over the first ``most`` ones, the same rows each time."""
    chance = random.Random(0)
    kept: list[Record] = []
    whole = True
    rows = read_records(source, encoding=encoding, skip_bad_rows=True)
    for number, record in enumerate(rows):
        if number == most:
            whole = False
            break
        if len(kept) < SIZE:
            kept.append(record)
        elif (place := int(chance.random() * (number + 1))) < SIZE:
            kept[place] = record
    if not kept:
        raise DataError(f"{source.name}: holds no rows, only a header or nothing readable.")
    columns = list(dict.fromkeys(key for record in kept for key in record))
    return Sample(source.name, kept, columns, whole)
