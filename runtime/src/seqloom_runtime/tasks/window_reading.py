"""Series as arrays, and how windows of them become what a forecaster's network reads.

values ─ scale ─ difference ─→ network ─→ quantiles of the change since the naive forecast
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.batching import Batch
from seqloom_runtime.evaluate.forecast_baselines import seasonal_naive
from seqloom_runtime.signal.time_series import SeriesSet
from seqloom_runtime.signal.windows import Batch as Windowed
from seqloom_runtime.signal.windows import Floats, Numbers, Windows
from seqloom_runtime.tasks.series_scales import SeriesScales


@dataclass(frozen=True, eq=False)
class StoredSeries:
    """Arrays of each series, views of files or arrays in memory.

    Args:
        values: (time, channels) on the network's scale.
        past, known: (time, p) and (time + future, k), standard scores.
        missing: (time, channels + p) what was filled in.
        raw: (time, channels) float64 in units of the data.
        times: seconds since 1970 (time,); empty where steps are counted.
        numbers: of each series, its row in the scales.
        statics: of each series, ids of its categories (series, s).
    """

    values: Sequence[npt.NDArray[np.float32]]
    past: Sequence[npt.NDArray[np.float32]]
    known: Sequence[npt.NDArray[np.float32]]
    missing: Sequence[npt.NDArray[np.bool_]]
    raw: Sequence[npt.NDArray[np.float64]]
    times: Sequence[npt.NDArray[np.int64]]
    numbers: npt.NDArray[np.int64]
    statics: npt.NDArray[np.int64]

    def places(self, windows: Windows) -> npt.NDArray[np.int64]:
        """When the target of each window begins, as a number of the steps of all series (windows,).

        Where there are no times, all series are taken to begin together.
        """
        if any(len(times) < len(own) for times, own in zip(self.times, self.raw, strict=True)):
            return windows.starts.astype(np.int64)
        firsts = np.cumsum([0, *(len(own) for own in self.raw[:-1])])
        every = np.concatenate(self.times)
        own: npt.NDArray[np.int64] = every[firsts[windows.owners] + windows.starts]
        return np.searchsorted(np.unique(every), own)


def lag_of(settings: Any, season: int) -> int:
    """Steps between the values of a difference; 0 where none is taken."""
    return {"auto": 0, "none": 0, "step": 1, "season": season}[settings.data.difference]


def arrays_of(found: SeriesSet, scales: SeriesScales, numbers: Sequence[int]) -> StoredSeries:
    """All series as arrays on the network's scale, in memory.

    Args:
        numbers: of each series, its row in ``scales``.
    """
    rows = np.array(numbers, np.int64)
    times = [one.times for one in found.series]
    return StoredSeries(
        [scales.scaler.encode(one.values, n) for one, n in zip(found.series, numbers, strict=True)],
        [scales.encode_past(one.past) for one in found.series],
        [scales.encode_known(one.known) for one in found.series],
        [one.missing for one in found.series],
        [one.values for one in found.series],
        [np.zeros(0, np.int64) if t is None else t.astype(np.int64) for t in times],
        rows,
        np.array([scales.static_ids(one) for one in found.series], np.int64).reshape(len(rows), -1),
    )


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
