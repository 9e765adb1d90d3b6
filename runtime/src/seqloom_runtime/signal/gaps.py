"""Steps of a series that are missing: counted, and filled in the way that was chosen.

A value carried forward tells nothing of the future. One drawn between its neighbours does, so
``Windows`` takes it back where a look-back ends inside a gap, and ``held_back`` before a border.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Marks = npt.NDArray[np.bool_]
Gaps = Literal["error", "fill", "interpolate"]

LONGEST_HOLIDAY = 5  # business days in a row without a row that count as closed


def without_holidays(steps: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], int]:
    """Grid numbers of business days, short runs without a row taken out; and how many days.

    The market was closed on them: nothing is missing, and values made up for them would be
    learned and scored as if they were real.

    >>> without_holidays(np.array([0, 1, 3, 4]))[0].tolist()
    [0, 1, 2, 3]
    """
    missing = np.diff(steps) - 1
    holidays = np.where(missing <= LONGEST_HOLIDAY, missing, 0)
    kept = steps - np.concatenate([[0], np.cumsum(holidays)])
    return kept, int(holidays.sum())


def on_grid(values: Values, steps: npt.NDArray[np.int64]) -> Values:
    """Rows at their places on the grid, NaN where the grid has no row.

    Shape:
        values (rows, channels), steps (rows,) rising from 0 → (steps[-1] + 1, channels).
    """
    grid = np.full((int(steps[-1]) + 1, values.shape[1]), np.nan)
    grid[steps] = values
    return grid


def span(values: Values) -> tuple[int, int]:
    """First step at which every channel has begun, and the one after the last with any value.

    Shape:
        values (time, channels).
    """
    real = ~np.isnan(values)
    if not values.shape[1] or not real.any(0).all():
        return 0, 0
    return int(real.argmax(0).max()), int(np.flatnonzero(real.any(1))[-1]) + 1


def first_gap(values: Values) -> tuple[int, int] | None:
    """Step and channel of the first missing value; None where nothing is missing."""
    missing = np.argwhere(np.isnan(values))
    return (int(missing[0][0]), int(missing[0][1])) if len(missing) else None


def fill(values: Values, gaps: Gaps) -> tuple[Values, Marks]:
    """Values without gaps, and which of them were missing.

    Args:
        values: (time, channels), of which the first row is complete.
        gaps: "interpolate" draws a line between the neighbours; after the last value, and with
            any other choice, the last one is carried forward.

    Shape:
        values → (time, channels), and booleans alike.
    """
    missing = np.isnan(values)
    filled = values.copy()
    for channel in np.flatnonzero(missing.any(0)):
        filled[:, channel] = _fill_one(values[:, channel], missing[:, channel], gaps)
    return filled, missing


def _fill_one(values: Values, missing: Marks, gaps: Gaps) -> Values:
    steps = np.arange(len(values))
    if gaps == "interpolate":
        drawn: Values = np.interp(steps, steps[~missing], values[~missing])
        return drawn
    last_real = np.maximum.accumulate(np.where(missing, 0, steps))
    return values[last_real]


def held_back(filled: Values, missing: Marks, border: int) -> Values:
    """Values of which none before the border was drawn from one behind it.

    In a gap that reaches over the border, the last real value is carried up to the border.

    Shape:
        filled, missing (time, channels) → (time, channels).

    >>> drawn = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> held_back(drawn, np.array([[0], [1], [1], [0]], bool), 2).ravel().tolist()
    [0.0, 0.0, 2.0, 3.0]
    """
    if not 0 < border < len(filled):
        return filled
    kept = filled.copy()
    for channel in np.flatnonzero(missing[border - 1] & missing[border]):
        last = int(np.flatnonzero(~missing[:border, channel])[-1])
        kept[last + 1 : border, channel] = filled[last, channel]
    return kept
