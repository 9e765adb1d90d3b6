"""The network of a forecaster, and what stands between it and windows: differences, ids, tensors.

values ─ difference ─→ network ─→ quantiles of the change since the naive forecast ─ added up ─→
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from seqloom_runtime.signal.windows import Numbers, Windows
from seqloom_runtime.tasks.series_scales import SeriesScales
from seqloom_runtime.tasks.window_reading import Reading, WindowBatch

from seqloom.config import Settings
from seqloom.nn.forecast_heads import Window, WindowSizes
from seqloom.nn.forecaster import Forecaster, make_forecaster, start_level

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
    model: Forecaster, batch: WindowBatch, device: torch.device
) -> npt.NDArray[np.float32]:
    """What the network makes of windows: (batch, horizon, channels, its own levels)."""
    found: npt.NDArray[np.float32] = model.quantiles(as_window(batch, device)).float().cpu().numpy()
    return found


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
