"""What is told of each step of a series, for units to follow.

    level     the value, on the scale of its series     hour     0–5, 6–11, 12–17, 18–23
    change    since the step before                     weekday  Monday to Sunday
    slope     change a step over the last season        month    January to December
    NAME      a covariate

Knows no model.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqloom.explain.cell_equations import Array
from seqloom.tasks.series_corpus import SeriesCorpus

HOUR, DAY, MONTH = 3_600, 86_400, 31 * 86_400  # seconds
SOME = 8  # steps of a slope where no season is known
PARTS_OF_DAY = ("0–5", "6–11", "12–17", "18–23")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def measured_steps(corpus: SeriesCorpus, number: int) -> dict[str, Array]:
    """Every property of each step of a series by name: (time,)."""
    stored, scales = corpus.stored, corpus.scales
    values = np.asarray(stored.values[number][:, 0], np.float64)
    back = scales.season if scales.season > 1 else SOME
    found = {"level": values, "change": since(values, 1), "slope": since(values, back) / back}
    for names, columns in ((scales.past, stored.past), (scales.known, stored.known)):
        for column, name in enumerate(names):
            own = columns[number][: len(values), column]
            found[f"covariate {name}"] = np.asarray(own, np.float64)
    return found | calendar(stored.times[number])


def since(values: Array, steps: int) -> Array:
    """The change over so many steps, at first over as many as there are.

    >>> since(np.array([1.0, 2.0, 4.0]), 2).tolist()
    [0.0, 1.0, 3.0]
    """
    before = np.maximum(np.arange(len(values)) - steps, 0)
    found: Array = values - values[before]
    return found


def calendar(times: npt.NDArray[np.int64]) -> dict[str, Array]:
    """Part of the day, weekday and month of each time in seconds, where steps are short enough.

    >>> sorted(n for n, v in calendar(np.array([0, 86_400])).items() if v[0])
    ['month January', 'weekday Thursday']
    """
    if len(times) < 2:
        return {}
    step = float(np.median(np.diff(times)))
    kinds: list[tuple[str, tuple[str, ...], npt.NDArray[np.int64]]] = []
    if step <= DAY / 4:
        kinds.append(("hour", PARTS_OF_DAY, times // (6 * HOUR) % 4))
    if step <= DAY:
        kinds.append(("weekday", WEEKDAYS, (times // DAY + 3) % 7))  # 1970 began on a Thursday
    if step <= MONTH:
        months = times.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
        kinds.append(("month", MONTHS, months % 12))
    return {
        f"{kind} {name}": (own == place).astype(np.float64)
        for kind, names, own in kinds
        for place, name in enumerate(names)
    }
