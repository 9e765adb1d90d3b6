"""Rows out: as CSV with a header, or as JSON lines; streamed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from seqloom_runtime.errors import SettingsError

Record = dict[str, Any]

PROBABILITY_DIGITS = 6
SCORE_DIGITS = 4
ROWS = ("classify", "forecast", "caption")  # tasks whose predictions are no bare lines

FORMS = {
    **{".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"},
    ".parquet": "parquet",
}
"""What predictions are written as where the name of the file ends so."""


def form_of_file(task: str, form: str, out: Path | None) -> str:
    """The form itself, or where it is auto that which the name of the file says.

    Auto stays where the name says none, and for tags: a tagged file keeps the form that it had.

    Raises:
        SettingsError: the name says Parquet, which only a forecast is written as.
    """
    named = FORMS.get(out.suffix.lower(), "auto") if out else "auto"
    if named == "parquet" and task != "forecast":
        raise SettingsError(f"--out {out}: {task} writes no Parquet. Pass a .csv or .jsonl file.")
    return form if form != "auto" or task == "tag" else named


def check_form(task: str, form: str) -> None:
    """See that the predictions of a task can be written in a form.

    Raises:
        SettingsError: they cannot.
    """
    if task in ROWS and form == "text":
        raise SettingsError("--format text: the predictions are rows. Pass csv or jsonl.")
    if task != "forecast" and form == "parquet":
        raise SettingsError(f"--format parquet has no meaning for {task}. Pass csv or jsonl.")


def form_of_rows(task: str, form: str, *, bare: bool) -> str:
    """The form itself, or what suits the data where it is auto: bare lines become bare lines."""
    if form != "auto":
        return form
    return "text" if bare and task not in ROWS else "csv"


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


class Scored(Protocol):
    """A text that was found, and how good it is."""

    @property
    def text(self) -> str:
        """As people write it."""

    @property
    def score(self) -> float:
        """The best has most."""


def ranked(name: str, found: Sequence[Scored], digits: int | None = None) -> Record:
    """Texts of one row, the best first: ``name`` and ``score``, ``name_2`` and ``score_2``.

    Args:
        digits: of a score; None keeps all.
    """
    columns: Record = {}
    for place, one in enumerate(found, start=1):
        mark = f"_{place}" if place > 1 else ""
        columns[f"{name}{mark}"] = one.text
        columns[f"score{mark}"] = one.score if digits is None else round(one.score, digits)
    return columns


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
