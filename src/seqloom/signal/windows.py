"""Series cut in time into parts, scaled, and looked at through windows; nothing is copied to disk.

    one series:  ────────────── train ──────────────┬── valid ──┬── test ──
    a window:            [ look-back ][ horizon ]
    of test:                                  [ look-back ][ horizon ]

The look-back of a window may reach into the part before its own; its target never leaves its part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqloom.errors import DataError, RunError, SettingsError

Floats = npt.NDArray[np.float32]
Exact = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """Where one series is cut: each part from its first step to the one after its last.

    Args:
        train, valid, test: as (start, stop); empty where start is stop.
    """

    train: tuple[int, int]
    valid: tuple[int, int]
    test: tuple[int, int]


def cut(
    length: int,
    shares: Sequence[float],
    look_back: int,
    horizon: int,
    borders: Sequence[int] = (),
) -> Parts:
    """Borders in time of one series.

    A part that could hold no whole horizon is given up, the test part last, so that a short series
    trains or is scored on what it has.

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
    enough = horizon + 1  # the shortest series that training can learn something from
    if length - test - valid < enough:
        valid = 0 if test else max(length - enough, 0) // horizon * horizon
    if length - test - valid < 1:
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
        values: of each series (time, channels), scaled.
        past, known: of each series (time, p) and (time + future, k); empty lists where none.
        starts: first step of each window's target (windows,); its look-back ends before it.
        owners: number of each window's series (windows,).
        look_back, horizon: steps.
        missing: of each series (time, channels + p), where a line was drawn through a gap. A
            look-back that ends inside one would see the future in it, so the last real value
            stands there instead.
    """

    values: Sequence[Floats]
    starts: Numbers
    owners: Numbers
    look_back: int
    horizon: int
    past: Sequence[Floats] = ()
    known: Sequence[Floats] = ()
    missing: Sequence[npt.NDArray[np.bool_]] = ()

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
            np.arange(max(start, 1), stop - horizon + 1, stride, dtype=np.int64)
            for start, stop in ranges
        ]
        owners = np.repeat(np.arange(len(firsts)), [len(first) for first in firsts])
        starts = np.concatenate(firsts) if firsts else np.zeros(0, np.int64)
        return cls(values, starts, owners, look_back, horizon, **others)

    def __len__(self) -> int:
        return len(self.starts)

    def lengths(self) -> Numbers:
        """Real steps of each look-back; the rest, before them, repeats the first (windows,)."""
        return np.minimum(self.starts, self.look_back)

    def whole(self) -> Windows:
        """Those windows whose look-back lies wholly in its series."""
        return self.select(np.flatnonzero(self.starts >= self.look_back))

    def select(self, numbers: Numbers) -> Windows:
        """Some of the windows, over the same series."""
        return Windows(
            self.values,
            self.starts[numbers],
            self.owners[numbers],
            self.look_back,
            self.horizon,
            self.past,
            self.known,
            self.missing,
        )

    def batch(self, numbers: Sequence[int] | Numbers) -> Batch:
        """Some windows side by side."""
        starts, owners = self.starts[numbers], self.owners[numbers]
        pairs = list(zip(owners.tolist(), starts.tolist(), strict=True))
        return Batch(
            np.stack([self._look_back(owner, start) for owner, start in pairs]),
            np.stack([self.values[owner][start : start + self.horizon] for owner, start in pairs]),
            self._stack_past(pairs),
            self._stack_known(pairs),
            owners,
            np.minimum(starts, self.look_back),
        )

    def batches(self, size: int, order: Numbers | None = None) -> Iterator[Batch]:
        """All windows in batches, the last one as small as it is: none is dropped."""
        order = np.arange(len(self)) if order is None else order
        for first in range(0, len(order), size):
            yield self.batch(order[first : first + size])

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
        lengths (batch,) real steps of the look-back.
    """

    inputs: Floats
    targets: Floats
    past: Floats
    known: Floats
    series: Numbers
    lengths: Numbers


def _before(values: Floats, stop: int, size: int) -> Floats:
    """The ``size`` steps before ``stop``, a view; where there are fewer, the first one repeated."""
    if stop >= size:
        return values[stop - size : stop]
    return np.concatenate([np.repeat(values[:1], size - stop, 0), values[:stop]])


@dataclass(frozen=True, eq=False)
class Scaler:
    """Standard scores of each series and channel, fitted on the training part alone.

    Args:
        mean, spread: (series, channels); the spread of what never changes is 1.
        log: whether log(1 + x) is taken first.
    """

    mean: Exact
    spread: Exact
    log: bool = False

    @classmethod
    def fit(
        cls, values: Sequence[Exact], ranges: Sequence[tuple[int, int]], *, log: bool = False
    ) -> Scaler:
        """Mean and spread of each series within its range.

        Args:
            values: of each series (time, channels).
            ranges: the training part of each, as (start, stop).

        Raises:
            DataError: a training part is empty, or holds -1 or less where a log is asked for.
        """
        means, spreads = [], []
        for number, (one, (start, stop)) in enumerate(zip(values, ranges, strict=True)):
            if stop <= start:
                raise DataError(f"Series {number + 1} has no step in its training part.")
            train = (
                _logged(np.asarray(one, np.float64), number)[start:stop] if log else one[start:stop]
            )
            train = np.asarray(train, np.float64)
            spread = train.std(0)
            means.append(train.mean(0))
            tiny = 1e-9 * np.maximum(np.abs(means[-1]), 1e-3)  # rounding, not change
            spreads.append(np.where(spread > tiny, spread, 1.0))
        return cls(np.array(means), np.array(spreads), log)

    def encode(self, values: npt.NDArray[Any], series: int) -> Floats:
        """Standard scores of one series: (time, channels) → alike."""
        exact = np.asarray(values, np.float64)
        exact = _logged(exact, series) if self.log else exact
        scaled: Floats = ((exact - self.mean[series]) / self.spread[series]).astype(np.float32)
        return scaled

    def decode(self, scaled: npt.NDArray[Any], series: int | Numbers) -> Exact:
        """The inverse of ``encode``.

        Args:
            scaled: (time, channels) of one series, or (batch, time, channels) with a series each;
                any axes may follow the channels.
        """
        mean, spread = self.mean[series], self.spread[series]
        if np.ndim(series):
            mean, spread = mean[:, None], spread[:, None]
        more = scaled.ndim - mean.ndim - (0 if np.ndim(series) else 1)
        shape = mean.shape + (1,) * more
        values: Exact = scaled.astype(np.float64) * spread.reshape(shape) + mean.reshape(shape)
        return np.expm1(values) if self.log else values

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"mean": self.mean.tolist(), "spread": self.spread.tolist(), "log": self.log}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Scaler:
        """What ``to_dict`` gave.

        Raises:
            RunError: the content is damaged.
        """
        try:
            mean, spread = (np.array(saved[name], np.float64) for name in ("mean", "spread"))
            if mean.shape != spread.shape or mean.ndim != 2:
                raise ValueError("shapes")
            return cls(mean, spread, bool(saved["log"]))
        except (KeyError, TypeError, ValueError):
            raise RunError("The saved scale of the series is damaged.") from None


def _logged(values: Exact, number: int) -> Exact:
    low = np.argwhere(values <= -1)
    if len(low):
        raise DataError(
            f"Series {number + 1} holds {values[tuple(low[0])]:g} at step {int(low[0][0])}; the "
            "logarithm log(1 + x) needs values above -1. Leave it out."
        )
    logged: Exact = np.log1p(values)
    return logged


def difference(values: Exact, lag: int = 1) -> Exact:
    """Change since ``lag`` steps before; the first steps stay as they are, so nothing is lost.

    Shape:
        values (time, channels) → alike.

    >>> difference(np.array([[1.0], [3.0], [6.0]])).ravel().tolist()
    [1.0, 2.0, 3.0]
    """
    changed = values.copy()
    changed[lag:] = values[lag:] - values[:-lag]
    return changed


def undifference(changed: Exact, last: Exact, lag: int = 1) -> Exact:
    """Values from forecast changes: the inverse of ``difference`` behind a known history.

    Args:
        changed: (horizon, channels) changes, or (batch, horizon, channels).
        last: (lag, channels) values before them, or (batch, lag, channels).

    >>> undifference(np.array([[2.0], [3.0]]), np.array([[1.0]])).ravel().tolist()
    [3.0, 6.0]
    """
    values = np.concatenate([last, changed], -2)
    for step in range(lag, values.shape[-2]):
        values[..., step, :] += values[..., step - lag, :]
    return values[..., lag:, :]
