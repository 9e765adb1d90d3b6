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
