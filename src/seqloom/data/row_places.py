"""Where a row of a source stands, for messages: the file and line, or the row's number."""

from __future__ import annotations

from collections.abc import Sequence

from seqloom_runtime.data.encoding import read_lines
from seqloom_runtime.data.tables import line_of_row

from seqloom.data.source import Source


def place_of_row(
    source: Source, number: int, encoding: str = "auto", headless: bool = False
) -> str:
    """The place of the ``number``-th record, counted from 0, found by reading once more.

    Args:
        headless: whether the first record is the line that was taken for names of columns.
    """
    if headless:
        if number == 0:
            return f"{source.files[0]}, line 1" if source.files else "row 1"
        number -= 1
    for path in source.files if source.format in ("table", "text") else ():
        if source.format == "table":
            line = line_of_row(path, encoding, number)
        else:
            filled = [n for n, text in enumerate(read_lines(path, encoding), 1) if text.strip()]
            line = filled[number] if number < len(filled) else None
        if line is not None:
            return f"{path}, line {line}"
        if len(source.files) > 1:
            break  # which file holds it would need their counts; the row's number says enough
    return f"{source.name}, row {number + 1 + headless}"


def both_places(source: Source, numbers: Sequence[int], encoding: str, headless: bool) -> str:
    """Places of two rows: "sales.csv, lines 3 and 9"."""
    first, second = (place_of_row(source, number, encoding, headless) for number in numbers)
    if ", line " in first and first.partition(", line ")[0] == second.partition(", line ")[0]:
        file, _, line = first.partition(", line ")
        return f"{file}, lines {line} and {second.partition(', line ')[2]}"
    return f"{first} and {second}"
