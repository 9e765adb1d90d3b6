"""Forecasts on the screen: scores beside five simple forecasts, steps of the horizon, a sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

COLUMNS = {
    "mase": "MASE",
    "mae": "MAE",
    "rmse": "RMSE",
    "mse": "MSE (std.)",
    "smape": "sMAPE",
    "crps": "CRPS",
    "coverage": "90 % holds",
}
BASELINES = {
    "baseline": "seasonal naive",
    "naive": "naive",
    "drift": "drift",
    "mean": "training mean",
    "ridge": "ridge on lags",
}
SHOWN_STEPS = 6  # columns of the table by step
SHOWN_VALUES = 6  # of a sample's horizon
BARS = "▁▂▃▄▅▆▇█"


def show_forecast(console: Console, metrics: Mapping[str, Any], words: str | None = None) -> None:
    """The model's scores beside the baselines', then in sentences what they mean.

    Args:
        words: what was scored, where it is neither validation nor test.
    """
    part = "test" if metrics.get("test") else "valid"
    part_words = words or {"test": "test", "valid": "validation"}[part]
    left_out = "rmse" if metrics.get("decides") == "mse" else "mse"
    names = [name for name in COLUMNS if name in metrics[part] and name != left_out]
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False)
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


def baselines(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The baselines by the names that people know; without a season the naive one is the first."""
    words = dict(BASELINES)
    if metrics.get("season", 1) == 1:
        words["baseline"] = words.pop("naive")
    return {words[name]: metrics[name] for name in words if name in metrics}


def figure(name: str, value: float | None) -> str:
    """A score as people write it; a dash for one that is no number.

    >>> figure("coverage", 0.9), figure("mae", 12345.6), figure("mase", 0.51), figure("mae", None)
    ('90.0 %', '12,346', '0.510', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if name == "coverage":
        return f"{100 * value:.1f} %"
    if name == "smape":
        return f"{value:.1f} %"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.3f}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"


def sentences(metrics: Mapping[str, Any]) -> list[str]:
    """Whether the network earns its place, whether its intervals hold, whether it only shifts."""
    part = "test" if metrics.get("test") else "valid"
    said = [verdict(metrics, part)]
    coverage = metrics[part].get("coverage")
    if coverage is not None and part == "test":
        said.append(f"The 90 % intervals hold {figure('coverage', coverage)} of the test values.")
    if metrics.get("shifted"):
        said.append(
            "Warning: its forecasts are little more than the last value of their input, shifted: "
            "they follow the curve in a plot and are worth little more than the naive forecast."
        )
    return said


def verdict(metrics: Mapping[str, Any], part: str) -> str:
    """Whether the network beats the baselines, in a sentence."""
    name = _deciding(metrics, part)
    ours = metrics[part].get(name)
    others = {
        words: scores[part][name]
        for words, scores in baselines(metrics).items()
        if _is_number(scores[part].get(name))
    }
    if not _is_number(ours) or not others or not (name == "mase" or any(others.values())):
        return "There is nothing to compare: the series never change."
    first, best = next(iter(others)), min(others, key=lambda words: others[words])
    against = f"{COLUMNS[name]} {figure(name, ours)} against {figure(name, others[first])}"
    if ours < others[best]:
        rest = "" if best == first else f"; next is {best} with {figure(name, others[best])}"
        return f"The model beats the {first} forecast ({against}) and every other baseline{rest}."
    strongest = f"{best} has {figure(name, others[best])}"
    if ours < others[first]:
        return (
            f"Warning: the model beats the {first} forecast ({against}), but {strongest}: use "
            "that, train longer (--updates), or give the model more to look back on (--look-back)."
        )
    more = "" if best == first else f" {strongest[0].upper()}{strongest[1:]}."
    return (
        f"Warning: the model does not beat the {first} forecast ({against}).{more} Use the "
        "better one, train longer (--updates), or pass more data."
    )


def _deciding(metrics: Mapping[str, Any], part: str) -> str:
    name = str(metrics.get("decides", "mase"))
    return name if _is_number(metrics[part].get(name)) else "mae"


def _is_number(value: Any) -> bool:
    return value is not None and math.isfinite(value)


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
    baseline = next(iter(baselines(metrics)))
    rows = [("MAE", "mae", "model"), (f"MAE, {baseline}", "mae", "baseline")]
    rows.append(("90 % holds", "coverage", "model"))
    for words, name, owner in rows:
        values = steps.get(owner, {}).get(name)
        if values:
            table.add_row(words, *(_short(name, values[step]) for step in chosen))
    console.print(table)


def _short(name: str, value: float | None) -> str:
    """A score in a narrow column: shares without decimals."""
    share = name == "coverage" and _is_number(value)
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
    """A forecast of the validation part in a line, with what came."""
    found, true = sample["forecast"], sample["true"]
    text = Text.assemble((f"{sample['from']} to {sample['to']}: ", "dim"))
    numbers = [v for v in (*found, *true) if _is_number(v)]
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 0.0)
    text.append(bars(found, low, high) + " ", "cyan")
    text.append(_few(found))
    if true:
        text.append("  true ", "dim")
        text.append(bars(true, low, high) + " ", "dim")
        text.append(_few(true), "dim")
    return text


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
