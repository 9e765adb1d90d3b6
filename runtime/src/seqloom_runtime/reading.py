"""Rows out of a file, with the standard library alone: lines of text, CSV, TSV, JSON lines.

    for row, record in read_rows("reviews.csv", column="text"): …

A row is what a model reads; the record is all that stood beside it.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqloom_runtime.errors import DataError
from seqloom_runtime.rows import Record

TABLES = {".csv": (",", "commas"), ".tsv": ("\t", "tabs")}
JSON_LINES = (".jsonl", ".ndjson", ".json")
NAMES = ("text", "sentence", "review", "document", "source", "tokens", "series", "values")
BIGGEST_CELL = 1 << 27  # bytes; csv stops at 131,072 by itself

_FIELD = re.compile(r"\{([^{}]+)\}")


def read_rows(path: str, column: str | None = None) -> Iterator[tuple[Any, Record]]:
    """What a model reads of each row, and the row; of lines the row is ``{"text": line}``.

    Args:
        path: a file, or - for lines of standard input.
        column: a column's name, or a template such as ``{title}: {text}``; None takes one whose
            name says what it is, or the only one.

    Raises:
        DataError: the file cannot be read, or has no such column.
    """
    if path == "-" or not is_table(path):
        for text in read_lines(path):
            yield text, {"text": text}
        return
    yield from _of_column(read_records(path), path, column)


def is_table(path: str) -> bool:
    """Whether a file's name says that it holds records rather than lines of text."""
    return Path(path).suffix.lower() in (*TABLES, *JSON_LINES)


def read_records(path: str) -> Iterator[Record]:
    """The records of a table.

    Raises:
        DataError: the file is none, or cannot be read.
    """
    suffix = Path(path).suffix.lower()
    if not is_table(path):
        raise DataError(f"{path}: expected a table: {', '.join((*TABLES, *JSON_LINES))}.")
    with opened(path) as file:
        yield from _table(file, path) if suffix in TABLES else _json_lines(file, path)


def read_lines(path: str) -> Iterator[str]:
    """Lines of a file, or of standard input, without their ends.

    Raises:
        DataError: the file cannot be read.
    """
    with opened(path) as file:
        for line in file:
            yield line.rstrip("\r\n")


@contextmanager
def opened(path: str) -> Iterator[Iterable[str]]:
    """A file as text in UTF-8; - is standard input.

    Raises:
        DataError: it cannot be read.
    """
    try:
        if path == "-":
            yield sys.stdin
            return
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            yield file
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not UTF-8. Save it as UTF-8 and pass that.") from None


def _table(file: Iterable[str], path: str) -> Iterator[Record]:
    csv.field_size_limit(BIGGEST_CELL)
    mark, name = TABLES[Path(path).suffix.lower()]
    rows = csv.reader(file, delimiter=mark)
    columns = next(rows, [])
    for fields in filter(None, rows):
        if len(fields) != len(columns):
            raise DataError(
                f"{path}, line {rows.line_num:,}: {len(fields)} fields, expected {len(columns)} "
                f"({', '.join(columns)}); fields are separated by {name}. Mend the row."
            )
        yield dict(zip(columns, fields, strict=True))


def _json_lines(file: Iterable[str], path: str) -> Iterator[Record]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}, line {number:,}: is no JSON ({error}).") from None
        yield found if isinstance(found, dict) else {"text": found}


def _of_column(
    records: Iterable[Record], path: str, column: str | None
) -> Iterator[tuple[Any, Record]]:
    template = column if column and _FIELD.search(column) else None
    for record in records:
        if template:
            yield _filled(template, record, path), record
            continue
        column = column or _likely(record, path)
        yield _cell(record, column, path), record


def _filled(template: str, record: Record, path: str) -> str:
    return _FIELD.sub(lambda field: str(_cell(record, field[1], path)), template)


def _likely(record: Record, path: str) -> str:
    """The column whose name says what it is, or the only one."""
    named = [name for name in record if name.strip().lower() in NAMES]
    if named or len(record) == 1:
        return (named or list(record))[0]
    raise DataError(f"{path}: {_columns(record)} Name the one to read with --text.")


def _cell(record: Record, column: str, path: str) -> Any:
    if column not in record:
        raise DataError(f'{path}: there is no column "{column}". {_columns(record)}')
    value = record[column]
    return "" if value is None else value


def _columns(record: Record) -> str:
    return f"The columns are {', '.join(record)}."
