"""The network of a forecaster, and what stands between it and windows: differences, ids, tensors.

values ─ difference ─→ network ─→ quantiles of the change since the naive forecast ─ added up ─→
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from seqloom_runtime.signal.windows import Batch as Windowed
from seqloom_runtime.signal.windows import Floats, Numbers, Windows
from torch import Tensor

from seqloom.config import Settings
from seqloom.data.batching import Batch
from seqloom.evaluate.forecast_baselines import seasonal_naive
from seqloom.nn.forecast_heads import Window, WindowSizes
from seqloom.nn.forecaster import Forecaster, make_forecaster, start_level
from seqloom.tasks.series_scales import SeriesScales

POINT = (0.5,)


def levels_of(settings: Settings) -> tuple[float, ...]:
    """Quantiles that the network itself gives: of a loss of one value the median's place alone."""
    return settings.model.levels if settings.train.loss == "quantile" else POINT


def build_forecaster(settings: Settings, scales: SeriesScales) -> Forecaster:
    """The network the settings describe, with fresh weights.

    Raises:
        SettingsError: two settings do not go together.
    """
    model, train = settings.model, settings.train
    several = len(scales.names) > 1
    sizes = WindowSizes(
        settings.data.horizon,
        len(scales.channels),
        len(scales.past),
        len(scales.known),
        len(scales.names) + 1 if several else 0,  # the first one is any that is not known
        tuple(len(words) + 1 for words in scales.categories),
    )
    forecaster = make_forecaster(
        model.encoder,
        sizes,
        model.hidden_size,
        num_layers=model.num_layers,
        bidirectional=model.bidirectional,
        num_heads=model.num_heads,
        segment=model.segment,
        head=model.head,
        norm=model.normalise,
        levels=levels_of(settings),
        loss=train.loss,
        dropout=model.dropout,
        weight_drop=model.weight_drop,
        forget_bias=model.forget_bias,
        teacher_forcing=train.teacher_forcing,
        wide=settings.data.look_back if model.wide else 0,
    )
    start_level(forecaster)
    return forecaster


@dataclass(frozen=True)
class WindowBatch(Batch):
    """Windows as the network reads them.

    Args:
        past, known, series, statics: see ``Window``.
        base: what the forecast is added to (batch, horizon, channels).
        real: whether a target counts (batch, horizon, channels).
    """

    past: Floats
    known: Floats
    series: Numbers
    statics: Numbers
    base: Floats
    real: npt.NDArray[np.bool_]

    def rows(self, part: int, parts: int) -> WindowBatch:
        """The part of the rows that one of several processes takes, filled up with idle ones."""
        count = -(-len(self.lengths) // parts)
        index = np.arange(part * count, (part + 1) * count)
        idle = index >= len(self.lengths)
        index = index.clip(max=len(self.lengths) - 1)
        own = {one.name: getattr(self, one.name)[index] for one in fields(self)}
        own["real"] = own["real"] & ~idle[:, None, None]
        return replace(self, **own)


@dataclass(frozen=True, eq=False)
class Reading:
    """How windows become what the network reads.

    Args:
        lag: of the difference; 0 for none.
        look_back: steps that the network reads.
        numbers: of each series, its row in the scales (series,).
        statics: ids of each series' categories (series, s).
        trained: how many rows of the scales are of series trained on; others have no vector.
    """

    lag: int
    look_back: int
    numbers: Numbers
    statics: Numbers
    trained: int

    def read(self, batch: Windowed) -> WindowBatch:
        """Windows of ``look_back + lag`` steps with their differences taken.

        What is to be forecast becomes the change since the naive forecast of the same lag, so that
        its quantiles are those of the values themselves, at every step.
        """
        lag, values = self.lag, batch.inputs
        base, inputs, lengths = np.zeros_like(batch.targets), values, batch.lengths
        if lag:
            base = np.asarray(seasonal_naive(batch, base.shape[1], lag), np.float32)
            inputs = values[:, lag:] - values[:, :-lag]
            lengths = (lengths - lag).clip(1)
        numbers = self.numbers[batch.series]
        return WindowBatch(
            inputs,
            np.minimum(lengths, self.look_back),
            batch.targets - base,
            batch.past[:, lag:],
            batch.known[:, lag:],
            np.where(numbers < self.trained, numbers + 1, 0),
            self.statics[batch.series],
            base,
            batch.real,
        )


def as_window(batch: WindowBatch, device: torch.device) -> Window:
    """What the network reads, as tensors."""
    return Window(
        *(
            torch.from_numpy(np.ascontiguousarray(array)).to(device)
            for array in (
                *(batch.inputs, batch.past, batch.known),
                *(batch.series, batch.statics, batch.lengths),
            )
        )
    )


@torch.inference_mode()
def quantiles_of(
    model: Forecaster, batch: WindowBatch, levels: int, device: torch.device
) -> npt.NDArray[np.float32]:
    """Forecasts on the network's scale: (batch, horizon, channels, levels).

    A network of one value gives it at every level; intervals are put around it by calibration.
    """
    found: Tensor = model.quantiles(as_window(batch, device)).float().cpu()
    array: Any = found.numpy() + batch.base[..., None]
    if array.shape[-1] == levels:
        return array  # type: ignore[no-any-return]
    return np.repeat(array, levels, -1)


class WindowStream:
    """Training windows in an order of its own each epoch; views until a batch is made.

    Args:
        windows: of the training part.
        reading: how the network reads them.
        size: windows in a batch.
        seed: of the orders.
    """

    carried = False

    def __init__(self, windows: Windows, reading: Reading, size: int, seed: int) -> None:
        self.windows, self.reading, self.size, self.seed = windows, reading, size, seed
        self._ordered: tuple[int, Numbers] | None = None

    def __len__(self) -> int:
        return -(-len(self.windows) // self.size)

    def batches(self, epoch: int) -> int:
        """Batches in an epoch: the same in all, the last one as small as it is."""
        return len(self)

    def batch(self, epoch: int, index: int) -> WindowBatch:
        """The batch at a place."""
        own = self._order(epoch)[index * self.size : (index + 1) * self.size]
        return self.reading.read(self.windows.batch(own))

    def _order(self, epoch: int) -> Numbers:
        if self._ordered is None or self._ordered[0] != epoch:
            random = np.random.default_rng((self.seed, epoch))
            self._ordered = (epoch, random.permutation(len(self.windows)))
        return self._ordered[1]
