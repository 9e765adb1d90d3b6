"""A run while it goes on: a bar with the time left, and a line of numbers with samples a report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from seqloom.terminal.samples import samples_table, show_tokens
from seqloom.terminal.scores import COLUMNS, figure
from seqloom.watching import Units

if TYPE_CHECKING:
    from seqloom.watching import Pace, Report


def duration(seconds: float) -> str:
    """Minutes and seconds.

    >>> duration(75)
    '1:15'
    """
    if not math.isfinite(seconds):
        return "?:??"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class TerminalWatcher:
    """Shows a run: a bar with the time left, a line and three texts a report.

    Args:
        console: where to; a bar is drawn on a terminal only.
        verbose: say where the learning rate stands too.
    """

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self.console, self.verbose = console, verbose
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %  loss {task.fields[loss]:.3f}"),
            TextColumn(
                "{task.fields[speed]:,.0f} {task.fields[steps]}/s  {task.fields[left]} left"
            ),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar: TaskID | None = None
        self._units = Units()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Take the bar away, whatever happened."""
        self.progress.stop()

    def begin(self, units: Units) -> None:
        """A bar of its own for each training."""
        self._units = units
        if self._bar is not None:
            self.progress.reset(self._bar, **self._empty())

    def passage(self, tokens: Sequence[str], ids: Sequence[int]) -> None:
        """The first tokens and their ids; series of numbers have none."""
        if tokens:
            show_tokens(self.console, tokens, ids)

    def pace(self, pace: Pace) -> None:
        """Move the bar."""
        if not self.console.is_terminal:
            return
        if self._bar is None:
            self._bar = self.progress.add_task("training", total=1.0, **self._empty())
        # Right after a report no target has been counted yet: the loss before it stays.
        known: dict[str, Any] = {} if math.isnan(pace.loss) else {"loss": pace.loss}
        self.progress.update(
            self._bar,
            completed=pace.progress,
            speed=pace.tokens_per_second,
            left=duration(pace.seconds_left),
            **known,
        )
        self.progress.start()

    def _empty(self) -> dict[str, Any]:
        return {"loss": 0.0, "speed": 0.0, "steps": self._units.steps, "left": ""}

    def report(self, report: Report) -> None:
        """A line of numbers, and what the model can do by now."""
        star = "[green], best[/]" if report.best else ""
        rate = f"  rate {report.rate:.2g}" if self.verbose else ""
        line = (
            f"\n[bold]epoch {report.epoch:.2f}[/]  update {report.update:,}  "
            f"{duration(report.seconds)}  train {report.train:.3f}  "
            f"[bold]valid {report.valid:.3f}[/] {self._units.words}"
        )
        rest = f"{_scores(report.scores, self._units)}{rate}{star}"
        if self.console.is_terminal and self._too_wide(line + rest):
            rest = f"\n    {rest}"
        self.console.print(line + rest, highlight=False, soft_wrap=True)
        if report.samples:
            self.console.print(samples_table(report.samples))

    def _too_wide(self, markup: str) -> bool:
        return Text.from_markup(markup.strip()).cell_len > self.console.width

    def message(self, text: str) -> None:
        """A line, or several with an indent."""
        table = Table.grid(padding=(0, 1))
        table.add_column(style="dim")
        table.add_column(overflow="fold")
        table.add_row("·", Text(text))
        if self.console.is_terminal:
            self.console.print(table)
        else:
            self.console.print(f"· {text}", markup=False, highlight=False, soft_wrap=True)


def _scores(scores: dict[str, float], units: Units) -> str:
    """The first two scores."""
    shown = list(scores.items())[:2]
    names = {**COLUMNS, **units.names}
    return "".join(f"  [bold]{names.get(n, n)} {figure(n, value)}[/]" for n, value in shown)
