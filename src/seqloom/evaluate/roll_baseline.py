"""The baseline of piano rolls: each key by itself, by whether it was down one frame ago.

    p(v_k(t) = 1 | v_k(t-1)) = (c_k,down + α · m_down) / (c_k + α)

c are counts of the key, m is the mean over all keys; α, how much the mean weighs, is chosen on
validation. The frame before is repeated where that is likely. Knows frames only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.errors import RunError

Frames = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]

WEIGHTS = (0.5, 2.0, 8.0, 32.0, 128.0, 512.0)


class NoteChain:
    """A Markov chain for each key.

    Args:
        chances: (2, keys): of being down after a frame in which the key was up, and down.
    """

    def __init__(self, chances: Array) -> None:
        self.chances = np.clip(chances, 1e-6, 1 - 1e-6)

    @classmethod
    def fit(cls, train: Sequence[Frames], valid: Sequence[Frames]) -> NoteChain:
        """Count on the training part, and choose α on validation."""
        counts, down = (sum(parts) for parts in zip(*map(_counts, train), strict=True))
        means = down.sum(1, keepdims=True) / np.maximum(1, counts.sum(1, keepdims=True))
        chains = [cls((down + a * means) / np.maximum(counts + a, 1e-9)) for a in WEIGHTS]
        return min(chains, key=lambda chain: sum(chain.nats(f).sum() for f in valid))

    def nats(self, frames: Frames) -> Array:
        """Nats of each frame, the first after silence: (time, keys) → (time,)."""
        before = np.vstack([np.zeros((1, frames.shape[1])), frames[:-1]]).astype(np.int64)
        chances = np.take_along_axis(self.chances, before, axis=0)
        result: Array = -np.log(np.where(frames > 0, chances, 1 - chances)).sum(1)
        return result

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What a file holds."""
        return {"chances": self.chances}

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> NoteChain:
        """The chain whose ``arrays`` these are.

        Raises:
            RunError: they are those of something else.
        """
        chances = arrays.get("chances")
        if chances is None or chances.ndim != 2 or len(chances) != 2:
            raise RunError("The baseline holds no chances of notes. Train the run again.")
        return cls(chances.astype(np.float64))


def _counts(frames: Frames) -> tuple[Array, Array]:
    """How often each key was up and down one frame before, and down after it: (2, keys) each."""
    before, after = frames[:-1] > 0, frames[1:] > 0
    states = np.stack([~before, before])  # (2, time - 1, keys)
    return states.sum(1).astype(np.float64), (states & after).sum(1).astype(np.float64)


def frame_scores(nats: Sequence[npt.NDArray[Any]]) -> dict[str, float]:
    """Means of the nats of frames, in the ways they are published.

    ``nll_per_frame`` is the mean over all frames of all pieces but each piece's first, which
    nothing stands before (Bai et al. 2018, ``music_test.py``); ``nll_per_frame_by_piece`` the mean
    over pieces of their own means; ``nll_per_frame_from_first`` counts the first frames too.

    Args:
        nats: of each piece, (time,).
    """
    later = [one[1:] for one in nats if len(one) > 1]
    if not later:
        return dict.fromkeys(
            ("nll_per_frame", "nll_per_frame_by_piece", "nll_per_frame_from_first"), float("nan")
        )
    return {
        "nll_per_frame": float(np.concatenate(later).mean()),
        "nll_per_frame_by_piece": float(np.mean([one.mean() for one in later])),
        "nll_per_frame_from_first": float(np.concatenate(nats).mean()),
    }
