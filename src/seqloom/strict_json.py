"""JSON that every program reads: NaN and infinity, which JSON does not know, become null."""

from __future__ import annotations

import json
import math
from typing import Any


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Plain values as JSON text, on one line unless indented.

    >>> to_json({"nll": float("nan"), "perplexity": [1.5, float("inf")]})
    '{"nll": null, "perplexity": [1.5, null]}'
    """
    return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, indent=indent)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
