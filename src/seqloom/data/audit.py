"""What would make a score look better than it is: the same record in training and validation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt


class DuplicateAudit:
    """Counts records of other parts that stand word for word in the training part.

    Holds eight bytes a training record: a digest, so that memory does not grow with the text.
    """

    def __init__(self) -> None:
        self._train: list[int] = []
        self._sorted: npt.NDArray[np.uint64] | None = None

    def add_train(self, text: str) -> None:
        """Note a training record."""
        self._train.append(_digest(text))

    def count_repeats(self, texts: Iterable[str]) -> tuple[int, int]:
        """How many of the texts stand in the training part, and how many texts there are."""
        if self._sorted is None:
            self._sorted = np.sort(np.array(self._train, dtype=np.uint64))
        digests = np.array([_digest(text) for text in texts], dtype=np.uint64)
        if not len(self._sorted):
            return 0, len(digests)
        found = np.searchsorted(self._sorted, digests).clip(max=len(self._sorted) - 1)
        return int((self._sorted[found] == digests).sum()), len(digests)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
