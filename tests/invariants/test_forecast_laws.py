"""Laws 1 and 9 on forecasts: no result depends on a batch, and none on what comes later."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqloom_runtime.signal.windows import Windows

from seqloom import Forecaster
from seqloom.tasks.backtest import scoring_of_test

LENGTH, HORIZON, LOOK_BACK = 300, 4, 8
SMALL: dict[str, Any] = {
    "hidden_size": 8,
    "horizon": HORIZON,
    "look_back": LOOK_BACK,
    "threads": 1,
    "value": ("y",),
}
KINDS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "segments": {"encoder": "segment", "segment": 3},
    "step by step": {"head": "step", "encoder": "gru", "bidirectional": True},
    "attention": {"encoder": "transformer", "normalise": "standard"},
    "seasonal changes": {"difference": "season"},
}


def rows(values: Any, beside: Any = None) -> list[dict[str, Any]]:
    """Days of two series, of which the second is shorter than a look-back."""
    days = _days(len(values))
    beside = np.zeros(len(values)) if beside is None else beside
    made = [
        {"unique_id": "a", "ds": str(day), "y": float(y), "x": float(x)}
        for day, y, x in zip(days, values, beside, strict=True)
    ]
    short = [
        {"unique_id": "b", "ds": str(day), "y": float(n % 5), "x": 0.0}
        for n, day in enumerate(days[: LOOK_BACK - 2])
    ]
    return [*made, *short]


def _days(count: int) -> Any:
    return np.datetime64("2020-01-01") + np.arange(count)


@pytest.fixture(scope="module")
def series() -> Any:
    random = np.random.default_rng(0)
    steps = np.arange(LENGTH)
    return np.sin(2 * np.pi * steps / 7) + 0.3 * random.normal(size=LENGTH) + 5


@pytest.fixture(scope="module")
def fitted(series: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Forecaster]:
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(tmp_path_factory.mktemp("cache")))
        for kind, changes in KINDS.items():
            model = Forecaster(**{**SMALL, **changes}, past=("x",), updates=8)
            found[kind] = model.fit(rows(series, np.cos(series)))
            _, found[kind].scoring = scoring_of_test(model.forecaster, model.run_)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_forecast_depends_on_no_other_window(kind: str, fitted: dict[str, Forecaster]) -> None:
    scoring = fitted[kind].scoring
    stored = scoring.stored
    ranges = [(1, len(one)) for one in stored.values]
    some: Windows = scoring.windows
    every = Windows.over(
        stored.values, ranges, some.look_back, HORIZON, past=stored.past, missing=some.missing
    )
    numbers = np.array([0, 3, len(every) - 1, 40, 9])  # short, padded and whole look-backs
    together = scoring.network(every.batch(numbers))
    alone = np.concatenate([scoring.network(every.batch([number])) for number in numbers])
    np.testing.assert_allclose(together, alone, atol=2e-6)
    shuffled = scoring.network(every.batch(numbers[::-1].copy()))
    np.testing.assert_allclose(together, shuffled[::-1], atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_later_changes_no_forecast(
    kind: str, series: Any, fitted: dict[str, Forecaster]
) -> None:
    """The same series, with everything after a step replaced."""
    cutoff = 200
    later = series.copy()
    later[cutoff:] = np.random.default_rng(1).permutation(series[cutoff:]) * 3 - 40

    def known(values: Any) -> dict[Any, Any]:
        found = fitted[kind].backtest(rows(values, np.cos(values)))
        return {
            (row["cutoff"], row["step"]): [v for k, v in row.items() if k != "true"]
            for row in found
            if row["unique_id"] == "a"
        }

    before, after = known(series), known(later)
    last = str(_days(cutoff)[-1])
    same = [key for key in before if key[0] <= last]
    assert len(same) > 500
    assert all(before[key] == after[key] for key in same)
    assert any(before[key] != after[key] for key in before if key not in same)


def noise_and_its_copy() -> tuple[Any, Any]:
    """Values that nothing before foretells, and a column that holds each in its own row."""
    values = np.random.default_rng(2).normal(size=LENGTH) + 10
    return values, values.copy()


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Squared errors of a run that is given the future as what is known only until now."""
    values, copy = noise_and_its_copy()
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(tmp_path_factory.mktemp("cache")))
        for role in ("past", "known"):
            model = Forecaster(
                **{**SMALL, "hidden_size": 16, role: ("x",), "normalise": "none"},
                updates=250,
                learning_rate=0.01,
                dropout=0.0,
                id="unique_id",
            )
            model.fit(rows(values, copy)[:LENGTH])
            found[role] = (model.metrics_ or {})["test"]["mse"]
            found[f"{role}, ridge"] = (model.metrics_ or {})["ridge"]["test"]["mse"]
    return found


def test_a_planted_signal_of_the_future_cannot_be_used(planted: dict[str, float]) -> None:
    assert planted["past"] > 0.8, "values were foretold that nothing before foretells"
    assert planted["past, ridge"] > 0.8


def test_the_check_would_see_a_signal_that_may_be_used(planted: dict[str, float]) -> None:
    assert planted["known"] < 0.3
    assert planted["known, ridge"] < 0.01


def test_gaps_drawn_as_lines_are_not_seen_before_their_end(tmp_path: Path) -> None:
    """A line through a gap shows where it ends; a look-back within it must not."""
    values = np.where(np.arange(LENGTH) % 10 == 0, 50.0, 5.0)
    found = []
    for end in (0.0, 1000.0):
        table = rows(values)[:LENGTH]
        for n in range(250, 256):
            table[n]["y"] = None
        table[256]["y"] = end
        model = Forecaster(**SMALL, updates=2, gaps="interpolate").fit(rows(values)[:LENGTH])
        found.append(
            [row for row in model.backtest(table) if row["cutoff"] == str(_days(LENGTH)[253])]
        )
    strip = [[{k: v for k, v in row.items() if k != "true"} for row in rows] for rows in found]
    assert strip[0] == strip[1] and strip[0]


def test_no_series_learns_from_dates_that_are_tested_on_in_another() -> None:
    """A signal that all series share, replaced behind the first border: nothing learnt changes."""
    common = np.random.default_rng(3).normal(size=LENGTH)
    border = int(0.7 * LENGTH)
    found = []
    for later in (common, np.concatenate([common[:border], 5 - 3 * common[border:]])):
        table = [
            {"unique_id": name, "ds": str(day), "y": 10 + level * float(value)}
            for name, level, first, last in (
                ("long", 1.0, 0, LENGTH),
                ("late", 2.0, 150, LENGTH),  # cut by its own length, it would learn to day 255
                ("later", 3.0, 220, LENGTH),
                ("ended", 4.0, 0, 180),
            )
            for day, value in list(zip(_days(LENGTH), later, strict=True))[first:last]
        ]
        model = Forecaster(**SMALL, updates=3).fit(table)
        scales = model.forecaster.scales
        weights = [one.detach().numpy().copy() for one in model.forecaster.model.parameters()]
        found.append((weights, scales.scaler.mean[[0, 1, 3]]))
    for one, other in zip(found[0][0], found[1][0], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_no_line_is_drawn_over_a_border() -> None:
    """A gap over the end of the training part tells it nothing of what follows."""
    values = np.where(np.arange(LENGTH) % 10 == 0, 50.0, 5.0)
    border, found = int(0.7 * LENGTH), []
    for end in (0.0, 1000.0):
        table = rows(values)[:LENGTH]
        for n in range(border - 5, border + 5):
            table[n]["y"] = None
        table[border + 5]["y"] = end
        model = Forecaster(**SMALL, updates=2, gaps="interpolate").fit(table)
        scoring = scoring_of_test(model.forecaster, model.run_)[1]
        found.append((scoring.stored.raw[0][:border].copy(), model.forecaster.scales.scaler.mean))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
