"""Lists of words, and of their tags, in a cell of a table: a list, one written as text, a text."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from typing import Any


def words_in(value: Any) -> list[str] | None:
    """Words of a list, of a list written as text, or of a text between spaces."""
    if value is None:
        return None
    if isinstance(value, str):
        listed = _written_list(value)
        return value.split() if listed is None else listed
    if isinstance(value, list | tuple):
        return [str(part) for part in value]
    return [str(part) for part in value.tolist()] if hasattr(value, "tolist") else [str(value)]


def tags_like(tags: Sequence[str], value: Any) -> Any:
    """Tags in the form of a value: between spaces, a list, or a list written as text.

    >>> tags_like(["DET", "NOUN"], "the cat"), tags_like(["DET", "NOUN"], '["the", "cat"]')
    ('DET NOUN', '["DET", "NOUN"]')
    """
    if not isinstance(value, str):
        return list(tags)
    if _written_list(value) is None:
        return " ".join(tags)
    try:
        json.loads(value)
    except ValueError:
        return repr(list(tags))  # as Python writes it
    return json.dumps(list(tags), ensure_ascii=False)


def _written_list(text: str) -> list[str] | None:
    """["a", "b"] as JSON or Python writes it; None for any other text."""
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            return [str(part) for part in read(text)]
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
    return None
