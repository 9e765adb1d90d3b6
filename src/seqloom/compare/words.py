"""A comparison in words: cells of a table, and sentences that say what follows from it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from seqloom.compare.summary import Summary
from seqloom.deciding import is_better
from seqloom.terminal.scores import figure, heading
from seqloom.terminal.watcher import duration

PARTS = {"valid": "validation", "test": "test"}


def headings(summary: Summary) -> list[str]:
    """Of the columns after the first."""
    parts = [f"{score_words(summary)}, {PARTS[part]}" for part in summary.parts]
    return [*parts, "seeds", "parameters", "size", "training", "tokens/s"]


def score_words(summary: Summary) -> str:
    """What the deciding score is called."""
    return heading(summary.score, summary.task)


def cells_of(summary: Summary) -> list[list[str]]:
    """The table's rows as words, that of the baseline last."""
    rows = [
        [
            row.name,
            *(mean_and_spread(summary.score, getattr(row, part)) for part in summary.parts),
            str(len(row.valid)),
            f"{row.parameters:,}",
            f"{row.size / 1e6:.1f} MB",
            duration(row.seconds),
            f"{row.tokens_per_second:,.0f}",
        ]
        for row in summary.rows
    ]
    plain = summary.rows[0].baseline
    if plain:
        figures = [figure(summary.score, plain.get(part)) for part in summary.parts]
        rows.append(["baseline", *figures, *[""] * 5])
    return rows


def mean_and_spread(score: str, values: Sequence[float]) -> str:
    """The mean of some seeds, and the standard deviation between them.

    >>> mean_and_spread("nll", [1.0, 2.0, 3.0]), mean_and_spread("accuracy", [0.5])
    ('2.000 ± 1.000', '50.00%')
    """
    words = figure(score, statistics.fmean(values))
    return f"{words} ± {figure(score, statistics.stdev(values))}" if len(values) > 1 else words


def sentences(summary: Summary) -> list[str]:
    """Which model is best, how sure that is, and whether it beats the baseline."""
    best = summary.rows[0]
    lines = []
    if len(summary.rows) > 1:
        lines.append(_sureness(best.name, summary.rows[1].name, summary.sure))
    lines += _beside_baseline(summary.score, best.name, best.valid, best.baseline)
    return lines


def _sureness(best: str, second: str, sure: bool | None) -> str:
    if sure is None:
        return (
            f"{best} is ahead of {second} on validation; two seeds would say how surely (--seeds)."
        )
    if sure:
        return f"{best} is ahead of {second} on validation by more than seeds explain."
    return f"{best} and {second} are alike: between seeds they differ as much (--seeds, --minutes)."


def _beside_baseline(
    score: str, name: str, found: Sequence[float], baseline: Mapping[str, float]
) -> list[str]:
    plain = baseline.get("valid")
    if plain is None:
        return []
    ours = statistics.fmean(found)
    does = "beats" if is_better(score, ours, plain) else "does not beat"
    return [f"{name} {does} the baseline ({figure(score, ours)} against {figure(score, plain)})."]
