"""What a forecaster knows of its series beside the weights: names, frequency, scales, categories.

Everything that is fitted is fitted on the training part alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import DataError, RunError
from seqloom_runtime.evaluate.mase import mase_scales
from seqloom_runtime.signal.frequency import Frequency
from seqloom_runtime.signal.scaling import Scaler
from seqloom_runtime.signal.time_series import SeriesSet, TimeSeries
from seqloom_runtime.signal.windows import Floats, Parts

Exact = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

LISTS = ("names", "channels", "past", "known", "static")
UNKNOWN = 0  # id of a category that training has not met; its vector stays zero


@dataclass(frozen=True, eq=False)
class SeriesScales:
    """Scales and names, of all series together.

    Args:
        names: of the series.
        channels, past, known, static: names of columns.
        frequency: of the series.
        scaler: from values to what the network reads and back, a row a series.
        plain: mean and spread of each series without any logarithm, for scores.
        errors: of the seasonal naive forecast within the training parts (series, channels).
        beside: mean and spread of the covariates, past ones first: (2, p + k).
        categories: of each static column, those of the series.
        zone: of the times; empty where they have none.
    """

    names: list[str]
    channels: list[str]
    past: list[str]
    known: list[str]
    static: list[str]
    frequency: Frequency
    scaler: Scaler
    plain: Scaler
    errors: Exact
    beside: Exact
    categories: list[list[str]]
    zone: str = ""

    @classmethod
    def fit(cls, found: SeriesSet, parts: Sequence[Parts], *, log: bool) -> SeriesScales:
        """Fit on what was measured in the training part of each series.

        The scale of a series that begins behind it is that of its first steps; see ``Parts``.
        """
        values, ranges = [one.measured for one in found.series], [part.scaled for part in parts]
        static = list(found.series[0].static)
        cut = [one[slice(*own)] for one, own in zip(values, ranges, strict=True)]
        return cls(
            [one.name for one in found.series],
            found.channels,
            found.past,
            found.known,
            static,
            found.frequency,
            Scaler.fit(values, ranges, log=log),
            Scaler.fit(values, ranges),
            mase_scales(cut, found.frequency.season_length),
            _beside(found, [part.train for part in parts]),
            [sorted({one.static[column] for one in found.series}) for column in static],
            found.zone,
        )

    @property
    def season(self) -> int:
        """Steps of a season; 1 where there is none."""
        return self.frequency.season_length

    def number(self, one: TimeSeries, alone: bool) -> int | None:
        """The number of a series among those of the training; None when it is not among them.

        Args:
            alone: whether it is its data's only one: then it is the only one of the training.
        """
        if alone and len(self.names) == 1:
            return 0
        return self.names.index(one.name) if one.name in self.names else None

    def static_ids(self, one: TimeSeries) -> list[int]:
        """Ids of a series' categories."""
        return [
            known.index(one.static[column]) + 1 if one.static.get(column) in known else UNKNOWN
            for column, known in zip(self.static, self.categories, strict=True)
        ]

    def words_of(self, ids: npt.NDArray[np.int64]) -> dict[str, str]:
        """The categories that these ids stand for."""
        return {
            column: known[int(number) - 1] if number else ""
            for column, known, number in zip(self.static, self.categories, ids, strict=True)
        }

    def encode_past(self, values: npt.NDArray[Any]) -> Floats:
        """Standard scores of past covariates: (time, p) → alike."""
        return _standard(values, self.beside[:, : len(self.past)])

    def encode_known(self, values: npt.NDArray[Any]) -> Floats:
        """Standard scores of known covariates: (time, k) → alike."""
        return _standard(values, self.beside[:, len(self.past) :])

    def with_others(self, unknown: Sequence[TimeSeries], before: Sequence[int]) -> SeriesScales:
        """These, with rows for series that training has not met.

        Args:
            unknown: those series.
            before: steps of each that come before what is forecast, on which its scale is fitted.
        """
        if not unknown:
            return self
        ranges = [(0, steps) for steps in before]
        values = [one.measured for one in unknown]
        more = Scaler.fit(values, ranges, log=self.scaler.log)
        plain = Scaler.fit(values, ranges)
        cut = [one[:steps] for one, steps in zip(values, before, strict=True)]
        return SeriesScales(
            [*self.names, *(one.name for one in unknown)],
            *(self.channels, self.past, self.known, self.static, self.frequency),
            _joined(self.scaler, more),
            _joined(self.plain, plain),
            np.concatenate([self.errors, mase_scales(cut, self.season)]),
            self.beside,
            self.categories,
            self.zone,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; null stands for what is no number."""
        errors = [[e if np.isfinite(e) else None for e in row] for row in self.errors.tolist()]
        return {
            **{name: getattr(self, name) for name in LISTS},
            "frequency": self.frequency.to_dict(),
            "scaler": self.scaler.to_dict(),
            "plain": self.plain.to_dict(),
            "errors": errors,
            "beside": self.beside.tolist(),
            "categories": self.categories,
            "zone": self.zone,
        }

    @classmethod
    def from_dict(cls, saved: Any) -> SeriesScales:
        """What ``to_dict`` gave.

        Raises:
            RunError: the content is damaged.
        """
        try:
            names, channels, past, known, static = (
                [str(name) for name in saved[key]] for key in LISTS
            )
            errors = [[np.nan if e is None else float(e) for e in row] for row in saved["errors"]]
            made = cls(
                *(names, channels, past, known, static),
                Frequency.from_dict(saved["frequency"]),
                Scaler.from_dict(saved["scaler"]),
                Scaler.from_dict(saved["plain"]),
                np.array(errors, np.float64),
                np.array(saved["beside"], np.float64),
                [[str(word) for word in words] for words in saved["categories"]],
                str(saved.get("zone", "")),
            )
            made._check()
        except (KeyError, TypeError, ValueError, AttributeError):
            raise RunError("The saved scales of the series are damaged.") from None
        return made

    def _check(self) -> None:
        shape = (len(self.names), len(self.channels))
        shapes = {self.scaler.mean.shape, self.plain.mean.shape, self.errors.shape}
        if shapes != {shape} or self.beside.shape != (2, len(self.past) + len(self.known)):
            raise ValueError("shapes")
        if len(self.categories) != len(self.static):
            raise ValueError("categories")


def _beside(found: SeriesSet, trains: Sequence[tuple[int, int]]) -> Exact:
    """Mean and spread of each covariate over all training parts: (2, p + k).

    Of past ones, what was filled in does not count.
    """
    rows = []
    for one, train in zip(found.series, trains, strict=True):
        filled = one.missing[slice(*train), one.values.shape[1] :]
        past = np.where(filled, np.nan, one.past[slice(*train)])
        rows.append(np.concatenate([past, one.known[slice(*train)]], 1))
    known = np.ma.masked_invalid(np.concatenate(rows))
    mean, spread = (found.filled(0.0) for found in (known.mean(0), known.std(0)))
    return np.stack([mean, np.where(spread > 0, spread, 1.0)])


def _standard(values: npt.NDArray[Any], scale: Exact) -> Floats:
    scores: Floats = ((np.asarray(values, np.float64) - scale[0]) / scale[1]).astype(np.float32)
    return scores


def _joined(one: Scaler, other: Scaler) -> Scaler:
    return Scaler(
        np.concatenate([one.mean, other.mean]),
        np.concatenate([one.spread, other.spread]),
        one.log,
    )


def check_like(found: SeriesSet, scales: SeriesScales, name: str) -> None:
    """See that other data are of the kind that a forecaster was trained on.

    Raises:
        DataError: they have other columns or another frequency.
    """
    for what in ("channels", "past", "known"):
        theirs, ours = getattr(found, what), getattr(scales, what)
        if len(theirs) != len(ours):
            raise DataError(
                f"{name}: the run was trained on the columns {', '.join(ours) or 'none'} "
                f"({what}), and here are {', '.join(theirs) or 'none'}.",
                code="columns",
                values=[", ".join(ours) or "–", ", ".join(theirs) or "–"],
            )
    ours, theirs = scales.frequency, found.frequency
    if ours.unit != "step" and (ours.unit, ours.count) != (theirs.unit, theirs.count):
        raise DataError(
            f"{name}: the run was trained on series that are {ours.describe()}, and these are "
            f"{theirs.describe()}. Pass data of the same frequency.",
            code="frequency",
        )
