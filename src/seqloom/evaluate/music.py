"""What music sounds like in figures: how much of it is in a key, repeats a bar, or is copied.

Notes are arrays (notes, 5): start, duration, pitch, velocity, instrument, as in ``signal.music``;
drums are not among them. Knows no model.

Source: profiles of the keys, Krumhansl & Kessler 1982.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from seqloom_runtime.evaluate.keys import scale_of

from seqloom.evaluate.copying import copied_share

Notes = npt.NDArray[np.int32]
Array = npt.NDArray[Any]

MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
COPIED_NOTES = 16


class Bars(NamedTuple):
    """A piece for measuring: its notes without drums', and where its bars begin."""

    notes: Notes
    starts: Array


def find_key(notes: Notes) -> tuple[int, str]:
    """The key that fits best: its lowest note from 0 (C) to 11, and major or minor."""
    weights = np.bincount(notes[:, 2] % 12, weights=notes[:, 1], minlength=12)
    found = [
        (float(np.corrcoef(np.roll(profile, tonic), weights)[0, 1]) if weights.std() else 0.0)
        for profile in (MAJOR, MINOR)
        for tonic in range(12)
    ]
    best = int(np.argmax(found))
    return best % 12, "major" if best < 12 else "minor"


def share_in_key(notes: Notes) -> float:
    """Share of the notes whose pitch is in the key that fits the piece best."""
    scale = list(scale_of(*find_key(notes)))
    return float(np.isin(notes[:, 2] % 12, scale).mean())


def repeated_bars(piece: Bars) -> tuple[int, int]:
    """How many of a piece's bars with notes are those of an earlier bar, and how many there are."""
    seen: set[bytes] = set()
    repeated = count = 0
    number = np.searchsorted(piece.starts, piece.notes[:, 0], side="right") - 1
    for bar in np.unique(number):
        rows = piece.notes[number == bar][:, [0, 1, 2, 4]].copy()
        rows[:, 0] -= int(piece.starts[bar])
        content = rows.tobytes()
        count += 1
        repeated += content in seen
        seen.add(content)
    return repeated, count


def melody_ids(notes: Notes) -> list[npt.NDArray[np.int64]]:
    """Each instrument's notes as steps in pitch and durations: the same in every key."""
    result = []
    for player in np.unique(notes[:, 4]):
        own = notes[notes[:, 4] == player]
        result.append((np.diff(own[:, 2]).astype(np.int64) + 128) * 4096 + own[:-1, 1])
    return result


def copied_runs(written: Sequence[Notes], training: Iterable[Notes]) -> float:
    """Share of the written runs of 16 notes of an instrument that stand in training, in any key."""
    texts = [ids for notes in written for ids in melody_ids(notes)]
    known = (ids for notes in training for ids in melody_ids(notes))
    return copied_share(texts, known, COPIED_NOTES - 1)


def music_measures(pieces: Sequence[Bars]) -> dict[str, float]:
    """Means over pieces with notes: share of notes in key, and share of repeated bars.

    Without any piece that has notes there is nothing to say: an empty dict.
    """
    full = [piece for piece in pieces if len(piece.notes)]
    if not full:
        return {}
    repeats = [repeated_bars(piece) for piece in full]
    return {
        "in_key": float(np.mean([share_in_key(piece.notes) for piece in full])),
        "repeated_bars": float(np.mean([found / count for found, count in repeats])),
    }
