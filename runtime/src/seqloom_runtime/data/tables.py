"""Tables in text files: which character separates, whether quotes quote, and the rows.

The first line names the columns. Everything is decided from the first characters of the file.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from seqloom_runtime.data.column_names import is_known
from seqloom_runtime.data.encoding import read_head, read_lines
from seqloom_runtime.errors import DataError

_SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_NO_SEPARATOR = "\x1f"  # stands in no text: each line is one field
_FIELD_LIMIT = 16 * 2**20  # characters; a quote never closed must not read the file into memory
_NAME = re.compile(r"\w[\w \-/()#%]{0,39}")
_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?")

OnBad = Callable[[str], None]
"""Takes the message about a bad row: raises it, or counts the row as dropped."""


@dataclass(frozen=True)
class Dialect:
    """How the rows of a table are written.

    Args:
        separator: the character between two fields.
        quoted: whether "..." keeps a separator or a line end inside a field.
        strict: whether a quote in the wrong place makes the row a bad one.
        reason: both, in words for the user.
    """

    separator: str
    quoted: bool
    strict: bool
    reason: str


def sniff_dialect(head: str, whole: bool) -> Dialect:
    """The dialect that gives most rows as many fields as the header.

    Args:
        head: the first characters of the file.
        whole: whether they are all of it.
    """
    lines = _complete_lines(head, whole)
    best, best_rank = None, (0.0, 0)
    for separator in _SEPARATORS:
        candidate, agree, width = _try(lines, separator, whole)
        if width > 1 and (round(agree, 2), width) > best_rank:
            best, best_rank = candidate, (round(agree, 2), width)
    return best or _single_column(lines, whole)


def read_table(path: Path, encoding: str, on_bad: OnBad) -> Iterator[dict[str, Any]]:
    """One dict a row, all values text.

    Raises:
        DataError: an empty or repeated column name; through ``on_bad``, a row with too many or
            too few fields or with a quote in the wrong place.
    """
    dialect = sniff_dialect(*read_head(path, encoding))
    rows = _rows(read_lines(path, encoding), dialect)
    names: list[str] | None = None
    for line, fields in rows:
        if isinstance(fields, str):
            on_bad(f"{path}, line {line}: {fields}.")
        elif names is None:
            names = _column_names(fields, path, line)
        elif len(fields) != len(names):
            on_bad(_wrong_width(path, line, fields, names, dialect))
        else:
            yield dict(zip(names, fields, strict=True))


def as_table(rows: Iterable[dict[str, Any]], path: Path, encoding: str) -> Iterator[str]:
    """Rows as lines of a table written as the one at ``path`` is, its header first."""
    dialect = sniff_dialect(*read_head(path, encoding))
    alone = dialect.separator == _NO_SEPARATOR
    separator = "," if alone else dialect.separator
    quoting: Any = csv.QUOTE_MINIMAL if dialect.quoted or alone else csv.QUOTE_NONE
    quote = '"' if quoting == csv.QUOTE_MINIMAL else None
    line = io.StringIO()
    writer = csv.writer(
        line, delimiter=separator, quoting=quoting, quotechar=quote, lineterminator=""
    )
    for number, row in enumerate(rows):
        for fields in (row.keys(), row.values()) if number == 0 else (row.values(),):
            writer.writerow(fields)
            yield line.getvalue()
            line.seek(0)
            line.truncate()


def line_of_row(path: Path, encoding: str, number: int) -> int | None:
    """Line at which the ``number``-th row that can be read begins, counted from 0."""
    rows = _rows(read_lines(path, encoding), sniff_dialect(*read_head(path, encoding)))
    readable = ((line, fields) for line, fields in rows if not isinstance(fields, str))
    _, names = next(readable, (0, []))
    lines = (line for line, fields in readable if len(fields) == len(names))
    return next(islice(lines, number, None), None)


def hidden_table(head: str, whole: bool) -> str | None:
    """Why a .txt file is a tab-separated table, or None when it is plain text.

    Every line must hold as many tabs as the first, and the first must look like names of columns:
    short words, one of them usual or above a column of numbers.
    """
    rows = [line.split("\t") for line in _complete_lines(head, whole) if line][:1_000]
    if len(rows) < 2 or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return None
    names = rows[0]
    if len(set(names)) < len(names) or not all(map(_NAME.fullmatch, names)):
        return None
    numbers = [all(map(_NUMBER.fullmatch, column)) for column in zip(*rows[1:], strict=True)]
    if any(map(_NUMBER.fullmatch, names)) or not (any(numbers) or any(map(is_known, names))):
        return None
    tabs = "a tab" if len(names) == 2 else f"{len(names) - 1} tabs"
    return f"every line holds {tabs} and the first one names columns: it is a table"


def _complete_lines(head: str, whole: bool) -> list[str]:
    lines = head.split("\n")
    if len(lines) > 1 and (not whole or not lines[-1]):
        lines.pop()
    return lines


def _try(lines: list[str], separator: str, whole: bool) -> tuple[Dialect, float, int]:
    """The better of quoting on and off: dialect, share of rows as wide as the header, width."""
    plain = [line.split(separator) for line in lines if line]
    closed, rows = _parse_strictly(lines, separator, whole)
    quoted = _agreement(plain) < _agreement(rows)
    if closed and not quoted:
        quoted = separator != "\t" or _always_quoted(plain)
    rows = rows if quoted else plain
    how = "quotes around fields" if quoted else "no quoting"
    reason = f"fields are separated by {_SEPARATORS[separator]}, {how}"
    dialect = Dialect(separator, quoted, closed, reason)
    return dialect, _agreement(rows), len(rows[0]) if rows else 0


def _always_quoted(rows: list[list[str]]) -> bool:
    """Whether some column stands in quotes in every row.

    Tab-separated files are mostly written without quoting, and a review may open with a quote:
    with tabs, a quote is a plain character unless a whole column (or a row's width) says else.
    """
    columns = zip(*(row for row in rows[1:] if len(row) == len(rows[0])), strict=False)
    return any(all(len(v) > 1 and v[0] == v[-1] == '"' for v in values) for values in columns)


def _parse_strictly(lines: list[str], separator: str, whole: bool) -> tuple[bool, list[list[str]]]:
    """Whether every quote is in its place, and the rows."""
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_LIMIT))
    reader = csv.reader((line + "\n" for line in lines), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    begin = 0
    while True:
        try:
            begin = reader.line_num
            rows.append(next(reader))
        except StopIteration:
            return True, [row for row in rows if row]
        except csv.Error as error:
            # The sample may end inside a quoted field; half of the sample is no field.
            cut = "unexpected end" in str(error) and not whole
            short = reader.line_num - begin < max(len(lines) // 2, 2)
            if cut and short:
                return True, [row for row in rows if row]
            loose = csv.reader((line + "\n" for line in lines), delimiter=separator)
            return False, [row for row in loose if row]


def _agreement(rows: list[list[str]]) -> float:
    if len(rows) < 2:
        return float(len(rows))
    return Counter(map(len, rows[1:]))[len(rows[0])] / (len(rows) - 1)


def _single_column(lines: list[str], whole: bool) -> Dialect:
    closed, rows = _parse_strictly(lines, ",", whole)
    if closed and all(len(row) == 1 for row in rows):
        return Dialect(",", True, True, "there is one column")
    return Dialect(_NO_SEPARATOR, False, False, "there is one column, without quoting")


def _rows(lines: Iterable[str], dialect: Dialect) -> Iterator[tuple[int, list[str] | str]]:
    """Line number and fields of each row, or what is wrong with it; empty lines are left out."""
    if not dialect.quoted:
        for number, line in enumerate(lines, start=1):
            if line:
                yield number, line.split(dialect.separator)
        return
    reader = csv.reader(
        (line + "\n" for line in lines), delimiter=dialect.separator, strict=dialect.strict
    )
    while True:
        begin = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield begin, _quote_error(error, begin, reader.line_num)
        else:
            if fields:
                yield begin, fields


def _quote_error(error: csv.Error, begin: int, end: int) -> str:
    if "unexpected end" in str(error) or "field limit" in str(error):
        return f"a quote that opens here is not closed (read up to line {end})"
    place = "" if begin == end else f" (the row ends at line {end})"
    return f"a quote stands inside a field{place}; double it or quote the whole field"


def _column_names(fields: list[str], path: Path, line: int) -> list[str]:
    names = [field.strip() for field in fields]
    if len(names) > 1 and not names[0] and "index" not in names:
        names[0] = "index"  # how pandas writes its row numbers
    for column, name in enumerate(names, start=1):
        where = f"{path}, line {line}, column {column}"
        if not name:
            raise DataError(f"{where}: the column has no name. Name it in the first line.")
        if name in names[: column - 1]:
            first = names.index(name) + 1
            raise DataError(f'{where}: "{name}" is the name of column {first} too. Rename one.')
    return names


def _wrong_width(
    path: Path, line: int, fields: list[str], names: list[str], dialect: Dialect
) -> str:
    expected = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
    return (
        f"{path}, line {line}, column {min(len(fields), len(names)) + 1}: "
        f"{len(fields)} fields, expected {len(names)} ({expected}); {dialect.reason}."
    )
