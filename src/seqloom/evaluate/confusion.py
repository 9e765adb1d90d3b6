"""The confusion matrix as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.evaluate.lettering import characters_of, fonts, romanised

MOST_NUMBERS = 16  # labels up to which counts are written into the cells
MOST_NAMES = 60  # labels up to which they are named at the sides
LONGEST_NAME = 24  # characters


def plot_confusion(matrix: npt.NDArray[np.int64], labels: Sequence[str], path: Path) -> None:
    """True labels down, given labels across, each row by its shares; PNG or SVG."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    families = fonts()
    names = drawable_names(labels, characters_of(families))
    size = min(4.2 + 0.28 * len(labels), 16)
    with rc_context({"font.family": families, "axes.unicode_minus": False}):
        figure = Figure(figsize=(size + 0.8, size), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
        image = axes.imshow(shares, cmap="Blues", norm=_colours(len(labels)))
        _write_names(axes, names)
        if len(labels) <= MOST_NUMBERS:
            _write_counts(axes, matrix, shares)
        axes.set_xlabel("given label")
        axes.set_ylabel("true label")
        figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true label")
        figure.savefig(path, dpi=150)


def drawable_names(labels: Sequence[str], characters: set[int]) -> list[str]:
    """Labels in characters that the fonts have: Hangul romanised, the rest by number.

    >>> drawable_names(["긍정", "sad", "🙂"], set(range(128)))
    ['0 geungjeong', 'sad', 'label 2']
    """
    return [_drawable(place, label, characters) for place, label in enumerate(labels)]


def _drawable(place: int, label: str, characters: set[int]) -> str:
    line = " ".join(label.split())
    short = line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 1] + "…"
    short = short.replace("$", r"\$")  # which would begin an equation
    if all(ord(char) in characters for char in short):
        return short
    latin = "".join(map(romanised, short))
    if all(ord(char) in characters for char in latin):
        return f"{place} {latin}"  # two labels may sound alike
    return f"label {place}"


def _colours(labels: int) -> Any:
    """Without numbers in the cells, rare mistakes must be seen by their colour."""
    from matplotlib.colors import Normalize, PowerNorm

    return Normalize(0, 1) if labels <= MOST_NUMBERS else PowerNorm(0.5, vmin=0, vmax=1)


def _write_names(axes: Any, names: Sequence[str]) -> None:
    if len(names) > MOST_NAMES:
        return
    turned = 0 if len(names) <= 3 and max(map(len, names)) <= 12 else 90
    axes.set_xticks(range(len(names)), names, rotation=turned, fontsize=9)
    axes.set_yticks(range(len(names)), names, fontsize=9)


def _write_counts(
    axes: Any, matrix: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]
) -> None:
    for row, column in np.ndindex(*matrix.shape):
        if matrix[row, column]:
            colour = "white" if shares[row, column] > 0.55 else "black"
            count = f"{matrix[row, column]:,}"
            axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
