"""A file in, the same file out with tags: CoNLL-U, columns, tables; a plain text becomes columns.

Streamed: what was read is held until its tags are known, some 16,000 words behind.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, tee
from pathlib import Path
from typing import Any

from seqloom_runtime.data.encoding import read_lines
from seqloom_runtime.data.tables import as_table
from seqloom_runtime.data.word_lists import tags_like
from seqloom_runtime.tasks.remarks import with_left_out
from seqloom_runtime.tasks.tag_rows import tag_text

from seqloom.config import DataSettings, PredictSettings
from seqloom.data.conll import Item, Layout, as_lines, find_layout, read_items
from seqloom.data.source import Source, format_of
from seqloom.data.tagged import TaggedReader, fitting, open_tagged
from seqloom.data.tagged_rows import RowLayout
from seqloom.errors import DataError
from seqloom.run import Run
from seqloom.tasks.tagging import SentenceTagger, load_tagger
from seqloom.toml import read_settings
from seqloom.watching import unheard


def tag_file(
    tagger: SentenceTagger,
    data: Any,
    settings: DataSettings,
    say: Callable[[str], None] = unheard,
) -> Iterator[str]:
    """The lines of the data once more, with the tags that the model gives; without line ends.

    CoNLL-U, columns and tables keep their form; JSON, Parquet and rows in memory become JSON
    lines; plain text becomes lines of word TAB tag with an empty line after each line of text.

    Args:
        say: told how many rows were left out.

    Raises:
        DataError: a line cannot be read.
    """
    source = open_tagged(data)
    column = settings.tags if settings.tags and not settings.tags.isdecimal() else "tags"
    settings = fitting(settings, source)
    if source.format != "text":
        yield from _tag_rows(tagger, source, settings, column, say)
        return
    for path in source.files:
        layout = find_layout(path, settings.encoding, settings.tokens, settings.tags)
        if layout is None or not _holds_tags(path, layout, settings, tagger):
            yield from tag_text(tagger, read_lines(path, settings.encoding))
        else:
            items = read_items(path, layout, settings.encoding)
            yield from as_lines(with_tags(tagger, items, settings), layout)


def sentences_of(
    tagger: SentenceTagger, data: Any, settings: DataSettings
) -> Iterator[list[str] | str]:
    """The words of each sentence of the data; of a plain text each line that is not empty.

    Raises:
        DataError: a line cannot be read.
    """
    source = open_tagged(data)
    reader = TaggedReader(source, fitting(settings, source))
    named = zip(source.files, reader.layouts, strict=False)
    if reader.rows is not None or all(
        layout is not None and _holds_tags(path, layout, reader.settings, tagger)
        for path, layout in named
    ):
        yield from (one.tokens for one in reader.sentences(tagged=False))
        return
    for path in source.files:
        yield from filter(str.strip, read_lines(path, settings.encoding))


def with_tags(
    tagger: SentenceTagger, items: Iterable[Item], settings: DataSettings
) -> Iterator[tuple[Item, tuple[str, ...]]]:
    """Each item with the tags of its words.

    Raises:
        DataError: an item cannot be read, and bad rows are not to be skipped; else it stays as is.
    """
    asked, kept = tee(_checked(items, settings))
    tags = tagger.tag_stream(chain.from_iterable(map(_words, asked)))
    for item in kept:
        yield item, tuple(next(tags) for _ in item.tokens)


def _words(item: Item) -> tuple[str | None, ...]:
    return (None, *item.tokens) if item.begins else item.tokens


def _checked(items: Iterable[Item], settings: DataSettings) -> Iterator[Item]:
    for item in items:
        if item.problem and not settings.skip_bad_rows:
            raise DataError(
                f"{item.where}: {item.problem} Mend it, or pass --skip-bad-rows to leave it as "
                "it is."
            )
        yield item


def _holds_tags(path: Path, layout: Layout, settings: DataSettings, tagger: SentenceTagger) -> bool:
    """Whether a file in columns is one: a text of two words a line looks the same."""
    certain = layout.conllu or layout.separator == "\t" or layout.tag is None or settings.tags
    if certain or format_of(path) is None:
        return True
    known = {*tagger.tags.names, "_", "-", "O"}
    found = [item.tags[0] for item in read_items(path, layout, settings.encoding) if item.tags]
    return sum(tag in known for tag in found) > 0.5 * len(found)


def check_columns(tagger: SentenceTagger, reader: TaggedReader) -> None:
    """See that what looks like columns of words and tags is not a plain text.

    Raises:
        DataError: hardly a tag is known to the model.
    """
    for path, layout in zip(reader.source.files, reader.layouts, strict=False):
        if layout is not None and not _holds_tags(path, layout, reader.settings, tagger):
            raise DataError(
                f"{path}: looks like a plain text: hardly a line ends in a tag that the model "
                "knows, and there are no tagged words to score on. Expected CoNLL-U, or lines of a "
                "word, a tab and its tag."
            )


def _tag_rows(
    tagger: SentenceTagger,
    source: Source,
    settings: DataSettings,
    column: str,
    say: Callable[[str], None],
) -> Iterator[str]:
    """The rows with tags in their column, or in a new one called as in training."""
    reader = TaggedReader(source, settings)
    assert reader.rows is not None
    layout = reader.rows
    rows = (
        _put(item.raw, layout, layout.tags or column, tags)
        for item, tags in with_tags(tagger, reader.items(), settings)
    )
    if source.format == "table":
        lines = as_table(rows, source.files[0], settings.encoding)
    else:
        lines = (json.dumps(row, ensure_ascii=False, default=str) for row in rows)
    yield from with_left_out(lines, reader.report.dropped.total, say)


def _put(
    row: dict[str, Any], layout: RowLayout, column: str, tags: tuple[str, ...]
) -> dict[str, Any]:
    """The row with its tags: one, or several in the form of those it had, or of its words."""
    if not tags:
        return {**row, column: row.get(column)}
    if layout.id is not None:
        return {**row, column: tags[0]}
    return {**row, column: tags_like(tags, row.get(column) or row[layout.tokens])}


def predict_lines(
    run: Run, data: Any, options: PredictSettings, say: Callable[[str], None] = unheard
) -> Iterator[str]:
    """The lines of the data with tags; of an iterator of texts, lines of word TAB tag."""
    tagger = load_tagger(run)
    if isinstance(data, Iterator):
        return tag_text(tagger, data)
    settings = read_settings(run.path / "config.toml").data
    return tag_file(tagger, data, settings.model_copy(update=options.reading()), say)
