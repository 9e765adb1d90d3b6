"""A picture of where a model looked: source tokens across, written tokens down."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.evaluate.lettering import characters_of, drawable, fonts

MOST_STEPS = 60  # of either side; a longer text is shown by its beginning
LONGEST_TOKEN = 30  # characters of a token that are written beside it
INCH = 0.28  # of a cell


def attention_picture(
    weights: npt.NDArray[Any], source: Sequence[str], written: Sequence[str]
) -> bytes:
    """The weights as a PNG.

    Args:
        weights: how much each source token mattered to each written one (written, source).
        source, written: the tokens.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = np.asarray(weights)[:MOST_STEPS, :MOST_STEPS]
    rows, columns = shown.shape
    families = fonts()
    characters = characters_of(families)
    across, down = ([_label(token, characters) for token in side] for side in (source, written))
    with mpl.rc_context({"font.family": families, "axes.unicode_minus": False}):
        # The cells fill the figure; the file is as much larger as the tokens beside them need.
        figure = Figure(figsize=(columns * INCH, rows * INCH))
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.imshow(shown, cmap="Blues", vmin=0, vmax=1, aspect="equal")
        axes.set_xticks(range(columns), across[:columns], rotation=90, fontsize=9)
        axes.set_yticks(range(rows), down[:rows], fontsize=9)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=150, bbox_inches="tight", pad_inches=0.1)
    return content.getvalue()


def _label(token: str, characters: set[int]) -> str:
    """A token as it is written beside its row or column, white space made visible."""
    shown = drawable(token, characters) or "␣"
    return shown if len(shown) <= LONGEST_TOKEN else f"{shown[: LONGEST_TOKEN - 1]}…"
