"""What would make a score look better than it is: the same record in training and validation."""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict

import numpy as np
import numpy.typing as npt


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


class LabelAudit:
    """Finds labelled texts that stand twice, and the same text under different labels.

    Holds a digest of the text and one of its labels for each example, sixteen bytes in all.
    """

    def __init__(self) -> None:
        self._texts: defaultdict[str, array[int]] = defaultdict(lambda: array("Q"))
        self._labels: defaultdict[str, array[int]] = defaultdict(lambda: array("Q"))

    def add(self, part: str, text: str, labels: tuple[str, ...]) -> None:
        """Note an example of a part; white space and case do not make texts different."""
        self._texts[part].append(_digest(" ".join(text.casefold().split())))
        self._labels[part].append(_digest("\0".join(sorted(labels))))

    def counts(self) -> dict[str, int]:
        """Repeats and conflicts within the training part, and of each other part with it."""
        texts, labels = self._arrays("train")
        order = np.lexsort((labels, texts))
        texts, labels = texts[order], labels[order]
        same = texts[1:] == texts[:-1]
        found = {
            "repeats in train": int(same.sum()),
            "conflicts in train": int((same & (labels[1:] != labels[:-1])).sum()),
        }
        pairs = texts ^ (labels * np.uint64(0x9E3779B97F4A7C15))
        for part in self._texts:
            if part != "train":
                own, given = self._arrays(part)
                known = np.isin(own, texts)
                agree = np.isin(own ^ (given * np.uint64(0x9E3779B97F4A7C15)), pairs)
                found[f"repeats of train in {part}"] = int(known.sum())
                found[f"conflicts with train in {part}"] = int((known & ~agree).sum())
        return found

    def lines(self) -> list[str]:
        """The counts that are not zero, as sentences for the user."""
        counts = self.counts()
        lines = []
        if counts["repeats in train"]:
            conflicts = counts["conflicts in train"]
            others = f", {conflicts:,} of them under another label" if conflicts else ""
            lines.append(f"{counts['repeats in train']:,} training texts repeat others{others}.")
        for part in self._texts:
            repeats = counts.get(f"repeats of train in {part}", 0)
            if part != "train" and repeats:
                conflicts = counts[f"conflicts with train in {part}"]
                lines.append(
                    f"{repeats:,} of {len(self._texts[part]):,} {part} texts stand in the training "
                    f"part too ({conflicts:,} under another label only): the score is that much "
                    "easier."
                )
        return lines

    def _arrays(self, part: str) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        texts = np.frombuffer(self._texts[part], dtype=np.uint64)
        return texts, np.frombuffer(self._labels[part], dtype=np.uint64)


def _digest(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest(), "little"
    )
