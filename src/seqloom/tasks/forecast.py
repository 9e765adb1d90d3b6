"""Forecast: learn from the past of series what follows, with intervals that hold.

series → windows → quantiles of every step of the horizon → intervals calibrated on validation
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from seqloom_runtime.signal.windows import Batch as Windowed
from seqloom_runtime.signal.windows import Windows
from seqloom_runtime.tasks.time_words import shown
from seqloom_runtime.tasks.window_reading import WindowBatch
from torch import nn

from seqloom.config import Settings
from seqloom.data.batching import Batch
from seqloom.data.source import Source
from seqloom.evaluate.adaptive_conformal import AdaptiveConformal
from seqloom.evaluate.fan import Fan, fan_picture
from seqloom.evaluate.forecasting import ForecastScore
from seqloom.nn.cells import State
from seqloom.nn.language_model import Loss
from seqloom.nn.quantiles import ForecastLoss
from seqloom.run import Run
from seqloom.tasks.backtest import scoring_of_data
from seqloom.tasks.forecast_files import predict_lines
from seqloom.tasks.forecast_fitted import read_ridge, seal_fitted
from seqloom.tasks.forecast_metrics import about, details_of, empty, take
from seqloom.tasks.forecast_model import (
    WindowStream,
    as_window,
    build_forecaster,
    levels_of,
)
from seqloom.tasks.forecast_scores import Scoring, evenly, fit_ridge
from seqloom.tasks.forecast_use import SeriesForecaster, load_forecaster
from seqloom.tasks.history import SHOWN, write_history
from seqloom.tasks.series_corpus import (
    SeriesCorpus,
    prepare_series,
    reopen_series,
    with_settings,
)
from seqloom.train.job import Validation
from seqloom.train.loop import LARGEST_SEED
from seqloom.watching import Units

SCORED_IN_TRAINING = 20_000  # validation windows at most, at each report
SCORED_AT_ONCE = 256
LOSSES = {"quantile": "quantile loss", "mse": "squared error", "mae": "absolute error"}


class ForecastJob:
    """A forecaster in training.

    Args:
        corpus: stored series.
        device: where the model is.
        autocast: makes the context of validation, as it does that of training.
    """

    def __init__(
        self,
        corpus: SeriesCorpus,
        device: torch.device,
        autocast: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self.corpus, self.device, self.autocast = corpus, device, autocast
        settings = corpus.settings
        train = settings.train
        torch.manual_seed(train.seed % LARGEST_SEED)
        self.units = Units("value", "steps", LOSSES[train.loss])
        self.model = build_forecaster(settings, corpus.scales).to(device)
        self.criterion = ForecastLoss(train.loss, levels_of(settings))
        self.forecaster = SeriesForecaster(self.model, corpus.scales, settings, None, device)
        self.reading = corpus.reading()
        self.stream = WindowStream(
            corpus.windows("train"), self.reading, train.batch_size, train.seed
        )
        self.valid = corpus.windows("valid")

    def loss(self, model: nn.Module, batch: Batch, states: Sequence[State] | None) -> Loss:
        """What the forecasts of a batch cost; what does not stand in the data costs nothing."""
        assert isinstance(batch, WindowBatch)
        targets, real = (
            torch.from_numpy(np.ascontiguousarray(array)).to(self.device)
            for array in (batch.targets, batch.real)
        )
        result: Loss = model(as_window(batch, self.device), targets, real)
        return result

    def count(self, batch: Batch) -> int:
        """Values of a batch that are to be forecast and stand in the data."""
        assert isinstance(batch, WindowBatch)
        return max(1, int(batch.real.sum()))

    @torch.inference_mode()
    def validate(self) -> Validation:
        """The loss on (at most 20,000 of) the validation windows, and errors of the medians."""
        self.model.eval()
        total, count = 0.0, 0
        score = ForecastScore((0.5,), self.corpus.scales.errors, self.corpus.scales.plain.spread)
        for windows in evenly(self.valid, SCORED_IN_TRAINING).batches(SCORED_AT_ONCE):
            batch = self.reading.read(windows)
            targets, real = torch.from_numpy(batch.targets), torch.from_numpy(batch.real)
            with self.autocast():
                found = self.model.quantiles(as_window(batch, self.device))
            found = found.float().cpu()
            each = self.criterion(found, targets)
            total, count = total + float(each[real].double().sum()), count + int(real.sum())
            medians = found[..., self.model.middle].numpy() + batch.base
            score.add(*self._in_units(medians, windows))
        scores = score.result() if score.windows else {}
        kept = {name: scores[name] for name in ("mase", "mae") if math.isfinite(scores[name])}
        return Validation(total / max(1, count), kept)

    def _in_units(self, medians: Any, windows: Windowed) -> tuple[Any, Any, Any]:
        """Forecasts, truth and series in units of the data, as scores take them."""
        scaler, rows = self.corpus.scales.scaler, windows.series
        truth = np.where(windows.real, scaler.decode(windows.targets, rows), np.nan)
        return scaler.decode(medians, rows)[..., None], truth, rows

    def samples(self) -> list[dict[str, Any]]:
        """The last validation window: what the model makes of it, and what came."""
        fan = self.fan(self.valid)
        middle = fan.quantiles.shape[1] // 2
        return [
            {
                "series": fan.name,
                "from": shown(fan.times[len(fan.history)]),
                "to": shown(fan.times[-1]),
                "forecast": fan.quantiles[:, middle].tolist(),
                "low": fan.quantiles[:, 0].tolist(),
                "high": fan.quantiles[:, -1].tolist(),
                "true": [] if fan.truth is None else fan.truth.tolist(),
            }
        ]

    def pictures(self) -> dict[str, bytes]:
        """The same as a fan."""
        return {"fan.png": fan_picture([self.fan(self.valid)], self.forecaster.levels)}

    def fan(self, windows: Windows) -> Fan:
        """The last of some windows, in units of the data; its first channel."""
        return fan_of(self.forecaster, self.corpus, windows)


def fan_of(forecaster: SeriesForecaster, corpus: SeriesCorpus, windows: Windows) -> Fan:
    """The last of some windows with what is forecast of it."""
    stored, one = corpus.stored, windows.select(np.array([len(windows) - 1]))
    owner, start, horizon = int(one.owners[0]), int(one.starts[0]), one.horizon
    quantiles = forecaster.network(forecaster.reading(stored))(one.batch([0]))
    if forecaster.conformal is not None:
        quantiles = forecaster.conformal.apply(quantiles)
    values = corpus.scales.scaler.decode(quantiles, stored.numbers[one.owners])[0, :, 0]
    first = max(start - max(SHOWN * horizon, min(forecaster.settings.data.look_back, 96)), 0)
    times = stored.times[owner][first : start + horizon].astype("datetime64[s]")
    raw = stored.raw[owner][first : start + horizon, 0]
    name = corpus.scales.names[owner]
    if len(corpus.scales.channels) > 1:
        name = f"{name}: {corpus.scales.channels[0]}"
    return Fan(
        name,
        times if len(times) else np.arange(first, start + horizon),
        raw[: start - first],
        values,
        raw[start - first :],
    )


def prepare(source: Source, settings: Settings) -> SeriesCorpus:
    """Read the series, cut them in time, fit scales on the training part, store them."""
    return prepare_series(source, settings)


def reopen(folder: str, settings: Settings) -> SeriesCorpus | None:
    """A corpus prepared before, if the cache still has it, with the settings of one run."""
    corpus = reopen_series(Path(folder))
    return None if corpus is None else replace(with_settings(corpus, settings), settings=settings)


def sealed_files(corpus: SeriesCorpus) -> dict[str, bytes]:
    """What use needs beside the weights and the settings."""
    return {"scale.json": json.dumps(corpus.scales.to_dict(), ensure_ascii=False).encode()}


def make_job(
    corpus: SeriesCorpus, device: torch.device, autocast: Callable[[], AbstractContextManager[Any]]
) -> ForecastJob:
    """A model with fresh weights, and its data."""
    return ForecastJob(corpus, device, autocast)


def score_run(corpus: SeriesCorpus, job: ForecastJob, run: Run) -> dict[str, Any]:
    """Calibrate on validation, then score every window of each part beside the baselines."""
    forecaster, data = job.forecaster, corpus.settings.data
    ridge = fit_ridge(corpus.windows("train"), job.valid, data.look_back)
    scoring = Scoring(
        job.valid,
        corpus.stored,
        corpus.scales,
        data.look_back,
        forecaster.network(job.reading),
        forecaster.levels,
    )
    start = scoring.calibrate()
    moving = AdaptiveConformal(start)
    result: dict[str, Any] = about(corpus.settings, corpus.scales)
    details: dict[str, Any] = {}
    for part, intervals in (("valid", start), ("test", moving)):
        if not corpus.has(part):
            empty(result, part)
            continue
        scored = scoring.of(corpus.windows(part)).score(intervals, ridge)
        take(result, part, scored)
        details[part] = details_of(scored, corpus.scales.channels)
    last, forecaster.conformal = job.valid, start
    if corpus.has("test"):
        last = corpus.windows("test")
        places = corpus.stored.places(last)
        forecaster.conformal = moving.at(int(places.max()))
    picture = fan_picture([fan_of(forecaster, corpus, last)], forecaster.levels)
    (run.path / "fan.png").write_bytes(picture)
    if corpus.has("test"):
        forecaster.conformal = moving.after(int(places.max()))
    seal_fitted(run, forecaster.conformal, ridge)
    write_history(run, corpus)
    run.write_json("details.json", details)
    return result


def evaluate_run(run: Run, settings: Settings, data: Any) -> dict[str, Any]:
    """Scores of every window of other data, beside those of the other forecasts."""
    forecaster, ridge = load_forecaster(run), read_ridge(run)
    remarks: list[str] = []
    scoring = scoring_of_data(forecaster, data, settings, remarks)
    assert forecaster.conformal is not None, "a run has intervals"
    scored = scoring.score(AdaptiveConformal(forecaster.conformal), ridge)
    scores = scored.scores
    result: dict[str, Any] = {"scores": scores["model"].result(), "shifted": scored.shifted}
    names = scoring.scales.names
    met = set(forecaster.scales.names)
    result |= {
        **about(forecaster.settings, scoring.scales),
        "unknown": [name for name in names if name not in met],
        "remarks": remarks,
    }
    result["leads"] = scored.leads(result["decides"])
    others = {name: {"scores": s.result()} for name, s in scores.items() if name != "model"}
    return result | others


__all__ = [
    "ForecastJob",
    "evaluate_run",
    "make_job",
    "predict_lines",
    "prepare",
    "reopen",
    "score_run",
    "sealed_files",
]
