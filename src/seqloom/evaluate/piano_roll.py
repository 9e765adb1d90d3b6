"""A picture of a piece: time from left to right, pitch from below, a colour an instrument."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

COLOURS = ("#b3472d", "#2f6f8f", "#5d8a4a", "#8a6bb0", "#c08a2e", "#4a5560", "#c05f86", "#3b9c96")
NAMED_PITCH = 12  # every C has its name
WIDEST = 22.0  # inches


def piano_roll(
    notes: npt.NDArray[Any],
    bars: Sequence[int],
    names: Sequence[str],
    *,
    end: int,
    written_from: int = 0,
    title: str = "",
) -> bytes:
    """The picture as PNG.

    Args:
        notes: (notes, 5): start, duration, pitch, velocity, number of the instrument.
        bars: where each bar begins, in steps.
        names: of the instruments, by number.
        end: the step after the last.
        written_from: the step at which a prompt ends; what stands before is paler.
        title: above the picture.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = min(WIDEST, max(6.0, 0.55 * len(bars) + 1.5))
    figure = Figure(figsize=(width, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for number, name in enumerate(names):
        own = notes[notes[:, 4] == number]
        if len(own):
            _draw(axes, own, COLOURS[number % len(COLOURS)], name, written_from)
    _frame(axes, notes, bars, end)
    if written_from:
        axes.axvline(written_from, color="#222222", linewidth=1.2, linestyle="--")
        axes.text(written_from, 1.0, " written from here", transform=axes.get_xaxis_transform(),
                  va="bottom", fontsize=8)  # fmt: skip
    if title:
        axes.set_title(title, loc="left", fontsize=10, pad=14 if written_from else 6)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw(axes: Any, own: npt.NDArray[Any], colour: str, name: str, written_from: int) -> None:
    """The notes of one instrument; those of the prompt paler."""
    from matplotlib.collections import PolyCollection

    for part, alpha in ((own[:, 0] < written_from, 0.4), (own[:, 0] >= written_from, 0.95)):
        start, length, pitch = own[part, :3].T.astype(np.float64)
        end, low, high = start + np.maximum(length * 0.94, length - 0.5), pitch - 0.41, pitch + 0.41
        corners = np.stack([start, low, end, low, end, high, start, high], 1).reshape(-1, 4, 2)
        axes.add_collection(
            PolyCollection(list(corners), facecolor=colour, alpha=alpha, linewidth=0)
        )
    axes.plot([], [], color=colour, label=name, linewidth=6)


def _frame(axes: Any, notes: npt.NDArray[Any], bars: Sequence[int], end: int) -> None:
    low, high = (int(notes[:, 2].min()), int(notes[:, 2].max())) if len(notes) else (60, 72)
    low, high = low - 2, high + 2
    octaves = [pitch for pitch in range(low, high + 1) if pitch % NAMED_PITCH == 0]
    axes.set_yticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves])
    step = max(1, -(-len(bars) // 24))
    axes.set_xticks(list(bars)[::step], [str(n + 1) for n in range(0, len(bars), step)])
    axes.set_xlim(0, max(1, end))
    axes.set_ylim(low, high)
    axes.vlines(bars, low, high, color="#000000", alpha=0.08, linewidth=0.8, zorder=0)
    axes.grid(axis="y", alpha=0.2)
    axes.set_xlabel("bar")
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)
