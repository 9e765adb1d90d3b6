"""Rows out: as CSV with a header, or as JSON lines; streamed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

Record = dict[str, Any]


def as_json(rows: Iterable[Record]) -> Iterator[str]:
    """One JSON object a row."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, default=str)


def as_csv(rows: Iterable[Record]) -> Iterator[str]:
    """A header, then the rows; of records with unlike keys, the first one's columns count."""
    header: list[str] = []
    for row in rows:
        if not header:
            header = list(row)
            yield _csv_line(header)
        yield _csv_line(_cell(row.get(name)) for name in header)


def unlike(names: Record, taken: Iterable[str]) -> Record:
    """New columns beside those that a row has; a name that is taken gets a mark."""
    there = set(taken)
    return {(f"{name}_" if name in there else name): value for name, value in names.items()}


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value


def _csv_line(values: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()
