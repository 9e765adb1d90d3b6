"""Lists that a command prints: what each tokenizer does, the data sets that have a name."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seqloom.terminal.samples import show_tokens


def show_token_reports(console: Console, reports: list[dict[str, Any]]) -> None:
    """Each tokenizer's figures and its example."""
    for report in reports:
        console.print(f"\n[bold]{report['kind']}[/]", highlight=False)
        if report["missing"]:
            console.print(f"  {escape(report['missing'])}", highlight=False)
            continue
        console.print(
            f"  vocabulary {report['vocabulary_size']:,}   tokens a record "
            f"{report['mean_tokens']:,.1f} (median {report['median_tokens']:,.0f})   "
            f"unknown {report['unknown']:.2%}",
            highlight=False,
        )
        show_tokens(console, report["example"], report["ids"])


def show_catalogue(console: Console, entries: dict[str, Any]) -> None:
    """Names, titles and licences, those of a task together."""
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("what it is", overflow="fold")
    table.add_column("licence", overflow="fold")
    for task in dict.fromkeys(entry.task for entry in entries.values()):
        table.add_row(f"[bold]{task}[/]")
        for name, entry in entries.items():
            if entry.task == task:
                table.add_row(f"  {name}", escape(entry.title), escape(entry.licence))
    console.print(table)
