"""A trained forecaster on every window of some series, as if each had been the present once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from seqloom_runtime.rows import Record
from seqloom_runtime.tasks.remarks import left_out
from seqloom_runtime.tasks.time_words import times_in_words

from seqloom.config import Settings
from seqloom.errors import DataError, RunError
from seqloom.evaluate.adaptive_conformal import AdaptiveConformal
from seqloom.run import Run
from seqloom.tasks.forecast_scores import SCORED, Scoring
from seqloom.tasks.forecast_use import SeriesForecaster, read_series
from seqloom.tasks.series_corpus import reopen_series, windows_over, with_settings


def scoring_of_data(
    forecaster: SeriesForecaster,
    data: Any,
    settings: Settings | None = None,
    remarks: list[str] | None = None,
) -> Scoring:
    """All windows of some data; the scale of a series not met in training is of its first steps.

    Args:
        settings: say how the data are read, where it is not as in training.
        remarks: gets a line when rows were left out.

    Raises:
        DataError: the data are of another kind, or too short.
    """
    found = read_series(forecaster, data, settings)
    if found.dropped and remarks is not None:
        remarks.append(left_out(found.dropped))
    own, lag = forecaster.settings, forecaster.lag
    horizon, look_back = own.data.horizon, own.data.look_back + lag
    if not any(len(one) > horizon for one in found.series):
        raise DataError(
            f"{data}: no series is longer than the horizon of {horizon:,} steps, so there is "
            "nothing to score."
        )
    firsts = [first_target(len(one), look_back, horizon) for one in found.series]
    stored, scales = forecaster.placed(found, firsts)
    ranges = [(first, len(one)) for first, one in zip(firsts, found.series, strict=True)]
    return Scoring(
        windows_over(stored, ranges, own, lag),
        stored,
        scales,
        own.data.look_back,
        forecaster.network(forecaster.reading(stored)),
        forecaster.levels,
    )


def first_target(length: int, look_back: int, horizon: int) -> int:
    """First step to be scored: behind a whole look-back where the series is that long.

    >>> first_target(100, 24, 12), first_target(30, 24, 12), first_target(5, 24, 12)
    (24, 18, 1)
    """
    return min(look_back, max(1, length - horizon))


def scoring_of_test(forecaster: SeriesForecaster, run: Run) -> tuple[SeriesForecaster, Scoring]:
    """The windows of the test part of the training data; of validation where there is none.

    The forecaster's intervals are those of the end of validation, where the test begins.

    Raises:
        RunError: the cache no longer has the data.
    """
    about = run.read_json("run.json")
    corpus = reopen_series(Path(str(about.get("prepared"))))
    if corpus is None:
        raise RunError(
            f"{run.path}: the cache no longer has the data of the training. Pass the data."
        )
    corpus = with_settings(corpus, forecaster.settings)
    scoring = Scoring(
        corpus.windows("valid"),
        corpus.stored,
        corpus.scales,
        forecaster.settings.data.look_back,
        forecaster.network(corpus.reading()),
        forecaster.levels,
    )
    then = forecaster.calibrated(scoring.calibrate())
    return then, scoring.of(corpus.windows("test")) if corpus.has("test") else scoring


def backtest(forecaster: SeriesForecaster, scoring: Scoring) -> Iterator[Record]:
    """A row for each window in the order of time, channel and step: the forecast, and what came.

    Intervals move with what has come true before each window, from those of ``forecaster`` on.

    Rows have ``unique_id``, ``cutoff`` (the last step that was known), ``ds``, ``step``, ``true``,
    ``y`` and the ends of the intervals; of several channels ``channel`` too.
    """
    from seqloom_runtime.tasks.forecast import values_of

    stored, scales = scoring.stored, scoring.scales
    times = [
        _times(own, len(raw), scales.zone)
        for own, raw in zip(stored.times, stored.raw, strict=True)
    ]
    several = len(scales.channels) > 1
    scoring, places = scoring.in_time()
    assert forecaster.conformal is not None, "a run has intervals"
    intervals = AdaptiveConformal(forecaster.conformal)
    for first, (batch, starts) in enumerate(_batches(scoring)):
        numbers = stored.numbers[batch.series]
        targets = np.where(batch.real, batch.targets, np.nan)
        own = places[first * SCORED : (first + 1) * SCORED]
        held = intervals.hold(scoring.network(batch), targets, own)
        quantiles = scales.scaler.decode(held, numbers)
        for row, (owner, start) in enumerate(zip(batch.series.tolist(), starts, strict=True)):
            for channel, step in np.ndindex(len(scales.channels), quantiles.shape[1]):
                true = float(stored.raw[owner][start + step, channel])
                yield {
                    "unique_id": scales.names[int(numbers[row])],
                    **({"channel": scales.channels[channel]} if several else {}),
                    "cutoff": times[owner][start - 1],
                    "ds": times[owner][start + step],
                    "step": step + 1,
                    "true": true if batch.real[row, step, channel] else None,
                    **values_of(quantiles[row, step, channel].tolist(), forecaster.levels),
                }


def _batches(scoring: Scoring) -> Iterator[tuple[Any, list[int]]]:
    """Batches with the first step of each window's target."""
    windows = scoring.windows
    for first in range(0, len(windows), SCORED):
        numbers = np.arange(first, min(first + SCORED, len(windows)))
        yield windows.batch(numbers), windows.starts[numbers].tolist()


def _times(seconds: npt.NDArray[np.int64], length: int, zone: str) -> list[str | int]:
    if not len(seconds):
        return times_in_words(np.arange(length))
    return times_in_words(seconds.astype("datetime64[s]"), zone)
