"""Piano rolls as ids, so that they lie on disk as texts do.

    frames   C E G | C E | –        ids   40 44 47 0  40 44 0  0

A key's id is its number from 1 to 88, and 0 ends a frame. Knows no network.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.signal.music import KEYS

FRAME_END = 0

Frames = npt.NDArray[np.float32]


def ids_of_frames(frames: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """(time, 88) → ids, one a note and one a frame."""
    time = len(frames)
    table = np.zeros((time, KEYS + 1), np.bool_)
    table[:, :KEYS] = frames > 0
    table[:, KEYS] = True  # every frame ends
    _, places = np.nonzero(table)
    return np.where(places == KEYS, FRAME_END, places + 1).astype(np.int32)


def frames_of_ids(ids: npt.NDArray[Any]) -> Frames:
    """Ids → (time, 88), 1 where a key is down.

    >>> frames_of_ids(ids_of_frames(np.eye(88)[:3])).shape
    (3, 88)
    """
    ends = ids == FRAME_END
    frame = np.cumsum(ends)[~ends]
    result = np.zeros((int(ends.sum()), KEYS), np.float32)
    result[frame, ids[~ends].astype(np.int64) - 1] = 1
    return result


def moved_frames(frames: Frames, semitones: int) -> Frames:
    """The same frames so many semitones higher, or as far as the keys go."""
    used = np.flatnonzero(frames.any(0))
    if not len(used) or not semitones:
        return frames
    shift = int(np.clip(semitones, -used[0], KEYS - 1 - used[-1]))
    return np.roll(frames, shift, axis=1)
