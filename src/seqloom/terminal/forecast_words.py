"""Forecasts in words: who is better, by more than chance or not, and whether intervals hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

COLUMNS = {
    "mase": "MASE",
    "mae": "MAE",
    "standard_mae": "MAE (std.)",
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


def names_of(metrics: Mapping[str, Any]) -> dict[str, str]:
    """The baselines by their names in ``metrics.json``, as people call them, the first one first.

    Without a season the naive one stands where the seasonal one would.
    """
    words = dict(BASELINES)
    if metrics.get("season", 1) == 1:
        words["baseline"] = words.pop("naive")
    first = first_of(metrics)
    return {name: words[name] for name in (first, *words) if name in metrics and name in words}


def baselines(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What is known of each baseline, by the names that people know."""
    return {words: metrics[name] for name, words in names_of(metrics).items()}


def first_of(metrics: Mapping[str, Any]) -> str:
    """The baseline that comes first, by its name in ``metrics.json``."""
    first = str(metrics.get("first", "baseline"))
    return first if first in metrics else "baseline"


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
    if metrics.get("channels", 1) > 1:
        said.append(
            "Channels have units of their own: MAE (std.) is in spreads of each training part."
        )
    if metrics.get("shifted"):
        said.append(
            "Warning: its forecasts are little more than the last value of their input, shifted: "
            "they follow the curve in a plot and are worth little more than the naive forecast."
        )
    return said


def verdict(metrics: Mapping[str, Any], part: str) -> str:
    """Whether the network beats the baselines, in a sentence.

    A lead that is within what the windows differ by is none.
    """
    name = _deciding(metrics, part)
    ours = metrics[part].get(name)
    others = {
        words: scores[part][name]
        for words, scores in baselines(metrics).items()
        if is_number(scores[part].get(name))
    }
    if not is_number(ours) or not others or not (name == "mase" or any(others.values())):
        return "There is nothing to compare: the series never change."
    first, best = next(iter(others)), min(others, key=lambda words: others[words])
    against = f"{COLUMNS[name]} {figure(name, ours)} against {figure(name, others[first])}"
    strongest = f"{best} has {figure(name, others[best])}"
    if ours >= others[first]:
        more = "" if best == first else f" {strongest[0].upper()}{strongest[1:]}."
        return (
            f"Warning: the model does not beat the {first} forecast ({against}).{more} Use the "
            "better one, train longer (--updates), or pass more data."
        )
    chance = {words: _by_chance(metrics, part, words) for words in others}
    if why := chance[first]:
        return f"Warning: the model is no better than the {first} forecast ({against}): {why}."
    if ours >= others[best]:
        return (
            f"Warning: the model beats the {first} forecast ({against}), but {strongest}: use "
            "that, train longer (--updates), or give the model more to look back on (--look-back)."
        )
    if why := chance[best]:
        return (
            f"The model beats the {first} forecast ({against}), but is no better than {best} "
            f"({figure(name, others[best])}): {why}."
        )
    rest = "" if best == first else f"; next is {best} with {figure(name, others[best])}"
    return f"The model beats the {first} forecast ({against}) and every other baseline{rest}."


def _by_chance(metrics: Mapping[str, Any], part: str, words: str) -> str:
    """Why a lead over a baseline may be chance; nothing where it is none, or not known."""
    leads = metrics.get("leads", {}).get(part, {})
    own = next(name for name, known in names_of(metrics).items() if known == words)
    lead, sure = leads.get(own, (None, 0.0))
    if lead is None:
        return ""
    if sure is None:
        return "the windows lie so close together that a lead says little"
    return "" if lead > sure else "its lead is within what the windows differ by"


def _deciding(metrics: Mapping[str, Any], part: str) -> str:
    name = str(metrics.get("decides", "mase"))
    return name if is_number(metrics[part].get(name)) else "mae"


def is_number(value: Any) -> bool:
    """Whether a score is there and finite."""
    return value is not None and math.isfinite(value)
