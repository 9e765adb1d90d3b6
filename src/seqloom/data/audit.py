"""What would make a score look better than it is: the same record in training and validation."""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict

import numpy as np


class DuplicateAudit:
    """Counts records of other parts that stand word for word in the training part.

    Holds eight bytes a record, a digest: memory does not grow with the length of the text.
    """

    def __init__(self) -> None:
        self._digests: defaultdict[str, array[int]] = defaultdict(lambda: array("Q"))

    def add(self, part: str, text: str) -> None:
        """Note a record of a part."""
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        self._digests[part].append(int.from_bytes(digest, "little"))

    def repeats(self) -> dict[str, int]:
        """For each part but train, how many of its records stand in train."""
        train = np.frombuffer(self._digests["train"], dtype=np.uint64)
        return {
            part: int(np.isin(np.frombuffer(digests, dtype=np.uint64), train).sum())
            for part, digests in self._digests.items()
            if part != "train"
        }
