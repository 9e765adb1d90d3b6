"""A trained forecaster in use; how it goes about it is in ``seqloom_runtime.tasks.forecast``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from seqloom_runtime.evaluate.conformal import Conformal
from seqloom_runtime.signal.time_series import SeriesSet
from seqloom_runtime.tasks import forecast
from seqloom_runtime.tasks.forecast import Forecast, check_known, widened
from seqloom_runtime.tasks.series_scales import SeriesScales, check_like
from seqloom_runtime.tasks.window_reading import WindowBatch

from seqloom.config import Settings
from seqloom.data.source import Source, open_source
from seqloom.data.time_table import read_time_table
from seqloom.errors import RunError
from seqloom.nn.forecaster import Forecaster
from seqloom.run import Run
from seqloom.tasks.forecast_fitted import read_intervals
from seqloom.tasks.forecast_model import build_forecaster, quantiles_of
from seqloom.tasks.series_making import options_of
from seqloom.toml import read_settings
from seqloom.train.checkpoint import load_into, read_tensors
from seqloom.train.device import choose_device, set_threads


class SeriesForecaster(forecast.SeriesForecaster):
    """The forecaster of a run, or one in training, its network in torch.

    Args:
        model: the network.
        scales, settings, conformal: see ``seqloom_runtime.tasks.forecast.SeriesForecaster``.
        device: where the network is.
    """

    def __init__(
        self,
        model: Forecaster,
        scales: SeriesScales,
        settings: Settings,
        conformal: Conformal | None,
        device: torch.device,
    ) -> None:
        super().__init__(scales, settings, conformal)
        self.model, self.device = model, device

    def calibrated(self, conformal: Conformal) -> SeriesForecaster:
        """The same network with other intervals."""
        return SeriesForecaster(self.model, self.scales, self.settings, conformal, self.device)

    def quantiles(self, batch: WindowBatch) -> npt.NDArray[np.float32]:
        """What the network makes of windows."""
        self.model.eval()
        return quantiles_of(self.model, batch, self.device)


def load_forecaster(run: Run) -> SeriesForecaster:
    """The forecaster of a run folder.

    Raises:
        RunError: the run has no weights yet, or a file is damaged.
    """
    settings = read_settings(run.path / "config.toml")
    set_threads(settings.train)
    scales = read_scales(run)
    model = build_forecaster(settings, scales)
    load_into(model, read_tensors(run.read("model.safetensors"), run.path), run.path)
    conformal = read_intervals(run, settings, scales)
    device = choose_device(settings.train)
    return SeriesForecaster(model.to(device), scales, settings, conformal, device)


def read_scales(run: Run) -> SeriesScales:
    """The scales of a run.

    Raises:
        RunError: the file is damaged.
    """
    try:
        return SeriesScales.from_dict(run.read_json("scale.json"))
    except RunError as error:
        raise RunError(f"{run.path / 'scale.json'}: is damaged: {error}") from None


def read_series(
    forecaster: SeriesForecaster, data: Any, settings: Settings | None = None
) -> SeriesSet:
    """The series of some data, read as those of the training were.

    Args:
        settings: say how they are read, where it is not as in training.

    Raises:
        DataError: the data are of another kind.
    """
    source = data if isinstance(data, Source) else open_source(data)
    found = read_time_table(source, options_of(settings or forecaster.settings))
    check_like(found, forecaster.scales, source.place)
    return found


__all__ = [
    "Forecast",
    "SeriesForecaster",
    "check_known",
    "load_forecaster",
    "read_scales",
    "read_series",
    "widened",
]
