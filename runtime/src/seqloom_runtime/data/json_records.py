"""Records from JSON: one object a line, or one array of objects, read piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqloom_runtime.data.encoding import read_chunks, read_head, read_lines
from seqloom_runtime.data.tables import OnBad
from seqloom_runtime.errors import DataError

_LARGEST = 64 * 2**20  # characters of one element; more is a file that never closes a bracket
_SPACE = " \t\n\r"


def read_json(path: Path, encoding: str, on_bad: OnBad) -> Iterator[dict[str, Any]]:
    """One dict an element of the array, or a line; a plain text becomes {"text": text}.

    Raises:
        DataError: the file is not JSON; through ``on_bad``, a line that is not JSON or an element
            that is no object.
    """
    head, _ = read_head(path, encoding, size=4_096)
    if head.lstrip().startswith("["):
        values = _array(path, encoding)
    else:
        values = _lines(path, encoding, on_bad)
    for line, value in values:
        if isinstance(value, str):
            value = {"text": value}
        if isinstance(value, dict):
            yield value
        else:
            kind = type(value).__name__
            on_bad(f'{path}, line {line}: expected an object such as {{"text": ...}}, not {kind}.')


def _lines(path: Path, encoding: str, on_bad: OnBad) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(read_lines(path, encoding), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            on_bad(_not_json(path, number, line, error))
        else:
            yield number, value


def _not_json(
    path: Path, number: int, line: str, error: json.JSONDecodeError | RecursionError
) -> str:
    if isinstance(error, RecursionError):
        return f"{path}, line {number}: is nested too deeply."
    if number == 1 and line.strip() == "{":
        return f"{path}: holds one object; expected an array of objects or one object a line."
    return f"{path}, line {number}, column {error.pos + 1}: is not JSON ({error.msg})."


def _array(path: Path, encoding: str) -> Iterator[tuple[int, Any]]:
    """Line and value of each element, with one element and a chunk in memory at most."""
    text = _Window(path, encoding)
    text.expect("[")
    if text.peek() == "]":
        text.expect("]")
    else:
        while True:
            text.peek()  # over the space, so that the line is the element's
            yield text.line, text.value()
            if text.peek() != ",":
                break
            text.expect(",")
        text.expect("]")
    if text.peek():
        raise text.error(f'expected the end of the file, not "{text.peek()}"')


class _Window:
    """The part of a text that is being read: what lies before is forgotten."""

    def __init__(self, path: Path, encoding: str) -> None:
        self.path = path
        self.chunks = read_chunks(path, encoding)
        self.decoder = json.JSONDecoder()
        self.text = ""
        self.place = 0
        self.line = 1
        self.column = 1

    def grow(self, size: int) -> bool:
        """Forget what was read and hold ``size`` characters more, if there are any."""
        parts = [self.text[self.place :]]
        length = len(parts[0]) + max(size, 1)
        self.place = 0
        while sum(map(len, parts)) < length and (chunk := next(self.chunks, None)):
            parts.append(chunk)
        self.text = "".join(parts)
        return len(parts) > 1

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            end = self.place
            while end < len(self.text) and self.text[end] in _SPACE:
                end += 1
            self.advance(end)
            if end < len(self.text):
                return self.text[end]
            if not self.grow(1):
                return ""

    def expect(self, character: str) -> None:
        """Step over this character."""
        found = self.peek()
        if found != character:
            what = f'"{found}"' if found else "the end of the file"
            raise self.error(f'expected "{character}", not {what}')
        self.advance(self.place + 1)

    def value(self) -> Any:
        """Decode the element that begins here, holding more of the text while it may be cut."""
        while True:
            try:
                value, end = self.decoder.raw_decode(self.text, self.place)
            except json.JSONDecodeError as error:
                # Cut strings fail at their start, everything else cut fails near the end.
                cut = error.msg.startswith("Unterminated") or error.pos > len(self.text) - 16
                held, into = len(self.text) - self.place, error.pos - self.place
                if cut and held < _LARGEST and self.grow(held):
                    continue
                self.advance(self.place + min(into, held))
                raise self.error(f"is not JSON ({error.msg})") from None
            except RecursionError:
                raise self.error("is nested too deeply") from None
            if end == len(self.text) and self.grow(1):
                continue  # a number may go on
            self.advance(end)
            return value

    def advance(self, end: int) -> None:
        """Step to ``end``, counting lines and columns."""
        newlines = self.text.count("\n", self.place, end)
        if newlines:
            self.line += newlines
            self.column = end - self.text.rfind("\n", self.place, end)
        else:
            self.column += end - self.place
        self.place = end

    def error(self, what: str) -> DataError:
        """The message with file, line and column."""
        return DataError(f"{self.path}, line {self.line}, column {self.column}: {what}.")
