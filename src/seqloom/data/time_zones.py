"""Time zones of timestamps: the clocks of all in one, which is kept and written back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.int64]


def in_one_zone(clocks: Seconds, offsets: Seconds | None) -> tuple[Seconds, str, str]:
    """Seconds of one clock, its zone, and words on it.

    Days begin at midnight of a local clock, so clocks are kept as they stand where all are of one
    zone, or all show the same time of the day. Else (summer and winter time) the last one's zone
    is that of all.
    """
    if offsets is None:
        return clocks, "", ""
    if (offsets == offsets[0]).all():
        zone = _zone_words(int(offsets[0]))
        return clocks, zone, f"; their time zone, {zone}, is kept"
    if len(np.unique(clocks % 86_400)) == 1:
        return clocks, "", "; their time zones differ, but not their clocks, which are kept"
    instants = clocks - offsets
    last = int(offsets[np.argmax(instants)])
    zone = _zone_words(last)
    return instants + last, zone, f"; of several time zones all are turned into the last, {zone}"


def _zone_words(offset: int) -> str:
    hours, seconds = divmod(abs(offset), 3_600)
    return f"{'-' if offset < 0 else '+'}{hours:02}:{seconds // 60:02}"


def zone_seconds(zone: str | None) -> int:
    """How far a zone such as "+09:00" is before UTC, in seconds; 0 where there is none.

    >>> zone_seconds("+09:00"), zone_seconds("-03:30"), zone_seconds("Z"), zone_seconds(None)
    (32400, -12600, 0, 0)
    """
    if not zone or zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "")
    return (1 if zone[0] == "+" else -1) * (int(digits[:2]) * 3_600 + int(digits[2:]) * 60)
