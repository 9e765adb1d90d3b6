"""The best sequence of tags, where each tag has a score at each place and after each other tag.

    score(y) = begin[y₁] + Σ s_t[y_t] + Σ between[y_t, y_t+1] + end[y_last]

Runs over a padded batch, one step of time after the other. Knows tags as numbers only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Chain:
    """What tags score after each other; what is forbidden scores so little that it never wins.

    Args:
        between: of a tag after another (from, to).
        begin, end: of a tag at either end of a sequence (tags,).
    """

    between: Array
    begin: Array
    end: Array

    def best(
        self, scores: Array, lengths: Array, before: int | None = None, *, ends: bool = True
    ) -> Array:
        """The best sequences (Viterbi): (batch, time), 0 on padding.

        Args:
            scores: (batch, time, tags).
            lengths: (batch,).
            before: the tag before the first step, where that is not the beginning of a sequence.
            ends: whether the last step is the end of the sequence.
        """
        best = (self.begin if before is None else self.between[before]) + scores[:, 0]
        stay = np.broadcast_to(np.arange(scores.shape[2]), best.shape)
        origins = []  # the best tag before each tag, a step: on padding the tag itself
        for step in range(1, scores.shape[1]):
            longer = best[:, :, None] + self.between  # (batch, from, to)
            origin = longer.argmax(1)
            reached = np.take_along_axis(longer, origin[:, None], 1)[:, 0] + scores[:, step]
            real = (step < lengths)[:, None]
            best = np.where(real, reached, best)
            origins.append(np.where(real, origin, stay))
        tag = (best + self.end if ends else best).argmax(1)[:, None]  # (batch, 1)
        path = [tag]
        for origin in reversed(origins):
            tag = np.take_along_axis(origin, tag, 1)
            path.append(tag)
        return np.concatenate(path[::-1], 1) * real_places(lengths, scores.shape[1])


def best_tags(
    chain: Chain | None,
    scores: Array,
    lengths: Array,
    before: int | None = None,
    *,
    ends: bool = True,
) -> Array:
    """The best tags (batch, time), 0 on padding: of a chain, or without one each by itself."""
    if chain is not None:
        return chain.best(scores, lengths, before, ends=ends)
    found: Array = scores.argmax(2) * real_places(lengths, scores.shape[1])
    return found


def real_places(lengths: Array, time: int) -> Array:
    """1 where real: lengths (batch,) → (batch, time)."""
    found: Array = np.arange(time) < lengths[:, None]
    return found
