"""Pairs of texts: columns of a table, two files line by line, lines with a tab, lists in memory.

    open_pairs(data) → source → infer_pairs → plan → read_pairs → (source text, target text)

Knows no tokens and no languages.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from seqloom.config import DataSettings
from seqloom.data.encoding import read_lines
from seqloom.data.records import ReadReport, read_records
from seqloom.data.source import Source, open_source
from seqloom.data.template import as_text
from seqloom.errors import DataError, SettingsError, nearest

LOOKED_AT = 200  # rows that the columns are found by
NAMES = (
    ("source", "target"),
    ("src", "tgt"),
    ("src", "trg"),
    ("input", "output"),
    ("question", "answer"),
    ("q", "a"),
    ("prompt", "response"),
    ("text", "translation"),
    ("original", "translation"),
    ("word", "phonemes"),
    ("word", "pronunciation"),
    ("de", "en"),
    ("en", "ko"),
    ("ko", "en"),
    ("english", "korean"),
    ("korean", "english"),
)
SURE = NAMES[:3]  # names that mean nothing else


@dataclass(frozen=True)
class Pair:
    """A text and its translation; ``row`` is where they stand, from 1."""

    source: str
    target: str
    row: int


@dataclass(frozen=True)
class PairPlan:
    """How pairs are read.

    Args:
        source, target: columns; of lines with tabs "0" and "1".
        second: file with the translation of each line; None where both are in the same rows.
        tabs: whether the rows are lines with tabs and no header.
        encoding: of text files.
        reason: why, as a sentence for the user.
    """

    source: str
    target: str
    second: Path | None = None
    tabs: bool = False
    encoding: str = "auto"
    reason: str = ""


def open_pairs(data: Any) -> Source:
    """The source of a path, catalogue name, data frame, or list of pairs or of dicts.

    Files of aligned lines may have any name.

    Raises:
        DataError: nothing readable is there.
    """
    if isinstance(data, list | tuple) and data and isinstance(data[0], list | tuple):
        return open_source(_rows(data))
    if isinstance(data, str | os.PathLike):
        path = Path(data).expanduser()
        if path.is_file() and _has_any_name(path):
            return Source(path.name.removesuffix(".gz").split(".")[0], (path,), format="text")
    return open_source(data)


def _rows(pairs: Any) -> list[dict[str, Any]]:
    for number, pair in enumerate(pairs):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise DataError(f"Pair {number} is {pair!r}; expected a text and its translation.")
    return [{"source": source, "target": target} for source, target in pairs]


def _has_any_name(path: Path) -> bool:
    """Whether a file is read as lines though its name says nothing, or tabs stand in its lines."""
    from seqloom.data.source import format_of

    kind = format_of(path)
    return kind is None or (kind in ("text", "table") and _has_tabs(path, "auto"))


def _has_tabs(path: Path, encoding: str) -> bool:
    """Whether its lines are two texts with a tab between them, or more columns, and no header."""
    rows = [line.split("\t") for line in islice(read_lines(path, encoding), LOOKED_AT)]
    rows = [row for row in rows if row != [""]]
    if not rows or any(len(row) < 2 for row in rows):
        return False
    return not any(map(_names_a_side, rows[0]))


def _plain(name: str) -> str:
    return name.strip().lower()


def _names_a_side(name: str) -> bool:
    return any(_plain(name) in pair for pair in NAMES) or _plain(name) in ("id", "label")


def infer_pairs(source: Source, settings: DataSettings) -> PairPlan:
    """Where both sides stand.

    Raises:
        SettingsError: a named column does not exist.
        DataError: no two columns are sure to be a text and its translation.
    """
    wanted = settings.target
    entry = source.entry
    if source.format == "text" and not source.columns:
        path = source.files[0]
        if wanted is not None and Path(wanted).expanduser().is_file():
            reason = f"each line of {path} is translated by the same line of {wanted}"
            return PairPlan(
                "text", "text", Path(wanted).expanduser(), False, settings.encoding, reason
            )
        if _has_tabs(path, settings.encoding):
            reason = "each line is a text, a tab and its translation; what follows is passed over"
            return PairPlan("0", "1", tabs=True, encoding=settings.encoding, reason=reason)
        raise DataError(
            f"{path}: its lines hold no tab, so there is one text in each. Name the file with the "
            "translation of each line with --target, or pass a table with two columns."
        )
    records = islice(read_records(source, encoding=settings.encoding, complete=True), LOOKED_AT)
    sample = list(records)
    columns = list(dict.fromkeys(name for record in sample for name in record))
    for flag, name in (("source", settings.source), ("target", wanted)):
        if name is not None and name not in columns:
            raise SettingsError(
                f"{source.name}: --{flag} {name}: there is no such column, nor file. "
                f"{nearest(name, columns)}"
            )
    if settings.source and wanted:
        return PairPlan(settings.source, wanted, encoding=settings.encoding, reason="as set")
    if entry is not None and entry.source and entry.target:
        why = f'"{entry.source}" is translated into "{entry.target}": as in the catalogue'
        return PairPlan(entry.source, entry.target, encoding=settings.encoding, reason=why)
    first, second = _find(source.name, columns, sample, settings)
    reason = (
        f'column "{first}" is translated into column "{second}"; choose with --source, --target'
    )
    return PairPlan(first, second, encoding=settings.encoding, reason=reason)


def _find(
    name: str, columns: list[str], sample: list[dict[str, Any]], settings: DataSettings
) -> tuple[str, str]:
    """Columns by their names, else the only two that hold texts."""
    known = {_plain(column): column for column in columns}
    for first, second in NAMES:
        if first in known and second in known:
            pair = known[first], known[second]
            if settings.source in (None, pair[0]) and settings.target in (None, pair[1]):
                return pair
    texts = [c for c in columns if _is_text([as_text(record.get(c)) for record in sample])]
    if settings.source or settings.target:
        others = [c for c in texts if c not in (settings.source, settings.target)]
        if len(others) == 1:
            return settings.source or others[0], settings.target or others[0]
    elif len(texts) == 2:
        return texts[0], texts[1]
    shown = ", ".join(f'"{column}"' for column in columns)
    raise DataError(
        f"{name}: which columns are a text and its translation is not plain from {shown}. Name "
        "them with --source and --target."
    )


def _is_text(values: list[str]) -> bool:
    """Whether a column holds texts rather than numbers or a few names."""
    full = [value for value in values if value.strip()]
    lettered = sum(any(char.isalpha() for char in value) for value in full)
    return bool(full) and lettered > 0.8 * len(full) and len(set(full)) > 0.2 * len(full)


def surely_pairs(source: Source) -> bool:
    """Whether the names of the columns can mean nothing but pairs."""
    if source.format not in ("table", "json", "parquet", "rows"):
        return False
    first = next(iter(read_records(source, skip_bad_rows=True)), {})
    names = {_plain(name) for name in first}
    return any(set(pair) <= names for pair in SURE)


def other_part(source: Source, plan: PairPlan, path: str) -> tuple[Source, PairPlan]:
    """A validation or test file and how it is read: as the training data is.

    Where the training data are two files, the second one's name is found by the change of name
    that leads from the first to the second:

        train.de → train.en      val.de → val.en

    Raises:
        DataError: that file is not there.
    """
    opened = open_pairs(path)
    if plan.second is None:
        same = opened.format == source.format
        return opened, plan if same else infer_pairs(opened, DataSettings())
    before, after = _change(source.files[0].name, plan.second.name)
    file = Path(path).expanduser()
    name = file.name
    if not name.endswith(before):
        raise DataError(
            f'{file}: expected a name that ends in "{before}", as the training file\'s.'
        )
    second = file.with_name(name[: len(name) - len(before)] + after)
    if not second.is_file():
        raise DataError(f"{second}: is not there; it should hold the translation of {file}.")
    return opened, replace(plan, second=second)


def _change(first: str, second: str) -> tuple[str, str]:
    """The ends in which two names differ."""
    letters = zip(first, second, strict=False)
    same = next((n for n, (a, b) in enumerate(letters) if a != b), min(len(first), len(second)))
    return first[same:], second[same:]


def read_pairs(
    source: Source, plan: PairPlan, settings: DataSettings, report: ReadReport
) -> Iterator[Pair]:
    """Pairs with two sides; those that lack one are dropped and counted.

    Raises:
        DataError: a row that cannot be read, files of different length, or no pair is left.
    """
    before = report.records
    drop = set(settings.drop)
    for row, (first, second) in enumerate(_sides(source, plan, settings, report), start=1):
        first, second = first.strip(), second.strip()
        if not first or first in drop:
            report.drop("no source")
        elif not second or second in drop:
            report.drop("no target")
        else:
            report.records += 1
            report.characters += len(first) + len(second)
            yield Pair(first, second, row)
    if report.records == before:
        why = report.reasons() or "there are no rows"
        raise DataError(f"{source.name}: no pair of texts is left; dropped: {why}.")


def _sides(
    source: Source, plan: PairPlan, settings: DataSettings, report: ReadReport
) -> Iterator[tuple[str, str]]:
    if plan.second is not None:
        yield from _aligned(source.files[0], plan.second, plan.encoding)
        return
    if plan.tabs:
        yield from _tabbed(source, plan, settings, report)
        return
    skip = settings.skip_bad_rows
    complete = source.format == "text" and not skip
    records = read_records(
        source, encoding=plan.encoding, skip_bad_rows=skip, report=report, complete=complete
    )
    for record in records:
        yield as_text(record.get(plan.source)), as_text(record.get(plan.target))


def _aligned(first: Path, second: Path, encoding: str) -> Iterator[tuple[str, str]]:
    """Lines of two files side by side.

    Raises:
        DataError: one file is longer; it says from which line on, and how many lines each has.
    """
    lines = zip_longest(read_lines(first, encoding), read_lines(second, encoding))
    for number, (a, b) in enumerate(lines, start=1):
        if a is None or b is None:
            shorter, longer = (first, second) if a is None else (second, first)
            total = number + sum(1 for _ in lines)
            raise DataError(
                f"{longer}, line {number:,}: has no partner: {shorter} ends after {number - 1:,} "
                f"lines, {longer} has {total:,}. Both must have a line for each pair."
            )
        yield a, b


def _tabbed(
    source: Source, plan: PairPlan, settings: DataSettings, report: ReadReport
) -> Iterator[tuple[str, str]]:
    for path in source.files:
        for number, line in enumerate(read_lines(path, plan.encoding), start=1):
            cells = line.split("\t")
            if len(cells) >= 2:
                yield cells[0], cells[1]
            elif line.strip() and not settings.skip_bad_rows:
                raise DataError(
                    f"{path}, line {number:,}: holds no tab between a text and its translation. "
                    "Mend the row, or pass --skip-bad-rows to drop such rows."
                )
            elif line.strip():
                report.drop("bad row")
