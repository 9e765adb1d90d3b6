"""Probabilities that mean what they say: calibration error, temperature, two models joined.

Knows scores and targets only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BINS = 15
RIDGE = 1e-4  # pull of the biases towards zero, against few examples of a label


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


def probabilities_of(logits: npt.NDArray[Any], multi: bool) -> Floats:
    """Softmax over the labels of a row, or of each label alone: (rows, labels) → alike."""
    exact = logits.astype(np.float64)
    if multi:
        return 1 / (1 + np.exp(-np.clip(exact, -500, 500)))
    shares = np.exp(exact - exact.max(1, keepdims=True))
    result: Floats = shares / shares.sum(1, keepdims=True)
    return result


@dataclass(frozen=True)
class Combination:
    """Scores of a network and, where there is one, of a linear model as one.

    logits = network · a + linear · b + bias

    Args:
        scales: a and b, not below 0.
        bias: (labels,).
    """

    scales: Floats
    bias: Floats

    def apply(self, network: Floats, linear: Floats | None = None) -> Floats:
        """The joined scores: (examples, labels) each → alike."""
        joined = network * self.scales[0] + self.bias
        result: Floats = joined if linear is None else joined + linear * self.scales[1]
        return result

    def arrays(self) -> dict[str, Floats]:
        """Plain arrays, to be saved."""
        return {"scales": self.scales, "bias": self.bias}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats]) -> Combination:
        """What ``arrays`` gave."""
        return cls(arrays["scales"], arrays["bias"])


def fit_combination(
    targets: npt.NDArray[np.int64] | npt.NDArray[np.float32],
    network: Floats,
    linear: Floats | None = None,
) -> Combination:
    """The combination of least loss: with one model, a temperature; with two, a bias too.

    Args:
        targets: (examples,) places of the labels, or (examples, labels) of 0 and 1.
        network, linear: scores (examples, labels).
    """
    from scipy.optimize import minimize

    parts = [network] if linear is None else [network, linear]
    scores = np.stack(parts).astype(np.float64)  # (models, examples, labels)
    labels = network.shape[1]
    truth: Floats = (targets if targets.ndim == 2 else np.eye(labels)[targets]).astype(np.float64)
    free_bias = linear is not None

    def cost(values: Floats) -> tuple[float, Floats]:
        scales, bias = np.exp(values[: len(parts)]), values[len(parts) :]
        logits = np.einsum("m,mnl->nl", scales, scores) + (bias if free_bias else 0.0)
        nats, slope = _nats(logits, truth, several=targets.ndim == 2)
        toward = np.einsum("nl,mnl->m", slope, scores) * scales
        pull = RIDGE * bias
        gradient = np.concatenate([toward, slope.sum(0) + 2 * pull if free_bias else 0 * bias])
        return nats + float(pull @ bias), gradient

    start = np.concatenate([np.full(len(parts), np.log(1 / len(parts))), np.zeros(labels)])
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=[(-9, 5)] * len(start))
    return Combination(np.exp(found.x[: len(parts)]), found.x[len(parts) :] * float(free_bias))


def _nats(logits: Floats, truth: Floats, *, several: bool) -> tuple[float, Floats]:
    """Mean nats an example, and their slope in the logits."""
    count = len(logits)
    if several:
        shares = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
        nats = np.logaddexp(0, logits) - truth * logits
        return float(nats.sum()) / count, (shares - truth) / count
    top = logits.max(1, keepdims=True)
    log_sum = np.log(np.exp(logits - top).sum(1, keepdims=True)) + top
    shares = np.exp(logits - log_sum)
    return float((log_sum[:, 0] - (logits * truth).sum(1)).mean()), (shares - truth) / count
