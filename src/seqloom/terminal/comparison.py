"""A comparison of models as a table, and in sentences what it says."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table


def show_comparison(
    console: Console, headings: Sequence[str], rows: Sequence[Sequence[str]], said: Sequence[str]
) -> None:
    """A row a model, the best on validation first, and what follows from it.

    Args:
        headings: of the columns after the first.
        rows: cells.
        said: sentences.
    """
    if not rows:
        console.print("No run is done yet.", highlight=False)
        return
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False)
    table.add_column("model", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right")
    for cells in rows:
        table.add_row(*cells)
    console.print(table)
    for line in said:
        console.print(line, highlight=False, soft_wrap=not console.is_terminal)
