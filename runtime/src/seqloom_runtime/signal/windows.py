"""Series cut in time into parts and looked at through windows; only a batch is ever copied.

    one series:  ────────────── train ──────────────┬── valid ──┬── test ──
    a window:            [ look-back ][ horizon ]
    of test:                                  [ look-back ][ horizon ]

The look-back of a window may reach into the part before its own; its target never leaves its part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import DataError, SettingsError

Floats = npt.NDArray[np.floating[Any]]
Numbers = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]  # half the memory where there are millions of windows
Marks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Parts:
    """Where one series is cut: each part from its first step to the one after its last.

    Args:
        train, valid, test: as (start, stop); empty where start is stop.
    """

    train: tuple[int, int]
    valid: tuple[int, int]
    test: tuple[int, int]

    @property
    def scaled(self) -> tuple[int, int]:
        """The steps that a scale is fitted on: those before the first that is scored."""
        return self.train if self.train[1] else (0, self.valid[0])


def cut(
    length: int,
    shares: Sequence[float],
    look_back: int,
    horizon: int,
    borders: Sequence[int] = (),
) -> Parts:
    """Borders in time of one series.

    Valid and test hold a horizon at least. Of a short series, valid is given up first, so that it
    is still trained or scored on.

    Args:
        length: steps of the series.
        shares: of train, valid and test.
        look_back, horizon: steps of a window.
        borders: official ends of train, valid and test, in place of shares; what lies behind the
            last is not used.

    Raises:
        SettingsError: shares or borders that are none.
        DataError: the horizon is longer than the series.

    >>> cut(100, (0.7, 0.1, 0.2), look_back=10, horizon=5)
    Parts(train=(0, 70), valid=(70, 80), test=(80, 100))
    """
    if borders:
        return _official(length, borders)
    if len(shares) != 3 or min(shares) < 0 or not 0.99 < sum(shares) < 1.01 or shares[0] == 0:
        raise SettingsError(
            f"shares {tuple(shares)}: expected three parts of 1, the first above 0."
        )
    if length <= horizon:
        raise DataError(
            f"The horizon of {horizon:,} steps is as long as the series of {length:,} or longer; "
            "at least one step must come before it. Pass a smaller --horizon."
        )
    test = _size(length, shares[2], horizon)
    valid = _size(length, shares[1], horizon)
    if length - test - valid <= horizon:  # training learns from a step and a horizon at least
        valid = 0
    if length - test < 1:
        test = 0
    train = length - test - valid
    return Parts((0, train), (train, train + valid), (train + valid, length))


def _size(length: int, share: float, horizon: int) -> int:
    """Steps of a part: its share, but a horizon at least."""
    return max(round(length * share), horizon) if share else 0


def _official(length: int, borders: Sequence[int]) -> Parts:
    if len(borders) != 3 or not 0 < borders[0] <= borders[1] <= borders[2] <= length:
        raise SettingsError(
            f"borders {tuple(borders)}: expected the ends of train, valid and test, rising, in a "
            f"series of {length:,} steps."
        )
    train, valid, test = (int(border) for border in borders)
    return Parts((0, train), (train, valid), (valid, test))


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows over series in memory or in mapped files; a batch is all that is ever copied.

    Args:
        values: of each series (time, channels), scaled or not.
        past, known: of each series (time, p) and (time + future, k); empty lists where none.
        starts: first step of each window's target (windows,); its look-back ends before it.
        owners: number of each window's series (windows,).
        look_back, horizon: steps.
        missing: of each series (time, channels + p), what was filled in. A look-back that ends
            inside a gap would see the future in a line drawn through it, so the last real value
            stands there instead.
    """

    values: Sequence[Floats]
    starts: Places
    owners: Places
    look_back: int
    horizon: int
    past: Sequence[Floats] = ()
    known: Sequence[Floats] = ()
    missing: Sequence[Marks] = ()

    @classmethod
    def over(
        cls,
        values: Sequence[Floats],
        ranges: Sequence[tuple[int, int]],
        look_back: int,
        horizon: int,
        *,
        stride: int = 1,
        **others: Any,
    ) -> Windows:
        """Every window whose target lies in its series' range.

        Args:
            ranges: a part of each series, as (start, stop).
            stride: steps from a window to the next of its series.
            others: ``past``, ``known`` and ``missing``.
        """
        firsts = [
            # A series begins with at least one step to look back on; a short one is filled up.
            np.arange(max(start, 1), stop - horizon + 1, stride, dtype=np.int32)
            for start, stop in ranges
        ]
        counts = [len(first) for first in firsts]
        owners = np.repeat(np.arange(len(firsts), dtype=np.int32), counts)
        starts = np.concatenate(firsts) if firsts else np.zeros(0, np.int32)
        return cls(values, starts, owners, look_back, horizon, **others)

    def __len__(self) -> int:
        return len(self.starts)

    def lengths(self) -> Numbers:
        """Real steps of each look-back; the rest, before them, repeats the first (windows,)."""
        return np.minimum(self.starts.astype(np.int64), self.look_back)

    def whole(self) -> Windows:
        """Those windows whose look-back lies wholly in its series."""
        return self.select(self.starts >= self.look_back)

    def seeing(self, look_back: int) -> Windows:
        """The same targets behind a longer or shorter look-back."""
        return replace(self, look_back=look_back)

    def select(self, numbers: Numbers | Marks) -> Windows:
        """Some of the windows, over the same series."""
        return replace(self, starts=self.starts[numbers], owners=self.owners[numbers])

    def batch(self, numbers: Sequence[int] | Numbers) -> Batch:
        """Some windows side by side."""
        starts = self.starts[numbers].astype(np.int64)
        owners = self.owners[numbers].astype(np.int64)
        pairs = list(zip(owners.tolist(), starts.tolist(), strict=True))
        return Batch(
            np.stack([self._look_back(owner, start) for owner, start in pairs]),
            np.stack([self.values[owner][start : start + self.horizon] for owner, start in pairs]),
            self._stack_past(pairs),
            self._stack_known(pairs),
            owners,
            np.minimum(starts, self.look_back),
            self._real(pairs),
        )

    def batches(self, size: int, order: Numbers | None = None) -> Iterator[Batch]:
        """All windows in batches, the last one as small as it is: none is dropped."""
        order = np.arange(len(self)) if order is None else order
        for first in range(0, len(order), size):
            yield self.batch(order[first : first + size])

    def _real(self, pairs: list[tuple[int, int]]) -> Marks:
        shape = (self.horizon, self.values[0].shape[1])
        if not self.missing:
            return np.ones((len(pairs), *shape), np.bool_)
        pieces = [self.missing[o][s : s + self.horizon, : shape[1]] for o, s in pairs]
        return ~np.stack(pieces)

    def _look_back(self, owner: int, start: int) -> Floats:
        piece = _before(self.values[owner], start, self.look_back)
        return self._unseen(piece, owner, start, 0)

    def _stack_past(self, pairs: list[tuple[int, int]]) -> Floats:
        if not self.past:
            return np.zeros((len(pairs), self.look_back, 0), np.float32)
        rows = []
        for owner, start in pairs:
            piece = _before(self.past[owner], start, self.look_back)
            rows.append(self._unseen(piece, owner, start, self.values[owner].shape[1]))
        return np.stack(rows)

    def _stack_known(self, pairs: list[tuple[int, int]]) -> Floats:
        if not self.known:
            return np.zeros((len(pairs), self.look_back + self.horizon, 0), np.float32)
        both = self.look_back + self.horizon
        return np.stack([_before(self.known[o], s + self.horizon, both) for o, s in pairs])

    def _unseen(self, piece: Floats, owner: int, start: int, first: int) -> Floats:
        """The look-back, with the end of a gap that reaches its last step carried forward."""
        if not self.missing:
            return piece
        marks = self.missing[owner]
        columns = marks[start - 1, first : first + piece.shape[1]]
        if not columns.any():
            return piece
        piece = piece.copy()
        for column in np.flatnonzero(columns):
            real = np.flatnonzero(~marks[:start, first + column])[-1]
            source = self.past[owner][:, column] if first else self.values[owner][:, column]
            since = max(self.look_back - (start - int(real)), 0)
            piece[since:, column] = source[real]
        return piece


class Batch(NamedTuple):
    """Windows side by side.

    Shape:
        inputs (batch, look_back, channels), targets (batch, horizon, channels),
        past (batch, look_back, p), known (batch, look_back + horizon, k), series (batch,),
        lengths (batch,) real steps of the look-back, real (batch, horizon, channels) whether a
        target stands in the data: one that was filled in is nothing to be scored on.
    """

    inputs: Floats
    targets: Floats
    past: Floats
    known: Floats
    series: Numbers
    lengths: Numbers
    real: Marks


def _before(values: Floats, stop: int, size: int) -> Floats:
    """The ``size`` steps before ``stop``, a view; where there are fewer, the first one repeated."""
    if stop >= size:
        return values[stop - size : stop]
    return np.concatenate([np.repeat(values[:1], size - stop, 0), values[:stop]])
