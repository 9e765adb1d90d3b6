"""Budgets: progress, learning rate, and plans that end with the time."""

import itertools
from itertools import pairwise

import pytest

from seqloom.config import TrainSettings
from seqloom.errors import SettingsError
from seqloom.train.schedule import Schedule


def test_epochs_and_updates_are_counted() -> None:
    assert Schedule(TrainSettings(epochs=2.5), 40).total == 100
    schedule = Schedule(TrainSettings(updates=200), 40)
    assert [schedule.progress(u) for u in (0, 50, 200, 300)] == [0.0, 0.25, 1.0, 1.0]


def test_two_budgets_are_refused() -> None:
    with pytest.raises(SettingsError, match="minutes and updates"):
        Schedule(TrainSettings(minutes=1, updates=3), 40)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_the_rate_rises_then_falls_to_nothing(kind: str) -> None:
    schedule = Schedule(TrainSettings(updates=1000, warmup=0.1, schedule=kind), 40)
    rates = [schedule.rate(u) for u in range(1001)]
    assert 0 < rates[0] < 0.02
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert all(a < b for a, b in pairwise(rates[:100]))
    assert all(a > b for a, b in pairwise(rates[101:]))
    assert rates[1000] == pytest.approx(0.0, abs=1e-9)


def test_a_constant_rate_without_warmup_is_one_from_the_start() -> None:
    schedule = Schedule(TrainSettings(updates=10, warmup=0, schedule="constant"), 40)
    assert [schedule.rate(u) for u in range(10)] == [1.0] * 10


@pytest.mark.parametrize("pace", [lambda u: 0.1, lambda u: 0.1 if u < 300 else 0.2])
def test_a_budget_in_minutes_ends_with_the_time(pace) -> None:
    schedule = Schedule(TrainSettings(minutes=1.0), 40)
    seconds, update, progress = 0.0, 0, []
    while schedule.progress(update) < 1.0:
        seconds += pace(update)
        update += 1
        schedule.replan(update, seconds)
        progress.append(schedule.progress(update))
    assert 58 <= seconds <= 63
    assert all(a <= b for a, b in pairwise(progress))


def test_a_saved_plan_goes_on_alike() -> None:
    one = Schedule(TrainSettings(minutes=1.0), 40)
    one.replan(30, 5.0)
    two = Schedule(TrainSettings(minutes=1.0), 40)
    two.load_state(one.state())
    assert [one.rate(u) for u in range(30, 99)] == [two.rate(u) for u in range(30, 99)]


def test_warm_up_rises_step_by_step_in_a_budget_of_minutes_too() -> None:
    schedule = Schedule(TrainSettings(minutes=2.0, warmup=0.05), 40)
    rates, seconds = [], 0.0
    for update in range(60):
        rates.append(schedule.rate(update))
        seconds += 0.12
        schedule.replan(update + 1, seconds)
    assert max(b - a for a, b in itertools.pairwise(rates)) < 0.15
    assert max(rates) > 0.97
