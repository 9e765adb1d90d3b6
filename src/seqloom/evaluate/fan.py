"""A forecast drawn as a fan: history, median, intervals, and the truth where it is known."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

HISTORY, MEDIAN, TRUTH = "#4a5560", "#b3472d", "#2f6f8f"
MOST_PANELS = 4

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Fan:
    """One forecast.

    Args:
        name: of the series.
        times: dates or step numbers of history and horizon (time + horizon,).
        history: (time,) values before.
        quantiles: (horizon, levels).
        truth: (horizon,), NaN where it is not known; None where nothing of it is.
    """

    name: str
    times: npt.NDArray[Any]
    history: Floats
    quantiles: Floats
    truth: Floats | None = None


def fan_picture(
    fans: Sequence[Fan], levels: Sequence[float], kind: str = "png", left_out: int = 0
) -> bytes:
    """A panel for each of the first forecasts, as PNG or SVG.

    The legend stands above the panels, so that it never hides a value; how many forecasts have no
    panel, ``left_out`` among them, is written below.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = list(fans[:MOST_PANELS])
    figure = Figure(figsize=(8, 1.2 + 2.4 * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(shown), squeeze=False)[:, 0]
    for axes, fan in zip(panels, shown, strict=True):
        _draw(axes, fan, levels)
        if len(shown) > 1 or fan.name:
            axes.set_title(fan.name, loc="left", fontsize=10)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside upper center", ncols=len(names), frameon=False, fontsize=9
    )
    every = len(fans) + left_out
    if every > len(shown):
        words = f"the first {len(shown)} of {every:,} forecasts"
        figure.supxlabel(words, fontsize=8, color=HISTORY)
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=110)
    return content.getvalue()


def blended(depth: float) -> str:
    """The median's colour on white, solid: what the legend shows is what is seen in the fan.

    >>> blended(0.0), blended(1.0)
    ('#ffffff', '#b3472d')
    """
    red, green, blue = (int(MEDIAN[place : place + 2], 16) for place in (1, 3, 5))
    mixed = (round(255 + depth * (part - 255)) for part in (red, green, blue))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _draw(axes: Any, fan: Fan, levels: Sequence[float]) -> None:
    times, steps = fan.times, len(fan.history)
    middle = len(levels) // 2
    # From the last known value on, so that the fan opens where the history ends.
    last = fan.history[-1:]
    ahead = times[steps - 1 :] if steps else times
    for low in range(middle):
        lower = np.concatenate([last, fan.quantiles[:, low]])
        upper = np.concatenate([last, fan.quantiles[:, -1 - low]])
        share = 100 * (1 - 2 * levels[low])
        color = blended(0.15 + 0.45 * low / max(1, middle))
        axes.fill_between(ahead, lower, upper, color=color, linewidth=0, label=f"{share:g} %")
    axes.plot(times[:steps], fan.history, color=HISTORY, linewidth=1.2, label="history")
    if fan.truth is not None:
        true = np.concatenate([last, fan.truth])
        axes.plot(ahead, true, color=TRUTH, linewidth=1.4, linestyle="--", label="truth")
    median = np.concatenate([last, fan.quantiles[:, middle]])
    axes.plot(ahead, median, color=MEDIAN, linewidth=1.6, label="forecast")
    axes.margins(x=0.01)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    if np.issubdtype(times.dtype, np.datetime64):
        _date_axis(axes)
    else:
        axes.xaxis.get_major_locator().set_params(integer=True)  # steps have no halves


def _date_axis(axes: Any) -> None:
    """Dates without repeating what is alike."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(formatter)
