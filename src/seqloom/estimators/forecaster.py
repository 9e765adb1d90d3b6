"""Forecasting series, as an estimator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from seqloom.errors import DataError, SettingsError
from seqloom.estimators.base import SequenceEstimator
from seqloom.estimators.options import predict_options

if TYPE_CHECKING:
    from seqloom.explain.trace import Trace
    from seqloom.tasks.forecast_use import Forecast, SeriesForecaster


class Forecaster(SequenceEstimator):
    """Learns from the past of series what follows, with intervals that hold.

    Args:
        {settings}

    Attributes:
        run_: the run folder.
        metrics_: what ``metrics.json`` holds.
    """

    task = "forecast"

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803 (scikit-learn's names)
        """Learn from series.

        Args:
            X: numbers in the order of time, (time,) or (time, channels); or a path, a catalogue
                name, a data frame or a list of dicts with columns such as ``unique_id``, ``ds``
                and ``y``.
            y: nothing; it is there for scikit-learn.

        Raises:
            DataError: the series cannot be learnt from.
        """
        data, columns = _data(X)
        return self._fit(data, **columns)

    @property
    def forecaster(self) -> SeriesForecaster:
        """The network with its scales and intervals."""
        from seqloom.tasks.forecast_use import load_forecaster

        forecaster: SeriesForecaster = self._opened(load_forecaster)
        return forecaster

    def trace(self, X: Any = None) -> Trace:  # noqa: N803
        """Every gate and state over the look-back of one series; see ``SequenceEstimator``.

        Args:
            X: series as ``fit`` takes them, of which the first is read; those of the training when
                None.
        """
        return super().trace(None if X is None else _data(X)[0])

    def predict(self, X: Any = None, horizon: int = 0) -> npt.NDArray[np.float64]:  # noqa: N803
        """Medians of the steps that follow each series.

        Args:
            X: series as ``fit`` takes them; those of the training when None.
            horizon: steps; 0 takes those of the training.

        Returns:
            (series, horizon, channels), without the axes of a single series or channel.
        """
        return _plain(self._quantiles(X, horizon)[..., len(self.forecaster.levels) // 2])

    def predict_interval(
        self,
        X: Any = None,  # noqa: N803
        horizon: int = 0,
        coverage: float = 0.9,
    ) -> npt.NDArray[np.float64]:
        """Both ends of an interval that holds the steps that follow.

        Args:
            X: series as ``fit`` takes them; those of the training when None.
            horizon: steps; 0 takes those of the training.
            coverage: share of the values that it holds, such as ``levels`` allow.

        Returns:
            As ``predict``, with an axis of two ends more.

        Raises:
            SettingsError: the levels have no such interval.
        """
        levels = self.forecaster.levels
        shares = [round(1 - 2 * level, 9) for level in levels[: len(levels) // 2]]
        if round(coverage, 9) not in shares:
            known = ", ".join(f"{share:g}" for share in shares)
            raise SettingsError(f"coverage = {coverage}: the levels have intervals of {known}.")
        low = shares.index(round(coverage, 9))
        both = self._quantiles(X, horizon)[..., [low, -1 - low]]
        return np.stack([_plain(both[..., 0]), _plain(both[..., 1])], -1)

    def forecast(self, X: Any = None, horizon: int = 0) -> list[dict[str, Any]]:  # noqa: N803
        """What follows each series as rows of ``unique_id``, ``ds``, ``y``, ``lo-90``, ``hi-90``...

        Args:
            X: series as ``fit`` takes them; those of the training when None.
            horizon: steps; 0 takes those of the training.
        """
        from seqloom.tasks.forecast_files import predict

        data = None if X is None else _data(X)[0]
        options = predict_options(self.task, {"horizon": horizon})
        return list(predict(self._fitted_run(), data, options, self.forecaster).rows())

    def backtest(self, X: Any = None) -> Iterator[dict[str, Any]]:  # noqa: N803
        """Every window of some series as if it had been the present: forecasts and what came.

        Args:
            X: series as ``fit`` takes them; the test part of the training data when None.

        Returns:
            Rows of ``unique_id``, ``cutoff``, ``ds``, ``step``, ``true``, ``y``, ``lo-90``,
            ``hi-90``, ...; of several channels ``channel`` too.

        Raises:
            RunError: without X, the cache no longer has the data of the training.
        """
        from seqloom.tasks.backtest import backtest, scoring_of_data, scoring_of_test

        own, run = self.forecaster, self._fitted_run()
        if X is None:
            return backtest(*scoring_of_test(own, run))
        return backtest(own, scoring_of_data(own, _data(X)[0]))

    def score(self, X: Any = None, y: Any = None) -> float:  # noqa: N803
        """Minus the MASE over every window, so that more is better; above -1 is good.

        It is no number where the seasonal naive forecast makes no error in the training part.

        Args:
            X: series as ``fit`` takes them; the test part of the training data when None.
            y: nothing; it is there for scikit-learn.
        """
        from seqloom.tasks.training import evaluate

        if X is None:
            self._fitted_run()
            metrics: dict[str, Any] = self.metrics_ or {}
            return -float((metrics.get("test") or metrics["valid"])["mase"])
        return -float(evaluate(self._fitted_run().path, _data(X)[0])["scores"]["mase"])

    def _quantiles(self, data: Any, horizon: int) -> npt.NDArray[np.float64]:
        """(series, horizon, channels, levels)."""
        from seqloom.tasks.forecast_files import series_before

        own = self.forecaster
        steps = predict_options(self.task, {"horizon": horizon}).horizon
        found = series_before(own, self._fitted_run(), None if data is None else _data(data)[0])
        ahead: list[Forecast] = own.ahead(found, steps or own.settings.data.horizon)
        return np.stack([one.quantiles for one in ahead])


def _plain(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(series, horizon, channels) without the axes of a single series or channel."""
    values = values[..., 0] if values.shape[2] == 1 else values
    return values[0] if len(values) == 1 else values


def _data(given: Any) -> tuple[Any, dict[str, Any]]:
    """Data as they are read, numbers made to rows; and the settings of the columns so made.

    Raises:
        DataError: an array of more than two axes.
    """
    if isinstance(given, str) or not _are_numbers(given):
        return given, {}
    array = np.asarray(given, np.float64)
    if array.ndim > 2:
        raise DataError(f"Received an array {array.shape}; expected (time,) or (time, channels).")
    table = array.reshape(len(array), -1)
    names = ["y"] if table.shape[1] == 1 else [f"y{n}" for n in range(table.shape[1])]
    # A number that is missing is an empty field.
    rows = [
        {name: None if cell != cell else cell for name, cell in zip(names, row, strict=True)}
        for row in table.tolist()
    ]
    return rows, {"value": tuple(names)}


def _are_numbers(given: Any) -> bool:
    if isinstance(given, np.ndarray):
        return given.dtype.kind in "biuf"
    if not isinstance(given, list | tuple) or not given:
        return False
    first = given[0]
    one = first[0] if isinstance(first, list | tuple) and first else first
    return isinstance(one, int | float | np.number)
