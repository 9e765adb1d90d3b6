"""The ends of the series that a forecaster was trained on, kept in its run.

What follows them can then be forecast without the data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save as save_arrays
from seqloom_runtime.signal.time_series import SeriesSet
from seqloom_runtime.tasks.forecast import series_of_arrays
from seqloom_runtime.tasks.series_scales import SeriesScales

from seqloom.errors import RunError
from seqloom.run import Run
from seqloom.tasks.series_corpus import SeriesCorpus
from seqloom.train.checkpoint import read_tensors

NAME = "history.safetensors"
SHOWN = 3  # horizons before a forecast, in pictures

ARRAYS = ("values", "past", "known", "missing", "times", "ends", "statics")
"""Of all series after each other; ``ends`` holds first step, length and that of what is known."""


def kept_steps(corpus: SeriesCorpus) -> int:
    """Steps of each series that are looked back on or shown."""
    data = corpus.settings.data
    season = corpus.scales.season
    return max(data.look_back + corpus.lag, SHOWN * data.horizon, 2 * min(season, 1_000))


def write_history(run: Run, corpus: SeriesCorpus) -> None:
    """Seal the end of each series of a corpus."""
    stored, keep = corpus.stored, kept_steps(corpus)
    mean = corpus.scales.beside[:, : len(corpus.scales.past)]
    later = corpus.scales.beside[:, len(corpus.scales.past) :]
    held: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in ARRAYS}
    for row, raw in enumerate(stored.raw):
        first = max(len(raw) - keep, 0)
        missing = stored.missing[row][first:].copy()
        missing[:1] = False  # something real must stand before what was filled in
        held["values"].append(raw[first:])
        held["past"].append(stored.past[row][first:] * mean[1] + mean[0])
        held["known"].append(stored.known[row][first:] * later[1] + later[0])
        held["missing"].append(missing)
        held["times"].append(stored.times[row][first:])
        held["statics"].append(stored.statics[row])
        held["ends"].append(np.array([first, len(raw) - first, len(stored.known[row]) - first]))
    arrays = {name: np.ascontiguousarray(np.concatenate(each)) for name, each in held.items()}
    run.seal(NAME, save_arrays(arrays))


def read_history(run: Run, scales: SeriesScales) -> SeriesSet:
    """The ends of the series of a run.

    Raises:
        RunError: the file is damaged.
    """
    arrays = {name: one.numpy() for name, one in read_tensors(run.read(NAME), run.path).items()}
    try:
        return series_of_arrays(arrays, scales)
    except (KeyError, ValueError, IndexError):
        raise RunError(f"{run.path / NAME}: is damaged: it holds no series of this run.") from None
