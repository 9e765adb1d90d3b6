"""A fan is drawn with all that it should show, and its legend hides nothing."""

from typing import Any

import matplotlib.image
import numpy as np
import pytest

from seqloom.evaluate import fan as module
from seqloom.evaluate.fan import Fan, fan_picture

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def a_fan(name: str = "shop", dated: bool = True, truth: bool = True) -> Fan:
    days = np.datetime64("2024-01-01", "s") + np.arange(15) * np.timedelta64(1, "D")
    quantiles = np.linspace(-2, 2, 5) + np.arange(5.0)[:, None]
    return Fan(
        name,
        days if dated else np.arange(15),
        np.arange(10.0),
        quantiles,
        np.arange(5.0) if truth else None,
    )


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The axes of each panel that is drawn."""
    panels: list[Any] = []
    original = module._draw

    def remember(axes: Any, *rest: Any) -> None:
        original(axes, *rest)
        panels.append(axes)

    monkeypatch.setattr(module, "_draw", remember)
    return panels


def test_history_truth_median_and_intervals_are_there(drawn: list[Any]) -> None:
    content = fan_picture([a_fan()], LEVELS)
    assert content.startswith(b"\x89PNG")
    (axes,) = drawn
    _, names = axes.get_legend_handles_labels()
    assert sorted(names) == ["50 %", "90 %", "forecast", "history", "truth"]
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert lines["history"].tolist() == list(range(10))
    assert lines["forecast"].tolist() == [9, *range(5)], "it begins where the history ends"
    assert axes.get_title(loc="left") == "shop"


def test_the_legend_stands_outside_of_every_panel(drawn: list[Any]) -> None:
    fan_picture([a_fan()], LEVELS)
    figure = drawn[0].figure
    (legend,) = figure.legends
    assert not legend.get_window_extent().overlaps(drawn[0].get_window_extent())


def test_without_truth_and_without_dates(drawn: list[Any]) -> None:
    svg = fan_picture([a_fan(dated=False, truth=False)], LEVELS, "svg")
    assert b"<svg" in svg[:400]
    assert "truth" not in drawn[0].get_legend_handles_labels()[1]


def test_of_many_series_the_first_have_a_panel(drawn: list[Any], tmp_path: Any) -> None:
    few = fan_picture([a_fan()], LEVELS)
    many = fan_picture([a_fan(str(n)) for n in range(9)], LEVELS)
    assert len(drawn) == 1 + module.MOST_PANELS
    heights = []
    for name, content in (("few", few), ("many", many)):
        (tmp_path / f"{name}.png").write_bytes(content)
        heights.append(matplotlib.image.imread(tmp_path / f"{name}.png").shape[0])
    assert heights[1] > 2 * heights[0]


def test_how_many_have_no_panel_is_written(drawn: list[Any]) -> None:
    fan_picture([a_fan(str(n)) for n in range(5)], LEVELS, left_out=7)
    assert drawn[0].figure.get_supxlabel() == "the first 4 of 12 forecasts"
    fan_picture([a_fan()], LEVELS)
    assert drawn[-1].figure.get_supxlabel() == ""


def test_the_legend_shows_the_colours_of_the_fan(drawn: list[Any]) -> None:
    fan_picture([a_fan()], LEVELS)
    wide, narrow = drawn[0].collections
    for band in (wide, narrow):
        assert band.get_alpha() is None and band.get_facecolor()[0, 3] == 1.0
    assert (wide.get_facecolor() != narrow.get_facecolor()).any()
