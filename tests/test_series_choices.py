"""What the data decide about a forecast, and that only the training part is asked."""

from typing import Any

import numpy as np
import pytest
from seqloom_runtime.signal.frequency import Frequency
from seqloom_runtime.signal.windows import Parts

from seqloom.config import Settings, default_settings, override
from seqloom.data.time_table import TimeSeries
from seqloom.errors import DataError, SettingsError
from seqloom.tasks.series_choices import (
    check_difference,
    choose_horizon,
    choose_log,
    choose_look_back,
    choose_segment,
    with_budget,
)

MONTHLY, ROWS = Frequency("month"), Frequency("step")


def asked(**data: Any) -> Settings:
    return override(default_settings("forecast"), {"data": data}, "test")


def one(values: Any) -> TimeSeries:
    table = np.asarray(values, np.float64).reshape(-1, 1)
    none = np.zeros((len(table), 0))
    return TimeSeries("a", None, table, none, none, {}, np.zeros(table.shape, np.bool_))


@pytest.mark.parametrize(
    ("frequency", "longest", "horizon", "words"),
    [
        (MONTHLY, 144, 12, "a season"),
        (Frequency("hour"), 9_000, 24, "a season"),
        (MONTHLY, 40, 5, "what 40 steps allow"),
        (Frequency("minute", 15), 9_000, 8, "no season"),
        (ROWS, 500, 8, "no season"),
        (ROWS, 3, 1, "what 3 steps allow"),
    ],
)
def test_a_horizon_is_a_season(
    frequency: Frequency, longest: int, horizon: int, words: str
) -> None:
    chosen, why = choose_horizon(asked(), frequency, longest)
    assert chosen == horizon
    assert words in why and "--horizon" in why


def test_a_horizon_that_is_asked_for_is_taken_where_the_series_is_long_enough() -> None:
    assert choose_horizon(asked(horizon=30), MONTHLY, 61)[0] == 30
    with pytest.raises(DataError, match=r"the longest series has 60 steps.*--horizon 29 or less"):
        choose_horizon(asked(horizon=30), MONTHLY, 60)
    with pytest.raises(DataError, match="at least 3 are needed"):
        choose_horizon(asked(), MONTHLY, 2)


@pytest.mark.parametrize(
    ("frequency", "horizon", "train", "look_back"),
    [(MONTHLY, 12, 1_000, 48), (MONTHLY, 12, 101, 24), (ROWS, 8, 10_000, 32), (ROWS, 8, 20, 6)],
)
def test_a_look_back_is_some_seasons(
    frequency: Frequency, horizon: int, train: int, look_back: int
) -> None:
    assert choose_look_back(asked(), frequency, horizon, train)[0] == look_back
    assert choose_look_back(asked(look_back=7), frequency, horizon, train) == (
        7,
        "look back on 7 steps: as set",
    )


@pytest.mark.parametrize(("power", "log"), [(1.0, True), (0.0, False)])
def test_a_logarithm_is_learnt_where_changes_grow_with_the_values(power: float, log: bool) -> None:
    steps = np.arange(120)
    level = 10.0 + 2 * steps
    values = level + 0.5 * level**power * np.sin(2 * np.pi * steps / 12)
    parts = [Parts((0, 100), (100, 110), (110, 120))]
    chosen, why = choose_log(asked(), [one(values)], parts, 12)
    assert chosen is log and ("--no-log" in why) is log
    later = values.copy()
    later[100:] = -1e6  # what comes after the training part decides nothing
    assert choose_log(asked(), [one(later)], parts, 12) == (chosen, why)
    squared = override(asked(), {"train": {"loss": "mse"}}, "test")
    assert choose_log(squared, [one(values)], parts, 12)[0] is False
    assert choose_log(asked(log=True), [one(values)], parts, 12)[0] is True


def test_negative_values_have_no_logarithm() -> None:
    values = np.linspace(-1, 100, 100) * np.tile([1, 2], 50)
    parts = [Parts((0, 80), (80, 90), (90, 100))]
    assert choose_log(asked(), [one(values)], parts, 12) == (False, "")


def test_a_difference_over_a_season_needs_one() -> None:
    check_difference(asked(difference="season"), 12)
    with pytest.raises(SettingsError, match="--difference season: the frequency"):
        check_difference(asked(difference="season"), 1)


@pytest.mark.parametrize(
    ("horizon", "look_back", "segment"), [(96, 96, 24), (12, 24, 12), (7, 100, 10), (24, 168, 24)]
)
def test_a_segment_divides_horizon_and_look_back(
    horizon: int, look_back: int, segment: int
) -> None:
    settings = asked(horizon=horizon, look_back=look_back)
    segments = override(settings, {"model": {"encoder": "segment"}}, "test")
    assert choose_segment(segments) == segment
    assert choose_segment(settings) == 0


@pytest.mark.parametrize(("windows", "updates"), [(50, 500), (6_400, 1_500), (10**6, 2_000)])
def test_a_budget_follows_from_the_windows(windows: int, updates: int) -> None:
    train = with_budget(asked(), windows).train
    assert (train.updates, train.report_every) == (updates, updates // 12)
    few = override(asked(), {"train": {"updates": 40}}, "test")
    assert with_budget(few, windows).train.report_every == (3 if windows == 50 else 0)
    minutes = override(asked(), {"train": {"minutes": 1.0}}, "test")
    assert with_budget(minutes, windows) == minutes
