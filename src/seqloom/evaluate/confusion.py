"""The confusion matrix as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

HANGUL_FONTS = ("Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Malgun Gothic", "AppleGothic")
MOST_NUMBERS = 16  # labels up to which counts are written into the cells
MOST_NAMES = 60  # labels up to which they are named at the sides


def plot_confusion(matrix: npt.NDArray[np.int64], labels: Sequence[str], path: Path) -> None:
    """True labels down, given labels across, each row by its shares; PNG or SVG."""
    from matplotlib import font_manager, rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    known = {font.name for font in font_manager.fontManager.ttflist}
    fonts = [name for name in HANGUL_FONTS if name in known]
    names = _names(labels, hangul=bool(fonts))
    size = min(4.2 + 0.28 * len(labels), 16)
    with rc_context({"font.family": [*fonts, "DejaVu Sans"], "axes.unicode_minus": False}):
        figure = Figure(figsize=(size + 0.8, size), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        small = 9 if len(labels) <= MOST_NUMBERS else 6
        if len(labels) <= MOST_NAMES:
            turned = 0 if len(labels) <= 3 else 90
            axes.set_xticks(range(len(labels)), names, rotation=turned, fontsize=small)
            axes.set_yticks(range(len(labels)), names, fontsize=small)
        if len(labels) <= MOST_NUMBERS:
            _write_counts(axes, matrix, shares)
        axes.set_xlabel("given label")
        axes.set_ylabel("true label")
        figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true label")
        figure.savefig(path, dpi=150)


def _names(labels: Sequence[str], *, hangul: bool) -> list[str]:
    """Labels as they can be drawn: without a font for Hangul, by number."""
    return [
        f"#{place}" if not hangul and any("가" <= c <= "힣" for c in label) else label[:24]
        for place, label in enumerate(labels)
    ]


def _write_counts(
    axes: object, matrix: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]
) -> None:
    for row, column in np.ndindex(*matrix.shape):
        if matrix[row, column]:
            colour = "white" if shares[row, column] > 0.55 else "black"
            axes.text(  # type: ignore[attr-defined]
                column,
                row,
                f"{matrix[row, column]:,}",
                ha="center",
                va="center",
                color=colour,
                fontsize=8,
            )
