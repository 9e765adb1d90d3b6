"""Records of a source, one dict at a time, whatever it is written in; and what was left out.

Memory does not grow with the file. Serves every task; what is special to text is in ``texts``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqloom.data.encoding import read_lines
from seqloom.data.frames import read_parquet
from seqloom.data.json_records import read_json
from seqloom.data.reuters import read_topics
from seqloom.data.source import Source, row_records
from seqloom.data.tables import OnBad, read_table
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
) -> Iterator[dict[str, Any]]:
    """One dict a row, JSON object, Parquet row, or non-empty line of text ({"text": line}).

    Args:
        source: what ``open_source`` found.
        encoding: of text files; "auto" finds each file's own.
        skip_bad_rows: leave out rows that cannot be read, instead of stopping at the first.
        report: counts the rows left out.

    Raises:
        DataError: a row that cannot be read; file, line and column are named.
    """
    if source.format == "rows":
        yield from row_records(source.rows)
        return
    if source.format == "sgml":
        yield from read_topics(source.files, source.only)
        return
    on_bad = _skip(report) if skip_bad_rows else _stop
    for path in source.files:
        if source.format == "table":
            yield from read_table(path, encoding, on_bad)
        elif source.format == "json":
            yield from read_json(path, encoding, on_bad)
        elif source.format == "parquet":
            yield from read_parquet(path)
        else:
            yield from _read_text_lines(path, encoding)


def _read_text_lines(path: Path, encoding: str) -> Iterator[dict[str, Any]]:
    for line in read_lines(path, encoding):
        if text := line.strip():
            yield {"text": text}


def _stop(message: str) -> None:
    raise DataError(f"{message} Mend the row, or pass --skip-bad-rows to drop such rows.")


def _skip(report: ReadReport | None) -> OnBad:
    def count(message: str) -> None:
        if report is not None:
            report.drop("bad row")

    return count
