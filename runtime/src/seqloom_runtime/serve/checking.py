"""Checks what a request holds against the fields of a model, and describes them for OpenAPI."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any

from seqloom_runtime.errors import nearest
from seqloom_runtime.serve.limits import Limits
from seqloom_runtime.serve.refused import RefusedError
from seqloom_runtime.serve.served import Field, Kind, Row

MOST_COLUMNS = 64  # of a series or a table
LONGEST_CELL = 1_000  # characters of a cell of a table
SCALARS = (str, int, float, bool, type(None))
EXAMPLES: dict[Kind, str] = {
    "text": '"some text"',
    "words": '"a sentence"',
    "series": "[0.5, 1.0, 0.7]",
    "table": '[{"column": 1.0}]',
    "media": '"base64 of a file"',
    "integer": "1",
    "number": "0.5",
    "boolean": "true",
    "choice": '"a name"',
}
"""What a request may hold in a field of each kind."""


def checked(
    given: Mapping[str, Any], fields: Mapping[str, Field], limits: Limits, where: str = ""
) -> Row:
    """The values of some fields, with defaults where none are given.

    Args:
        given: names and values, as JSON holds them.
        fields: those that there are.
        limits: of sizes.
        where: opens the message when a value is wrong.

    Raises:
        RefusedError: a name is unknown, a value missing or not of its kind.
    """
    for name in given:
        if name not in fields:
            raise RefusedError(422, f'{where}There is no "{name[:60]}". {nearest(name, fields)}')
    row = {}
    for name, field in fields.items():
        value = given.get(name)
        if value is None and field.required:
            example = f'{{"{name}": {EXAMPLES[field.kind]}}}'
            raise RefusedError(
                *(
                    422,
                    f'{where}"{name}" is missing: {field.help} Expected, for example, {example}.',
                ),
                code="missing",
                values=[name],
            )
        row[name] = field.default if value is None else _checked(value, field, limits, where, name)
    return row


def _checked(value: Any, field: Field, limits: Limits, where: str, name: str) -> Any:
    def wrong(why: str, code: str = "", *values: str | float) -> RefusedError:
        return RefusedError(422, f'{where}"{name}": {why}', code=code, values=values)

    match field.kind:
        case "text":
            return _text(value, field, limits, wrong)
        case "words":
            return _words(value, field, limits, wrong)
        case "series":
            return _series(value, limits, wrong)
        case "table":
            return _table(value, limits, wrong)
        case "media":
            return _media(value, wrong)
        case "boolean":
            if not isinstance(value, bool):
                raise wrong("expected true or false.")
            return value
        case "choice":
            if value not in field.choices:
                known = ", ".join(field.choices)
                why = f"received {_shown(value)}; expected one of {known}."
                raise wrong(why, "choice", name, _shown(value), known)
            return value
        case "integer" | "number":
            return _number(value, field, name, wrong)


def _text(value: Any, field: Field, limits: Limits, wrong: Any) -> str:
    if not isinstance(value, str):
        raise wrong(f"expected a text, received {_kind(value)}.")
    if len(value) > limits.characters:
        raise wrong(
            f"the text has {len(value):,} characters; at most {limits.characters:,} are read.",
            *("text_long", len(value), limits.characters),
        )
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise wrong("the text holds half a surrogate pair, which is no character.")
    if field.required and not value.strip():
        raise wrong("the text is empty.", "text_empty")
    return value


def _words(value: Any, field: Field, limits: Limits, wrong: Any) -> str | list[str]:
    if isinstance(value, str):
        return _text(value, field, limits, wrong)
    if not isinstance(value, list):
        raise wrong(f"expected a text or a list of words, received {_kind(value)}.")
    words = [_text(word, field, limits, wrong) for word in value]
    if not words:
        raise wrong("the list of words is empty.", "text_empty")
    if sum(map(len, words)) > limits.characters:
        why = f"the words have more than {limits.characters:,} characters together."
        raise wrong(why, "words_long", limits.characters)
    return words


def _series(value: Any, limits: Limits, wrong: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise wrong("expected a list of numbers that is not empty.", "series_empty")
    if len(value) > limits.steps:
        why = f"the series has {len(value):,} steps; at most {limits.steps:,} are read."
        raise wrong(why, "series_long", len(value), limits.steps)
    size = len(value[0]) if isinstance(value[0], list) else 0
    if size > MOST_COLUMNS or (size == 0 and isinstance(value[0], list)):
        raise wrong(f"a step has {size} numbers; expected 1 to {MOST_COLUMNS}.")
    for place, step in enumerate(value, 1):
        own = step if size else [step]
        if not isinstance(own, list) or len(own) != max(1, size):
            raise wrong(
                f"step {place:,} is {_shown(step)}; expected {size or 'a number'} as step 1."
            )
        if not all(_is_number(cell) for cell in own):
            why = f"step {place:,} is {_shown(step)}; expected a finite number."
            raise wrong(why, "series_number", place, _shown(step))
    return value


def _table(value: Any, limits: Limits, wrong: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value:
        raise wrong("expected a list of objects that is not empty.", "table_empty")
    if len(value) > limits.steps:
        why = f"the table has {len(value):,} rows; at most {limits.steps:,} are read."
        raise wrong(why, "table_long", len(value), limits.steps)
    for place, row in enumerate(value, 1):
        if not isinstance(row, dict) or not 0 < len(row) <= MOST_COLUMNS:
            why = f"row {place:,}: expected an object with 1 to {MOST_COLUMNS} values."
            raise wrong(why, "table_row", place, MOST_COLUMNS)
        for cell in (*row, *row.values()):
            if not isinstance(cell, SCALARS) or (isinstance(cell, float) and not _is_number(cell)):
                raise wrong(f"row {place:,} holds {_shown(cell)}; expected texts and numbers.")
            if isinstance(cell, str) and (len(cell) > LONGEST_CELL or not _is_unicode(cell)):
                why = f"row {place:,} holds a text that is too long or damaged."
                raise wrong(why, "table_text", place)
    return value


def _media(value: Any, wrong: Any) -> bytes:
    if isinstance(value, bytes):  # the body of the request itself
        content = value
    elif isinstance(value, str):
        try:
            content = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise wrong("expected bytes as base64.") from None
    else:
        raise wrong(f"expected bytes as base64, received {_kind(value)}.")
    if not content:
        raise wrong("there are no bytes.", "media_empty")
    return content


def _number(value: Any, field: Field, name: str, wrong: Any) -> float | int:
    if not _is_number(value) or (field.kind == "integer" and value != int(value)):
        kind = "a whole number" if field.kind == "integer" else "a number"
        code = "number_whole" if field.kind == "integer" else "number"
        raise wrong(f"expected {kind}, received {_shown(value)}.", code, name, _shown(value))
    too_low = field.low is not None and (value <= field.low if field.above else value < field.low)
    if too_low or (field.high is not None and value > field.high):
        ends = (
            [f"{'above' if field.above else 'from'} {field.low:g}"] if field.low is not None else []
        )
        ends += [f"up to {field.high:g}"] if field.high is not None else []
        signs = [f"{'>' if field.above else '≥'} {field.low:g}"] if field.low is not None else []
        signs += [f"≤ {field.high:g}"] if field.high is not None else []
        why = f"received {_shown(value)}; expected a number {' '.join(ends)}."
        raise wrong(why, "number_range", name, _shown(value), ", ".join(signs))
    return int(value) if field.kind == "integer" else float(value)


def _is_number(value: Any) -> bool:
    """Whether it is a finite number that fits into 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 2**63 if isinstance(value, int) else math.isfinite(value)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return names.get(type(value), "nothing" if value is None else "a number")


def _shown(value: Any) -> str:
    words = ascii(value) if isinstance(value, str) else _plain(value)
    return words if len(words) <= 40 else words[:39] + "…"


def _plain(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return "a number of many digits"  # which Python would not even print
    return _kind(value) if isinstance(value, dict | list) else repr(value)


def size_of(row: Row) -> int:
    """About how much there is to read in a row: characters, numbers or bytes."""
    return sum(
        sum(len(one) if isinstance(one, str | list | dict) else 1 for one in value)
        if isinstance(value, list)
        else len(value)
        for value in row.values()
        if isinstance(value, str | list | bytes)
    )


def schema_of(fields: Mapping[str, Field]) -> dict[str, Any]:
    """JSON schema of an object with some fields."""
    properties = {name: _schema(field) for name, field in fields.items()}
    required = [name for name, field in fields.items() if field.required]
    found: dict[str, Any] = {"type": "object", "properties": properties}
    return found | ({"required": required} if required else {})


def _schema(field: Field) -> dict[str, Any]:
    number: dict[str, Any] = {"type": "number"}
    text = {"type": "string"}
    kinds: dict[str, dict[str, Any]] = {
        "text": text,
        "words": {"oneOf": [text, {"type": "array", "items": text}]},
        "series": {
            "type": "array",
            "items": {"oneOf": [number, {"type": "array", "items": number}]},
        },
        "table": {"type": "array", "items": {"type": "object"}},
        "media": {"type": "string", "contentEncoding": "base64"},
        "integer": {"type": "integer"},
        "number": number,
        "boolean": {"type": "boolean"},
        "choice": {"type": "string", "enum": list(field.choices)},
    }
    found = {**kinds[field.kind], "description": field.help}
    if field.default is not None:
        found["default"] = field.default
    if field.low is not None:
        found["exclusiveMinimum" if field.above else "minimum"] = field.low
    if field.high is not None:
        found["maximum"] = field.high
    return found
