"""Series ready to be forecast: on the network's scale, mapped from files, cut in time.

    source ─read→ series ─cut in time→ parts ─fit on train→ scales ─→ files ─→ windows (views)

They lie in the cache; how they come there is in ``series_making``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from seqloom_runtime.evaluate.conformal import check_levels
from seqloom_runtime.signal.windows import Parts, Windows
from seqloom_runtime.tasks.series_scales import SeriesScales
from seqloom_runtime.tasks.window_reading import Reading, StoredSeries, lag_of

from seqloom.config import Settings, override
from seqloom.data.source import Source
from seqloom.errors import DataError
from seqloom.tasks.prepared import open_or_build, open_whole, prepared_folder
from seqloom.tasks.series_choices import choose_norm, choose_segment, with_budget

SERIES_FORMAT = 2
PARTS = ("train", "valid", "test")
FEW = 20  # windows of validation, which overlap; with fewer that is said
WHOLE = 0.8  # of the windows that look back on real steps alone, from which others are left out

Shape = tuple[list[int], int]  # lengths of the series, columns


@dataclass
class SeriesFacts:
    """What was found and counted while the corpus was made."""

    series: int = 0
    steps: int = 0
    windows: dict[str, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SeriesCorpus:
    """Stored series, and how they came about.

    Attributes:
        settings: the settings with every ``auto`` resolved.
        scales: what use needs beside the weights.
        parts: where each series is cut.
    """

    folder: Path
    asked: Settings
    settings: Settings
    scales: SeriesScales
    parts: list[Parts]
    facts: SeriesFacts
    stored: StoredSeries

    def explanation(self) -> list[str]:
        """What was found and decided, in sentences for the user."""
        return [*self.facts.reasons, *self._resolved(), self._sizes(), *self._few()]

    def _few(self) -> Iterator[str]:
        valid = self.facts.windows.get("valid", 0)
        if valid < FEW:
            noun = "window" if valid == 1 else "windows"
            yield (
                f"{valid} {noun} of validation: the weights are chosen and the intervals made on "
                "little; take both as rough, or pass longer series or a smaller --horizon."
            )

    def _resolved(self) -> Iterator[str]:
        model, train = self.settings.model, self.settings.train
        if model.encoder == "segment" and not self.asked.model.segment:
            yield f"a segment has {model.segment} steps; choose with --segment"
        if train.updates and not self.asked.train.updates:
            yield f"{train.updates:,} updates; choose with --updates, --epochs or --minutes"

    def _sizes(self) -> str:
        counts = ", ".join(f"{part} {count:,}" for part, count in self.facts.windows.items())
        return f"windows: {counts}."

    def passage(self) -> tuple[list[str], list[int]]:
        """Nothing: numbers have no tokens."""
        return [], []

    def has(self, part: str) -> bool:
        """Whether there are windows of the part."""
        return self.facts.windows.get(part, 0) > 0

    @property
    def lag(self) -> int:
        """Steps between the values of a difference; 0 where none is taken."""
        return lag_of(self.settings, self.scales.season)

    def windows(self, part: str) -> Windows:
        """Windows of a part on the network's scale, with what differences look back on."""
        windows = windows_over(self.stored, self._ranges(part), self.settings, self.lag)
        return mostly_whole(windows) if part == "train" else windows

    def reading(self) -> Reading:
        """How the network reads windows."""
        trained = len(self.scales.names)
        return Reading(
            self.lag,
            self.settings.data.look_back,
            self.stored.numbers,
            self.stored.statics,
            trained,
        )

    def _ranges(self, part: str) -> list[tuple[int, int]]:
        return [getattr(one, part) for one in self.parts]


def windows_over(
    stored: StoredSeries, ranges: Sequence[tuple[int, int]], settings: Settings, lag: int
) -> Windows:
    """Every window whose target lies in its series' range."""
    data = settings.data
    gaps = any(one.any() for one in stored.missing)
    return Windows.over(
        stored.values,
        ranges,
        data.look_back + lag,
        data.horizon,
        past=stored.past if stored.past[0].shape[1] else (),
        known=stored.known if stored.known[0].shape[1] else (),
        missing=stored.missing if gaps else (),
    )


def mostly_whole(windows: Windows) -> Windows:
    """Without those that look back on less, unless that would leave too few."""
    whole = windows.whole()
    return whole if len(whole) >= WHOLE * len(windows) else windows


def prepare_series(source: Source, settings: Settings) -> SeriesCorpus:
    """Make the corpus, or open it where it was made before.

    Raises:
        DataError: nothing to read, or nothing left to learn from.
        SettingsError: a named column does not exist, or levels make no intervals.
    """
    from seqloom.tasks.series_making import SeriesMaker

    check_levels(settings.model.levels)
    folder = prepared_folder(
        [
            "series",
            SERIES_FORMAT,
            source.digest(),
            source.name,
            source.entry.name if source.entry else None,
            settings.data.model_dump(),
            settings.train.loss,
        ]
    )
    maker = lambda beside: SeriesMaker(source, settings).write(beside)  # noqa: E731
    return with_settings(open_or_build(folder, open_series_corpus, maker), settings)


def reopen_series(folder: Path) -> SeriesCorpus | None:
    """A corpus in the cache; None where there is none or a damaged one."""
    return open_whole(folder, open_series_corpus)


def with_settings(corpus: SeriesCorpus, settings: Settings) -> SeriesCorpus:
    """The corpus for a run: the network and the budget are the caller's."""
    own = {"model": settings.model.model_dump(), "train": settings.train.model_dump()}
    resolved = override(corpus.settings, own, "settings")
    chosen = {"segment": choose_segment(resolved), "normalise": choose_norm(resolved)}
    resolved = override(resolved, {"model": chosen}, "settings")
    resolved = with_budget(resolved, corpus.facts.windows["train"])
    return replace(corpus, asked=settings, settings=resolved)


def open_series_corpus(folder: Path) -> SeriesCorpus:
    """A corpus made before."""
    saved = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    scales = SeriesScales.from_dict(saved["scales"])
    parts = [Parts(*(tuple(part) for part in one)) for one in saved["parts"]]
    settings = Settings.model_validate(saved["settings"])
    facts = SeriesFacts(**saved["facts"])
    stored = open_stored(folder, saved, scales)
    return SeriesCorpus(folder, settings, settings, scales, parts, facts, stored)


def open_stored(folder: Path, saved: dict[str, Any], scales: SeriesScales) -> StoredSeries:
    """The arrays of a corpus, mapped into memory."""
    steps, future = saved["lengths"], saved["known_lengths"]
    channels, past, known = len(scales.channels), len(scales.past), len(scales.known)
    dated = scales.frequency.unit != "step"
    times = mapped(folder / "times", np.int64, steps if dated else [0] * len(steps), 1)
    return StoredSeries(
        mapped(folder / "values", np.float32, steps, channels),
        mapped(folder / "past", np.float32, steps, past),
        mapped(folder / "known", np.float32, future, known),
        mapped(folder / "missing", np.bool_, steps, channels + past),
        mapped(folder / "raw", np.float64, steps, channels),
        [one[:, 0] for one in times],
        np.arange(len(steps)),
        np.array(saved["statics"], np.int64).reshape(len(steps), -1),
    )


def mapped(path: Path, kind: Any, lengths: Sequence[int], columns: int) -> list[Any]:
    """Views of a file of numbers, one for each series: (its length, columns).

    Raises:
        DataError: the file is not as long as that.
    """
    rows = sum(lengths)
    size = rows * columns * np.dtype(kind).itemsize
    if path.stat().st_size != size:
        raise DataError(f"{path}: holds {path.stat().st_size:,} bytes; expected {size:,}.")
    if not size:
        return [np.zeros((length, columns), kind) for length in lengths]
    whole = np.memmap(path, kind, "r", shape=(rows, columns))
    ends = np.cumsum(lengths)
    # Plain arrays over the same memory: their slices are made faster than those of a memmap.
    plain = np.asarray(whole)
    return [plain[end - length : end] for end, length in zip(ends, lengths, strict=True)]
