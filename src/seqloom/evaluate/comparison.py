"""A comparison as a picture: every seed's score, and validation loss over time."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqloom.evaluate.lettering import LATIN_FONT

COLOURS = ("#b3472d", "#2f6f8f", "#5b8c3e", "#8a5a9e", "#c08a1e", "#4a4f57", "#c0607f", "#3f9c93")
PLAIN = "#7a8794"


def plot_comparison(rows: Sequence[Any], words: str, path: Path) -> None:
    """Scores of the seeds with their means, and loss over minutes; PNG or SVG.

    Args:
        rows: of a comparison, the best first: name, valid, baseline, curves.
        words: what the score is called.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context({"font.family": LATIN_FONT, "svg.hashsalt": "seqloom"}):
        figure = Figure(figsize=(9, 1.6 + 0.42 * max(len(rows), 4)), layout="constrained")
        FigureCanvasAgg(figure)
        scores, losses = figure.subplots(1, 2)
        _draw_scores(scores, rows, words)
        _draw_losses(losses, rows)
        for axes in (scores, losses):
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(alpha=0.25)
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_scores(axes: Any, rows: Sequence[Any], words: str) -> None:
    for place, row in enumerate(rows):
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(row.valid, [place] * len(row.valid), "o", color=colour, alpha=0.55)
        mean = statistics.fmean(row.valid)
        axes.plot([mean, mean], [place - 0.3, place + 0.3], color=colour, linewidth=2.5)
    plain = rows[0].baseline.get("valid")
    if plain is not None:
        axes.axvline(plain, color=PLAIN, linestyle="--", label="baseline")
        axes.legend(frameon=False)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel(f"{words}, validation (a dot a seed)")


def _draw_losses(axes: Any, rows: Sequence[Any]) -> None:
    for place, row in enumerate(rows):
        for seed, curve in enumerate(row.curves):
            minutes = [seconds / 60 for seconds, _ in curve]
            axes.plot(
                minutes,
                [loss for _, loss in curve],
                color=COLOURS[place % len(COLOURS)],
                marker="o",
                markersize=3,
                alpha=1.0 if seed == 0 else 0.4,
                label=row.name if seed == 0 else None,
            )
    axes.set_xlabel("minutes of training")
    axes.set_ylabel("validation loss")
    axes.legend(frameon=False, fontsize=8)
