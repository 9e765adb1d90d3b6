"""Rows out of a file, without pandas or Arrow: lines, tables, JSON; packed with gzip or not.

    for row, record in read_rows("reviews.csv", column="text"): …

Encoding and separator are found as in training. A row is what a model reads; the record is all that
stood beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqloom_runtime.data.encoding import read_head, read_lines
from seqloom_runtime.data.json_records import read_json
from seqloom_runtime.data.tables import OnBad, hidden_table, read_table
from seqloom_runtime.data.template import Template
from seqloom_runtime.errors import DataError
from seqloom_runtime.rows import Record

TABLES = (".csv", ".tsv")
JSON = (".jsonl", ".ndjson", ".json")
ELSEWHERE = (".parquet", ".xlsx", ".xls")  # seqloom itself, or other programs, can make CSV of them
NAMES = ("text", "sentence", "review", "document", "source", "tokens", "series", "values")


def stop(message: str) -> None:
    """What is done with a row that cannot be read.

    Raises:
        DataError: always.
    """
    raise DataError(f"{message} Mend the row, or pass --skip-bad-rows to drop such rows.")


@dataclass(frozen=True)
class Reading:
    """How files are read.

    Args:
        encoding: of the file; auto finds it.
        on_bad: takes the message about a row that cannot be read.
        drop: values that count as missing.
    """

    encoding: str = "auto"
    on_bad: OnBad = stop
    drop: Sequence[str] = ()


def read_rows(
    path: str, column: str | None = None, how: Reading = Reading()
) -> Iterator[tuple[Any, Record]]:
    """What a model reads of each row, and the row; of lines the row is ``{"text": line}``.

    Args:
        path: a file, or - for lines of standard input.
        column: a column's name, or a template such as ``{title}: {text}``; None takes one whose
            name says what it is, or the only one.
        how: the file is read.

    Raises:
        DataError: the file cannot be read, or holds nothing.
        SettingsError: it has no such column.
    """
    if path == "-" or not is_table(path, how.encoding):
        for text in input_lines() if path == "-" else _lines(path, how):
            yield text, {"text": text}
        return
    yield from _of_column(read_records(path, how), path, column, how.drop)


def read_cells(path: str, place: int, how: Reading = Reading()) -> Iterator[tuple[str, Record]]:
    """One of the texts that tabs part in each line; of a line that has no such text all of it."""
    for line in input_lines() if path == "-" else _lines(path, how):
        yield cell_of(line, place)


def cell_of(line: str, place: int) -> tuple[str, Record]:
    r"""The text at a place of a line, from 0, and all of its texts by their numbers, from 1.

    >>> cell_of("ein Hund\ta dog", 1)
    ('a dog', {'1': 'ein Hund', '2': 'a dog'})
    """
    cells = line.split("\t")
    record: Record = {str(number): cell for number, cell in enumerate(cells, start=1)}
    return (cells[place] if place < len(cells) else line).strip(), record


def is_table(path: str, encoding: str = "auto") -> bool:
    """Whether a file holds records rather than lines of text.

    Raises:
        DataError: it cannot be read.
    """
    suffix = suffix_of(path)
    if suffix in ELSEWHERE:
        raise DataError(f"{path}: {suffix} is not read here. Save it as CSV or JSON lines.")
    if suffix == ".txt":
        return hidden_table(*read_head(Path(path), encoding)) is not None
    return suffix in (*TABLES, *JSON)


def read_records(path: str, how: Reading = Reading()) -> Iterator[Record]:
    """The records of a table.

    Raises:
        DataError: the file is none, cannot be read, or holds no rows.
    """
    if not is_table(path, how.encoding):
        raise DataError(f"{path}: expected a table: {', '.join((*TABLES, *JSON))}.")
    read = read_json if suffix_of(path) in JSON else read_table
    record = None
    for record in read(Path(path), how.encoding, how.on_bad):
        yield record
    if record is None:
        raise DataError(f"{path}: holds no rows, only a header or nothing readable.")


def input_lines() -> Iterator[str]:
    """The lines of standard input, without their ends.

    Raises:
        DataError: there are none, or one is not UTF-8.
    """
    number = 0
    try:
        for number, line in enumerate(sys.stdin, 1):
            yield line.rstrip("\r\n").removeprefix("\ufeff" if number == 1 else "")
    except UnicodeDecodeError:
        raise DataError(
            f"standard input, after line {number:,}: is not UTF-8. Save it to a file and pass that."
        ) from None
    if not number:
        raise DataError("standard input: is empty. Expected lines of text, one after the other.")


def _lines(path: str, how: Reading) -> Iterator[str]:
    line = None
    for line in read_lines(Path(path), how.encoding):
        yield line
    if line is None:
        raise DataError(f"{path}: the file is empty.")


def suffix_of(path: str) -> str:
    """How a file's name ends, in lower case and without .gz.

    >>> suffix_of("words.CoNLLU.gz")
    '.conllu'
    """
    return Path(path.lower().removesuffix(".gz")).suffix


def _of_column(
    records: Iterator[Record], path: str, column: str | None, drop: Sequence[str]
) -> Iterator[tuple[Any, Record]]:
    template = None
    for record in records:
        if template is None:
            template = Template.of(column or _likely(record, path))
            template.check(record, path)
        yield _value(record, template, drop), record


def _value(record: Record, template: Template, drop: Sequence[str]) -> Any:
    """The text of a record, or what its only column holds where that is no text, such as a list."""
    if template.text == f"{{{template.columns[0]}}}":
        value = record.get(template.columns[0])
        if isinstance(value, list):
            return value
    return template.filled(record, drop)


def _likely(record: Record, path: str) -> str:
    """The column whose name says what it is, or the only one."""
    named = [name for name in record if name.strip().lower() in NAMES]
    if named or len(record) == 1:
        return (named or list(record))[0]
    columns = ", ".join(record)
    raise DataError(f"{path}: The columns are {columns}. Name the one to read with --text.")
