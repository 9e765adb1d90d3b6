"""Pictures of a training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TRAIN, VALID, BASELINE = "#7a8794", "#b3472d", "#2f6f8f"


def plot_loss(
    history: list[dict[str, Any]],
    metrics: dict[str, Any],
    path: Path,
    words: str = "nats a token",
) -> None:
    """Training and validation loss over epochs, with the baseline as a line; PNG or SVG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    epochs = [line["epoch"] for line in history]
    axes.plot(epochs, [line["train"] for line in history], color=TRAIN, marker="o", label="train")
    valid = [line["valid"] for line in history]
    axes.plot(epochs, valid, color=VALID, marker="o", label="validation")
    plain = metrics.get("baseline", {}).get("valid", {})
    baseline = plain.get("nll", plain.get("nll_per_frame"))
    if baseline is not None:
        axes.axhline(baseline, color=BASELINE, linestyle="--", label="baseline (validation)")
    axes.set_xlabel("epoch")
    axes.set_ylabel(words)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)
