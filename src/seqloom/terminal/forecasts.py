"""Forecasts on the screen: scores beside five simple forecasts, steps, channels, a sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqloom.terminal.forecast_words import (
    COLUMNS,
    baselines,
    figure,
    first_of,
    is_number,
    sentences,
)

SHOWN_STEPS = 6  # columns of the table by step
SHOWN_VALUES = 6  # of a sample's horizon
SHOWN_CHANNELS = 12
LINE = 72  # columns of a sample's line that are sure to be there
BARS = "▁▂▃▄▅▆▇█"


def show_forecast(console: Console, metrics: Mapping[str, Any], words: str | None = None) -> None:
    """The model's scores beside the baselines', then in sentences what they mean.

    Args:
        words: what was scored, where it is neither validation nor test.
    """
    part = "test" if metrics.get("test") else "valid"
    part_words = words or {"test": "test", "valid": "validation"}[part]
    left_out = {"rmse" if metrics.get("decides") == "mse" else "mse"}
    # Channels may be in dollars and in degrees: their errors are not added up as they are.
    left_out |= {"mae", "rmse"} if metrics.get("channels", 1) > 1 else {"standard_mae"}
    names = [name for name in COLUMNS if name in metrics[part] and name not in left_out]
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False, caption_justify="left")
    if "crps" in names:
        table.caption = "CRPS of a forecast of one value, as the baselines give, is its MAE."
    # A path may be long, and is folded; else the headings are.
    table.add_column(part_words, overflow="fold", no_wrap=words is None)
    for name in names:
        table.add_column(COLUMNS[name], justify="right", no_wrap=True)
    rows = {"this model": metrics[part], **{n: s[part] for n, s in baselines(metrics).items()}}
    for row, scores in rows.items():
        table.add_row(row, *(figure(name, scores.get(name)) for name in names))
    console.print(table)
    for line in sentences(metrics):
        console.print(line, highlight=False, soft_wrap=not console.is_terminal)


def show_steps(console: Console, details: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
    """Scores at some steps of the horizon."""
    part = "test" if "test" in details else "valid"
    steps = details[part]["by_step"]
    horizon = len(steps["model"]["mae"])
    if horizon < 2:
        return
    chosen = spread(horizon, SHOWN_STEPS)
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False)
    table.add_column("step", no_wrap=True)
    for step in chosen:
        table.add_column(f"{step + 1:,}", justify="right", no_wrap=True)
    baseline, error = next(iter(baselines(metrics))), "mae"
    if metrics.get("channels", 1) > 1:
        error = "standard_mae"
    words = COLUMNS[error]
    rows = [(words, error, "model"), (f"{words}, {baseline}", error, first_of(metrics))]
    rows.append(("90 % holds", "coverage", "model"))
    for words, name, owner in rows:
        values = steps.get(owner, {}).get(name)
        if values:
            table.add_row(words, *(_short(name, values[step]) for step in chosen))
    console.print(table)


def show_channels(console: Console, details: Mapping[str, Any], metrics: Mapping[str, Any]) -> None:
    """Errors of each channel in its own units; nothing where there is one."""
    part = "test" if "test" in details else "valid"
    names = details[part].get("channels", [])
    if not names:
        return
    first = next(iter(baselines(metrics)))
    scores = {words: details[part]["by_channel"][own] for words, own in _owners(metrics, first)}
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False)
    table.add_column("channel", overflow="fold")
    for words in ("MAE", f"MAE, {first}", "MASE", "90 % holds"):
        table.add_column(words, justify="right")
    for place, name in enumerate(names[:SHOWN_CHANNELS]):
        ours, theirs = scores["this model"], scores[first]
        cells = [ours["mae"], theirs["mae"], ours["mase"]]
        held = ours.get("coverage")
        table.add_row(
            Text(name),
            *(figure("mae", column[place]) for column in cells),
            "" if held is None else figure("coverage", held[place]),
        )
    console.print(table)
    if len(names) > SHOWN_CHANNELS:
        more = len(names) - SHOWN_CHANNELS
        console.print(f"{more} more channels stand in details.json.", highlight=False)


def _owners(metrics: Mapping[str, Any], first: str) -> list[tuple[str, str]]:
    """The model and the first baseline, by the names that people and ``details.json`` have."""
    return [("this model", "model"), (first, first_of(metrics))]


def _short(name: str, value: float | None) -> str:
    """A score in a narrow column: shares without decimals."""
    share = name == "coverage" and is_number(value)
    return f"{100 * (value or 0):.0f} %" if share else figure(name, value)


def spread(count: int, most: int) -> list[int]:
    """Places from the first to the last, evenly apart.

    >>> spread(12, 4), spread(2, 6)
    ([0, 4, 7, 11], [0, 1])
    """
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]


def forecast_line(sample: Mapping[str, Any]) -> Text:
    """A forecast of the validation part in a line, or in three, with what came."""
    found, true = sample["forecast"], sample["true"]
    numbers = [v for v in (*found, *true) if is_number(v)]
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 0.0)
    dates = Text.assemble((f"{sample['from']} to {sample['to']}: ", "dim"))
    made = Text.assemble((bars(found, low, high) + " ", "cyan"), _few(found))
    came = Text.assemble(("true ", "dim"), (f"{bars(true, low, high)} {_few(true)}", "dim"))
    if not true:
        return Text.assemble(dates, made)
    if len(dates) + len(made) + len(came) < LINE:
        return Text.assemble(dates, made, "  ", came)
    return Text.assemble(dates, "\n     ", made, "\n", came)


def bars(values: Sequence[float | None], low: float, high: float) -> str:
    """Values as bars; at most 24 of them.

    >>> bars([0.0, 1.0, 2.0], 0.0, 2.0)
    '▁▅█'
    """
    shown = [values[place] for place in spread(len(values), 24)]
    span = (high - low) or 1.0
    top = len(BARS) - 1
    # A half is rounded up, as people do.
    marks = [
        " " if value is None or not math.isfinite(value)
        else BARS[min(top, max(0, math.floor((value - low) / span * top + 0.5)))]
        for value in shown
    ]  # fmt: skip
    return "".join(marks)


def _few(values: Sequence[float | None]) -> str:
    words = [figure("mae", value) for value in values[:SHOWN_VALUES]]
    return " ".join(words) + (" …" if len(values) > SHOWN_VALUES else "")
