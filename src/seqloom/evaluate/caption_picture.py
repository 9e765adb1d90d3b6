"""Pictures of captions: what is said of each, and where the model looked at each word."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.evaluate.lettering import characters_of, drawable, fonts

COLUMNS = 6  # pictures side by side
MOST_STEPS = 29  # words of a caption whose look is drawn
INCH = 1.7  # of a picture's side
LETTERS = 22  # of a caption's line below a picture of that side
MOST_LINES = 4  # of a caption
DARKEST = 0.85  # of the shade where nothing was looked at

Pixels = npt.NDArray[np.uint8]


def look_picture(
    pixels: Pixels, weights: npt.NDArray[Any], written: Sequence[str], kind: str = "png"
) -> bytes:
    """A picture, and after it once for each word, lit where the model looked.

    Args:
        pixels: (size, size, 3).
        weights: how much each cell mattered to each word (words, cells), row by row of the grid.
        written: the words.
        kind: png or svg.
    """
    side = round(np.sqrt(weights.shape[1]))
    grids = np.asarray(weights, np.float64)[:MOST_STEPS].reshape(-1, side, side)
    labels = ["", *written[: len(grids)]]
    figure, axes, characters = _figure(len(labels), 1)
    for place, label in enumerate(labels):
        axes[place].imshow(pixels)
        if place:
            shade = np.zeros((side, side, 4))  # black, the less of it the more was looked
            shade[:, :, 3] = DARKEST * (1 - grids[place - 1] / max(grids[place - 1].max(), 1e-12))
            extent = (-0.5, pixels.shape[1] - 0.5, pixels.shape[0] - 0.5, -0.5)
            axes[place].imshow(shade, extent=extent, interpolation="bilinear")
        axes[place].set_title(drawable(label, characters), fontsize=9)
    return _saved(figure, kind)


def captioned_picture(pixels: Sequence[Pixels], captions: Sequence[str]) -> bytes:
    """Some pictures with what is said of each below it, as a PNG."""
    figure, axes, characters = _figure(len(pixels), MOST_LINES)
    for place, (picture, caption) in enumerate(zip(pixels, captions, strict=True)):
        axes[place].imshow(picture)
        lines = textwrap.wrap(drawable(caption, characters), LETTERS, max_lines=MOST_LINES)
        below = {"ha": "center", "va": "top", "transform": axes[place].transAxes}
        axes[place].text(0.5, -0.05, "\n".join(lines), fontsize=7.5, **below)
    return _saved(figure, "png")


def _figure(count: int, lines: int) -> tuple[Any, list[Any], set[int]]:
    """A figure with a place for each picture and room for lines of text."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    families = fonts()
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    with mpl.rc_context({"font.family": families, "axes.unicode_minus": False}):
        figure = Figure(figsize=(columns * INCH, rows * (INCH + 0.14 * lines)))
        FigureCanvasAgg(figure)
        grid = figure.subplots(rows, columns, squeeze=False)
    axes = list(grid.ravel())
    for one in axes:
        one.set_axis_off()
    return figure, axes, characters_of(families)


def _saved(figure: Any, kind: str) -> bytes:
    import matplotlib as mpl

    content = io.BytesIO()
    with mpl.rc_context({"font.family": fonts(), "svg.hashsalt": "seqloom"}):
        figure.savefig(content, format=kind, dpi=110, bbox_inches="tight", pad_inches=0.08)
    return content.getvalue()
