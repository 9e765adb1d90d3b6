"""Which columns are a text and its translation: by what they are called, by what stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from seqloom_runtime.data.column_names import is_known, words_of
from seqloom_runtime.data.encoding import read_lines
from seqloom_runtime.data.template import as_text

from seqloom.config import DataSettings
from seqloom.data.records import read_records
from seqloom.data.source import Source
from seqloom.errors import DataError, SettingsError, nearest

LOOKED_AT = 200  # rows
LETTERED = 0.8  # share of the values of a text that hold a letter
DIFFERENT = 0.2  # share of the values of a text that are different
FEWEST_LINES = 10  # of texts with tabs between, below which what they are is not looked for

NAMES = (
    ("source", "target"),
    ("src", "tgt"),
    ("src", "trg"),
    ("input", "output"),
    ("question", "answer"),
    ("q", "a"),
    ("질문", "답변"),
    ("prompt", "response"),
    ("text", "translation"),
    ("original", "translation"),
    ("원문", "번역문"),
    ("원문", "번역"),
    ("word", "phonemes"),
    ("word", "pronunciation"),
)
"""Names of a text and its translation, the surest first."""

SURE = NAMES[:3]  # names that mean nothing else

LANGUAGES = frozenset(
    "ar bg bn ca cs da de el en es et fa fi fr ga he hi hr hu ja ko lt lv nl pl pt ro ru sk sl sr "
    "sv sw ta th tr uk ur vi zh arabic bengali bulgarian catalan chinese croatian czech danish "
    "dutch english estonian finnish french german greek hebrew hindi hungarian indonesian irish "
    "italian japanese korean latin latvian lithuanian norwegian persian polish portuguese romanian "
    "russian serbian slovak spanish swedish thai turkish ukrainian vietnamese deutsch englisch "
    "français español 한국어 영어 일본어 중국어 독일어 프랑스어 스페인어 영문 국문 한글".split()
)
"""Codes and names of languages, without codes that are words too, such as no, is and it."""


def find_columns(
    name: str,
    columns: Sequence[str],
    sample: Sequence[Mapping[str, Any]],
    settings: DataSettings,
) -> tuple[str, str]:
    """Names of the columns of a text and its translation.

    Args:
        name: of the source, for messages.
        columns: all there are.
        sample: some rows.
        settings: one of the two may be named there.

    Raises:
        SettingsError: a named column does not exist.
        DataError: which they are is not plain.
    """
    asked = settings.source, settings.target
    _check_named(name, columns, asked)
    if asked[0] and asked[1]:
        return asked[0], asked[1]
    texts = [column for column in columns if _is_text(column, sample)]
    for first, second in (*_named(columns), *_languages(texts), *_only_two(texts, asked)):
        if asked[0] in (None, first) and asked[1] in (None, second):
            return first, second
        if asked[0] == second or asked[1] == first:
            return second, first
    shown = ", ".join(f'"{column}"' for column in columns)
    raise DataError(
        f"{name}: which columns are a text and its translation is not plain from {shown}. Name "
        "them with --source and --target."
    )


def _check_named(name: str, columns: Sequence[str], asked: tuple[str | None, str | None]) -> None:
    for flag, column in zip(("source", "target"), asked, strict=True):
        if column is None or column in columns:
            continue
        if flag == "target" and Path(column).expanduser().is_file():
            raise SettingsError(
                f"{name}: --target {column} is a file, and {name} is a table. Two files are read "
                "side by side where both are plain text; of a table, name a column."
            )
        what = "column" if flag == "source" else "column, nor file"
        raise SettingsError(
            f"{name}: --{flag} {column}: there is no such {what}. {nearest(column, columns)}"
        )
    if asked[0] is not None and asked[0] == asked[1]:
        raise SettingsError(f'{name}: --source and --target both name the column "{asked[0]}".')


def _named(columns: Iterable[str]) -> Iterator[tuple[str, str]]:
    known = {_plain(column): column for column in columns}
    return ((known[a], known[b]) for a, b in NAMES if a in known and b in known)


def _languages(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The only two columns called as languages are, in their order."""
    found = [column for column in texts if is_language(column)]
    if len(found) == 2:
        yield found[0], found[1]


def _only_two(
    texts: Sequence[str], asked: tuple[str | None, str | None]
) -> Iterator[tuple[str, str]]:
    """The only two columns of text; or the one that is named and the only other."""
    others = [column for column in texts if column not in asked]
    if asked == (None, None) and len(texts) == 2:
        yield texts[0], texts[1]
    elif len(others) == 1 and asked != (None, None):
        yield asked[0] or others[0], asked[1] or others[0]


def _is_text(column: Any, sample: Iterable[Mapping[Any, Any]]) -> bool:
    """Whether a column holds texts rather than numbers or a few names."""
    values = [text for row in sample if (text := as_text(row.get(column)).strip())]
    lettered = sum(any(map(str.isalpha, value)) for value in values)
    different = len(set(values))
    return (
        bool(values) and lettered > LETTERED * len(values) and different > DIFFERENT * len(values)
    )


def is_language(name: str) -> bool:
    """Whether a column is called as a language is.

    >>> is_language("EN"), is_language("text_ko"), is_language("id")
    (True, True, False)
    """
    words = words_of(name)
    return _plain(name) in LANGUAGES or (bool(words) and words[-1] in LANGUAGES)


def _plain(name: str) -> str:
    return name.strip().lower()


def tabbed(
    path: Path, encoding: str, named: Iterable[str | None] = (), *, mostly: bool = False
) -> bool:
    """Whether all lines are texts with tabs between, and the first does not name columns.

    Args:
        path: of a text file or table.
        encoding: of the file.
        named: columns that are asked for; a first line that has one of them names columns. Numbers
            name none: they say where a text stands in lines like these.
        mostly: most lines are enough.
    """
    rows = [cells for _, cells in first_lines(path, encoding)]
    with_tabs = sum(len(cells) > 1 for cells in rows)
    if not rows or 2 * with_tabs <= len(rows) or (with_tabs < len(rows) and not mostly):
        return False
    names = {name for name in named if name is not None and not name.isdecimal()}
    return not (names_columns(rows[0]) or set(rows[0]) & names)


def headed(path: Path, encoding: str) -> bool:
    """Whether all lines hold tabs, and the first names columns."""
    rows = [cells for _, cells in first_lines(path, encoding)]
    return bool(rows) and min(map(len, rows)) >= 2 and names_columns(rows[0])


def first_lines(path: Path, encoding: str) -> list[tuple[int, list[str]]]:
    """The first lines that are not empty: their numbers from 1, and what tabs part."""
    lines = enumerate(islice(read_lines(path, encoding), LOOKED_AT), start=1)
    return [(number, line.split("\t")) for number, line in lines if line.strip()]


def names_columns(cells: Sequence[str]) -> bool:
    """Whether the cells of a first line are names of columns rather than a text and another.

    >>> names_columns(["English", "Korean"]), names_columns(["id", "a", "b"])
    (True, True)
    >>> names_columns(["Go.", "가."]), names_columns(["A text", "Ein Text"])
    (False, False)
    """
    plain = [_plain(cell) for cell in cells]
    if len(set(plain)) < len(plain) or not all(plain):
        return False
    pairs = any(first in plain and second in plain for first, second in NAMES)
    languages = sum(map(is_language, cells)) >= 2 and all(len(cell.split()) == 1 for cell in cells)
    words = all(len(cell.split()) == 1 and cell[-1].isalnum() for cell in cells)
    return pairs or languages or (words and any(map(is_known, cells)))


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose columns of columns, as in {"translation": {"de": …, "en": …}}, are columns."""
    if not any(isinstance(value, Mapping) for value in record.values()):
        return dict(record)
    result: dict[str, Any] = {}
    for name, value in record.items():
        result |= value if isinstance(value, Mapping) else {name: value}
    return result


def first_records(source: Source, settings: DataSettings) -> list[dict[str, Any]]:
    """Some rows; a bad one is reported when all are read, by what is to be done with such."""
    records = read_records(source, encoding=settings.encoding, skip_bad_rows=True)
    return [flat(record) for record in islice(records, LOOKED_AT)]


def surely_pairs(source: Source, settings: DataSettings) -> bool:
    """Whether the data can be nothing but texts and their translations.

    The names of two columns say so, or there are two columns of text without names.
    """
    if source.format == "cmudict":
        return True
    if _bare_columns(source, settings) == [True, True]:
        return True
    columns = _columns_of_text(source, settings)
    names = {_plain(name): name for name in columns}
    sure = any(first in names and second in names for first, second in SURE)
    return sure or (len(columns) == 2 and all(map(is_language, columns)))


def doubtful_pairs(source: Source, settings: DataSettings) -> str | None:
    """What may be a text and its translation though it is not sure, as a sentence for the user."""
    bare = _bare_columns(source, settings)
    if sum(bare) >= 2:
        where = " and ".join(str(n) for n, text in enumerate(bare, start=1) if text)
        found = f"texts {where} of each line, tabs between,"
    else:
        columns = _columns_of_text(source, settings)
        pairs = [*_named(columns), *_languages(columns)]
        if not pairs:
            return None
        found = f'the columns "{pairs[0][0]}" and "{pairs[0][1]}"'
    return f"{found} may be a text and its translation or answer: --task translate learns that."


def _bare_columns(source: Source, settings: DataSettings) -> list[bool]:
    """Which columns without names are text; none where lines are not parted by tabs throughout.

    Words with tags, a line each, have an empty line after each sentence: they are no pairs.
    """
    if source.format not in ("text", "table") or source.columns or len(source.files) != 1:
        return []
    path = source.files[0]
    lines = list(islice(read_lines(path, settings.encoding), LOOKED_AT))
    gaps = any(not line.strip() for line in lines[:-1])
    if gaps or len(lines) < FEWEST_LINES or not tabbed(path, settings.encoding):
        return []
    rows = [dict(enumerate(line.split("\t"))) for line in lines]
    return [_is_text(n, rows) for n in range(min(map(len, rows)))]


def _columns_of_text(source: Source, settings: DataSettings) -> list[str]:
    """The columns of a table that hold text, in their order."""
    if source.format not in ("table", "json", "parquet", "rows"):
        return []
    sample = first_records(source, settings)
    names = dict.fromkeys(name for record in sample for name in record)
    return [name for name in names if _is_text(name, sample)]
