"""What a file's name says, by a pattern such as "{text}_{speaker}_{take}"."""

from __future__ import annotations

import re
from pathlib import Path

from seqloom.errors import SettingsError

_FIELD = re.compile(r"\{(\w*)\}")


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression over names without their ends.

    Each field takes as little as it can, the last one all that is left.

    >>> compile_pattern("{text}_{take}").fullmatch("one_two_3").groupdict()
    {'text': 'one', 'take': 'two_3'}

    Raises:
        SettingsError: it has no {text}, a field twice, or two fields with nothing between.
    """
    fields = _FIELD.findall(pattern)
    expected = 'expected fields such as "{text}_{speaker}_{take}"'
    if "text" not in fields:
        raise SettingsError(f'name = "{pattern}": {expected}; {{text}} is what is said.')
    if len(set(fields)) < len(fields) or not all(field.isidentifier() for field in fields):
        raise SettingsError(f'name = "{pattern}": {expected}, each with a name of its own.')
    if "}{" in pattern:
        raise SettingsError(f'name = "{pattern}": {expected}, with something between them.')
    parts = _FIELD.split(pattern)
    words = [re.escape(part) for part in parts[::2]]
    found = words[0]
    for place, (field, after) in enumerate(zip(fields, words[1:], strict=True), 1):
        found += f"(?P<{field}>.+{'' if place == len(fields) else '?'}){after}"
    return re.compile(found)


def fields_of(path: Path, pattern: re.Pattern[str]) -> dict[str, str] | None:
    """The fields in a file's name; None where it is named otherwise."""
    found = pattern.fullmatch(path.stem)
    return None if found is None else found.groupdict()
