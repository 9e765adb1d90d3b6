"""Probabilities that mean what they say: calibration error, temperature, two models joined.

Knows scores and targets only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from seqloom_runtime.evaluate.calibration import Combination, probabilities_of

Floats = npt.NDArray[np.float64]

BINS = 15
SCALE_PRIOR = 0.005  # nats times the square of a scale, of scores whose spread is 1: normal(0, 10²)
BIAS_PRIOR = 0.5  # nats times the square of a bias: normal(0, 1)
LEAST_SCALE = 1e-3  # so that a model of no use still decides between equals


def expected_calibration_error(confidence: Floats, right: npt.NDArray[np.bool_]) -> float:
    """How far confidence is from accuracy, on average: Σ_b n_b / n · |acc_b - conf_b|.

    Args:
        confidence: probability of the label given (examples,), 0 to 1.
        right: whether it was the true one (examples,).
    Source:
        Guo et al. 2017, equation 3; 15 bins of equal width.

    >>> expected_calibration_error(np.array([0.9, 0.9]), np.array([True, False]))
    0.4
    """
    if not len(confidence):
        return 0.0
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [
        abs(float(right[bins == b].mean()) - float(confidence[bins == b].mean()))
        * (bins == b).sum()
        for b in np.unique(bins)
    ]
    return round(float(sum(gaps)) / len(confidence), 12)


def fit_combination(
    targets: npt.NDArray[Any], network: Floats, linear: Floats | None = None
) -> Combination:
    """The combination of least loss: with one model, a temperature; with two, a bias too.

    The loss is convex in scales and bias, so what is found is the least there is. Priors, worth
    less the more examples there are, keep few examples from deciding alone.

    Args:
        targets: (examples,) places of the labels, those below 0 left out, or (examples, labels) of
            0 and 1.
        network, linear: scores (examples, labels).
    """
    from scipy.optimize import minimize

    several = targets.ndim == 2
    keep = np.ones(len(targets), bool) if several else targets >= 0
    parts = [part[keep].astype(np.float64) for part in (network, linear) if part is not None]
    labels = network.shape[1]
    truth = targets[keep].astype(np.float64) if several else np.eye(labels)[targets[keep]]
    spreads = np.array([_spread(part, several) for part in parts])
    scores = np.stack(parts) / spreads[:, None, None]  # (models, examples, labels)
    models, biased = len(parts), linear is not None
    prior = np.concatenate([np.full(models, SCALE_PRIOR), np.full(labels, BIAS_PRIOR)])
    prior /= max(len(truth), 1)

    def cost(values: Floats) -> tuple[float, Floats]:
        logits = np.einsum("m,mnl->nl", values[:models], scores) + values[models:]
        nats, slope = _nats(logits, truth, several=several)
        gradient = np.concatenate([np.einsum("nl,mnl->m", slope, scores), slope.sum(0)])
        return nats + float(prior @ values**2), gradient + 2 * prior * values

    start = np.concatenate([np.full(models, 1 / models), np.zeros(labels)])
    bounds = [(LEAST_SCALE, None)] * models + [(None, None) if biased else (0, 0)] * labels
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return Combination(found[:models] / spreads, found[models:])


def _spread(scores: Floats, several: bool) -> float:
    """How far scores lie from each other where that says something: within a row, or at all."""
    if not scores.size:
        return 1.0
    middle = scores.mean() if several else scores.mean(1, keepdims=True)
    spread = float(np.sqrt(((scores - middle) ** 2).mean()))
    return spread or 1.0


def _nats(logits: Floats, truth: Floats, *, several: bool) -> tuple[float, Floats]:
    """Mean nats an example, and their slope in the logits."""
    count = max(len(logits), 1)
    if several:
        shares = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
        nats = np.logaddexp(0, logits) - truth * logits
        return float(nats.sum()) / count, (shares - truth) / count
    top = logits.max(1, keepdims=True)
    log_sum = np.log(np.exp(logits - top).sum(1, keepdims=True)) + top
    shares = np.exp(logits - log_sum)
    return float((log_sum[:, 0] - (logits * truth).sum(1)).sum()) / count, (shares - truth) / count


__all__ = ["Combination", "expected_calibration_error", "fit_combination", "probabilities_of"]
