"""Text built from a record's fields: "Recipe for {title} | {directions}"."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any

from seqloom_runtime.errors import SettingsError, nearest

_PART = re.compile(r"\{\{|\}\}|\{([^{}]+)\}|[^{}]+|.", re.DOTALL)


class Template:
    """A text with columns named in braces; ``{{`` and ``}}`` stand for braces themselves.

    >>> recipe = Template("Recipe for {title} | {directions}")
    >>> recipe.render({"title": "Toast", "directions": ["Slice.", "Toast."]})
    'Recipe for Toast | Slice. Toast.'

    Args:
        text: the template.

    Raises:
        SettingsError: a brace stands alone, or no column is named.
    """

    def __init__(self, text: str) -> None:
        """Cut the template into plain text and columns."""
        self.text = text
        self.parts: list[tuple[str, bool]] = []  # (literal text or column, is it a column)
        for match in _PART.finditer(text):
            self.parts.append(self._part(match))
        if not self.columns:
            raise SettingsError(f'text = "{text}" names no column. Write a name in braces.')

    def _part(self, match: re.Match[str]) -> tuple[str, bool]:
        if match[1] is not None:
            return match[1].strip(), True
        if match[0] in "{}":
            raise SettingsError(
                f'text = "{self.text}": the brace at character {match.start() + 1} stands alone. '
                f"Columns are written {{name}}; a brace itself is {match[0] * 2}."
            )
        return {"{{": "{", "}}": "}"}.get(match[0], match[0]), False

    @classmethod
    def of(cls, setting: str) -> Template:
        """The template of a setting that is a column's name, without braces, or a template."""
        return cls(setting if "{" in setting or "}" in setting else f"{{{setting}}}")

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns the template needs, in order, each once."""
        return tuple(dict.fromkeys(part for part, is_column in self.parts if is_column))

    def check(self, columns: Iterable[str], where: str) -> None:
        """Stop when a column does not exist.

        Raises:
            SettingsError: the nearest existing column is offered.
        """
        known = list(columns)
        for column in self.columns:
            if column not in known:
                raise SettingsError(f'{where}: no column "{column}". {nearest(column, known)}')

    def problem(self, record: Mapping[str, Any], drop: Collection[str] = ()) -> str | None:
        """Why the record gives no text, in words for the user, or None when it does."""
        for column in self.columns:
            value = as_text(record.get(column))
            if not value.strip():
                return f'missing field "{column}"'
            if value in drop:
                return f'value "{value}"'
        return None

    def render(self, record: Mapping[str, Any], drop: Collection[str] = ()) -> str | None:
        """The record's text; None when a field is missing, empty or among ``drop``."""
        if self.problem(record, drop) is not None:
            return None
        return "".join(as_text(record[part]) if column else part for part, column in self.parts)

    def filled(self, record: Mapping[str, Any], drop: Collection[str] = ()) -> str:
        """The record's text with nothing in the place of what is missing or among ``drop``.

        >>> Template("{title}: {text}").filled({"title": "Toast", "text": None})
        'Toast: '
        """
        fields = {column: as_text(record.get(column)) for column in self.columns}
        fields = {column: "" if field in drop else field for column, field in fields.items()}
        if not any(map(str.strip, fields.values())):
            return ""  # only the template's own words are left
        return "".join(fields[part] if column else part for part, column in self.parts)


def as_text(value: Any) -> str:
    """A field as text: lists joined by a space, nothing for None and for not-a-number."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return " ".join(filter(None, map(as_text, value)))
    if hasattr(value, "tolist"):  # an array of a frame
        return as_text(value.tolist())
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value)
