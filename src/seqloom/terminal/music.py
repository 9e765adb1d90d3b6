"""What composed music is like, beside what it was learnt from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

ROWS = {
    "training": "training part",
    "validation": "validation part",
    "model": "written by this model",
    "baseline": "written by the baseline",
}
COLUMNS = {
    "in_key": "notes in key",
    "repeated_bars": "repeated bars",
    "copied_runs": "copied 16-note runs",
}
OFTEN = 0.1  # share of repeated bars from which music lives on them
SELDOM = 0.25  # of that share, below which a model does not return


def show_music(console: Console, music: Mapping[str, Mapping[str, Any]]) -> None:
    """Shares of notes in key, of repeated bars, and of runs that stand in the training part."""
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False)
    table.add_column("music")
    for words in COLUMNS.values():
        table.add_column(words, justify="right")
    for name, words in ROWS.items():
        if name in music:
            table.add_row(words, *(_share(music[name].get(column)) for column in COLUMNS))
    console.print(table)
    if remark := remark_on_repeats(music):
        console.print(remark, highlight=False, soft_wrap=not console.is_terminal)


def remark_on_repeats(music: Mapping[str, Mapping[str, Any]]) -> str:
    """That the model never comes back to a bar, where the music that it learnt from does."""
    real, ours = (music.get(name, {}).get("repeated_bars") for name in ("training", "model"))
    if real is None or ours is None or real < OFTEN or ours > SELDOM * real:
        return ""
    return (
        f"Of the bars that it learnt from {real:.1%} come again, of those that it writes "
        f"{ours:.1%}: it goes on, but does not return to what was played."
    )


def _share(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.1%}"


def verdict_of_music(model: Mapping[str, Any], plain: Mapping[str, Any]) -> str:
    """Whether the network earns its place beside the baseline, in a sentence."""
    name = "nll_per_frame" if "nll_per_frame" in model else "nll"
    what = "nats a frame" if name == "nll_per_frame" else "nats an event"
    chain = "chain of each note" if name == "nll_per_frame" else "n-grams"
    ours, theirs = (x if x is not None and math.isfinite(x) else math.inf
                    for x in (model[name], plain[name]))  # fmt: skip
    against = f"{ours:.3f} against {theirs:.3f} {what}"
    if ours < theirs:
        return f"The model beats the {chain} ({against})."
    return (
        f"The model does not beat the {chain} ({against}): train longer (--minutes), on more "
        "music, or use the baseline."
    )
