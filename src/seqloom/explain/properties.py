"""Properties of tokens that a unit may follow: what is told of each token of some texts.

    quotes     inside quotation marks                digits     a digit is in it
    capitals   a capital letter is in it             line       characters since the line began
    place      tokens since the text began           class NNG  word class, of Korean morphemes
    tag NOUN   the true tag, where words have tags   label good the true label of the text

Of what is no text (a series, a recording, music) it is what was measured of each step. Knows no
model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from seqloom_runtime.text.tokenizers import hangul_share
from seqloom_runtime.text.word_parts import kiwi_installed

from seqloom.explain.cell_equations import Array

OPENING, CLOSING, EITHER = "“「『«", "”」』»", '"'
MOST_CLASSES = 8  # of tags, word classes or labels, the most frequent
KOREAN = 0.3  # share of Hangul among letters, from which word classes are looked up


class Told(Protocol):
    """A text in tokens."""

    @property
    def pieces(self) -> tuple[str, ...]:
        """The text of each token."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """How each token is written."""

    @property
    def label(self) -> str:
        """The label of the text, or nothing."""

    @property
    def classes(self) -> tuple[str, ...]:
        """A class for each token, or none."""

    @property
    def measures(self) -> Mapping[str, Array]:
        """What was measured of each token, by name, where it is no text."""

    @property
    def since(self) -> int:
        """The first token that counts."""

    @property
    def class_kind(self) -> str:
        """What its classes are."""


def properties_of(texts: Sequence[Told]) -> dict[str, Array]:
    """Every property by name, of the tokens of all texts that count: (tokens,)."""
    counts = np.concatenate([np.arange(len(one.pieces)) >= one.since for one in texts])
    measured = {name for one in texts for name in one.measures}
    found = _measured(texts, sorted(measured)) if measured else _told(texts)
    found |= _classes("label", [[text.label] * len(text.pieces) for text in texts])
    kind = texts[0].class_kind
    found |= _classes(kind, [text.classes or [""] * len(text.pieces) for text in texts])
    return {name: values[counts] for name, values in found.items()}


def _measured(texts: Sequence[Told], names: Sequence[str]) -> dict[str, Array]:
    """What was measured; what an input knows nothing of is 0 there, as of a class it has not."""
    found = {}
    for name in names:
        parts = [one.measures.get(name, np.zeros(len(one.pieces))) for one in texts]
        found[name] = np.concatenate(parts)
    return found


def _told(texts: Sequence[Told]) -> dict[str, Array]:
    """What texts say of themselves."""
    found: dict[str, Array] = {}
    for name, tell in TOKENWISE.items():
        found[name] = np.concatenate([tell(text.pieces) for text in texts])
    if not any("\n" in piece for text in texts for piece in text.pieces):
        del found["line"]
    found |= _classes("class", [word_classes(text) for text in texts])
    return found


def in_quotes(pieces: Sequence[str]) -> Array:
    """1 inside quotation marks, the marks themselves not counted.

    >>> in_quotes(['a', '"', 'b', '"', 'c']).tolist()
    [0.0, 0.0, 1.0, 0.0, 0.0]
    """
    inside, found = False, np.zeros(len(pieces))
    for place, piece in enumerate(pieces):
        marks = [c for c in piece if c in OPENING or c in CLOSING or c in EITHER]
        found[place] = inside and not marks
        for mark in marks:
            inside = mark in OPENING or (mark in EITHER and not inside)
    return found


def since_line(pieces: Sequence[str]) -> Array:
    r"""Characters between the beginning of the line and each token.

    >>> since_line(["ab", "c", "\n", "d"]).tolist()
    [0.0, 2.0, 3.0, 0.0]
    """
    column, found = 0, np.zeros(len(pieces))
    for place, piece in enumerate(pieces):
        found[place] = column
        after = piece.rpartition("\n")
        column = len(after[2]) if after[1] else column + len(piece)
    return found


def _having(test: Callable[[str], bool]) -> Callable[[Sequence[str]], Array]:
    """1 where any character of a token passes the test."""

    def tell(pieces: Sequence[str]) -> Array:
        return np.array([float(any(map(test, piece))) for piece in pieces])

    return tell


def _since_start(pieces: Sequence[str]) -> Array:
    return np.arange(len(pieces), dtype=np.float64)


TOKENWISE: dict[str, Callable[[Sequence[str]], Array]] = {
    "quotes": in_quotes,
    "digits": _having(str.isdigit),
    "capitals": _having(str.isupper),
    "line": since_line,
    "place": _since_start,
}


def _classes(kind: str, rows: Iterable[Sequence[str]]) -> dict[str, Array]:
    """A property for each of the most frequent classes; "" is none."""
    flat = np.array([name for row in rows for name in row], dtype=object)
    counts = Counter(name for name in flat if name)
    if len(counts) < 2:
        return {}
    chosen = [name for name, _ in counts.most_common(MOST_CLASSES)]
    return {f"{kind} {name}": (flat == name).astype(np.float64) for name in chosen}


def word_classes(text: Told) -> list[str]:
    """The word class of each token of a Korean text; "" where it is not known.

    A token of the morpheme tokenizer names it ("밥/NNG"); else Kiwi does, where it is installed.
    """
    named = [token.rpartition("/")[2] if "/" in token[1:] else "" for token in text.tokens]
    if any(name.isalpha() and name.isupper() for name in named):
        return [name if name.isalpha() and name.isupper() else "" for name in named]
    whole = "".join(text.pieces)
    if hangul_share(whole) < KOREAN or not kiwi_installed():
        return [""] * len(text.pieces)
    return _looked_up(text.pieces, whole)


def _looked_up(pieces: Sequence[str], whole: str) -> list[str]:
    """Kiwi's class of the first letter of each token."""
    from seqloom_runtime.text.morpheme import classes_of_characters

    classes = [*classes_of_characters(whole), ""]
    found, place = [], 0
    for piece in pieces:
        first = place + len(piece) - len(piece.lstrip())
        found.append(classes[min(first, len(whole))] if piece.strip() else "")
        place += len(piece)
    return found
