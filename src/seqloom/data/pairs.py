"""Pairs of texts: columns of a table, two files line by line, lines with a tab, lists in memory.

    open_pairs(data) → source → infer_pairs → plan → read_pairs → (source text, target text)

Knows no tokens and no languages.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from seqloom_runtime.data.encoding import read_lines
from seqloom_runtime.data.template import as_text

from seqloom.config import DataSettings
from seqloom.data.pair_columns import (
    find_columns,
    first_lines,
    first_records,
    flat,
    headed,
    tabbed,
)
from seqloom.data.partner import partner, plain_name, stem_of
from seqloom.data.records import ReadReport, read_records
from seqloom.data.source import Source, format_of, open_source
from seqloom.errors import DataError, SettingsError

MOST_NUMBERED = 100  # columns that have no names


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
        source, target: columns; of lines with tabs their numbers, from "1".
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
        if path.is_file() and format_of(path) in (None, "text"):
            return _of_lines(path)
    return open_source(data)


def _rows(pairs: Any) -> list[dict[str, Any]]:
    for number, pair in enumerate(pairs):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise DataError(f"Pair {number} is {pair!r}; expected a text and its translation.")
    return [{"source": source, "target": target} for source, target in pairs]


def _of_lines(path: Path) -> Source:
    """A file of lines, whatever its name; a table where its first line names columns."""
    if not path.stat().st_size:
        raise DataError(f"{path}: the file is empty.")
    return Source(stem_of(path), (path,), format="table" if headed(path, "auto") else "text")


def infer_pairs(source: Source, settings: DataSettings) -> PairPlan:
    """Where both sides stand.

    Raises:
        SettingsError: a named column or file does not exist.
        DataError: no two columns are sure to be a text and its translation.
    """
    asked, encoding = (settings.source, settings.target), settings.encoding
    lines = source.format == "text" and not source.columns
    if lines and settings.target and Path(settings.target).expanduser().is_file():
        return _aligned_plan(source, Path(settings.target).expanduser(), settings)
    if _is_tabbed(source, settings):
        return _tabbed_plan(source, settings)
    _check_all_tabbed(source, settings)
    if lines:
        raise DataError(
            f"{source.files[0]}: {_without_tabs(source, settings)} hold no tab, so there is one "
            "text in each. "
            + (f"There is no file {settings.target}. " if settings.target else "")
            + "Name the file with the translation of each line with --target, or pass a table."
        )
    entry = source.entry
    if asked == (None, None) and entry is not None and entry.source and entry.target:
        why = f'"{entry.source}" is translated into "{entry.target}": as in the catalogue'
        return PairPlan(entry.source, entry.target, encoding=encoding, reason=why)
    sample = first_records(source, settings)
    columns = list(dict.fromkeys(name for record in sample for name in record))
    first, second = find_columns(source.name, columns, sample, settings)
    reason = f'column "{first}" is translated into column "{second}"'
    reason += ": as set" if None not in asked else "; choose with --source, --target"
    return PairPlan(first, second, encoding=encoding, reason=reason)


def _aligned_plan(source: Source, second: Path, settings: DataSettings) -> PairPlan:
    if len(source.files) > 1 or second.samefile(source.files[0]):
        what = "several files" if len(source.files) > 1 else "the same file"
        raise DataError(
            f"{source.name}: {what} and --target {second} cannot be read side by side. Pass one "
            "file of texts and another one of their translations."
        )
    if settings.source is not None:
        raise SettingsError(
            f"--source {settings.source}: there are no columns where each line of "
            f"{source.files[0]} is translated by one of {second}. Leave it out."
        )
    reason = f"each line of {source.files[0]} is translated by the same line of {second}"
    return PairPlan("text", "text", second, encoding=settings.encoding, reason=reason)


def _is_tabbed(source: Source, settings: DataSettings) -> bool:
    return _tabs(source, settings, mostly=settings.skip_bad_rows)


def _tabs(source: Source, settings: DataSettings, *, mostly: bool) -> bool:
    if source.format not in ("text", "table") or source.columns:
        return False
    named = settings.source, settings.target
    return tabbed(source.files[0], settings.encoding, named, mostly=mostly)


def _check_all_tabbed(source: Source, settings: DataSettings) -> None:
    """See that lines which mostly hold texts with tabs between all do.

    Raises:
        DataError: some lack a tab; the first of them is named.
    """
    if not _tabs(source, settings, mostly=True):
        return
    path = source.files[0]
    lines = first_lines(path, settings.encoding)
    without = [number for number, cells in lines if len(cells) < 2]
    raise DataError(
        f"{path}, line {without[0]:,}: holds no tab, so one text of the pair is missing, as in "
        f"{len(without):,} of the first {len(lines):,} lines. Mend the row, or pass "
        "--skip-bad-rows to drop such rows."
    )


def _tabbed_plan(source: Source, settings: DataSettings) -> PairPlan:
    numbers = [settings.source or "1", settings.target or "2"]
    if settings.source == "2" and settings.target is None:
        numbers[1] = "1"
    elif settings.target == "1" and settings.source is None:
        numbers[0] = "2"
    if numbers[0] == numbers[1] or not all(n.isdecimal() and int(n) > 0 for n in numbers):
        raise SettingsError(
            f"{source.name}: --source {numbers[0]} and --target {numbers[1]} name no two columns: "
            "the lines hold tabs and no names, so columns are called by their numbers from 1."
        )
    reason = f"text {numbers[0]} of each line is translated into text {numbers[1]}, tabs between"
    return PairPlan(numbers[0], numbers[1], tabs=True, encoding=settings.encoding, reason=reason)


def _without_tabs(source: Source, settings: DataSettings) -> str:
    """How many of the first lines hold no tab, in words."""
    lines = [cells for _, cells in first_lines(source.files[0], settings.encoding)]
    count = sum(len(cells) < 2 for cells in lines)
    return "its lines" if count == len(lines) else f"{count:,} of its first {len(lines):,} lines"


def source_place(source: Source, settings: DataSettings) -> int | None:
    """Which text of each line, from 0, is to be translated where tabs part texts without names.

    Lines of the one text alone are read as well by a run whose training data were such lines.
    """
    if source.format not in ("text", "table") or source.columns:
        return None
    if _tabs(source, settings, mostly=True):
        return int(_tabbed_plan(source, fitting(source, settings)).source) - 1
    number = settings.source or ""
    lines = first_lines(source.files[0], settings.encoding)
    single = source.files[0].suffix != ".csv" and all(len(cells) < 2 for _, cells in lines)
    return int(number) - 1 if number.isdecimal() and single else None


def fitting(source: Source, settings: DataSettings) -> DataSettings:
    """Settings of a run for other data: columns and files that these do not have are let go."""
    names: set[str] = set()
    if _tabs(source, settings, mostly=True):
        names = {str(number) for number in range(1, MOST_NUMBERED)}
    elif source.format != "text" or source.columns:
        names = {name for record in first_records(source, settings) for name in record}
    kept = {
        side: value if (value := getattr(settings, side)) in names else None
        for side in ("source", "target")
    }
    return settings.model_copy(update=kept)


def other_part(
    source: Source, plan: PairPlan, data: Any, settings: DataSettings
) -> tuple[Source, PairPlan]:
    """Other data than the training data, and how they are read: like those where they can be.

    Where the training data are two files, the second one's name is found by the change of name
    that leads from the first to the second:

        train.de → train.en      val.de → val.en

    Raises:
        DataError: that file is not there, or which columns are meant is not plain.
    """
    opened = open_pairs(data)
    if plan.second is not None and _is_plain(opened):
        second = partner(opened.files[0], source.files[0], plan.second)
        return opened, replace(plan, second=second)
    named = settings.model_copy(update={"source": plan.source, "target": plan.target})
    return opened, infer_pairs(opened, fitting(opened, named))


def other_pairs(
    data: Any, settings: DataSettings, trained_on: str | None = None
) -> tuple[Source, PairPlan]:
    """Data to score a run on, by the settings of the run, and how they are read.

    The settings of a run on two files name the second one: beside val.de lies val.en where that
    is called train.en.

    Args:
        data: what ``open_pairs`` takes.
        settings: of the run.
        trained_on: the first file of the training data, where it is known; else it is taken to be
            called as the second one is, with another ending.

    Raises:
        DataError: the file with the translations is not there, or no pairs are.
    """
    opened, second = open_pairs(data), Path(settings.target or "").expanduser()
    if (second.suffix or second.is_file()) and _is_plain(opened):
        path = opened.files[0]
        first = second.with_name(stem_of(second) + Path(plain_name(path)).suffix)
        if trained_on and Path(trained_on).name != second.name:
            first = Path(trained_on)
        same = plain_name(path) == plain_name(first)
        found = second if same else partner(path, first, second)
        return opened, _aligned_plan(opened, found, settings)
    return opened, infer_pairs(opened, fitting(opened, settings))


def _is_plain(source: Source) -> bool:
    """Whether a source is lines of one text each."""
    lines = source.format == "text" and not source.columns
    return lines and not _is_tabbed(source, DataSettings())


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
        why = f"dropped: {report.reasons()}" if report.dropped else "there are no rows"
        raise DataError(f"{source.name}: no pair of texts is left; {why}.")


def _sides(
    source: Source, plan: PairPlan, settings: DataSettings, report: ReadReport
) -> Iterator[tuple[str, str]]:
    if plan.second is not None:
        yield from _aligned(source.files[0], plan.second, plan.encoding)
        return
    if plan.tabs:
        yield from _tabbed(source, plan, settings, report)
        return
    skip = settings.skip_bad_rows and source.format != "text"  # an empty line has a partner
    records = read_records(
        source,
        encoding=plan.encoding,
        skip_bad_rows=skip,
        report=report,
        complete=source.format == "text",
    )
    for record in map(flat, records):
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
    first, second = int(plan.source) - 1, int(plan.target) - 1
    for path in source.files:
        for number, line in enumerate(read_lines(path, plan.encoding), start=1):
            cells = line.split("\t")
            if len(cells) > max(first, second):
                yield cells[first], cells[second]
            elif line.strip() and not settings.skip_bad_rows:
                raise DataError(
                    f"{path}, line {number:,}: has {len(cells)} texts with tabs between, expected "
                    f"{max(first, second) + 1}. Mend the row, or pass --skip-bad-rows to drop such "
                    "rows."
                )
            elif line.strip():
                report.drop("bad row")
