"""Forecasters, served: of the series of their training, or of rows that a request brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from seqloom_runtime.serve.served import Answer, Field, Options, Row
from seqloom_runtime.tasks.forecast import rounded, values_of
from seqloom_runtime.tasks.time_words import times_in_words

from seqloom.config import PredictSettings
from seqloom.data.time_table import SeriesSet, TimeSeries
from seqloom.explain.series import SeriesGiven
from seqloom.run import Run
from seqloom.serve.base import Seen, fields_of, with_own_network
from seqloom.tasks.forecast_files import series_before
from seqloom.tasks.forecast_use import Forecast, load_forecaster
from seqloom.tasks.history import SHOWN, read_history

if TYPE_CHECKING:
    from seqloom.explain.subject import Subject

FURTHEST = 20  # horizons of the training that are forecast at most
MOST_SERIES = 500  # of the training, that can be asked for by name


class ServedForecaster(Seen):
    """Series in, what follows them out."""

    task = "forecast"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.forecaster = load_forecaster(run)
        self.history = read_history(run, self.forecaster.scales)
        names = tuple(one.name for one in self.history.series[:MOST_SERIES])
        self.inputs = {
            "table": Field(
                "table",
                "Rows of columns as in the training data; without it the series of the training "
                "are gone on with.",
            ),
            "series": Field("choice", "One of the series; all where none is named.", choices=names),
        }
        horizon = self.forecaster.settings.data.horizon
        self.options = fields_of(PredictSettings, "horizon", horizon=FURTHEST * horizon)

    def open_subject(self) -> Subject:
        """Of a copy of the network that answers."""
        from seqloom.explain.series import Forecasting

        return Forecasting(self.run, with_own_network(self.forecaster))

    def about(self) -> dict[str, Any]:
        """Series, channels and horizon of the training."""
        own = self.forecaster
        return {
            "series": [one.name for one in self.history.series[:MOST_SERIES]],
            "channels": list(self.history.channels),
            "horizon": own.settings.data.horizon,
            "look_back": own.settings.data.look_back,
            "levels": list(own.levels),
        }

    def given(self, row: Row) -> Any:
        """What is looked into: one of the series of the training, or the first of a table."""
        if row["table"] is not None:
            return SeriesGiven(row["table"])
        names = [one.name for one in self.history.series]
        return SeriesGiven(None, names.index(row["series"]) + 1 if row["series"] else 1)

    def answer(self, rows: Sequence[Row], options: Options) -> list[Answer]:
        """Median and intervals of each step that follows, and the end of what was there."""
        horizon = options["horizon"] or self.forecaster.settings.data.horizon
        return [self._answer(row, horizon) for row in rows]

    def _answer(self, row: Row, horizon: int) -> Answer:
        found = self.history
        if row["table"] is not None:
            found = series_before(self.forecaster, self.run, row["table"])
        if row["series"] is not None:
            own = [one for one in found.series if one.name == row["series"]] or found.series[:1]
            found = SeriesSet(
                *(own, found.channels, found.past, found.known, found.frequency, found.reasons),
                options=found.options,
                zone=found.zone,
            )
        ahead = self.forecaster.ahead(found, horizon)
        trained = self.forecaster.settings.data.horizon
        return {
            "calibrated_steps": min(horizon, trained),
            "series": [self._series(one, found) for one in ahead],
        }

    def _series(self, one: Forecast, found: SeriesSet) -> Answer:
        return {
            "name": one.name,
            "times": times_in_words(one.times, found.zone),
            "channels": {
                name: [
                    values_of(step.tolist(), self.forecaster.levels)
                    for step in one.quantiles[:, channel]
                ]
                for channel, name in enumerate(found.channels)
            },
            "before": before_of(one.before, found, self.forecaster.settings.data.horizon),
        }


def before_of(one: TimeSeries, found: SeriesSet, horizon: int) -> Answer:
    """The end of a series, as a chart shows it before a forecast."""
    kept = max(SHOWN * horizon, 24)
    steps = one.first + np.arange(len(one))
    times = (steps if one.times is None else one.times)[-kept:]
    return {
        "times": times_in_words(times, found.zone),
        "channels": {
            name: [rounded(value) for value in one.values[-kept:, channel].tolist()]
            for channel, name in enumerate(found.channels)
        },
    }
