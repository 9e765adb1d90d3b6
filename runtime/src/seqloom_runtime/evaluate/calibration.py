"""From scores to probabilities: two models joined by scales that were fitted on validation.

Knows scores only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


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
        scales: a and b, above 0: 1 / a is the temperature (Guo et al. 2017).
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
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> Combination:
        """What ``arrays`` gave."""
        return cls(arrays["scales"], arrays["bias"])
