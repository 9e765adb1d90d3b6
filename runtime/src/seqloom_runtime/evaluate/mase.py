"""What errors of forecasts are compared with: those of the seasonal naive forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Exact = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]


def mase_scales(train: Sequence[Floats], season: int) -> Exact:
    """Mean absolute error of the seasonal naive forecast within each training part.

    Args:
        train: of each series (time, channels), its training part; NaN where nothing was measured,
            which counts for nothing.
        season: steps of a season; a series not longer than one is compared with the step before.

    Returns:
        (series, channels); NaN where nothing changes, for there is nothing to compare with.
    """
    scales = []
    for values in train:
        lag = season if len(values) > season else 1
        exact = np.asarray(values, np.float64)
        change = np.abs(exact[lag:] - exact[:-lag])
        real = np.isfinite(change)
        scale = np.where(real, change, 0.0).sum(0) / real.sum(0).clip(1)
        scales.append(np.where(scale > 0, scale, np.nan))
    return np.array(scales)
