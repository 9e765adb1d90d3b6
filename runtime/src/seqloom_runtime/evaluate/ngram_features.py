"""N-grams of texts as numbers, for linear models: hashed, counted, weighed by rarity.

    text → n-grams of words or characters → hashes → TF-IDF, rows of length 1

N-grams are hashed, so that nothing but numbers is kept, and only those that the training texts hold
often enough are columns. Knows texts only: no labels.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from seqloom_runtime.evaluate.hashes import hash_spans

Kind = Literal["word", "char", "jamo"]
KINDS: tuple[Kind, ...] = ("word", "char", "jamo")
Columns = npt.NDArray[np.int32]

BITS = 22  # of a hash: 4,194,304 places for n-grams
CHUNK = 4_096  # texts turned into n-grams at once
AT_ONCE = 1 << 18  # characters or words whose n-grams are hashed side by side
WORD = r"(?u)\b\w+\b|[^\w\s]"

_WORD, _SPACES = re.compile(WORD), re.compile(r"\s\s+")


@dataclass(frozen=True)
class Rows:
    """A sparse matrix: the numbers of row r are ``data[starts[r] : starts[r + 1]]``.

    Args:
        data: numbers.
        columns: of each number, rising within a row.
        starts: of each row, and the end of the last.
        width: columns in all.
    """

    data: npt.NDArray[np.float32]
    columns: Columns
    starts: npt.NDArray[np.int64]
    width: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The row of each number."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def times(self, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The product with weights (columns, labels); a row's is its own, whatever is beside it."""
        found = np.zeros((len(self), weights.shape[1]), np.float32)
        for row, (first, last) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True)):
            found[row] = self.data[first:last] @ weights[self.columns[first:last]]
        return found


def stacked(parts: list[Rows], width: int) -> Rows:
    """Rows behind each other."""
    ends = np.cumsum([0, *(len(part.data) for part in parts)])
    starts = [part.starts[:-1] + end for part, end in zip(parts, ends, strict=False)]
    return Rows(
        np.concatenate([np.zeros(0, np.float32), *(part.data for part in parts)]),
        np.concatenate([np.zeros(0, np.int32), *(part.columns for part in parts)]),
        np.concatenate([np.zeros(0, np.int64), *starts, ends[-1:]]),
        width,
    )


def beside(parts: list[Rows]) -> Rows:
    """The same rows of several matrices as one, their columns side by side."""
    firsts = np.cumsum([0, *(part.width for part in parts)])
    rows = np.concatenate([part.rows for part in parts])
    order = np.argsort(rows, kind="stable")
    columns = [part.columns + first for part, first in zip(parts, firsts, strict=False)]
    return Rows(
        np.concatenate([part.data for part in parts])[order],
        np.concatenate(columns)[order].astype(np.int32),
        sum((part.starts for part in parts), np.zeros_like(parts[0].starts)),
        int(firsts[-1]),
    )


@dataclass(frozen=True)
class NGrams:
    """Which n-grams of a text count.

    Args:
        kind: of words, of characters across words, or of the letters that Hangul is made of.
        shortest, longest: words or characters in one.
        fewest: texts that must hold it.
    """

    kind: Kind
    shortest: int
    longest: int
    fewest: int

    def counts(self, texts: Iterable[str]) -> Rows:
        """How often each hashed n-gram stands in each text: (texts, 2^22)."""
        parts, held, size = [], [], 0
        for text in texts:
            held.append(self._units(text))
            size += len(held[-1])
            if size >= AT_ONCE:
                parts.append(self._counted(held))
                held, size = [], 0
        parts += [self._counted(held)] if held else []
        return stacked(parts, 2**BITS)

    def _units(self, text: str) -> list[str]:
        """The words, or characters, that n-grams are made of."""
        if self.kind == "word":
            return _WORD.findall(lower(text))
        plain = letters_of_hangul(text) if self.kind == "jamo" else lower(text)
        return list(_SPACES.sub(" ", plain))

    def _counted(self, texts: list[list[str]]) -> Rows:
        """N-grams of some texts, each cut into its units."""
        space = b" " if self.kind == "word" else b""
        units = [unit.encode() for text in texts for unit in text]
        sizes = np.array([len(unit) for unit in units], np.int64)
        ends = np.cumsum(sizes + len(space)) - len(space)
        starts = ends - sizes
        rows = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
        buffer = space.join(units)
        keys = [np.zeros(0, np.int64)]
        for size in range(self.shortest, self.longest + 1):
            firsts = np.arange(len(units) - size + 1)
            firsts = firsts[rows[firsts] == rows[firsts + size - 1]]  # within one text
            lengths = ends[firsts + size - 1] - starts[firsts]
            keys.append(
                (rows[firsts] << BITS) + _places(hash_spans(buffer, starts[firsts], lengths))
            )
        found, counts = np.unique(np.concatenate(keys), return_counts=True)
        bounds = np.searchsorted(found, np.arange(len(texts) + 1) << BITS)
        columns = (found & (2**BITS - 1)).astype(np.int32)
        return Rows(counts.astype(np.float32), columns, bounds, 2**BITS)


def _places(hashes: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """The column of each hash: its size, whatever its sign, modulo 2^22."""
    wide = np.abs(hashes.astype(np.int64))
    # The smallest number has no positive one of its size; it keeps the place it has always had.
    wide = np.where(wide == 2**31, 2**31 - 1 - (2**BITS - 1), wide)
    places: npt.NDArray[np.int64] = wide % 2**BITS
    return places


def lower(text: str) -> str:
    """Lower case; half of a character pair, which has no bytes to hash, becomes a mark."""
    return text.encode("utf-8", "replace").decode("utf-8").lower()


def letters_of_hangul(text: str) -> str:
    """Lower case, syllables taken apart: typing slips and endings then share most n-grams."""
    return unicodedata.normalize("NFD", lower(text))


BASELINES = {"word": (NGrams("word", 1, 2, 2),), "char": (NGrams("char", 1, 4, 2),)}
WIDE = {
    "word": (NGrams("word", 1, 3, 2),),
    "char": (NGrams("char", 1, 5, 3),),
    "hangul": (NGrams("char", 1, 5, 3), NGrams("jamo", 3, 7, 4)),
}


@dataclass(frozen=True)
class Features:
    """TF-IDF of the n-grams that training texts hold: (1 + ln count) · idf, rows of length 1.

    Args:
        ngrams: sets of n-grams, side by side.
        columns: of each set, hashes that count, rising.
        idf: of each set, logarithm of how rare each is, plus 1.
    """

    ngrams: tuple[NGrams, ...]
    columns: tuple[Columns, ...]
    idf: tuple[npt.NDArray[np.float32], ...]

    @classmethod
    def fit(
        cls, ngrams: tuple[NGrams, ...], texts: list[str], most: int = 2**BITS
    ) -> tuple[Features, Rows]:
        """The features that texts hold often enough, and those texts' own.

        Args:
            ngrams: sets of n-grams.
            texts: of the training part.
            most: features of a set at most, the most frequent kept.
        """
        columns, idf, counts = [], [], []
        for one in ngrams:
            found = one.counts(texts)
            holding = np.bincount(found.columns, minlength=found.width)
            kept = _frequent(holding, one.fewest, most)
            rarity = np.log((1 + len(texts)) / (1 + holding[kept])) + 1
            columns.append(kept)
            idf.append(rarity.astype(np.float32))
            counts.append(_only(found, kept))
        features = cls(ngrams, tuple(columns), tuple(idf))
        return features, features._weighed(counts)

    def of_texts(self, texts: list[str]) -> Rows:
        """(texts, features), each text's its own, whatever stands beside it."""
        pairs = zip(self.ngrams, self.columns, strict=True)
        return self._weighed([_only(one.counts(texts), columns) for one, columns in pairs])

    def _weighed(self, counts: list[Rows]) -> Rows:
        weighed = [
            of_length_one(replace(part, data=(1 + np.log(part.data)) * idf[part.columns]))
            for part, idf in zip(counts, self.idf, strict=True)
        ]
        return weighed[0] if len(weighed) == 1 else of_length_one(beside(weighed))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Plain arrays, to be saved."""
        result: dict[str, npt.NDArray[Any]] = {}
        for place, one in enumerate(self.ngrams):
            about = [KINDS.index(one.kind), one.shortest, one.longest, one.fewest]
            result[f"ngrams.{place}"] = np.array(about, np.int64)
            result[f"columns.{place}"] = self.columns[place]
            result[f"idf.{place}"] = self.idf[place]
        return result

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Features:
        """What ``arrays`` gave."""
        places = range(sum(name.startswith("ngrams.") for name in arrays))
        abouts = [[int(number) for number in arrays[f"ngrams.{place}"]] for place in places]
        return cls(
            tuple(NGrams(KINDS[kind], *rest) for kind, *rest in abouts),
            tuple(arrays[f"columns.{place}"] for place in places),
            tuple(arrays[f"idf.{place}"] for place in places),
        )


def chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts in order, a few thousand at a time."""
    stream = iter(texts)
    while chunk := list(islice(stream, CHUNK)):
        yield chunk


def _frequent(holding: npt.NDArray[np.int64], fewest: int, most: int) -> Columns:
    """Hashes that enough texts hold, rising; of very few texts, all that they hold."""
    kept = np.flatnonzero(holding >= fewest)
    if not len(kept):
        kept = np.flatnonzero(holding)
    if len(kept) > most:
        kept = np.sort(kept[np.argsort(-holding[kept], kind="stable")[:most]])
    return kept.astype(np.int32)


def _only(counts: Rows, columns: Columns) -> Rows:
    """Some columns, numbered from 0. A search costs less than a table of all hashes."""
    place = np.searchsorted(columns, counts.columns)
    there = place < len(columns)
    there[there] = columns[place[there]] == counts.columns[there]
    starts = np.concatenate([[0], np.cumsum(there)])[counts.starts]
    return Rows(counts.data[there], place[there].astype(np.int32), starts, len(columns))


def of_length_one(matrix: Rows) -> Rows:
    """Rows divided by their lengths; an empty row stays empty."""
    row = matrix.rows
    squares = np.bincount(row, matrix.data.astype(np.float64) ** 2, minlength=len(matrix))
    return replace(matrix, data=(matrix.data / np.sqrt(squares)[row]).astype(np.float32))
