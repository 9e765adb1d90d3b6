"""Translations out: bare lines, or each record with its translations behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import tee
from typing import Any

from seqloom_runtime.rows import SCORE_DIGITS, Record, as_csv, as_json, ranked, unlike
from seqloom_runtime.tasks.translate import TextTranslator, Translation

Translated = tuple[Record, list[Translation]]


def translated_lines(
    translator: TextTranslator,
    pairs: Iterable[tuple[str, Record]],
    options: Any,
    form: str,
    say: Callable[[str], None],
) -> Iterator[str]:
    """The texts' translations as bare lines, where ``form`` is text; else rows.

    Of several translations each bare line begins with its score and a tab, and an empty line
    follows. Rows keep their columns.
    """
    rows = translated(translator, pairs, options, say)
    if form == "text":
        return _bare_lines(rows, options.n_best)
    records = ({**record, **unlike(_columns(found), record)} for record, found in rows)
    return as_json(records) if form == "jsonl" else as_csv(records)


def translated(
    translator: TextTranslator,
    pairs: Iterable[tuple[str, Record]],
    options: Any,
    say: Callable[[str], None],
) -> Iterator[Translated]:
    """Each record with the translations of its text; an empty text has an empty one."""
    asked, kept = tee(pairs)
    found = translator.translate((text for text, _ in asked), options, say=say)
    return ((record, best) for (_, record), best in zip(kept, found, strict=True))


def _columns(found: list[Translation]) -> Record:
    return ranked("translation", found, SCORE_DIGITS)


def _bare_lines(rows: Iterable[Translated], n_best: int) -> Iterator[str]:
    for _, found in rows:
        if n_best == 1:
            yield " ".join(found[0].text.split("\n"))
            continue
        yield from (f"{best.score:.4f}\t{' '.join(best.text.split(chr(10)))}" for best in found)
        yield ""
