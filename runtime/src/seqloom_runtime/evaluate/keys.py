"""Musical keys: which pitches belong to them."""

from __future__ import annotations

SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10, 11)}


def scale_of(tonic: int, mode: str) -> set[int]:
    """Pitch classes of a key; minor has both its sevenths.

    >>> sorted(scale_of(0, "major"))
    [0, 2, 4, 5, 7, 9, 11]
    """
    return {(tonic + step) % 12 for step in SCALES[mode]}
