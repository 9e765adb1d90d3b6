"""Sentences with tags, whatever they are written in: CoNLL-U, columns, tables, rows in memory.

One reader for all: ``items`` is the stream of lines or rows, ``sentences`` is what they hold.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from seqloom_runtime.data.word_columns import LOOKED_AT

from seqloom.config import DataSettings
from seqloom.data.conll import FIELDS, Item, Layout, find_layout, read_items
from seqloom.data.records import ReadReport, read_records
from seqloom.data.source import Source, format_of, open_source
from seqloom.data.tagged_rows import RowLayout, find_row_layout, read_row_items
from seqloom.errors import DataError

NEITHER = (
    "expected CoNLL-U, or lines of a word and its tag with a tab or spaces between, and an empty "
    "line after each sentence"
)


@dataclass(frozen=True)
class Sentence:
    """Words and their tags; tags are empty where the data has none."""

    tokens: list[str]
    tags: list[str]
    where: str


def open_tagged(data: Any) -> Source:
    """As ``open_source``, but a file of any name is read: tagged corpora have names of many kinds.

    Raises:
        DataError: nothing readable is there.
    """
    if isinstance(data, str | os.PathLike):
        path = Path(data).expanduser()
        if path.is_file() and format_of(path) is None:
            stem = path.name.removesuffix(".gz")
            if not path.stat().st_size:
                raise DataError(f"{path}: the file is empty.")
            return Source(Path(stem).stem, (path,), format="text")
    return open_source(data)


def holds_tags(source: Source) -> bool:
    """Whether the files are surely words with tags: CoNLL-U, or columns in a file not named text.

    Raises:
        DataError: the files are neither that nor of any other kind that can be read.
    """
    if source.format != "text":
        return False
    layout = find_layout(source.files[0], "auto", None, None)
    named = format_of(source.files[0]) is not None
    if layout is None and not named:
        open_source(str(source.files[0]))  # says which names of files are known
    return layout is not None and (layout.conllu or not named)


class TaggedReader:
    """Reads the sentences of a source.

    Args:
        source: what ``open_tagged`` found.
        settings: columns, encoding, and what to do with bad rows.
    Attributes:
        layouts: how each file is written; None for a plain text, and for tables.
        rows: how a table is written; None for files of lines.
        report: what was dropped, filled while reading.

    Raises:
        SettingsError: a named column or field does not exist.
        DataError: the data is not of a form that holds words.
    """

    def __init__(self, source: Source, settings: DataSettings) -> None:
        self.source, self.settings = source, settings
        self.report = ReadReport()
        self.rows: RowLayout | None = None
        self.layouts: list[Layout | None] = []
        if source.format == "text":
            asked = (settings.encoding, settings.tokens, settings.tags)
            self.layouts = [find_layout(path, *asked) for path in source.files]
        else:
            self.rows = find_row_layout(source, settings, settings.encoding)

    @property
    def reason(self) -> str:
        """How the data is written, in words for the user."""
        if self.rows is not None:
            return self.rows.reason
        return next((layout.reason for layout in self.layouts if layout), "plain text")

    @property
    def tag_name(self) -> str:
        """What the tags are called in the data."""
        return (self.rows.tags if self.rows is not None else None) or "tags"

    def check_tagged(self) -> None:
        """See that there is a place for tags.

        Raises:
            DataError: the data has none.
        """
        if self.rows is not None and self.rows.tags is None:
            raise DataError(
                f"{self.source.name}: no column is called as one of tags is. Name it with --tags."
            )
        for path, layout in zip(self.source.files, self.layouts, strict=False):
            if layout is None or layout.tag is None:
                raise DataError(f"{path}: holds no tagged words; {NEITHER}.")

    def items(self) -> Iterator[Item]:
        """One item a line or row, in order.

        Raises:
            DataError: a plain text, which has no columns.
        """
        if self.rows is not None:
            yield from read_row_items(
                self.source, self.rows, self.settings, self.settings.encoding, self.report
            )
            return
        for path, layout in zip(self.source.files, self.layouts, strict=True):
            if layout is None:
                raise DataError(f"{path}: holds no tagged words; {NEITHER}.")
            yield from read_items(path, layout, self.settings.encoding)

    def sentences(self, *, tagged: bool = True) -> Iterator[Sentence]:
        """Sentences in order; those that cannot be read raise, or are dropped and counted.

        Args:
            tagged: whether every word must have a tag.

        Raises:
            DataError: a line that cannot be read, or has no tag where one is needed.
        """
        sentence, bad = Sentence([], [], ""), False
        for item in self.items():
            if item.begins:
                yield from self._finish(sentence, bad)
                sentence, bad = Sentence([], [], item.where), False
            bad = self._add(sentence, item, tagged=tagged) or bad
        yield from self._finish(sentence, bad)

    def _add(self, sentence: Sentence, item: Item, *, tagged: bool) -> bool:
        """Put an item's words into the sentence; whether the sentence is to be dropped."""
        problem = item.problem
        if not problem and tagged and len(item.tags) != len(item.tokens):
            word = item.tokens[0] if len(item.tokens) == 1 else "the sentence"
            problem = f'"{word}" has no tag; every word to learn from needs one.'
        if not problem:
            sentence.tokens.extend(item.tokens)
            sentence.tags.extend(item.tags)
            return False
        if not self.settings.skip_bad_rows:
            raise DataError(
                f"{item.where}: {problem} Mend it, or pass --skip-bad-rows to drop such sentences."
            )
        return True

    def _finish(self, sentence: Sentence, bad: bool) -> Iterator[Sentence]:
        if bad:
            self.report.drop("sentence with a bad line")
        elif sentence.tokens:
            yield sentence


def fitting(settings: DataSettings, source: Source) -> DataSettings:
    """Settings of a run for other data: names of columns that these do not have are let go.

    A tagger trained on a table reads CoNLL-U too, and the other way round.
    """
    known: set[str] = set(FIELDS)
    if source.format != "text":
        known = {key for row in islice(_rows(source, settings), LOOKED_AT) for key in row}
    names = {name: getattr(settings, name) for name in ("tokens", "tags", "id", "time")}
    kept = {
        name: value
        for name, value in names.items()
        if value in known or (source.format == "text" and str(value).isdecimal())
    }
    return settings.model_copy(update={**dict.fromkeys(names), **kept})


def _rows(source: Source, settings: DataSettings) -> Iterator[dict[str, Any]]:
    return read_records(source, encoding=settings.encoding, skip_bad_rows=True)


def like(reader: TaggedReader, source: Source) -> TaggedReader:
    """A reader of another source with the same columns, where they have the same names."""
    settings = reader.settings
    if reader.rows is not None and source.format != "text":
        rows = reader.rows
        named = {"tokens": rows.tokens, "tags": rows.tags, "id": rows.id, "time": rows.time}
        settings = settings.model_copy(update=named)
    elif reader.rows is not None:
        settings = settings.model_copy(update=dict.fromkeys(("tokens", "tags", "id", "time")))
    return TaggedReader(source, settings)
