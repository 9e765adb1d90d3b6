"""Equations with numbers in them, line by line, as on a blackboard.

Numbers are written with five digits after the point; every line's value is worked out from exact
numbers, so that a line adds up to half of the last digit for each number in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from seqloom.explain.cell_equations import Array

DIGITS = 5
WRITTEN = 3  # products of a long sum that are written out: the largest


@dataclass(frozen=True)
class Line:
    """One line: ``name = formula = numbers = value``.

    Attributes:
        name: what is worked out, such as "i".
        formula: in letters.
        numbers: the same with numbers.
        value: what comes out.
        of: what a long sum runs over, (how many, of what), or nothing.
    """

    name: str
    formula: str
    numbers: str
    value: float
    of: tuple[int, str] | None = None


@dataclass
class Blackboard:
    """Lines as they are written."""

    lines: list[Line] = field(default_factory=list)

    def write(self, name: str, formula: str, numbers: str, value: float) -> float:
        """One line; its value."""
        self.lines.append(Line(name, formula, numbers, float(value)))
        return float(value)

    def product(self, name: str, weights: Array, of: str, values: Array) -> float:
        """A row of weights times a vector: the largest products written out, the others summed."""
        products = weights * values
        largest = np.sort(np.argsort(-np.abs(products), kind="stable")[:WRITTEN])
        shown = [f"{number(weights[n])}·{number(values[n])}" for n in largest]
        rest = float(products.sum() - products[largest].sum())
        more = len(products) - len(largest)
        text = " + ".join(shown) + (f" + [{more}: {number(rest)}]" if more else "")
        value = float(products.sum())
        self.lines.append(Line(name, f"Σ {name}", text, value, (len(products), of)))
        return value

    def total(self, name: str, formula: str, parts: Sequence[float]) -> float:
        """A sum of a few numbers."""
        return self.write(name, formula, added(parts), float(sum(parts)))


def number(value: float) -> str:
    """A number as it is written, in brackets below zero.

    >>> number(0.5), number(-0.123456)
    ('0.50000', '(-0.12346)')
    """
    text = f"{value:.{DIGITS}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return f"({text})" if text.startswith("-") else text


def added(parts: Sequence[float]) -> str:
    """A sum as it is written.

    >>> added([0.5, -1.0])
    '0.50000 + (-1.00000)'
    """
    return " + ".join(number(part) for part in parts)
