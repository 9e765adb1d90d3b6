"""What is said of gaps in a series; the first one stops, or that most values are missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from seqloom_runtime.signal.frequency import Frequency, Times
from seqloom_runtime.signal.gaps import Values

from seqloom.data.time_series import Group, TimeSeries, Where, shown_time
from seqloom.errors import DataError

MOST_INVENTED = 0.5  # of all values; a model of more would learn what was filled in
SEVERAL = (
    "The times may be of several frequencies: split them into a file each, or name the one that is "
    "meant with --frequency."
)


def check_gaps(
    group: Group,
    name: str,
    steps: npt.NDArray[np.int64],
    times: Times | None,
    own: Values,
    begin: int,
    where: Where,
) -> None:
    """See that nothing is missing.

    Args:
        steps: grid number of each row.
        times: of each step of the grid.
        own: cells from the grid's step ``begin`` on, NaN where missing.

    Raises:
        DataError: the first gap, with what can be done.
    """
    missing = np.argwhere(np.isnan(own))
    if not len(missing):
        return
    step, channel = int(missing[0][0]) + begin, int(missing[0][1])
    layout = where.layout
    columns = (name, *layout.past) if layout.shape == "wide" else layout.numbers
    at = f"step {step}" if times is None else shown_time(times[step].astype(np.int64), True)
    row = int(np.searchsorted(steps, step))
    if row < len(steps) and steps[row] == step:
        place = where.row(int(group.places[row]))
        what = f'column "{columns[channel]}" is empty at {at}'
    else:
        place, what = where.name, f"there is no row for {at}"
    advice = "Pass --gaps fill to carry the last value forward, or --gaps interpolate."
    if len(missing) > own.size * MOST_INVENTED:
        advice = f"That is more than there are. {SEVERAL}"
    elif times is not None and _clock_jumps(times[step]):
        advice = (
            "In spring local clocks skip an hour: if that is the one, write the times in UTC or "
            f"with their zones (+01:00). {advice}"
        )
    raise DataError(
        f'{place}: {what} (series "{name}"; {len(missing):,} of {own.size:,} values are '
        f"missing). {advice}"
    )


def _clock_jumps(time: np.datetime64) -> bool:
    """Whether clocks of some country jump at that hour: up to four, in March, April, or autumn."""
    date = time.astype("datetime64[s]").item()
    hidden = date.weekday() == 6 and date.month in (3, 4, 9, 10) and date.hour < 4
    # Midnights of days that have no clock are no hours.
    return bool(hidden and (date.hour or date.minute))


def check_invented(series: Sequence[TimeSeries], frequency: Frequency, where: Where) -> None:
    """See that most values of all series stand in the data.

    Raises:
        DataError: most of them were filled in.
    """
    size = sum(one.missing.size for one in series)
    filled = sum(int(one.missing.sum()) for one in series)
    if filled <= size * MOST_INVENTED:
        return
    worst = max(series, key=lambda one: float(one.missing.mean()))
    raise DataError(
        f"{where.name}: {filled:,} of {size:,} values ({100 * filled / size:.0f} %) would be "
        f'invented, most of all in series "{worst.name}" ({100 * worst.missing.mean():.0f} %), on '
        f"a grid that is {frequency.describe()}. {SEVERAL} With --frequency rows every row is a "
        "step."
    )


def known_until(known: Values, name: str, length: int, where: Where) -> int:
    """How many steps the covariates of the future are known for.

    Args:
        known: of a series' first step on (time + future, k).
        length: steps of the series.

    Raises:
        DataError: one is missing before that.
    """
    layout = where.layout
    if not layout.known:
        return length
    missing = np.isnan(known)
    whole = int(np.flatnonzero(~missing.any(1))[-1]) + 1 if (~missing.any(1)).any() else 0
    if where.asked.gaps == "error" or missing[0].any() or whole < length:
        gap = np.argwhere(missing[: max(whole, length)])
        if len(gap):
            column = layout.known[int(gap[0][1])]
            raise DataError(
                f'{where.name}: known column "{column}" of series "{name}" has no value at step '
                f"{int(gap[0][0])}; it must have one at every step. Fill it, or pass --gaps fill."
            )
    return whole
