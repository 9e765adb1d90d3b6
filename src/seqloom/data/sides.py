"""Whether a part of some pairs has its languages the other way round: their letters say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

FEWEST_LETTERS = 200  # of a side, below which letters say little
ALIKE = 0.1  # letters that lie so near to those of the same side are no others
LIKELIER = 0.5  # a part is swapped where its letters lie so much nearer to those of the other side

Sides = tuple[Sequence[str], Sequence[str]]


def look_swapped(ours: Sides, theirs: Sides) -> bool:
    """Whether the sources of other pairs have the letters of our targets, and the reverse.

    >>> ours = ["guten Tag, schöne Grüße"] * 20, ["good day, nice to meet you"] * 20
    >>> look_swapped(ours, (ours[1], ours[0])), look_swapped(ours, ours)
    (True, False)
    """
    counts = [letters(side) for side in (*ours, *theirs)]
    if min(count.total() for count in counts) < FEWEST_LETTERS:
        return False
    source, target, first, second = counts
    straight = distance(source, first) + distance(target, second)
    crossed = distance(source, second) + distance(target, first)
    return straight > ALIKE and crossed < LIKELIER * straight


def letters(texts: Sequence[str]) -> Counter[str]:
    """How often each letter stands in some texts; capitals count apart."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    return Counter({char: count for char, count in counts.items() if char.isalpha()})


def distance(first: Counter[str], second: Counter[str]) -> float:
    """How much of one distribution another does not cover: 0 for alike, 1 for nothing shared."""
    totals = first.total(), second.total()
    shared = sum(min(first[c] / totals[0], second[c] / totals[1]) for c in first.keys() & second)
    return 1 - shared
