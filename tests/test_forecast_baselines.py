"""Forecasts without a network: by hand, ridge beside scikit-learn's, and none sees the future."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from seqloom_runtime.evaluate.forecast_baselines import drift, naive, seasonal_naive, training_mean
from seqloom_runtime.signal.windows import Batch, Windows
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from seqloom.errors import ShapeError
from seqloom.evaluate import ridge_forecast
from seqloom.evaluate.ridge_forecast import RidgeForecast

RNG = np.random.default_rng(0)


def batch(inputs: list[float], **others: Any) -> Batch:
    look_back = np.array(inputs, np.float32)[None, :, None]
    values = {
        "inputs": look_back,
        "targets": np.zeros((1, 5, 1), np.float32),
        "past": np.zeros((1, len(inputs), 0), np.float32),
        "known": np.zeros((1, len(inputs) + 5, 0), np.float32),
        "series": np.array([0]),
        "lengths": np.array([len(inputs)]),
        "real": np.ones((1, 5, 1), np.bool_),
    }
    return Batch(**{**values, **others})


def test_by_hand() -> None:
    window = batch([1, 2, 4, 7])
    assert naive(window, 3).ravel().tolist() == [7, 7, 7]
    assert seasonal_naive(window, 5, 3).ravel().tolist() == [2, 4, 7, 2, 4]
    assert drift(window, 3).ravel().tolist() == [9, 11, 13]
    assert training_mean(window, 2, np.array([[3.5]])).ravel().tolist() == [3.5, 3.5]


def test_what_a_short_series_lacks() -> None:
    window = batch([1, 1, 1, 3], lengths=np.array([2]))  # two steps filled up in front
    assert seasonal_naive(window, 2, 3).ravel().tolist() == [3, 3]
    assert drift(window, 1).ravel().tolist() == [5]
    with pytest.raises(ShapeError, match="a look-back of 4 steps; a season has 12"):
        seasonal_naive(window, 2, 12)


def windows_of(values: np.ndarray, start: int, stop: int, **others: Any) -> Windows:
    return Windows.over([values.astype(np.float32)], [(start, stop)], 12, 4, **others)


@pytest.fixture(scope="module")
def seasonal() -> np.ndarray:
    steps = np.arange(400)
    other = np.cos(steps / 3) * 2
    first = np.sin(steps * 2 * np.pi / 12) + 0.01 * steps
    return np.stack([first, other], 1) + RNG.normal(0, 0.1, (400, 2))


def test_ridge_equals_scikit_learn(seasonal: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge_forecast, "STRENGTHS", (0.05,))
    past = RNG.normal(size=(400, 1)).astype(np.float32)
    known = RNG.normal(size=(400, 2)).astype(np.float32)
    train = windows_of(seasonal, 12, 300, past=[past], known=[known])
    valid = windows_of(seasonal, 300, 400, past=[past], known=[known])
    fitted = RidgeForecast.fit(partial(train.batches, 50), partial(valid.batches, 50))
    every, test = train.batch(np.arange(len(train))), valid.batch(np.arange(len(valid)))
    made = fitted.forecast(test)
    for channel in (0, 1):
        features, truth = [], []
        for one in (every, test):
            last = one.inputs[:, -1:, channel] * fitted.from_last
            parts = (one.inputs[:, :, channel] - last, one.past[:, :, 0])
            features.append(np.concatenate([*parts, one.known[:, 12:].reshape(len(last), -1)], 1))
            truth.append(one.targets[:, :, channel] - last)
        scaler = StandardScaler().fit(features[0].astype(np.float64))
        ridge = Ridge(alpha=0.05 * len(train)).fit(scaler.transform(features[0]), truth[0])
        expected = ridge.predict(scaler.transform(features[1]))
        expected = expected + test.inputs[:, -1:, channel] * fitted.from_last
        assert made[..., channel] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("from_last", [False, True])
def test_what_was_filled_in_is_no_target(seasonal: np.ndarray, from_last: bool) -> None:
    """Each step of each channel is solved over its own windows, as scikit-learn would."""
    missing = RNG.random(seasonal.shape) < 0.2
    missing[:1] = False
    wrong = np.where(missing, 1e3, seasonal)
    train = windows_of(wrong, 12, 300, missing=[missing])
    # Inputs are as they are; of a target that is not real, no number is read.
    every = train.batch(np.arange(len(train)))
    moments = ridge_forecast._Moments.of(train.batches(50), from_last)
    ((weights, offsets),) = moments.solve([0.05])
    for channel, step in ((0, 0), (1, 3)):
        real = every.real[:, step, channel]
        last = every.inputs[:, -1:, channel] * from_last
        features = (every.inputs[:, :, channel] - last)[real].astype(np.float64)
        truth = (every.targets[:, step, channel] - last[:, 0])[real]
        scaler = StandardScaler().fit(features)
        ridge = Ridge(alpha=0.05 * real.sum()).fit(scaler.transform(features), truth)
        expected = ridge.predict(scaler.transform(features))
        made = features @ weights[channel][:, step] + offsets[channel, step]
        assert made == pytest.approx(expected, rel=1e-3, abs=1e-2)


def test_ridge_learns_a_season_and_chooses_on_validation(seasonal: np.ndarray) -> None:
    train, valid = windows_of(seasonal, 12, 250), windows_of(seasonal, 250, 320)
    fitted = RidgeForecast.fit(partial(train.batches, 64), partial(valid.batches, 64))
    test = windows_of(seasonal, 320, 400)
    whole = test.batch(np.arange(len(test)))
    error = np.abs(fitted.forecast(whole) - whole.targets).mean()
    assert error < 0.2 < np.abs(naive(whole, 4) - whole.targets).mean()
    assert fitted.strength in ridge_forecast.STRENGTHS
    noise = RNG.normal(size=(400, 1))
    alone = RidgeForecast.fit(
        partial(windows_of(noise, 12, 80).batches, 64),
        partial(windows_of(noise, 80, 400).batches, 64),
    )
    assert alone.strength > fitted.strength  # nothing is to be learned there


def test_batches_do_not_matter_and_constants_do_not_break(seasonal: np.ndarray) -> None:
    values = np.concatenate([seasonal, np.ones((400, 1))], 1)
    train, valid = windows_of(values, 12, 250), windows_of(values, 250, 320)
    made = [
        RidgeForecast.fit(partial(train.batches, size), partial(valid.batches, size)).forecast(
            valid.batch(np.arange(9))
        )
        for size in (7, 1000)
    ]
    assert made[0] == pytest.approx(made[1], abs=1e-6)
    assert made[0][..., 2] == pytest.approx(1, abs=1e-6)


def test_no_baseline_sees_what_follows(seasonal: np.ndarray) -> None:
    train, valid = windows_of(seasonal, 12, 250), windows_of(seasonal, 250, 320)
    ridge = RidgeForecast.fit(partial(train.batches, 64), partial(valid.batches, 64))
    later = seasonal.copy()
    later[330:] = 1e6
    for forecast in (
        ridge.forecast,
        partial(naive, horizon=4),
        partial(seasonal_naive, horizon=4, season=12),
        partial(drift, horizon=4),
    ):
        seen = [
            forecast(
                Windows(
                    [v.astype(np.float32)],
                    np.array([330], np.int32),
                    np.array([0], np.int32),
                    12,
                    4,
                ).batch([0])
            )
            for v in (seasonal, later)
        ]
        assert (seen[0] == seen[1]).all()


def test_no_windows_is_an_error() -> None:
    with pytest.raises(ShapeError, match="no training window"):
        RidgeForecast.fit(lambda: [], lambda: [])
