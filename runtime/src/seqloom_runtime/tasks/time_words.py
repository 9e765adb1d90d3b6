"""Times of series in words: dates, with the clock where it says something, or step numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def shown(time: Any) -> str:
    """A date, with the clock only where it is not midnight, or a step number."""
    if not isinstance(time, np.datetime64):
        return str(int(time))
    return str(time.astype("datetime64[s]")).replace("T", " ").removesuffix(" 00:00:00")


def times_in_words(times: npt.NDArray[Any], zone: str = "") -> list[str | int]:
    """Dates alike: with the clock where any of them is not midnight, or has a zone; or numbers.

    >>> times_in_words(np.array(["2024-01-01T00", "2024-01-01T01"], "datetime64[s]"))
    ['2024-01-01 00:00:00', '2024-01-01 01:00:00']
    >>> times_in_words(np.array(["2024-01-01"], "datetime64[s]"), "+09:00")
    ['2024-01-01 00:00:00+09:00']
    """
    if not np.issubdtype(times.dtype, np.datetime64):
        return [int(step) for step in times.tolist()]
    days = times.astype("datetime64[D]")
    if (days == times).all() and not zone:
        return [str(day) for day in days]
    return [str(time).replace("T", " ") + zone for time in times.astype("datetime64[s]")]
