"""Which score decides between models of one task; knows names of scores only."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

# The first of these that a model has decides.
# Not BLEU: of short texts it is 0, for it asks for four words right in a row.
DECIDING = ("span_f1", "micro_f1", "accuracy", "chrf", "per", "wer")
# Of texts a character, not a token: models may cut them differently. So for notes and frames.
WRITING = ("nll_per_frame", "nll_per_note", "bits_per_character", "nll")
# Of which fewer are better.
ERRORS = frozenset({"per", "wer", "mase", "mse", "mae", *WRITING})


def deciding_score(metrics: Mapping[str, Any], part: str) -> str | None:
    """The name of the score that decides, which the part has as a number; None without one."""
    asked = (str(metrics["decides"]), "mae") if "decides" in metrics else (*DECIDING, *WRITING)
    scores = metrics.get(part) or {}
    return next((name for name in asked if is_number(scores.get(name))), None)


def is_number(value: Any) -> bool:
    """Whether a score is a number with an end; runs hold null for what was none."""
    return isinstance(value, int | float) and math.isfinite(value)


def is_better(name: str, one: float, other: float) -> bool:
    """Whether one value of a score is better than another."""
    return one < other if name in ERRORS else one > other
