"""Which columns of a table hold words and tags, and whether a row of it is a word or a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seqloom_runtime.data.column_names import words_of
from seqloom_runtime.data.word_lists import words_in
from seqloom_runtime.errors import DataError

TOKENS = ("tokens", "token", "words", "word", "form", "forms", "토큰", "단어", "어절")
TAGS = (
    *("tags", "tag", "ner_tags", "pos_tags", "ner", "upos", "pos", "labels", "label"),
    *("태그", "품사", "개체명"),
)
IDS = ("sentence", "sent", "id", "문장", "번호")
LOOKED_AT = 200  # rows, to find out how they are written


def called(columns: Iterable[str], names: Iterable[str]) -> str | None:
    """The column with the first of some names, in lower or upper case."""
    lower = {column.lower().strip(): column for column in columns}
    return next((lower[name] for name in names if name in lower), None)


def sentence_column(
    rows: Sequence[Mapping[str, Any]], columns: Iterable[str], tokens: str
) -> str | None:
    """A column called as one of sentences is, whose values repeat, beside single words."""
    if any(len(words_in(row.get(tokens)) or ()) > 1 for row in rows):
        return None
    for column in columns:
        values = [row.get(column) for row in rows]
        repeated = len(set(map(str, values))) < len(values) or not all(map(filled, values))
        if set(words_of(column)) & set(IDS) and repeated:
            return column
    return None


def filled(value: Any) -> bool:
    """Whether a cell holds something."""
    return value is not None and bool(str(value).strip())


def no_words(where: str, columns: Iterable[str]) -> DataError:
    """What is said of a table without a column of words."""
    return DataError(
        f"{where}: no column is called as one of words is ({', '.join(columns)}). "
        "Call it token or word."
    )


def columns_to_tag(
    rows: Sequence[Mapping[str, Any]], named: Mapping[str, str | None], where: str
) -> tuple[str, str]:
    """The columns of the words and of the tags, in a table whose rows are sentences.

    Args:
        rows: the first ones.
        named: columns by what they hold (tokens, tags, id), as in training.
        where: the table is, for messages.

    Raises:
        DataError: no column holds words, or a row of it is a word.
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    known = {what: name for what, name in named.items() if name in columns}
    tokens = known.get("tokens") or called(columns, TOKENS)
    if tokens is None:
        raise no_words(where, columns)
    identity = known.get("id") or sentence_column(rows, columns, tokens)
    if identity is not None:
        raise DataError(
            f'{where}: holds a row a word, sentences by "{identity}": it is read by seqloom '
            "predict alone. Pass a table with a row a sentence."
        )
    new = named.get("tags") or ""
    new = "tags" if not new or new.isdecimal() else new
    return tokens, known.get("tags") or called(columns, TAGS) or new
