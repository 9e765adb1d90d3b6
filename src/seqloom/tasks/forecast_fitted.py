"""What is fitted after training and kept in the run: margins of intervals, the linear model."""

from __future__ import annotations

import numpy as np
from safetensors.numpy import save as save_arrays
from seqloom_runtime.evaluate.conformal import Conformal
from seqloom_runtime.tasks.series_scales import SeriesScales

from seqloom.config import Settings
from seqloom.errors import RunError
from seqloom.evaluate.ridge_forecast import RidgeForecast
from seqloom.run import Run
from seqloom.train.checkpoint import read_tensors

INTERVALS, RIDGE = "intervals.safetensors", "baseline.safetensors"


def seal_fitted(run: Run, conformal: Conformal, ridge: RidgeForecast) -> None:
    """Seal both."""
    both = {"margins": conformal.margins, "scale": conformal.scale}
    run.seal(INTERVALS, save_arrays({n: np.ascontiguousarray(a) for n, a in both.items()}))
    about = np.array([ridge.strength, float(ridge.from_last)])
    arrays = {"weights": ridge.weights, "offsets": ridge.offsets, "about": about}
    run.seal(RIDGE, save_arrays({n: np.ascontiguousarray(a) for n, a in arrays.items()}))


def read_intervals(run: Run, settings: Settings, scales: SeriesScales) -> Conformal:
    """The intervals of a run.

    Raises:
        RunError: the file is missing or damaged.
    """
    tensors = read_tensors(run.read(INTERVALS), run.path)
    levels = tuple(settings.model.levels)
    margins = tensors["margins"].double().numpy() if "margins" in tensors else np.zeros(0)
    if margins.shape != (len(levels) // 2, settings.data.horizon, len(scales.channels)):
        raise RunError(f"{run.path / INTERVALS}: is damaged: it is of another network.")
    if "scale" not in tensors:  # of a run made before intervals moved
        return Conformal(levels, margins)
    return Conformal(levels, margins, tensors["scale"].double().numpy())


def read_ridge(run: Run) -> RidgeForecast:
    """The linear model of a run.

    Raises:
        RunError: the file is missing or damaged.
    """
    tensors = read_tensors(run.read(RIDGE), run.path)
    if set(tensors) != {"weights", "offsets", "about"}:
        raise RunError(f"{run.path / RIDGE}: is damaged: it holds no linear model.")
    weights, offsets, about = (tensors[n].double().numpy() for n in ("weights", "offsets", "about"))
    return RidgeForecast(weights, offsets, float(about[0]), bool(about[1]))
