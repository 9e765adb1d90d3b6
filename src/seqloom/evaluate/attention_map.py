"""A picture of where a model looked: source tokens across, written tokens down."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.evaluate.lettering import characters_of, drawable, fonts

MOST_STEPS = 60  # of either side; a longer text is shown by its beginning
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
    across, down = ([drawable(token, characters) for token in side] for side in (source, written))
    with mpl.rc_context({"font.family": families, "axes.unicode_minus": False}):
        figure = Figure(figsize=(columns * INCH + 2.0, rows * INCH + 1.4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.imshow(shown, cmap="Blues", vmin=0, vmax=1, aspect="equal")
        axes.set_xticks(range(columns), across[:columns], rotation=90, fontsize=9)
        axes.set_yticks(range(rows), down[:rows], fontsize=9)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=150)
    return content.getvalue()
