"""Where a classifier or a tagger is strong and where it is weak: each label, lengths, mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from seqloom.terminal.forecasts import show_channels, show_steps
from seqloom.terminal.hearing import show_speakers

MOST_ROWS = 12  # labels or tags that have a row of their own
MISTAKES = 3
MISTAKE_COLUMNS = 150  # of a text that was taken for something else
FIGURES = ("precision", "recall", "f1")

Row = Mapping[str, Any]  # precision, recall, f1, support


def show_details(
    console: Console, metrics: Mapping[str, Any], details: Mapping[str, Any] | None
) -> None:
    """What stands behind a run's scores, of its test part where it has one.

    Args:
        metrics: what ``metrics.json`` holds, or the scores on a file with details of their own.
        details: what ``details.json`` holds; None where a run has none.
    """
    part = "test" if metrics.get("test") else "valid"
    words = "test" if part == "test" else "validation"
    if details and metrics.get("task") == "forecast":
        show_steps(console, details, metrics)
        show_channels(console, details, metrics)
        return
    if metrics.get("task") == "transcribe":
        speakers = metrics.get("speakers") or (details or {}).get(part, {}).get("speakers", {})
        show_speakers(console, speakers)
        return
    found = (details or {}).get(part)
    spans, tags = (metrics.get(name, {}) for name in ("per_span", "per_tag"))
    if "scores" in metrics:
        found, words = metrics.get("details"), "this file"
    else:
        spans, tags = spans.get(part), tags.get(part)
    if found:
        rows = [(row["label"], row) for row in found["labels"]]
        show_rows(console, f"label, {words}", rows, "examples")
        show_lengths(console, found["by_length"], found.get("length_in", "tokens"))
        show_mistakes(console, found["mistakes"], saved="scores" not in metrics)
        return
    if spans:
        show_rows(console, f"span, {words}", list(spans.items()), "spans")
    elif tags:
        show_rows(console, f"tag, {words}", list(tags.items()), "words")


def show_rows(console: Console, title: str, rows: Sequence[tuple[str, Row]], counted: str) -> None:
    """Precision, recall and F1 of each name; of the rarest ones together the mean."""
    shown, rest = list(rows), []
    if len(shown) > MOST_ROWS:
        shown = sorted(shown, key=lambda pair: -pair[1]["support"])
        shown, rest = shown[: MOST_ROWS - 1], shown[MOST_ROWS - 1 :]
    table = _table(title)
    for name in ("precision", "recall", "F1", counted):
        table.add_column(name, justify="right", no_wrap=True)
    for label, row in shown:
        figures = [f"{row[name]:.1%}" for name in FIGURES]
        table.add_row(Text(label), *figures, f"{row['support']:,}")
    if rest:
        means = [sum(row[name] for _, row in rest) / len(rest) for name in FIGURES]
        count = sum(row["support"] for _, row in rest)
        words = Text(f"{len(rest)} rarer ones, mean", "dim")
        table.add_row(words, *(f"{mean:.1%}" for mean in means), f"{count:,}")
    console.print(table)


def show_lengths(console: Console, parts: Sequence[Row], unit: str) -> None:
    """Accuracy of each quarter of the examples, from the shortest to the longest."""
    if len(parts) < 2:
        return
    table = _table(f"length in {unit}")
    for part in parts:
        first, last = part["from"], part["to"]
        span = f"{first:,}" if first == last else f"{first:,}–{last:,}"
        table.add_column(span, justify="right", no_wrap=True)
    table.add_row("accuracy", *(f"{part['accuracy']:.1%}" for part in parts))
    table.add_row("examples", *(f"{part['examples']:,}" for part in parts))
    console.print(table)


def show_mistakes(
    console: Console, mistakes: Sequence[Mapping[str, Any]], *, saved: bool = True
) -> None:
    """The wrong examples of which the model was surest."""
    if not mistakes:
        return
    where = f" ({len(mistakes)} stand in details.json)" if saved else ""
    console.print(Text(f"Surest mistakes{where}", "bold"))
    for mistake in mistakes[:MISTAKES]:
        body = Text(" ".join(mistake["input"].split()))
        body.truncate(MISTAKE_COLUMNS, overflow="ellipsis")
        console.print(_mistake(mistake), soft_wrap=not console.is_terminal)
        console.print(Padding(body, (0, 0, 0, 4)))


def _mistake(mistake: Mapping[str, Any]) -> Text:
    """What was given and what is true; of several labels, which were missed or given wrongly."""
    true = (f"  true: {mistake['true'] or '(none)'}", "green")
    if "missed" not in mistake:
        return Text.assemble((f"  {mistake['guessed']} {mistake['probability']:.1%}", "red"), true)
    parts = [
        f"{words} {', '.join(f'{name} ({share:.1%})' for name, share in mistake[kind].items())}"
        for kind, words in (("missed", "missed"), ("wrongly_given", "wrongly given"))
        if mistake[kind]
    ]
    return Text.assemble((f"  {'; '.join(parts)}", "red"), true)


def _table(title: str) -> Table:
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False)
    table.add_column(title, overflow="fold")
    return table
