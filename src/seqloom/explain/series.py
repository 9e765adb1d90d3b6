"""Looking into forecasters: the look-back of a series, step by step or segment by segment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from seqloom_runtime.tasks.time_words import times_in_words
from seqloom_runtime.tasks.window_reading import WindowBatch
from torch import Tensor, nn

from seqloom.config import PredictSettings
from seqloom.data.time_table import SeriesSet
from seqloom.errors import DataError
from seqloom.explain.cell_equations import CELL_EQUATIONS, Array
from seqloom.explain.layers import as_float64, outputs_of, trace_encoder, weights_of
from seqloom.explain.remarks import Remark
from seqloom.explain.season import measured_steps
from seqloom.explain.subject import Read, Subject, stacked
from seqloom.explain.texts import prepared_of
from seqloom.explain.trace import Steps, Trace, distance, without_batch
from seqloom.explain.watching_layers import seen_scans
from seqloom.nn.cells import Cell
from seqloom.nn.encoders import Encoder
from seqloom.nn.forecast_heads import Window
from seqloom.nn.forecaster import Forecaster, StepEncoder
from seqloom.nn.segment_encoder import SegmentEncoder
from seqloom.nn.transformer import AttentionEncoder
from seqloom.run import Run
from seqloom.tasks.forecast_files import series_before
from seqloom.tasks.forecast_model import as_window
from seqloom.tasks.forecast_use import SeriesForecaster, load_forecaster


@dataclass(frozen=True, eq=False)
class SeriesGiven:
    """One of some series.

    Attributes:
        data: what ``open_source`` takes; None for the series of the training.
        row: which of its series, counted from 1.
        reading: how the data are read, where it was said.
    """

    data: Any = None
    row: int = 1
    reading: PredictSettings = PredictSettings()


@dataclass(frozen=True, eq=False)
class Looked:
    """A window of a series, and how many of its steps are real."""

    window: WindowBatch
    length: int


@dataclass(frozen=True, eq=False)
class LookedBefore(Looked):
    """The last window of one of some series."""

    found: SeriesSet
    row: int


class Forecasting(Subject):
    """A model of what comes next in a series. Of several channels the first is looked at."""

    task = "forecast"

    def __init__(self, run: Run, forecaster: SeriesForecaster) -> None:
        super().__init__(run, forecaster.settings, forecaster.model)
        self.forecaster = forecaster
        forecaster.device = torch.device("cpu")

    @classmethod
    def of(cls, run: Run) -> Forecasting:
        """The model of a run."""
        return cls(run, load_forecaster(run))

    def encoder_of(self, model: nn.Module) -> Encoder:
        """The encoder of a model that reads step by step."""
        assert isinstance(model, Forecaster) and isinstance(model.core, StepEncoder)
        return model.core.encoder

    def read(self, given: Any) -> Read:
        """The end of a series: one of a file's, or of those of the training."""
        asked = given if isinstance(given, SeriesGiven) else SeriesGiven(given)
        found = series_before(self.forecaster, self.run, asked.data, asked.reading)
        if not 1 <= asked.row <= len(found.series):
            raise DataError(
                f"--row {asked.row}: there are {len(found.series):,} series, counted from 1."
            )
        row = asked.row - 1
        one, window = found.series[row], self.forecaster.window(found, row)
        length = int(window.lengths[0])
        times = times_in_words(
            one.times if one.times is not None else one.first + np.arange(len(one))
        )
        names = tuple(str(time) for time in times[-length:])
        horizon = self.settings.data.horizon
        targets = tuple(f"+{step + 1}" for step in shown_steps(horizon))
        looked = LookedBefore(window, length, found, row)
        return Read(one.name, names, names, (), targets, looked)

    def say(self, model: nn.Module, read: Read, rows: int = 1) -> Tensor:
        """Quantiles on the network's scale: (rows, horizon, channels, levels)."""
        assert isinstance(model, Forecaster)
        return model.quantiles(as_window(read.extra.window, torch.device("cpu")))

    def trace(self, given: Any) -> Trace:
        """Every gate and state over the look-back, and the forecast."""
        read = self.read(given)
        said, found, deviation = self._worked_out(read)
        return self.finish(read, said, without_batch(found), deviation)

    def _worked_out(self, read: Read) -> tuple[Array, dict[str, Array], float]:
        """What is said, everything in the encoder, and how far its own numbers are from it."""
        core = self.model.core
        if isinstance(core, StepEncoder):
            said, (received, output) = self.watch(read)
            x = as_float64(received[0])[:, : read.extra.length]
            arrays = trace_encoder(self.encoder, x)
            used = as_float64(output[0])[:, : read.extra.length]
            return said, arrays, distance(outputs_of(arrays), used)
        assert isinstance(core, SegmentEncoder)
        with torch.inference_mode(), seen_scans(core.cell) as scans:
            said = as_float64(self.say(self.model, read))
        x, used = (as_float64(one) for one in scans[0][:2])
        gates = CELL_EQUATIONS["gru"](weights_of(core.cell), x, None)
        arrays = {f"layer1.forward.{name}": array for name, array in gates.items()}
        return said, arrays, distance(gates["hidden"], used)

    def states(self, group: Sequence[Read]) -> dict[str, Array]:
        """Hidden and cell states over some windows."""
        if isinstance(self.model.core, StepEncoder):
            return super().states(group)
        found = [self._worked_out(read)[1] for read in group]
        return {name: stacked([own[name][0] for own in found]) for name in found[0]}

    def received(self, read: Read) -> Tensor:
        """What the encoder reads of a window, without what fills it up."""
        return super().received(read)[:, : read.extra.length]

    def finish(self, read: Read, said: Array, found: dict[str, Array], deviation: float) -> Trace:
        """With the values in units of the data, and the forecast in them."""
        looked, core = read.extra, self.model.core
        one = looked.found.series[looked.row]
        forecasts = self.forecaster.ahead(looked.found, self.settings.data.horizon)
        ahead = forecasts[looked.row].quantiles[:, 0]
        values = one.values[-looked.length :]
        tokens, remarks = read.tokens, []
        if isinstance(core, SegmentEncoder):
            count = next(iter(found.values())).shape[0]
            first = segments_of(looked.length, core.segment, count)
            tokens = tuple(read.tokens[place] for place in first)
            values = np.stack([values[a:][: core.segment].mean(0) for a in first])
            remarks.append(Remark("segments", core.segment))
        if self.forecaster.lag:
            remarks.append(Remark("differences", self.forecaster.lag))
        if len(looked.found.channels) > 1:
            remarks.append(Remark("channel", looked.found.channels[0]))
        return Trace(
            *(self.task, self.name, read.given, tokens, tokens, found),
            *(Steps("ahead", (), ()), deviation),
            values=np.asarray(values, np.float64),
            ahead=np.asarray(ahead, np.float64),
            remarks=tuple(remarks),
        )

    def layers_of_lesson(self) -> list[Cell] | AttentionEncoder:
        """The cell that reads segments, or those that read step by step."""
        core = self.model.core
        return [core.cell] if isinstance(core, SegmentEncoder) else super().layers_of_lesson()

    def ends(self, read: Read) -> tuple[Tensor, Tensor]:
        """The window, and one in which nothing changes: the last value held."""
        inputs = torch.from_numpy(np.array(read.extra.window.inputs)).float()
        still = torch.zeros_like(inputs)
        if not self.forecaster.lag:
            still = inputs[:, -1:].expand_as(inputs).clone()
        return inputs, still

    def scores_at(self, read: Read, x: Tensor) -> Tensor:
        """Medians of some steps ahead, of windows x (rows, time, channels), network's scale."""
        model = self.model
        assert isinstance(model, Forecaster)
        plain = as_window(read.extra.window, torch.device("cpu"))
        others = {
            name: one.expand(len(x), *one.shape[1:])
            for name, one in plain._asdict().items()
            if name != "inputs"
        }
        quantiles = model.quantiles(Window(inputs=x, **others))
        return quantiles[:, shown_steps(self.settings.data.horizon), 0, model.middle]

    def scores(self, read: Read, rows: int) -> Tensor:
        """The same of the window itself."""
        return self.scores_at(read, self.ends(read)[0].expand(rows, -1, -1))

    def examples(self, part: str) -> Iterator[Read]:
        """Windows of a part with what was measured of each step; only its own steps count."""
        corpus = prepared_of(self.run, self.settings)
        if corpus is None or not corpus.has(part):
            return
        windows, reading = corpus.windows(part), corpus.reading()
        measured = [measured_steps(corpus, number) for number in range(len(corpus.parts))]
        for place in np.random.default_rng(0).permutation(len(windows)):
            window = reading.read(windows.batch(np.array([place])))
            owner, stop = int(windows.owners[place]), int(windows.starts[place])
            length = min(int(window.lengths[0]), stop)
            first = getattr(corpus.parts[owner], part)[0] - (stop - length)
            steps = {name: own[stop - length : stop] for name, own in measured[owner].items()}
            yield self._example(Looked(window, length), steps, max(0, first))

    def _example(self, looked: Looked, steps: dict[str, Array], since: int) -> Read:
        """A window, its steps put together where the network reads segments."""
        core, count = self.model.core, looked.length
        if isinstance(core, SegmentEncoder):
            count = -(-looked.window.inputs.shape[1] // core.segment)
            first = segments_of(looked.length, core.segment, count)
            steps = {
                name: np.array([own[a : a + core.segment].mean() for a in first])
                for name, own in steps.items()
            }
            since = sum(place < since for place in first)
        names = ("",) * count
        return Read("", names, names, (), extra=looked, measures=steps, since=min(since, count))


def segments_of(length: int, segment: int, count: int) -> list[int]:
    """Where each of so many segments begins in a window; the last ends where it ends.

    >>> segments_of(10, 4, 3)
    [0, 2, 6]
    """
    starts = [max(length - (count - n) * segment, 0) for n in range(count)]
    return [min(start, length - 1) for start in starts]


def shown_steps(horizon: int) -> list[int]:
    """The first, the middle and the last step of a horizon.

    >>> shown_steps(12), shown_steps(1)
    ([0, 5, 11], [0])
    """
    return sorted({0, (horizon - 1) // 2, horizon - 1})
