"""Spans that tags such as B-person I-person O mark, and how many of them were found.

Reads spans as the CoNLL shared tasks' conlleval does, in every scheme it knows: IOB1, BIO (IOB2),
IOBES, BILOU. A span counts as found when its type, start and end are all right.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

Span = tuple[str, int, int]  # type, start, end (the first word after it)

_TAG = re.compile(r"([BIESLUO])(?:-(.*))?", re.DOTALL)
_ENDS = ("E", "L", "S", "U")  # tags that close a span
_OPENS = ("B", "S", "U")


def split_tag(tag: str) -> tuple[str, str]:
    """Letter and type of a tag.

    >>> split_tag("B-person"), split_tag("O"), split_tag("I-creative-work")
    (('B', 'person'), ('O', ''), ('I', 'creative-work'))
    """
    found = _TAG.fullmatch(tag)
    return (found[1], found[2] or "") if found else ("O", "")


def marks_spans(tags: Iterable[str]) -> bool:
    """Whether these tags, all that there are, mark spans: letters with types, none without.

    >>> marks_spans(["O", "B-person", "I-person"]), marks_spans(["NOUN", "VERB"])
    (True, False)
    """
    split = [_TAG.fullmatch(tag) for tag in tags]
    typed = [found for found in split if found and found[1] != "O"]
    return bool(typed) and all(split) and all((f[1] == "O") == (f[2] is None) for f in split if f)


def spans_of(tags: Sequence[str]) -> list[Span]:
    """The spans in one sentence's tags.

    >>> spans_of(["B-person", "I-person", "O", "B-group", "B-group"])
    [('person', 0, 2), ('group', 3, 4), ('group', 4, 5)]
    """
    spans: list[Span] = []
    start, before, kind = 0, "O", ""
    for place, tag in enumerate([*tags, "O"]):
        letter, now = split_tag(tag)
        if before != "O" and (before in _ENDS or letter in _OPENS or letter == "O" or now != kind):
            spans.append((kind, start, place))
            before = "O"
        if letter != "O" and before == "O":
            start, kind = place, now
        before = letter
    return spans


def may_follow(before: str | None, tag: str | None, *, closing: bool) -> bool:
    """Whether a tag may stand after another in a well-formed sequence; None is its border.

    Args:
        before: a tag, or None at the beginning.
        tag: a tag, or None at the end.
        closing: whether spans close with a tag of their own (IOBES, BILOU).

    >>> may_follow("O", "I-person", closing=False), may_follow("B-person", "O", closing=True)
    (False, False)
    """
    last, last_kind = ("O", "") if before is None else split_tag(before)
    letter, kind = ("O", "") if tag is None else split_tag(tag)
    inside = letter in ("I", "E", "L")
    open_span = last in ("B", "I")
    if inside:
        return open_span and kind == last_kind
    return not (closing and open_span)


@dataclass
class SpanCounts:
    """How many spans there are, were guessed and were right; add sentences, then ask for scores."""

    true: Counter[str] = field(default_factory=Counter)
    guessed: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)

    def add(self, true: Sequence[str], guessed: Sequence[str]) -> None:
        """Take in one sentence."""
        there, found = spans_of(true), spans_of(guessed)
        self.true.update(kind for kind, _, _ in there)
        self.guessed.update(kind for kind, _, _ in found)
        self.right.update(kind for kind, _, _ in set(there) & set(found))

    def f1(self) -> float:
        """Over all types together (micro-averaged); 0 when there is nothing to find."""
        there = self.true.total() + self.guessed.total()
        return 2 * self.right.total() / there if there else 0.0

    def table(self) -> dict[str, dict[str, Any]]:
        """Precision, recall, F1 and support of each type."""
        kinds = sorted({*self.true, *self.guessed})
        return {k: _scores(self.true[k], self.guessed[k], self.right[k]) for k in kinds}


def _scores(true: int, guessed: int, right: int) -> dict[str, Any]:
    precision = right / guessed if guessed else 0.0
    recall = right / true if true else 0.0
    f1 = 2 * right / (true + guessed) if true + guessed else 0.0
    return {"precision": precision, "recall": recall, "f1": f1, "support": true}
