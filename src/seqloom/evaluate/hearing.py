"""A picture of what a recognizer hears: the sound, what it takes it for, and when."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.evaluate.lettering import characters_of, drawable, fonts

MOST_SECONDS = 8.0  # that are drawn; of a longer recording its beginning
LEAST = 0.05  # probability at some step, from which a token has a line of its own
MOST_TOKENS = 16
SILENT, MARK = "#9aa5ae", "#b3472d"


@dataclass(frozen=True, eq=False)
class Hearing:
    """A recording and what was made of it.

    Args:
        title: what it is, and the truth where it is known.
        mel: (frames, bands).
        frame_seconds: from one frame to the next.
        probabilities: of each token at each step (steps, vocab); token 0 says nothing.
        times: seconds at which each step lies (steps,): the middle of what the network sees there.
        tokens: how each id is written.
        ids: of the transcript.
        places: the step in which each of them is said first.
    """

    title: str
    mel: npt.NDArray[Any]
    frame_seconds: float
    probabilities: npt.NDArray[Any]
    times: npt.NDArray[np.float64]
    tokens: Sequence[str]
    ids: Sequence[int]
    places: npt.NDArray[np.int64]


def hearing_picture(hearing: Hearing, kind: str = "png") -> bytes:
    """The mel above, probabilities below, and the transcript where it was said; PNG or SVG."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    families = fonts()
    with mpl.rc_context({"font.family": families, "axes.unicode_minus": False}):
        characters = characters_of(families)
        figure = Figure(figsize=(8, 5))  # with margins of its own: a layout draws it twice
        FigureCanvasAgg(figure)
        figure.subplots_adjust(left=0.08, right=0.87, bottom=0.1, top=0.94, hspace=0.08)
        above, below = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        shown = min(MOST_SECONDS, len(hearing.mel) * hearing.frame_seconds)
        _draw_mel(above, hearing, shown)
        above.set_title(drawable(hearing.title, characters), loc="left", fontsize=10)
        _draw_probabilities(below, hearing, characters)
        for axes in (above, below):
            _mark(axes, hearing, characters, shown, written=axes is above)
        below.set_xlim(0, shown)
        content = io.BytesIO()
        figure.savefig(content, format=kind, dpi=110)
    return content.getvalue()


def _draw_mel(axes: Any, hearing: Hearing, shown: float) -> None:
    frames = hearing.mel[: round(shown / hearing.frame_seconds)]
    extent = (0, len(frames) * hearing.frame_seconds, 0, frames.shape[1])
    axes.imshow(frames.T, origin="lower", aspect="auto", cmap="magma", extent=extent)
    axes.set_ylabel("mel band")


def _draw_probabilities(axes: Any, hearing: Hearing, characters: set[int]) -> None:
    """A line for silence and for each token that was thought of."""
    found = hearing.probabilities
    likely = [int(n) for n in np.flatnonzero(found.max(0) >= LEAST) if n]
    likely = sorted(likely, key=lambda n: -found[:, n].max())[:MOST_TOKENS]
    axes.fill_between(
        hearing.times, found[:, 0], color=SILENT, alpha=0.25, linewidth=0, label="nothing"
    )
    for number in sorted(likely, key=lambda n: hearing.tokens[n]):
        name = drawable(hearing.tokens[number], characters) or "␣"
        axes.plot(hearing.times, found[:, number], linewidth=1.4, label=name)
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("seconds")
    axes.set_ylabel("probability")
    axes.spines[["top", "right"]].set_visible(False)
    columns = 2 if len(likely) > 8 else 1
    axes.legend(
        frameon=False, fontsize=8, ncols=columns, loc="center left", bbox_to_anchor=(1.0, 0.5)
    )


def _mark(axes: Any, hearing: Hearing, characters: set[int], shown: float, written: bool) -> None:
    """Where each token of the transcript is said."""
    for number, place in zip(hearing.ids, hearing.places, strict=True):
        time = float(hearing.times[int(place)])
        if time > shown:
            break
        axes.axvline(time, color=MARK, linewidth=1.0, alpha=0.8, linestyle=":")
        if written:
            name = drawable(hearing.tokens[number], characters) or "␣"
            height = hearing.mel.shape[1] * 0.93
            axes.text(time, height, f" {name}", color="white", fontsize=11, va="center")
