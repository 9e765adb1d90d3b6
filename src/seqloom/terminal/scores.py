"""Scores beside the baseline's, and in a sentence which is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from seqloom.deciding import DECIDING, is_better
from seqloom.terminal.forecast_words import BASELINES as FORECASTS
from seqloom.terminal.forecast_words import COLUMNS as FORECAST_COLUMNS
from seqloom.terminal.forecast_words import figure as forecast_figure
from seqloom.terminal.forecast_words import sentences
from seqloom.terminal.forecasts import show_forecast
from seqloom.terminal.music import show_music, verdict_of_music

COLUMNS = {
    "nll": "nats a token",
    "perplexity": "perplexity",
    "bits_per_character": "bits a character",
    "accuracy": "accuracy",
    "span_f1": "span F1",
    "macro_f1": "macro F1",
    "micro_f1": "micro F1",
    "roc_auc": "ROC AUC",
    "ece": "calibration error",
    "bleu": "BLEU",
    "chrf": "chrF",
    "cider": "CIDEr",
    "exact_match": "exact match",
    "per": "piece errors",
    "wer": "wrong texts",
    "nll_per_note": "nats a note",
    "nll_per_frame": "nats a frame",
    "nll_per_frame_by_piece": "mean over pieces",
    "cer": "wrong characters",
    **FORECAST_COLUMNS,
}
# Shown in percent.
SHARES = ("accuracy", "span_f1", "macro_f1", "micro_f1", "exact_match", "per", "wer", "cer")
POINTS = ("bleu", "chrf")  # from 0 to 100
SHOWN = {
    "generate": ("nll", "perplexity", "bits_per_character"),
    "classify": ("accuracy", "micro_f1", "macro_f1", "roc_auc", "ece"),
    "tag": ("accuracy", "span_f1"),
    "translate": ("bleu", "chrf", "per", "wer", "exact_match"),
    "caption": ("bleu", "chrf", "cider", "exact_match"),
    "compose": ("nll", "perplexity", "nll_per_note", "nll_per_frame", "nll_per_frame_by_piece"),
    "transcribe": ("wer", "cer", "exact_match"),
}
BASELINES = {
    "generate": "n-gram baseline",
    "classify": "linear baseline",
    "tag": "most frequent tag",
    "translate": "word-by-word dictionary",
    "caption": "commonest caption",
    "compose": "baseline",
    "transcribe": "sound-alike baseline",
}
NETWORK = "network"  # where a model is more than its network: what that is worth alone
# What else is beside the model, by its name in the metrics.
OTHERS = {
    "copy": "source as it is",
    "nearest": "nearest picture's caption",
    "commonest": "commonest transcript",
}
# Of a task with several baselines, those that the model has to beat too.
STRONGER = {"caption": ("nearest",), "transcribe": ("commonest",)}
# Where a score is of something else.
NAMED = {"transcribe": {"wer": "wrong words"}, "compose": {"nll": "nats an event"}}
# What else the words on a forecast follow from.
ABOUT = ("season", "first", "channels", "shifted", "decides")


def show_metrics(console: Console, metrics: dict[str, Any], valid: str = "validation") -> None:
    """The model's scores beside the baseline's, and which is better."""
    task = metrics["task"]
    if task == "forecast":
        show_forecast(console, metrics, None if valid == "validation" else valid)
        return
    parts = [(p, words) for p, words in (("valid", valid), ("test", "test")) if metrics.get(p)]
    names = [name for name in SHOWN[task] if any(name in metrics[part] for part, _ in parts)]
    table = Table(box=box.SIMPLE, header_style="bold", pad_edge=False)
    # A path may be long, and is folded; else the headings are.
    table.add_column("", overflow="fold", no_wrap=valid == "validation")
    for name in names:
        table.add_column(heading(name, task), justify="right")
    for part, words in parts:
        ours = "network + n-grams" if NETWORK in metrics else "this model"
        table.add_row(f"{ours}, {words}", *_figures(metrics[part], names))
        if NETWORK in metrics:
            table.add_row(f"network alone, {words}", *_figures(metrics[NETWORK][part], names))
        plain = metrics["baseline"][part]
        table.add_row(f"{BASELINES[task]}, {words}", *_figures(plain, names))
        for other in filter(metrics.__contains__, OTHERS):
            table.add_row(f"{OTHERS[other]}, {words}", *_figures(metrics[other][part], names))
    console.print(table)
    console.print(verdict(metrics), highlight=False, soft_wrap=not console.is_terminal)
    if "music" in metrics:
        show_music(console, metrics["music"])


def heading(name: str, task: str) -> str:
    """A score as a heading, which says of what it is.

    >>> heading("wer", "translate"), heading("wer", "transcribe")
    ('wrong texts', 'wrong words')
    """
    return NAMED.get(task, {}).get(name, COLUMNS.get(name, name))


def _figures(scores: dict[str, float | None], names: Sequence[str]) -> list[str]:
    """Scores as words; a dash for one that is no number."""
    return [figure(name, scores.get(name)) for name in names]


def figure(name: str, value: float | None) -> str:
    """A score as people write it: in percent, in points, or with three decimals.

    >>> figure("accuracy", 0.5), figure("bleu", 31.234), figure("nll", None)
    ('50.00%', '31.2', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"  # a run holds null for what was no number
    if name in FORECAST_COLUMNS:
        return forecast_figure(name, value)
    if name in POINTS:
        return f"{value:.1f}"
    return f"{value:.2%}" if name in SHARES else f"{value:.3f}"


def verdict_lines(metrics: dict[str, Any]) -> list[str]:
    """What the scores mean, in sentences."""
    return sentences(metrics) if metrics["task"] == "forecast" else [verdict(metrics)]


def verdict(metrics: dict[str, Any]) -> str:
    """Whether the network earns its place beside the baseline, in a sentence."""
    part = "test" if metrics.get("test") else "valid"
    model, plain = metrics[part], metrics["baseline"][part]
    if metrics["task"] == "generate":
        return _verdict_of_text(model["perplexity"], plain["perplexity"])
    if metrics["task"] == "compose":
        return verdict_of_music(model, plain)
    name = next(name for name in DECIDING if name in model)
    baseline = BASELINES[metrics["task"]]
    for other in STRONGER.get(metrics["task"], ()):
        found = (metrics.get(other) or {}).get(part) or {}
        if name in found and is_better(name, found[name], plain[name]):
            baseline, plain = OTHERS[other], found
    against = _against(name, model, plain, metrics["task"])
    if is_better(name, model[name], plain[name]):
        words = f"The model beats the {baseline} ({against})"
        if model.get("macro_f1", 1.0) < plain.get("macro_f1", 0.0):
            words += f", though not in the mean over labels ({_against('macro_f1', model, plain)})"
        alone = metrics.get(NETWORK, {}).get(part)
        if alone and alone[name] <= plain[name]:
            words += f"; the network alone does not ({figure(name, alone[name])})"
        return f"{words}."
    return (
        f"The model does not beat the {baseline} ({against}): train longer "
        "(--minutes), on more data, or use the baseline."
    )


def _against(name: str, ours: dict[str, float], theirs: dict[str, float], task: str = "") -> str:
    found, beside = figure(name, ours[name]), figure(name, theirs[name])
    return f"{found} against {beside} of {heading(name, task)}"


def _verdict_of_text(*found: float | None) -> str:
    model, plain = (x if x is not None and math.isfinite(x) else math.inf for x in found)
    if model < plain:
        return (
            f"The model is {1 - model / plain:.0%} less perplexed than the n-gram baseline "
            f"({model:.2f} against {plain:.2f})."
        )
    return (
        f"The model does not beat the n-gram baseline ({model:.2f} against {plain:.2f} of "
        "perplexity): train longer (--minutes), on more text, or use the n-grams."
    )


def show_evaluation(console: Console, result: dict[str, Any]) -> None:
    """Scores on a file, or those of the training, and the share of copied text."""
    for line in result.get("remarks", ()):
        console.print(f"· {line}", highlight=False, markup=False, soft_wrap=True)
    if "scores" in result:
        others = (NETWORK, *OTHERS, *(name for name in FORECASTS if name != "baseline"))
        shown = {
            "task": result["task"],
            "valid": result["scores"],
            "baseline": {"valid": result["baseline"]["scores"]},
            **{name: {"valid": result[name]["scores"]} for name in others if name in result},
            **{name: result[name] for name in ABOUT if name in result},
            "leads": {"valid": result.get("leads", {})},
        }
        show_metrics(console, shown, f"on {result['data']}")
    else:
        show_metrics(console, result)
    if "copied_8grams" in result:
        console.print(
            f"{result['copied_8grams']:.1%} of the runs of eight tokens in generated text "
            "(temperature 0.8) stand word for word in the training part.",
            highlight=False,
            soft_wrap=not console.is_terminal,
        )
