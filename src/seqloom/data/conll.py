"""Files of words with their tags, a word a line: CoNLL-U, and plain columns such as word TAB tag.

    # text = 제일 가까운                         Empire    B-location
    1   제일    제일   ADV  …  10 fields         State     I-location
    2   가까운  …                                .         O
    (an empty line ends a sentence)

Read and written as a stream of items, one a line, so that a file comes back as it was but for its
tags. What an item is holds for tables too (``tagged``). Knows nothing of vocabularies.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqloom_runtime.data.encoding import read_head, read_lines

from seqloom.errors import DataError, SettingsError, nearest

FIELDS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
NEVER_EMPTY = ("upos", "xpos", "deprel")  # where "_" says that nobody has filled the field in
DOCUMENT = "-DOCSTART-"  # how CoNLL-2003 begins a document
LOOKED_AT = 2_000  # lines, to find out how a file is written
AGREEING = 0.95  # share of lines as wide as the others, below which a file has no columns

_NUMBER = re.compile(r"[1-9]\d*")
_NO_WORD = re.compile(r"\d+-\d+|\d+\.\d+")  # a span such as 1-2, an empty node such as 1.1
_CONLLU = re.compile(r"\d+(?:[-.]\d+)?\t.*")
_SPACE = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a file, or a row of a table: what it holds besides what it is.

    Args:
        raw: the line or the row as it was read.
        tokens: the words on it; none on an empty line, a comment or a span of words.
        tags: one a token, or none where there are none.
        begins: whether a sentence begins here.
        where: file and line, for messages.
        problem: what is wrong with it, as a sentence; empty when nothing is.
    """

    raw: Any
    tokens: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    begins: bool = False
    where: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Layout:
    """How the lines of a file are written.

    Args:
        conllu: whether it is CoNLL-U.
        separator: a tab, or a space for any run of spaces and tabs.
        width: fields a line.
        token: place of the word among them.
        tag: place of its tag; None in a file of words only.
        reason: all this, in words for the user.
    """

    conllu: bool
    separator: str
    width: int
    token: int
    tag: int | None
    reason: str

    def split(self, line: str) -> list[str]:
        """The fields of a line."""
        return line.split("\t") if self.separator == "\t" else _SPACE.split(line.strip(" \t"))

    def with_tag(self, line: str, tag: str) -> str:
        """The line with another tag; a line of a bare word gets a tab and the tag."""
        fields = self.split(line)
        if self.tag is None:
            return "\t".join([*fields, tag])
        fields[self.tag] = tag
        return self.separator.join(fields)


def find_layout(path: Path, encoding: str, tokens: str | None, tags: str | None) -> Layout | None:
    """How a file is written; None when it has no columns, as a plain text has none.

    Args:
        path: the file.
        encoding: of the file, or "auto".
        tokens: the field that holds the words: a name in CoNLL-U, else a number from 1 on.
        tags: the field that holds the tags, likewise.

    Raises:
        SettingsError: there is no such field.
        DataError: the file is called .conllu, and no line of it looks so.
    """
    head, _ = read_head(path, encoding)
    lines = [line for line in head.split("\n")[:LOOKED_AT] if line.strip(" \t")]
    named = path.name.lower().removesuffix(".gz").endswith(".conllu")
    words = [line for line in lines if not line.startswith("#")] if named else lines
    found = next((line for line in words if not line.startswith("#")), "")
    if _CONLLU.fullmatch(found) and len(found.split("\t")) == len(FIELDS):
        return _conllu(path, tokens or "form", tags or "upos")
    if named:
        raise DataError(
            f"{path}: is called CoNLL-U, but its first line of words has "
            f"{len(found.split(chr(9)))} fields between tabs; expected {len(FIELDS)}, "
            f"{', '.join(FIELDS)}."
        )
    return _columns(path, lines, tokens, tags)


def _conllu(path: Path, tokens: str, tags: str) -> Layout:
    for setting, name in (("tokens", tokens), ("tags", tags)):
        if name not in FIELDS:
            raise SettingsError(
                f'{setting} = "{name}": {path} is CoNLL-U, which has no such field. '
                f"{nearest(name, FIELDS)}"
            )
    reason = f'CoNLL-U: words from the field "{tokens}", tags from "{tags}"'
    place = FIELDS.index
    return Layout(True, "\t", len(FIELDS), place(tokens), place(tags), reason)


def _columns(path: Path, lines: list[str], tokens: str | None, tags: str | None) -> Layout | None:
    separator = "\t" if any("\t" in line.strip(" \t") for line in lines) else " "
    plain = Layout(False, separator, 0, 0, None, "")
    counted = (line for line in lines if not line.startswith((DOCUMENT, "# ")))
    widths = Counter(len(plain.split(line)) for line in counted)
    if not widths:
        return None
    width, count = widths.most_common(1)[0]
    if count < AGREEING * widths.total():
        return None
    token = _place("tokens", tokens, 0, width, path)
    tag = _place("tags", tags, width - 1, width, path) if width > 1 else None
    between = "tabs" if separator == "\t" else "spaces"
    reason = (
        f"columns between {between}: words from the {_nth(token)}, tags from the {_nth(tag)}"
        if tag is not None
        else "one word a line, without tags"
    )
    return Layout(False, separator, width, token, tag, reason)


def _place(setting: str, asked: str | None, default: int, width: int, path: Path) -> int:
    if asked is None:
        return default
    if not _NUMBER.fullmatch(asked) or int(asked) > width:
        raise SettingsError(
            f'{setting} = "{asked}": {path} has {width} columns without names; expected the number '
            f"of one, from 1 to {width}."
        )
    return int(asked) - 1


def _nth(place: int | None) -> str:
    assert place is not None
    return f"{place + 1}."


def read_items(path: Path, layout: Layout, encoding: str) -> Iterator[Item]:
    """One item a line; a line that cannot be read says what is wrong with it."""
    begins = True
    for number, line in enumerate(read_lines(path, encoding), start=1):
        where = f"{path}, line {number}"
        if not line.strip(" \t"):
            begins = True
            yield Item(line, where=where)
            continue
        item = _word(line, layout, begins, where)
        yield item
        if item.tokens or item.problem:
            begins = False


def _word(line: str, layout: Layout, begins: bool, where: str) -> Item:
    fields = layout.split(line)
    if layout.conllu and line.startswith("#"):
        return Item(line, where=where)
    if not layout.conllu and (
        fields[0] == DOCUMENT or (line.startswith("# ") and len(fields) != layout.width)
    ):
        return Item(line, where=where)
    problem = _problem(fields, layout)
    if problem:
        return Item(line, begins=begins, where=where, problem=problem)
    if layout.conllu and _NO_WORD.fullmatch(fields[0]):
        return Item(line, where=where)
    tags = () if layout.tag is None else (fields[layout.tag],)
    if layout.conllu and tags == ("_",) and FIELDS[layout.tag or 0] in NEVER_EMPTY:
        tags = ()
    return Item(line, (fields[layout.token],), tags, begins, where)


def _problem(fields: list[str], layout: Layout) -> str:
    if len(fields) != layout.width:
        wanted = f"expected {layout.width}" + (
            f", {', '.join(FIELDS)}" if layout.conllu else " as in the other lines"
        )
        between = "tabs" if layout.separator == "\t" else "spaces"
        return f"{len(fields)} fields between {between}; {wanted}."
    if layout.conllu and not (_NUMBER.fullmatch(fields[0]) or _NO_WORD.fullmatch(fields[0])):
        return f'"{fields[0]}" is no number of a word; expected one such as 3, 3-4 or 3.1.'
    if not fields[layout.token].strip():
        return f"the word (column {layout.token + 1}) is empty."
    if layout.tag is not None and not fields[layout.tag].strip():
        return f"the tag (column {layout.tag + 1}) is empty."
    return ""


def as_lines(items: Iterable[tuple[Item, tuple[str, ...]]], layout: Layout) -> Iterator[str]:
    """The file once more, each word with the tag given for it; without line ends."""
    for item, tags in items:
        yield layout.with_tag(item.raw, tags[0]) if tags else item.raw
