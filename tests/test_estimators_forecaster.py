"""The forecaster in Python: what it takes, what it gives."""

from typing import Any

import numpy as np
import pytest

from seqloom import Forecaster
from seqloom.errors import DataError, SettingsError

STEPS = np.arange(80)
WAVE = 5 + np.sin(STEPS) + 0.1 * (STEPS % 3)
SMALL: dict[str, Any] = {
    "hidden_size": 4,
    "updates": 3,
    "threads": 1,
    "horizon": 4,
    "look_back": 6,
}


@pytest.fixture(scope="module")
def one() -> Forecaster:
    return Forecaster(**SMALL).fit(WAVE)


@pytest.fixture(scope="module")
def two() -> Forecaster:
    return Forecaster(**SMALL).fit(np.stack([WAVE, -WAVE], 1))


def test_shapes_of_one_series(one: Forecaster) -> None:
    assert one.predict().shape == (4,)
    assert one.predict(horizon=9).shape == (9,)
    assert one.predict(WAVE[:30]).shape == (4,)
    assert one.predict_interval().shape == (4, 2)


def test_channels_are_an_axis(two: Forecaster) -> None:
    assert two.predict().shape == (4, 2)
    assert two.predict_interval(coverage=0.5).shape == (4, 2, 2)
    assert {row["channel"] for row in two.forecast()} == {"y0", "y1"}


def test_intervals_hold_the_median_and_each_other(one: Forecaster) -> None:
    median = one.predict()
    wide, narrow = one.predict_interval(), one.predict_interval(coverage=0.5)
    assert (wide[:, 0] <= narrow[:, 0]).all() and (narrow[:, 0] <= median).all()
    assert (median <= narrow[:, 1]).all() and (narrow[:, 1] <= wide[:, 1]).all()
    with pytest.raises(SettingsError, match=r"intervals of 0\.9, 0\.8, 0\.5"):
        one.predict_interval(coverage=0.7)


def test_a_horizon_below_zero_is_said(one: Forecaster) -> None:
    for ask in (one.predict, one.forecast):
        with pytest.raises(SettingsError, match="horizon = -1: input should be"):
            ask(horizon=-1)


def test_rows_say_the_same_as_arrays(one: Forecaster) -> None:
    rows = one.forecast(WAVE[:40], horizon=5)
    assert [row["ds"] for row in rows] == [40, 41, 42, 43, 44]
    np.testing.assert_allclose([row["y"] for row in rows], one.predict(WAVE[:40], 5), rtol=1e-6)
    ends = one.predict_interval(WAVE[:40], 5)
    np.testing.assert_allclose([[r["lo-90"], r["hi-90"]] for r in rows], ends, rtol=1e-6)


def test_a_backtest_is_what_would_have_been_forecast(one: Forecaster) -> None:
    rows = list(one.backtest())
    assert len(rows) == 4 * (16 - 4 + 1)
    (window,) = ([r for r in rows if r["cutoff"] == 69],)
    np.testing.assert_allclose([r["true"] for r in window], WAVE[70:74])
    np.testing.assert_allclose([r["y"] for r in window], one.predict(WAVE[:70]), rtol=1e-5)
    errors = np.mean([abs(r["true"] - r["y"]) for r in rows])
    np.testing.assert_allclose(errors, (one.metrics_ or {})["test"]["mae"], rtol=1e-5)


def test_a_score_is_better_the_larger(one: Forecaster) -> None:
    assert one.score() == -(one.metrics_ or {})["test"]["mase"]
    assert one.score(WAVE) < 0


def test_frames_and_missing_numbers() -> None:
    pandas = pytest.importorskip("pandas")
    days = pandas.date_range("2024-01-01", periods=40, freq="D")
    frame = pandas.DataFrame({"ds": days, "y": WAVE[:40]})
    model = Forecaster(**SMALL).fit(frame)
    assert model.forecast()[0]["ds"] == "2024-02-10"
    holes = WAVE.copy()
    holes[10] = np.nan
    with pytest.raises(DataError, match="Pass --gaps fill"):
        Forecaster(**SMALL).fit(holes)
    assert Forecaster(**SMALL, gaps="fill").fit(holes).predict().shape == (4,)


def test_an_array_of_three_axes_is_refused() -> None:
    with pytest.raises(DataError, match=r"expected \(time,\) or \(time, channels\)"):
        Forecaster(**SMALL).fit(np.zeros((3, 4, 5)))
