"""Records of a source, one dict at a time, whatever it is written in; and what was left out.

Memory does not grow with the file. Serves every task; what is special to text is in ``texts``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from seqloom_runtime.data.encoding import read_lines
from seqloom_runtime.data.json_records import read_json
from seqloom_runtime.data.tables import OnBad, read_table

from seqloom.data.cmudict import read_cmudict
from seqloom.data.frames import read_parquet
from seqloom.data.reuters import read_articles, read_topics
from seqloom.data.source import Source, row_records
from seqloom.errors import DataError

SHOWN_REASONS = 5  # for dropping records


@dataclass
class ReadReport:
    """What was read and what was dropped, filled while reading.

    Args:
        records: records given out by ``read_texts``.
        characters: characters in them.
        dropped: how many records were dropped for each reason.
    """

    records: int = 0
    characters: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def drop(self, reason: str) -> None:
        """Count a dropped record."""
        self.dropped[reason] += 1

    def reasons(self) -> str:
        """The commonest reasons for dropping, with their counts."""
        common = self.dropped.most_common(SHOWN_REASONS)
        shown = ", ".join(f"{why} ({count:,})" for why, count in common)
        others = self.dropped.total() - sum(count for _, count in common)
        return f"{shown}, others ({others:,})" if others else shown

    def lines(self) -> list[str]:
        """The counts, as sentences for the user."""
        noun = "record" if self.records == 1 else "records"
        lines = [f"{self.records:,} {noun}, {self.characters:,} characters"]
        if self.dropped:
            lines.append(f"{self.dropped.total():,} dropped: {self.reasons()}")
        return lines


def read_records(
    source: Source,
    *,
    encoding: str = "auto",
    skip_bad_rows: bool = False,
    report: ReadReport | None = None,
    complete: bool = False,
) -> Iterator[dict[str, Any]]:
    """One dict a row, JSON object, Parquet row, or non-empty line of text ({"text": line}).

    Args:
        source: what ``open_source`` found.
        encoding: of text files; "auto" finds each file's own.
        skip_bad_rows: leave out rows that cannot be read, instead of stopping at the first.
        report: counts the rows left out.
        complete: every row that can be read comes out: empty lines of a text too.

    Raises:
        DataError: a row that cannot be read; file, line and column are named.
    """
    if source.format == "rows":
        return row_records(source.rows)
    if source.format == "sgml":
        read = read_topics(source.files, source.only) if source.only else None
        return read or read_articles(source.files)
    if source.format == "cmudict":
        return read_cmudict(source.files, source.only)
    on_bad = _skip(report) if skip_bad_rows else _stop
    records = (
        record
        for path in source.files
        for record in _file_records(source, path, encoding, on_bad, complete)
    )
    return _with_columns(source, records, encoding) if source.columns else records


def _file_records(
    source: Source, path: Path, encoding: str, on_bad: OnBad, complete: bool
) -> Iterator[dict[str, Any]]:
    if source.format == "table":
        return read_table(path, encoding, on_bad)
    if source.format == "json":
        return read_json(path, encoding, on_bad)
    if source.format == "parquet":
        return read_parquet(path)
    return _read_text_lines(path, encoding, complete)


def _read_text_lines(path: Path, encoding: str, complete: bool) -> Iterator[dict[str, Any]]:
    for line in read_lines(path, encoding):
        text = line.strip()
        if text or complete:
            yield {"text": text}


def _with_columns(
    source: Source, records: Iterator[dict[str, Any]], encoding: str
) -> Iterator[dict[str, Any]]:
    """Records with the columns that stand in files of their own, a line a record.

    Raises:
        DataError: there are not as many lines as records.
    """
    names = [name for name, _ in source.columns]
    lines = [read_lines(path, encoding) for _, path in source.columns]
    for record, *values in zip_longest(records, *lines):
        if record is None or None in values:
            files = ", ".join(
                str(path) for path in (*source.files, *(p for _, p in source.columns))
            )
            raise DataError(f"{source.name}: these files do not hold as many rows: {files}.")
        yield {**record, **dict(zip(names, values, strict=True))}


def _stop(message: str) -> None:
    raise DataError(f"{message} Mend the row, or pass --skip-bad-rows to drop such rows.")


def _skip(report: ReadReport | None) -> OnBad:
    def count(message: str) -> None:
        if report is not None:
            report.drop("bad row")

    return count
