"""Whether a forecast is better than another by more than chance, window by window.

Windows overlap, and series of a table rise and fall together, so windows whose targets lie in the
same stretch of a horizon's length are taken as one observation.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FEW = 5  # stretches, of which a spread says nothing
SURE = 0.975  # of Student's t on each side: 95 %

Exact = npt.NDArray[np.float64]


def lead(ours: Exact, theirs: Exact, stretches: npt.NDArray[np.int64]) -> tuple[float, float]:
    """By how much our errors are smaller, and by how much that may differ by chance.

    Of fewer than five stretches a lead counts where it is one in each of them; of fewer than two
    nothing can be said. Then the second number is infinite. NaN where no window has both errors.

    Args:
        ours, theirs: error of each window (windows,).
        stretches: number of the stretch of time that each window lies in (windows,).
    Source:
        Cameron & Miller 2015, "A practitioner's guide to cluster-robust inference", for a mean.

    >>> rises = np.array([1.0, 2.0, 3.0, 4.0])
    >>> lead(rises, rises + 1, np.array([0, 0, 1, 1]))
    (1.0, 0.0)
    """
    from scipy.special import stdtrit

    better = theirs - ours
    real = np.isfinite(better)
    if not real.any():
        return float("nan"), float("nan")
    mean = float(better[real].mean())
    _, group = np.unique(stretches[real], return_inverse=True)
    sums = np.bincount(group, better[real] - mean)
    count = len(sums)
    if count < 2:
        return mean, float("inf")
    if count < FEW:
        ahead = (sums + mean * np.bincount(group)) * mean > 0
        return mean, 0.0 if ahead.all() else float("inf")
    error = np.sqrt(count / (count - 1) * np.sum(sums**2)) / real.sum()
    return mean, float(stdtrit(count - 1, SURE) * error)
