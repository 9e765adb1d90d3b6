"""Lessons on a console: equations with numbers, how far gradients reach, what is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from seqloom.terminal.samples import visible

WORDS = {
    "en": {
        "at": 'Step {step} of {steps}, "{token}": layer {layer}, {direction}, '
        "unit {unit} of {units} ({kind})",
        "forward": "forward",
        "backward": "backward",
        "of": "{count} products, the largest written out",
        "result": "By the equations {result:.7f}; the model itself used {used:.7f}",
        "apart": "they differ by {gap:.0e}, the rounding of float32.",
    },
    "ko": {
        "at": "{steps}단계 가운데 {step}단계, “{token}”: {layer}층, {direction}, "
        "유닛 {units}개 가운데 {unit}번 ({kind})",
        "forward": "앞으로",
        "backward": "뒤로",
        "of": "곱 {count}개, 가장 큰 것만 적음",
        "result": "식으로 계산한 값 {result:.7f}, 모델이 실제로 쓴 값 {used:.7f}",
        "apart": "차이 {gap:.0e}는 float32의 반올림입니다.",
    },
}
SHOWN = (0, 1, 2, 5, 10, 20, 50, 100)  # steps back


def show_lesson(console: Console, lesson: Any, language: str) -> None:
    """The lines of a lesson, name by name."""
    words = WORDS[language]
    about = {**vars(lesson.at), "direction": words[lesson.at.direction], "kind": lesson.kind}
    token = visible(lesson.token)
    title = words["at"].format(**about, steps=lesson.steps, units=lesson.units, token=token)
    whole = not console.is_terminal  # a line of a file stays one
    console.print(title, style="bold", markup=False, highlight=False, soft_wrap=whole)
    width = max(len(line.name) for line in lesson.lines)
    for line in lesson.lines:
        _show_line(console, line, width, words)
    console.print()
    gap = abs(lesson.result - lesson.used)
    end = words["result"].format(result=lesson.result, used=lesson.used)
    last = f"{end}; {words['apart'].format(gap=gap)}"
    console.print(last, style="bold", markup=False, highlight=False, soft_wrap=whole)


def _show_line(console: Console, line: Any, width: int, words: dict[str, str]) -> None:
    name, pad = escape(line.name.rjust(width)), " " * width
    formula = escape(line.formula)
    if line.of is not None:
        formula = f"[dim]{words['of'].format(count=line.of[0])}[/]"
    whole = line.of is None
    if whole:
        console.print()
    _equals(console, f"[bold]{name}[/]", formula)
    _equals(console, pad, escape(line.numbers))
    style = "bold cyan" if whole else "cyan"
    _equals(console, pad, f"[{style}]{line.value:.5f}[/]")


def _equals(console: Console, name: str, value: str) -> None:
    """A line of an equation; what a terminal is too narrow for goes on behind the sign."""
    if not console.is_terminal:
        console.print(f"{name} = {value}", highlight=False, soft_wrap=True)
        return
    table = Table.grid(padding=0)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(f"{name} = ", value)
    console.print(table, highlight=False)


def show_reach(console: Console, found: Sequence[Any], updates: int) -> None:
    """Shares of the gradient by steps back, as the models begin and after training."""
    for trained in (False, True):
        title = f"after {updates:,} updates" if trained else "as the model begins"
        table = Table(box=box.SIMPLE, title=title, title_justify="left", padding=0)
        table.add_column("steps back", no_wrap=True)
        steps = [step for step in SHOWN if step < len(found[0].before)]
        for step in steps:
            table.add_column(str(step), justify="right", min_width=5)
        table.add_column("reach", justify="right", min_width=7)
        if trained:
            table.add_column("nats", justify="right", min_width=6)
        for one in found:
            shares = one.after if trained else one.before
            cells = [_share(shares[step]) for step in steps]
            nats = [f"{one.nll:.3f}"] if trained else []
            table.add_row(one.cell, *cells, f"{one.steps(trained=trained)}", *nats)
        console.print(table)
    console.print(
        "The gradient of the last character's loss, as a share of that at the last step; reach: "
        "how many steps back 1 % of it arrives.",
        highlight=False,
        soft_wrap=True,
    )


def _share(value: float) -> str:
    if value >= 0.001 or value == 0:
        return f"{value:.3f}"
    return f"{value:.0e}"


def show_recall(console: Console, found: Sequence[Any]) -> None:
    """Which cell solves which length: its accuracy, and the updates it took."""
    lengths = list(dict.fromkeys(one.length for one in found))
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("remember for")
    for length in lengths:
        table.add_column(f"{length} steps", justify="right")
    for cell in dict.fromkeys(one.cell for one in found):
        own = {one.length: one for one in found if one.cell == cell}
        table.add_row(cell, *(_recalled(own[length]) for length in lengths))
    console.print(table)
    console.print(
        "✓ is 95 % right or more, with the updates it took; chance is 12 %.", highlight=False
    )


def _recalled(one: Any) -> str:
    if one.solved:
        return f"[green]✓ {one.updates}[/]"
    return f"{one.accuracy:.0%}"
