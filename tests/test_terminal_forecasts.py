"""A forecast on the screen: who is better, whether intervals hold, and warnings that are plain."""

import io
from typing import Any

import pytest
from rich.console import Console

from seqloom.terminal import show_details, show_evaluation, show_metrics
from seqloom.terminal.forecasts import bars, forecast_line, sentences

NAMES = ("baseline", "naive", "drift", "mean", "ridge")


def scores(mase: float, **more: float) -> dict[str, float]:
    return {"mase": mase, "mae": 10 * mase, "rmse": 12.0, "mse": 0.3, "smape": 8.0, **more}


def metrics(model: float, **others: float) -> dict[str, Any]:
    found = {name: others.get(name, 2.0) for name in NAMES}
    return {
        "task": "forecast",
        "season": 12,
        "valid": scores(1.0),
        "test": scores(model, crps=3.0, coverage=0.914),
        **{name: {"valid": scores(1.0), "test": scores(mase)} for name, mase in found.items()},
    }


def lines_of(show: Any, *given: Any) -> str:
    file = io.StringIO()
    show(Console(file=file, width=80, color_system=None), *given)
    return file.getvalue()


def test_the_table_is_whole_within_eighty_columns() -> None:
    shown = lines_of(show_metrics, metrics(0.5, baseline=1.2))
    for words in ("MASE", "MAE", "RMSE", "sMAPE", "CRPS", "90 % holds", "91.4 %", "ridge on lags"):
        assert words in shown
    assert "…" not in shown


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (metrics(0.5, baseline=1.2, ridge=0.9), "beats the seasonal naive forecast (MASE 0.500 "),
        (metrics(0.5, baseline=1.2, ridge=0.9), "every other baseline; next is ridge on lags"),
        (metrics(0.8, baseline=1.2, ridge=0.7), "Warning: the model beats the seasonal naive"),
        (metrics(0.8, baseline=1.2, ridge=0.7), "but ridge on lags has 0.700"),
        (metrics(1.5, baseline=1.2), "Warning: the model does not beat the seasonal naive"),
        (metrics(float("nan")), "There is nothing to compare"),
    ],
)
def test_who_is_better_is_said_plainly(found: dict[str, Any], words: str) -> None:
    assert words in sentences(found)[0]


@pytest.mark.parametrize(
    ("leads", "words"),
    [
        ({"ridge": [0.01, 0.05], "baseline": [0.4, 0.1]}, "but is no better than ridge on lags"),
        ({"ridge": [0.1, 0.05], "baseline": [0.4, 0.1]}, "and every other baseline"),
        ({"baseline": [0.3, 0.5]}, "is no better than the seasonal naive forecast"),
        ({"baseline": [0.3, None]}, "the windows lie so close together"),
    ],
)
def test_a_lead_within_what_windows_differ_by_is_none(leads: dict[str, Any], words: str) -> None:
    found = {**metrics(0.89, baseline=1.2, ridge=0.9), "leads": {"test": leads}}
    assert words in sentences(found)[0]


def test_of_business_days_the_last_value_is_the_first_to_beat() -> None:
    found = {**metrics(0.5, naive=0.4), "first": "naive"}
    assert "does not beat the naive forecast" in sentences(found)[0]
    rows = lines_of(show_metrics, found).splitlines()
    places = [n for n, line in enumerate(rows) if line.startswith((" naive", " seasonal"))]
    assert rows[places[0]].startswith(" naive")


def test_channels_of_different_units_are_not_added_up() -> None:
    found = {**metrics(0.5), "channels": 2}
    for scored in (found["test"], *(found[name]["test"] for name in NAMES)):
        scored["standard_mae"] = 0.25
    shown = lines_of(show_metrics, found)
    assert "MAE (std.)" in shown and "RMSE" not in shown and "units of their own" in shown
    each = {"mae": [1000.0, 0.5], "mase": [0.5, 0.25], "coverage": [0.9, 0.8]}
    steps = {"mae": [1.0], "standard_mae": [1.0]}
    details = {
        "test": {
            "by_step": {"model": steps, "baseline": steps},
            "channels": ["load", "price"],
            "by_channel": {"model": each, "baseline": each},
        }
    }
    lines = [line.split() for line in lines_of(show_details, found, details).splitlines()]
    assert ["load", "1,000", "1,000", "0.500", "90.0", "%"] in lines
    assert ["price", "0.500", "0.500", "0.250", "80.0", "%"] in lines


def test_where_nothing_has_a_season_the_naive_forecast_is_the_first() -> None:
    found = {**metrics(0.5), "season": 1}
    del found["naive"]
    assert "beats the naive forecast" in sentences(found)[0]
    assert "seasonal" not in lines_of(show_metrics, found)


def test_a_shift_is_warned_of() -> None:
    assert len(sentences(metrics(0.5))) == 2
    assert "shifted" in sentences({**metrics(0.5), "shifted": True})[-1]


def test_a_squared_error_decides_where_it_was_learnt() -> None:
    found = {**metrics(0.5), "decides": "mse"}
    found["ridge"]["test"]["mse"] = 0.2
    assert "idge on lags has 0.200" in sentences(found)[0]
    assert "MSE (std.)" in lines_of(show_metrics, found)


def test_scores_on_a_file_have_its_name() -> None:
    found = metrics(0.5)
    result = {
        "task": "forecast",
        "data": "new.csv",
        "season": 12,
        "scores": found["test"],
        **{name: {"scores": found[name]["test"]} for name in NAMES},
    }
    shown = lines_of(show_evaluation, result)
    assert "on new.csv" in shown and "every other baseline" in shown


def test_steps_of_the_horizon() -> None:
    steps = {"mae": [float(n) for n in range(12)], "coverage": [0.9] * 12}
    details = {"test": {"by_step": {"model": steps, "baseline": steps}}}
    shown = lines_of(show_details, metrics(0.5), details)
    header = next(line for line in shown.splitlines() if "step" in line)
    assert header.split() == ["step", "1", "3", "5", "8", "10", "12"]
    assert "MAE, seasonal naive" in shown and "11.0" in shown


def test_a_sample_is_a_line() -> None:
    sample = {"from": "2024-01", "to": "2024-03", "forecast": [1.0, 2.0, 3.0], "true": [1.0, 3.0]}
    assert forecast_line(sample).plain == (
        "2024-01 to 2024-03: ▁▅█ 1.000 2.000 3.000  true ▁█ 1.000 3.000"
    )
    assert bars([None, 1.0], 0.0, 1.0) == " █"


def test_a_long_sample_is_three_lines_of_a_narrow_screen() -> None:
    day = [1234.5 + n for n in range(24)]
    sample = {"from": "2024-01-01 00:00", "to": "2024-01-01 23:00", "forecast": day, "true": day}
    lines = forecast_line(sample).plain.split("\n")
    assert len(lines) == 3 and max(map(len, lines)) <= 74
    assert lines[1].index("▁") == lines[2].index("▁")
