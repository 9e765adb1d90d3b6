"""What would make a score look better, or worse, than it is: texts that stand in the data twice.

A record of the training part that is scored on is too easy; a text under two labels cannot be
learnt. Kept are digests, not texts: memory does not grow with the length of the texts.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

SHOWN = 3  # texts under two labels that are shown
SHOWN_CHARACTERS = 60
SLOTS = 1 << 17  # of the table in which such texts are found while they pass

Digests = npt.NDArray[np.uint64]


class DuplicateAudit:
    """Counts records of other parts that stand word for word in the training part.

    Holds eight bytes a record, a digest: memory does not grow with the length of the text.
    """

    def __init__(self) -> None:
        self._digests: defaultdict[str, array[int]] = defaultdict(lambda: array("Q"))

    def add(self, part: str, text: str) -> None:
        """Note a record of a part."""
        self._digests[part].append(_digest(text))

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

    Holds a digest of the text and one of its labels for each example, sixteen bytes in all, and a
    table of fixed size in which the texts to show are found: where two texts share a slot of it,
    the later one stays, so of millions of texts an example may be missed, but never a count.
    """

    def __init__(self) -> None:
        self._texts: defaultdict[str, array[int]] = defaultdict(lambda: array("Q"))
        self._labels: defaultdict[str, array[int]] = defaultdict(lambda: array("Q"))
        self._seen: dict[int, tuple[int, tuple[str, ...], str]] = {}  # slot → digest, labels, part
        self.examples: list[dict[str, Any]] = []

    def add(self, part: str, text: str, labels: tuple[str, ...]) -> None:
        """Note an example of a part; white space and case do not make texts different."""
        digest = _digest(" ".join(text.casefold().split()))
        self._texts[part].append(digest)
        self._labels[part].append(_labels_digest(labels))
        if len(self.examples) < SHOWN:
            self._compare(digest, part, text, labels)

    def _compare(self, digest: int, part: str, text: str, labels: tuple[str, ...]) -> None:
        """Keep the text as an example where it was seen under other labels."""
        known, others, place = self._seen.get(digest % SLOTS, (0, (), ""))
        self._seen[digest % SLOTS] = digest, labels, part
        if known == digest and set(others) != set(labels):
            shown = " ".join(text.split())[:SHOWN_CHARACTERS]
            if all(example["text"] != shown for example in self.examples):
                pair = [{"part": place, "labels": others}, {"part": part, "labels": labels}]
                self.examples.append({"text": shown, "found": pair})

    def counts(self) -> dict[str, int]:
        """Repeats and conflicts within each part, and of each other part with the training part.

        A repeat is an example whose text the part had already; a conflict within a part is a text
        that stands in it under several labels, and one with train is an example whose text stands
        there under other labels only.
        """
        found = {}
        for part in self._texts:
            repeats, conflicts = _within(*self._arrays(part))
            found[f"repeats in {part}"] = repeats
            found[f"conflicts in {part}"] = conflicts
        train = self._arrays("train")
        for part in self._texts:
            if part != "train":
                repeats, conflicts = _across(self._arrays(part), train)
                found[f"repeats of train in {part}"] = repeats
                found[f"conflicts with train in {part}"] = conflicts
        return found

    def lines(self) -> list[str]:
        """The counts that are not zero, as sentences for the user."""
        counts = self.counts()
        lines = [line for part in self._texts for line in self._lines_within(part, counts)]
        for part in self._texts:
            repeats = counts.get(f"repeats of train in {part}", 0)
            if repeats:
                conflicts = counts[f"conflicts with train in {part}"]
                other = f" ({conflicts:,} under another label only)" if conflicts else ""
                lines.append(
                    f"{repeats:,} of {len(self._texts[part]):,} {part} texts stand in the training "
                    f"part too{other}: the score is that much easier."
                )
        return lines + [_example_line(example) for example in self.examples]

    def _lines_within(self, part: str, counts: dict[str, int]) -> list[str]:
        repeats, conflicts = counts[f"repeats in {part}"], counts[f"conflicts in {part}"]
        if not repeats:
            return []
        noun = "training" if part == "train" else part
        one = conflicts == 1
        verb = "stands" if one else "stand"
        under = (
            f"; {conflicts:,} text{'' if one else 's'} {verb} under several labels"
            if conflicts
            else ""
        )
        total = len(self._texts[part])
        return [f"{repeats:,} of {total:,} {noun} texts repeat others of them{under}."]

    def _arrays(self, part: str) -> tuple[Digests, Digests]:
        # An absent part must not be made by asking for it.
        empty: array[int] = array("Q")
        texts = np.frombuffer(self._texts.get(part, empty), dtype=np.uint64)
        return texts, np.frombuffer(self._labels.get(part, empty), dtype=np.uint64)


def _within(texts: Digests, labels: Digests) -> tuple[int, int]:
    """Examples whose text came before, and texts that came under several labels."""
    order = np.lexsort((labels, texts))
    texts, labels = texts[order], labels[order]
    same = texts[1:] == texts[:-1]
    differs = same & (labels[1:] != labels[:-1])
    return int(same.sum()), len(np.unique(texts[1:][differs]))


def _across(own: tuple[Digests, Digests], train: tuple[Digests, Digests]) -> tuple[int, int]:
    """Examples whose text is in the training part, and those of them never under this label."""
    known = np.isin(own[0], train[0])
    agree = np.isin(_pairs(*own), _pairs(*train))
    return int(known.sum()), int((known & ~agree).sum())


def _pairs(texts: Digests, labels: Digests) -> Digests:
    """One digest of a text with its labels."""
    return texts ^ (labels * np.uint64(0x9E3779B97F4A7C15))


def _example_line(example: dict[str, Any]) -> str:
    sides = [
        f'"{", ".join(side["labels"]) or "no label"}" ({side["part"]})' for side in example["found"]
    ]
    return f'"{example["text"]}" stands under {" and ".join(sides)}.'


@lru_cache(maxsize=10_000)
def _labels_digest(labels: tuple[str, ...]) -> int:
    return _digest("\0".join(sorted(labels)))


def _digest(text: str) -> int:
    """Eight bytes of a hash; half of a character pair, which has no bytes, counts as a mark."""
    content = text.encode(errors="replace")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")
