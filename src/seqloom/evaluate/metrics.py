"""Scores of a language model from its loss. Units: nats unless the name says bits."""

from __future__ import annotations

import math


def perplexity(nll: float) -> float:
    """How many equally likely tokens the model hesitates between: e^nll.

    Args:
        nll: nats per token. A loss beyond what a float can raise gives infinity.

    >>> round(perplexity(math.log(50)), 6)
    50.0
    """
    try:
        return math.exp(nll)
    except OverflowError:
        return math.inf


def bits_per_character(nats_total: float, characters: float) -> float:
    """Bits a character, which tokenizers of every kind share: nats / (ln 2 · characters).

    Args:
        nats_total: nats of all tokens together.
        characters: characters those tokens stand for; without any there is no score (NaN).

    >>> bits_per_character(math.log(2) * 30, 10)
    3.0
    """
    return nats_total / (math.log(2) * characters) if characters else math.nan


def language_metrics(nats_total: float, tokens: int, characters: float) -> dict[str, float]:
    """What ``metrics.json`` holds of a language model.

    Args:
        nats_total: nats of all tokens together.
        tokens: tokens that were predicted; without any the scores are NaN.
        characters: characters those tokens stand for.

    Returns:
        ``nll`` (nats per token), ``perplexity``, ``bits_per_character``.
    """
    nll = nats_total / tokens if tokens else math.nan
    return {
        "nll": nll,
        "perplexity": perplexity(nll),
        "bits_per_character": bits_per_character(nats_total, characters),
    }
