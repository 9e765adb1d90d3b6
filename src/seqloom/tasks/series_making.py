"""How a corpus of series is made: read, decided about, cut in time, scaled, written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from seqloom_runtime.signal.gaps import held_back
from seqloom_runtime.signal.windows import Parts
from seqloom_runtime.tasks.series_scales import SeriesScales
from seqloom_runtime.tasks.window_reading import StoredSeries, arrays_of, lag_of

from seqloom.config import Settings, override
from seqloom.data.source import Source
from seqloom.data.time_table import SeriesOptions, SeriesSet, TimeSeries, read_time_table
from seqloom.tasks.series_choices import (
    check_difference,
    choose_difference,
    choose_horizon,
    choose_log,
    choose_look_back,
)
from seqloom.tasks.series_corpus import (
    PARTS,
    SeriesFacts,
    mostly_whole,
    windows_over,
)
from seqloom.tasks.series_parts import choose_parts

COLUMNS = ("value", "time", "id", "past", "known", "static", "gaps", "frequency")


def options_of(settings: Settings) -> SeriesOptions:
    """What the settings say of the columns."""
    data = settings.data
    return SeriesOptions(
        **{name: getattr(data, name) for name in COLUMNS},
        skip_bad_rows=data.skip_bad_rows,
        skip_bad_series=data.skip_bad_series,
        encoding=data.encoding,
    )


class SeriesMaker:
    """Makes a corpus.

    Args:
        source: of the series.
        settings: as asked for.
    """

    def __init__(self, source: Source, settings: Settings) -> None:
        self.source, self.settings = source, settings
        self.reasons: list[str] = []

    def write(self, folder: Path) -> None:
        """Write all of it into a folder."""
        found = read_time_table(self.source, options_of(self.settings))
        self.reasons += found.reasons
        settings, parts = self._decide(found)
        found = replace(found, series=_held_back(found.series, parts))
        scales = SeriesScales.fit(found, parts, log=bool(settings.data.log))
        stored = arrays_of(found, scales, range(len(found.series)))
        counts = self._windows(stored, parts, settings, scales)
        write_arrays(folder, stored)
        saved = {
            "settings": settings.model_dump(),
            "scales": scales.to_dict(),
            "parts": [[list(getattr(one, part)) for part in PARTS] for one in parts],
            "lengths": [len(one) for one in found.series],
            "known_lengths": [len(one.known) for one in found.series],
            "statics": stored.statics.tolist(),
            "facts": SeriesFacts(
                len(found.series), sum(map(len, found.series)), counts, self.reasons
            ).__dict__,
        }
        (folder / "corpus.json").write_text(json.dumps(saved), encoding="utf-8")

    def _decide(self, found: SeriesSet) -> tuple[Settings, list[Parts]]:
        """The settings with what the data decide, and where each series is cut."""
        settings, lengths = self.settings, [len(one) for one in found.series]
        season = found.frequency.season_length
        check_difference(settings, season)
        horizon = self._said(choose_horizon(settings, found.frequency, max(lengths)))
        parts, reasons = choose_parts(found.series, settings, horizon, self._borders())
        self.reasons += reasons
        longest = max(part.train[1] for part in parts)
        look_back = self._said(choose_look_back(settings, found.frequency, horizon, longest))
        log = self._said(choose_log(settings, found.series, parts, season))
        options = {name: getattr(found.options, name) for name in COLUMNS}
        changes = {**options, "horizon": horizon, "look_back": look_back, "log": log}
        resolved = override(settings, {"data": changes}, self.source.name)
        difference = self._said(choose_difference(resolved, found.series, parts, season))
        return override(resolved, {"data": {"difference": difference}}, self.source.name), parts

    def _said(self, answer: tuple[Any, str]) -> Any:
        """An answer, whose reason is noted."""
        value, reason = answer
        if reason:
            self.reasons.append(reason)
        return value

    def _borders(self) -> tuple[int, ...]:
        entry = self.source.entry
        return tuple(entry.forecast.get("borders", ())) if entry else ()

    def _windows(
        self,
        stored: StoredSeries,
        parts: list[Parts],
        settings: Settings,
        scales: SeriesScales,
    ) -> dict[str, int]:
        """How many windows each part has."""
        counts = {}
        for part in PARTS:
            ranges = [getattr(one, part) for one in parts]
            windows = windows_over(stored, ranges, settings, lag_of(settings, scales.season))
            counts[part] = len(mostly_whole(windows) if part == "train" else windows)
        return counts


def _held_back(series: Sequence[TimeSeries], parts: Sequence[Parts]) -> list[TimeSeries]:
    """Series of which no part holds a value that was drawn from one of a later part."""
    kept = []
    for one, part in zip(series, parts, strict=True):
        both = np.concatenate([one.values, one.past], 1)
        for border in (part.valid[0], part.test[0]):
            both = held_back(both, one.missing, border)
        channels = one.values.shape[1]
        kept.append(replace(one, values=both[:, :channels], past=both[:, channels:]))
    return kept


def write_arrays(folder: Path, stored: StoredSeries) -> None:
    """One file of plain numbers for each kind of array, a series after the other."""
    for name in ("values", "past", "known", "missing", "raw", "times"):
        with (folder / name).open("wb") as file:
            for one in getattr(stored, name):
                np.ascontiguousarray(one).tofile(file)
