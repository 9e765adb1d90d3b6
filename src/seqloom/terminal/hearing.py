"""What was heard on the screen: how long it took, and how well each speaker is understood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

MOST_SPEAKERS = 20


def show_hearing(console: Console, about: Mapping[str, Any]) -> None:
    """How long a recording is, how long it took, and how far behind the text came."""
    factor = about["real_time_factor"]
    words = (
        f"{about['seconds']:.2f} s of sound in {about['work_seconds']:.2f} s of work "
        f"(real-time factor {factor:.3f})"
    )
    if "latency_mean" in about:
        words += (
            f"; in pieces of {about['chunk_seconds']:g} s, each heard in "
            f"{1000 * about['latency_mean']:.1f} ms (at most {1000 * about['latency_most']:.1f} ms)"
        )
    console.print(f"{words}.", highlight=False, soft_wrap=not console.is_terminal)


def show_speakers(console: Console, speakers: Mapping[str, Mapping[str, float]]) -> None:
    """Errors by speaker; nothing where nobody says who speaks."""
    if not speakers:
        return
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False)
    table.add_column("speaker", overflow="fold")
    for heading in ("utterances", "wrong words", "wrong characters", "exact match"):
        table.add_column(heading, justify="right")
    worst = sorted(speakers.items(), key=lambda pair: -pair[1].get("wer", 0.0))
    for name, scores in worst[:MOST_SPEAKERS]:
        shares = [f"{scores[n]:.2%}" if n in scores else "–" for n in ("wer", "cer", "exact_match")]
        table.add_row(name or "(nobody)", f"{scores['utterances']:,.0f}", *shares)
    console.print(table)
    if len(worst) > MOST_SPEAKERS:
        console.print(f"and {len(worst) - MOST_SPEAKERS:,} speakers more, understood better.")
