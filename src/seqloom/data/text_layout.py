"""Whether a plain text file is one continuous text or holds one record a line."""

from __future__ import annotations

from itertools import pairwise
from statistics import median, quantiles
from typing import Literal

_ENDS = tuple(".!?…:;\"'”’)]}。」』")
_FEWEST = 20
"""Lines below which a file is read as one text."""


def guess_layout(head: str, whole: bool) -> tuple[Literal["continuous", "line"], str]:
    """What the file's first characters look like, and the reason as a sentence for the user.

    Lines are records when there are many, none very long, hardly any empty or indented, of
    uneven length (wrapped prose and verse fill their lines), and each starts anew instead of going
    on with a small letter.
    """
    lines = head.split("\n")
    if not whole:
        lines.pop()
    full = [line for line in lines if line.strip()]
    sign = _sign_of_one_text(lines, full)
    if sign:
        return "continuous", f"the file is one continuous text: {sign}"
    return "line", (
        f"each line is a record: {len(full):,} lines looked at, {median(map(len, full)):,.0f} "
        f"characters in the middle one, each starts anew"
    )


def _sign_of_one_text(lines: list[str], full: list[str]) -> str | None:
    if len(full) < _FEWEST:
        return f"it has only {len(full)} {'line' if len(full) == 1 else 'lines'} to look at"
    # Blank lines at the end separate nothing.
    blank = "\n".join(lines).strip().split("\n").count("")
    if blank > 0.02 * len(full):
        return f"blank lines stand between groups of lines ({blank:,} among {len(full):,})"
    if sum(line[0].isspace() for line in full) > 0.1 * len(full):
        return "many lines are indented"
    lengths = [len(line) for line in full]
    middle, nearly_longest = median(lengths), quantiles(lengths, n=20)[-1]
    if middle > 1_000:
        return f"lines are long ({middle:,.0f} characters in the middle one)"
    if middle > 20 and middle > 0.85 * nearly_longest:
        return "lines are filled to the same width"
    if _running_on(full) > 0.3:
        return "many lines go on with a small letter where the line before stopped"
    return None


def _running_on(lines: list[str]) -> float:
    """Share of lines that go on from the one before; 0 where no line starts with a capital."""
    if sum(line[0].isupper() for line in lines) < 0.1 * len(lines):
        return 0.0
    on = sum(
        next_line[0].islower() and not line.rstrip().endswith(_ENDS)
        for line, next_line in pairwise(lines)
    )
    return on / (len(lines) - 1)
