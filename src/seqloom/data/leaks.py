"""Columns that give the label away: found by guessing half of the labels from the other half.

A classifier that read one of them would score high and be worth nothing.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from seqloom_runtime.data.template import as_text

GIVES_AWAY = 0.98  # share of labels guessed right
FEWEST = 20  # guesses, below which chance may be right
BINS = 50  # of numbers that are all different, such as the row numbers of a sorted file
PLACES = (0, 1, -1)  # words of an id that may name its label

_WORD = re.compile(r"[^\W\d_]+")


def find_leaks(
    records: Sequence[Mapping[str, Any]], label: str, columns: Iterable[str]
) -> tuple[str, ...]:
    """Names of the columns, of those given, whose values tell the label."""
    labels = [as_text(record.get(label)).strip() for record in records]
    known = [row for row, name in enumerate(labels) if name]
    random.Random(0).shuffle(known)  # in the order of the file, each second row may have one label
    labels = [labels[row] for row in known]
    found = []
    for name in columns:
        values = [as_text(records[row].get(name)).strip() for row in known]
        if any(_tells(hints, labels) for hints in _hints(values)):
            found.append(name)
    return tuple(found)


def _hints(values: list[str]) -> Iterator[list[str]]:
    """The values; where they are all different, words of them, or how large they are."""
    if len(set(values)) <= 0.5 * len(values):
        yield values
        return
    words = [_WORD.findall(value) for value in values]
    for place in PLACES:
        yield [own[place] if -len(own) <= place < len(own) else "" for own in words]
    try:
        numbers = np.array(values, dtype=np.float64)
    except ValueError:
        return
    if not np.isfinite(numbers).all():
        return
    borders = np.quantile(numbers, np.linspace(0, 1, min(BINS, len(values) // FEWEST) + 1)[1:-1])
    yield [str(place) for place in np.searchsorted(borders, numbers)]


def _tells(hints: list[str], labels: list[str]) -> bool:
    """Whether a value seen in one half of the rows tells the label in the other half."""
    known: dict[str, Counter[str]] = {}
    for hint, label in zip(hints[::2], labels[::2], strict=True):
        known.setdefault(hint, Counter())[label] += 1
    guess = {hint: counts.most_common(1)[0][0] for hint, counts in known.items()}
    tried = [
        guess[hint] == label
        for hint, label in zip(hints[1::2], labels[1::2], strict=True)
        if hint in guess
    ]
    if len(known) < 2 or len(tried) < max(FEWEST, 0.5 * len(labels[1::2])):
        return False
    usual = Counter(labels).most_common(1)[0][1] / len(labels)
    # Where one label is nearly all there is, a constant guess is right as often.
    return sum(tried) / len(tried) >= max(GIVES_AWAY, usual + 0.5 * (1 - usual))
