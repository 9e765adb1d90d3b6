"""What the data decide about a forecast where the user does not: each with a sentence.

horizon, look-back, logarithm, segments, budget. Values are looked at in
the training part alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from seqloom_runtime.signal.frequency import Frequency
from seqloom_runtime.signal.windows import Parts

from seqloom.config import Settings, override
from seqloom.data.time_table import TimeSeries
from seqloom.errors import DataError, SettingsError

WITHOUT_SEASON = 8  # steps of the horizon where the frequency tells no season
LONGEST_SEASON = 60  # steps; a horizon of a longer season is a small fraction of it
HORIZONS_IN_A_SERIES = 8  # at least, of a horizon that is chosen here
LOOK_BACKS_IN_A_SERIES = 6
LOOKED_BACK = 4  # horizons or seasons
GROWING = 0.5  # power of the level with which changes grow, from which on a logarithm helps
SURE = 0.5  # correlation behind that power
FEW_STEPS = 1_000  # of all training parts together
SEASONAL = 0.8  # of the naive forecast's error
LONGEST_SEGMENT = 24
EPOCHS, FEWEST_UPDATES, MOST_UPDATES = 15, 500, 2_000
REPORTS = 12  # a run


def choose_horizon(settings: Settings, frequency: Frequency, longest: int) -> tuple[int, str]:
    """Steps to forecast, and why.

    Raises:
        DataError: no series is long enough for it.
    """
    asked, season = settings.data.horizon, frequency.season_length
    if asked:
        _check_horizon(asked, longest)
        return asked, f"forecast {_steps(asked)} ahead: as set"
    usual = season if 1 < season <= LONGEST_SEASON else WITHOUT_SEASON
    chosen = max(1, min(usual, longest // HORIZONS_IN_A_SERIES))
    _check_horizon(chosen, longest)
    why = "a season" if chosen == season > 1 else f"what {longest:,} steps allow"
    if chosen == usual == WITHOUT_SEASON:
        why = "the frequency has no season"
    return chosen, f"forecast {_steps(chosen)} ahead: {why}; choose with --horizon"


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count:,} steps"


def _check_horizon(horizon: int, longest: int) -> None:
    """A training window holds a step and a horizon, and a horizon is left to validate on."""
    most = (longest - 1) // 2
    if most < 1:
        raise DataError(
            f"The longest series has {_steps(longest)}; at least 3 are needed to learn, to "
            "validate and to look back on. Pass longer series."
        )
    if horizon > most:
        raise DataError(
            f"A horizon of {horizon:,} steps is too long: the longest series has {longest:,} "
            f"steps, and as many again are needed to learn from. Pass --horizon {most:,} or less."
        )


def choose_look_back(
    settings: Settings, frequency: Frequency, horizon: int, train: int
) -> tuple[int, str]:
    """Steps that a forecast looks back on, and why.

    Args:
        train: steps of the longest training part.
    """
    asked, season = settings.data.look_back, frequency.season_length
    if asked:
        return asked, f"look back on {_steps(asked)}: as set"
    unit = season if 1 < season <= LONGEST_SEASON else horizon
    wanted = LOOKED_BACK * max(unit, horizon)
    most = max(train // LOOK_BACKS_IN_A_SERIES, min(2 * unit, (train - horizon) // 2), 1)
    chosen = wanted if wanted <= most else max(most // unit * unit, min(most, unit))
    why = f"{LOOKED_BACK} times the {'horizon' if unit < horizon or unit != season else 'season'}"
    if chosen < wanted:
        why = f"what {train:,} steps to learn from allow"
    return chosen, f"look back on {_steps(chosen)}: {why}; choose with --look-back"


def choose_log(
    settings: Settings, series: Sequence[TimeSeries], parts: Sequence[Parts], season: int
) -> tuple[bool, str]:
    """Whether to learn the logarithm, and why.

    Quantiles of the logarithm are the logarithms of the quantiles; a mean is none.
    """
    if settings.data.log is not None:
        return settings.data.log, "the logarithm is learnt: as set" if settings.data.log else ""
    if settings.train.loss == "mse":
        return False, ""
    trains = _measured(series, parts)
    if any((train < 0).any() for train in trains):
        return False, ""
    powers = [power for train in trains[:200] for power in _powers(train, season)]
    power = float(np.median(powers)) if powers else 0.0
    if power < GROWING:
        return False, ""
    return True, (
        f"changes grow with the values (as their power {power:.1f}): the logarithm is learnt; "
        "choose with --no-log"
    )


def _measured(
    series: Sequence[TimeSeries], parts: Sequence[Parts]
) -> list[npt.NDArray[np.float64]]:
    """The training part of each series, NaN where a value was filled in: (time, channels)."""
    return [one.measured[slice(*part.train)] for one, part in zip(series, parts, strict=True)]


def _powers(train: npt.NDArray[np.float64], season: int) -> Iterator[float]:
    """With what power of the level the spread of each channel grows; 0 where that is unsure."""
    size = max(season if season <= LONGEST_SEASON else 1, len(train) // 20, 4)
    blocks = len(train) // size
    if blocks < 5:
        return
    cut_up = _known(train[len(train) - blocks * size :].reshape(blocks, size, -1))
    levels, spreads = (found.filled(0.0) for found in (cut_up.mean(1), cut_up.std(1)))
    for level, spread in zip(levels.T, spreads.T, strict=True):
        real = (level > 0) & (spread > 0)
        if real.sum() < 5 or np.ptp(np.log(level[real])) < 0.3:
            yield 0.0
            continue
        x, y = np.log(level[real]), np.log(spread[real])
        sure = np.corrcoef(x, y)[0, 1] >= SURE
        yield float(np.polyfit(x, y, 1)[0]) if sure else 0.0


def choose_difference(
    settings: Settings, series: Sequence[TimeSeries], parts: Sequence[Parts], season: int
) -> tuple[str, str]:
    """Whether changes are learnt, and why: of few steps a season is hard to learn."""
    asked, horizon = settings.data.difference, settings.data.horizon
    check_difference(settings, season)
    if asked != "auto":
        return asked, ""
    trains = _measured(series, parts)
    if season == 1 or sum(map(len, trains)) > FEW_STEPS:
        return "none", ""
    ratios = [ratio for train in trains for ratio in _seasonal_ratios(train, season, horizon)]
    if not ratios or np.median(ratios) > SEASONAL:
        return "none", ""
    return "season", (
        "there are few steps to learn from, and the season before says much: changes since then "
        "are learnt; choose with --difference"
    )


def _seasonal_ratios(train: npt.NDArray[np.float64], season: int, horizon: int) -> Iterator[float]:
    """Error of the seasonal naive forecast as a share of the naive one's, of each channel."""
    if len(train) <= max(2 * season, horizon):
        return
    seasonal = _usual_change(train, season)
    plain = np.mean([_usual_change(train, step) for step in range(1, horizon + 1)], 0)
    yield from (seasonal[plain > 0] / plain[plain > 0]).tolist()


def _usual_change(train: npt.NDArray[np.float64], lag: int) -> npt.NDArray[np.float64]:
    """Mean change over so many steps of what was measured, of each channel; 0 where none was."""
    change: npt.NDArray[np.float64] = np.abs(_known(train[lag:] - train[:-lag])).mean(0).filled(0.0)
    return change


def _known(values: npt.NDArray[np.float64]) -> np.ma.MaskedArray[Any, np.dtype[np.float64]]:
    return np.ma.masked_invalid(values)


def check_difference(settings: Settings, season: int) -> None:
    """See that there is a season to take differences over.

    Raises:
        SettingsError: there is none.
    """
    if settings.data.difference == "season" and season == 1:
        raise SettingsError(
            "--difference season: the frequency of the data has no season. Pass --difference step, "
            "or name the --frequency."
        )


def choose_norm(settings: Settings) -> str:
    """What windows are freed of: of their last value, unless it is a change since a season."""
    if settings.model.normalise != "auto":
        return settings.model.normalise
    return "none" if settings.data.difference == "season" else "last"


def choose_segment(settings: Settings) -> int:
    """Steps of a segment: what divides horizon and look-back, or near the root of the latter.

    >>> from seqloom.config import Settings, override
    >>> sizes = {"data": {"horizon": 96, "look_back": 720}, "model": {"encoder": "segment"}}
    >>> choose_segment(override(Settings(), sizes, ""))
    24
    """
    if settings.model.encoder != "segment" or settings.model.segment:
        return settings.model.segment
    look_back = settings.data.look_back
    common = math.gcd(settings.data.horizon, look_back)
    segment = max(n for n in range(1, LONGEST_SEGMENT + 1) if common % n == 0)
    return segment if segment**2 >= look_back / 4 else min(round(look_back**0.5), LONGEST_SEGMENT)


def with_budget(settings: Settings, windows: int) -> Settings:
    """Settings with a budget that suits so many training windows, where none is set."""
    train = settings.train
    epoch = max(1, -(-windows // train.batch_size))
    updates, free = train.updates, not (train.minutes or train.epochs or train.updates)
    if free:
        updates = min(max(EPOCHS * epoch, FEWEST_UPDATES), MOST_UPDATES)
    changes: dict[str, Any] = {"updates": updates}
    # Of few windows an epoch is soon over, and is not worth a report.
    if updates and not train.report_every and (free or updates > REPORTS * epoch):
        changes["report_every"] = max(1, updates // REPORTS)
    return override(settings, {"train": changes}, "forecast")
