"""Scores of a forecast as ``metrics.json`` and ``details.json`` hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqloom_runtime.tasks.series_scales import SeriesScales

from seqloom.config import Settings
from seqloom.tasks.forecast_scores import OTHERS, Scored


def about(settings: Settings, scales: SeriesScales) -> dict[str, Any]:
    """What the scores are of, and which of them decides."""
    decides = "mse" if settings.train.loss == "mse" else "mase"
    return {
        "horizon": settings.data.horizon,
        "season": scales.season,
        # A week before says little of a market; its last price says all.
        "first": "naive" if scales.frequency.unit == "business day" else "baseline",
        "channels": len(scales.channels),
        "decides": decides,
    }


def empty(result: dict[str, Any], part: str) -> None:
    """No scores of a part that has no windows."""
    result[part] = {}
    for name in ("baseline", *OTHERS):
        result.setdefault(name, {})[part] = {}


def take(result: dict[str, Any], part: str, scored: Scored) -> None:
    """Put the scores of a part where ``metrics.json`` has them."""
    result["shifted"] = scored.shifted
    result.setdefault("leads", {})[part] = scored.leads(result["decides"])
    for name, score in scored.scores.items():
        if name == "model":
            found = score.result()
            # On validation, where they were calibrated, intervals hold by themselves.
            claims = () if part == "valid" else ("coverage", "width")
            result[part] = {
                name: value
                for name, value in found.items()
                if name.startswith(claims) or not name.startswith(("coverage", "width"))
            }
        else:
            result.setdefault(name, {})[part] = score.result()


def details_of(scored: Scored, channels: Sequence[str]) -> dict[str, Any]:
    """Scores of the model and of each baseline by step of the horizon, and by channel."""
    found: dict[str, Any] = {
        "windows": scored.scores["model"].windows,
        "by_step": {name: score.by_step() for name, score in scored.scores.items()},
    }
    if len(channels) > 1:
        found["channels"] = list(channels)
        found["by_channel"] = {name: score.by_channel() for name, score in scored.scores.items()}
    return found
