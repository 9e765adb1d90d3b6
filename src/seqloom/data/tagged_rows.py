"""Tagged words in tables: a row a word with a column that says which sentence, or a row a sentence.

    sentence,word,tag          tokens,tags                       {"tokens": ["The", "cat"],
    1,The,DET                  The cat sleeps,DET NOUN VERB       "tags": ["DET", "NOUN"]}
    1,cat,NOUN

Gives the same items as ``conll``. Streamed; one sentence is held only where its rows are ordered by
another column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from seqloom_runtime.data.word_columns import (
    LOOKED_AT,
    TAGS,
    TOKENS,
    called,
    filled,
    no_words,
    sentence_column,
)
from seqloom_runtime.data.word_lists import words_in

from seqloom.config import DataSettings
from seqloom.data.conll import Item
from seqloom.data.records import ReadReport, read_records
from seqloom.data.source import Source
from seqloom.errors import DataError, SettingsError, nearest


@dataclass(frozen=True)
class RowLayout:
    """Which columns hold what.

    Args:
        tokens: column of the words.
        tags: column of the tags; None where there is none.
        id: column that says which sentence a row belongs to; None when a row is a sentence.
        time: column that orders the words of a sentence.
        reason: all this, in words for the user.
    """

    tokens: str
    tags: str | None
    id: str | None
    time: str | None
    reason: str


def find_row_layout(source: Source, settings: DataSettings, encoding: str) -> RowLayout:
    """The columns that the settings name, or whose names say what they hold.

    Raises:
        SettingsError: a named column does not exist.
        DataError: no column is called as one of words or tags is; there are no rows.
    """
    rows = list(islice(read_records(source, encoding=encoding, skip_bad_rows=True), LOOKED_AT))
    if not rows:
        raise DataError(f"{source.name}: holds no rows, only a header or nothing readable.")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for setting in ("tokens", "tags", "id", "time"):
        name = getattr(settings, setting)
        if name is not None and name not in columns:
            raise SettingsError(
                f'{setting} = "{name}": {source.name} has no such column. {nearest(name, columns)}'
            )
    tokens = settings.tokens or called(columns, TOKENS)
    tags = settings.tags or called(columns, TAGS)
    if tokens is None:
        advice = "To learn from it, name it with --tokens, and that of the tags with --tags."
        raise DataError(f"{no_words(source.name, columns)} {advice}")
    identity = settings.id or sentence_column(rows, columns, tokens)
    each = f'a row a word, sentences by "{identity}"' if identity else "a row a sentence"
    reason = f'words from column "{tokens}", tags from "{tags}"; {each}'
    return RowLayout(tokens, tags, identity, settings.time, reason)


def read_row_items(
    source: Source, layout: RowLayout, settings: DataSettings, encoding: str, report: ReadReport
) -> Iterator[Item]:
    """One item a row; a row that cannot be read says what is wrong with it."""
    records = read_records(
        source, encoding=encoding, skip_bad_rows=settings.skip_bad_rows, report=report
    )
    if layout.id is None:
        for number, row in enumerate(records, start=1):
            yield _sentence(row, layout, f"{source.name}, row {number}")
    elif layout.time is None:
        yield from _words_in_turn(records, layout, source.name)
    else:
        yield from _ordered(_words_in_turn(records, layout, source.name), layout.time)


def _sentence(row: dict[str, Any], layout: RowLayout, where: str) -> Item:
    tokens = words_in(row.get(layout.tokens))
    tags = words_in(row.get(layout.tags)) if layout.tags else ()
    problem = ""
    if not tokens:
        problem = f'column "{layout.tokens}" is empty.'
    elif tokens is not None and not all(token.strip() for token in tokens):
        problem = f'column "{layout.tokens}" holds an empty word.'
    elif tags and len(tags) != len(tokens):
        problem = (
            f'{len(tokens)} words in column "{layout.tokens}", but {len(tags)} tags in column '
            f'"{layout.tags}"; expected one a word.'
        )
    if problem:
        return Item(row, begins=True, where=where, problem=problem)
    return Item(row, tuple(tokens or ()), tuple(tags or ()), True, where)


def _words_in_turn(
    records: Iterable[dict[str, Any]], layout: RowLayout, name: str
) -> Iterator[Item]:
    """One word a row; an empty id goes on with the sentence before, as pandas groups are saved."""
    assert layout.id is not None
    last: Any = None
    seen: set[Any] = set()
    for number, row in enumerate(records, start=1):
        where = f"{name}, row {number}"
        identity = row.get(layout.id)
        begins = filled(identity) and identity != last
        if begins and identity in seen:
            raise DataError(
                f'{where}: sentence "{identity}" stands in rows further up too, with others '
                f'between. Sort the rows by "{layout.id}".'
            )
        if begins:
            last = identity
            seen.add(identity)
        yield _single(row, layout, begins or number == 1, where)


def _single(row: dict[str, Any], layout: RowLayout, begins: bool, where: str) -> Item:
    token = row.get(layout.tokens)
    tag = row.get(layout.tags) if layout.tags else None
    if not filled(token):
        problem = f'column "{layout.tokens}" is empty.'
        return Item(row, begins=begins, where=where, problem=problem)
    tags = (str(tag),) if filled(tag) else ()
    return Item(row, (str(token),), tags, begins, where)


def _ordered(items: Iterable[Item], time: str) -> Iterator[Item]:
    """The words of each sentence in the order of a column: by number where all are numbers."""
    held: list[Item] = []
    for item in items:
        if item.begins and held:
            yield from _sorted(held, time)
            held = []
        held.append(item)
    yield from _sorted(held, time)


def _sorted(items: list[Item], time: str) -> Iterator[Item]:
    values = [item.raw.get(time) for item in items]
    try:
        keys: list[Any] = [float(value) for value in values]
    except (TypeError, ValueError):
        keys = [str(value) for value in values]
    order = sorted(range(len(items)), key=keys.__getitem__)
    for place, number in enumerate(order):
        item = items[number]
        yield Item(item.raw, item.tokens, item.tags, place == 0, item.where, item.problem)
