"""Where series are cut into train, valid and test: at dates that all series of a table share.

    a  ───────────────┬──────┬─────
    b       ──────────┼──────┼───      began later, ended sooner
    c                 │  ────┼─────    began after the training part: not learnt from
    d  ──────────     │      │         ended before it did: learnt from alone
                  first    second border

Were each cut by its own length, a model of all would learn from dates that are another's test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from seqloom_runtime.signal.windows import Parts, cut
from seqloom_runtime.tasks.time_words import shown

from seqloom.config import Settings, default_settings
from seqloom.data.split import parse_split
from seqloom.data.time_series import TimeSeries
from seqloom.errors import DataError

Axis = npt.NDArray[np.int64]


def choose_parts(
    series: Sequence[TimeSeries], settings: Settings, horizon: int, borders: Sequence[int]
) -> tuple[list[Parts], list[str]]:
    """Where each series is cut, and what had to be done for that.

    Args:
        borders: an official split's, in steps of each series, where the data set has one.

    Raises:
        DataError: nothing is left to learn from.
    """
    shares = (*parse_split(settings.data.split), 0.0)[:3]
    official = settings.data.split == default_settings("forecast").data.split
    reasons = []
    if borders and official:
        parts = [cut(len(one), shares, 1, horizon, borders) for one in series]
        reasons.append(
            f"parts end at steps {', '.join(f'{end:,}' for end in borders)}: as customary"
        )
    elif shared := Borders.of(series, shares, horizon):
        parts = [shared.parts(one, horizon) for one in series]
        reasons += shared.reasons(series)
    else:
        parts = [_cut(len(one), shares, horizon) for one in series]
    if not any(holds(part.valid, horizon) for part in parts):
        parts = [_without_test(part) for part in parts]
        if any(part.valid[1] > part.valid[0] for part in parts):
            reasons.append("the series are too short for a test part: the last steps validate")
    short = sum(not holds(part.train, horizon) for part in parts)
    if short == len(parts) or not any(holds(part.valid, horizon) for part in parts):
        raise _nothing_left(settings, horizon, max(map(len, series)))
    return parts, [*reasons, *_not_learnt_from(parts, short)]


def holds(part: tuple[int, int], horizon: int) -> bool:
    """Whether a window's target fits into a part, behind a step to look back on."""
    return part[1] - max(part[0], 1) >= horizon


@dataclass(frozen=True)
class Borders:
    """Times at which the validation and the test part begin, for all series.

    Args:
        valid, test: seconds or numbers on the axis that the series share.
        dated: whether they are seconds.
    """

    valid: int
    test: int
    dated: bool

    @classmethod
    def of(
        cls, series: Sequence[TimeSeries], shares: Sequence[float], horizon: int
    ) -> Borders | None:
        """The borders that leave the shares of the common span, a horizon at least in each part.

        None where there are no times, or too few of them.
        """
        axes = [one.axis for one in series if one.axis is not None]
        if len(axes) < len(series):
            return None
        span: Axis = np.unique(np.concatenate(axes))
        if len(span) <= horizon:
            return None
        parts = cut(len(span), shares, 1, horizon)
        valid, test = (_time(span, part[0]) for part in (parts.valid, parts.test))
        return cls(valid, test, all(one.times is not None for one in series))

    def parts(self, one: TimeSeries, horizon: int) -> Parts:
        """Where one series is cut.

        Of a series that the training part holds no window of, the first steps are for its scale
        alone, as those of a series are that training has not met; no later part scores them.
        """
        assert one.axis is not None
        length = len(one)
        train, valid = (int(np.searchsorted(one.axis, time)) for time in (self.valid, self.test))
        if holds((0, train), horizon) or train == length:
            return Parts((0, train), (train, valid), (valid, length))
        first = min(max(train, min(horizon, max(1, length - horizon))), length)
        later = max(valid, first)
        return Parts((0, 0), (first, later), (later, length))

    def reasons(self, series: Sequence[TimeSeries]) -> Iterator[str]:
        """Where the borders lie, which is worth a word where there are several series."""
        if len(series) < 2:
            return
        valid, test = (self._shown(time) for time in (self.valid, self.test))
        yield f"all series are cut at the same times: validation from {valid}, test from {test}"
        ended = sum(one.axis is not None and int(one.axis[-1]) < self.valid for one in series)
        if ended:
            yield f"{ended:,} of {len(series):,} series end before that: they are not scored"

    def _shown(self, time: int) -> str:
        return shown(np.datetime64(time, "s") if self.dated else time)


def _time(span: Axis, place: int) -> int:
    """The time at a place; behind the last one where the place is the end."""
    return int(span[place]) if place < len(span) else int(span[-1]) + 1


def _cut(length: int, shares: Sequence[float], horizon: int) -> Parts:
    if length <= horizon:  # it can be forecast, no more
        return Parts((0, length), (length, length), (length, length))
    return cut(length, shares, 1, horizon)


def _without_test(part: Parts) -> Parts:
    """The steps of the test validate."""
    return Parts(part.train, (part.valid[0], part.test[1]), (part.test[1],) * 2)


def _not_learnt_from(parts: Sequence[Parts], short: int) -> Iterator[str]:
    late = sum(part.train[1] == 0 for part in parts)
    if late:
        yield (
            f"{late:,} of {len(parts):,} series begin too late to be learnt from: each is put on "
            "the scale of its own first steps, which are not scored"
        )
    if short > late:
        yield f"{short - late:,} of {len(parts):,} series are too short to be learnt from"


def _nothing_left(settings: Settings, horizon: int, longest: int) -> DataError:
    steps = "1 step" if horizon == 1 else f"{horizon:,} steps"
    return DataError(
        f"A split of {settings.data.split} leaves no window of {steps} to learn from or to "
        f"validate on; the longest series has {longest:,} steps. Pass a smaller --horizon or "
        "another --split."
    )
