"""N-grams of texts as numbers, for linear models: hashed, counted, weighed by rarity.

    text → n-grams of words or characters → hashes → TF-IDF, rows of length 1

N-grams are hashed, so that nothing but numbers is kept, and only those that the training texts hold
often enough are columns. Knows texts only: no labels.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Kind = Literal["word", "char", "jamo"]
KINDS: tuple[Kind, ...] = ("word", "char", "jamo")
Columns = npt.NDArray[np.int32]

BITS = 22  # of a hash: 4,194,304 places for n-grams
CHUNK = 4_096  # texts turned into n-grams at once
WORD = r"(?u)\b\w+\b|[^\w\s]"


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

    def counts(self, texts: Iterable[str]) -> csr_matrix:
        """How often each hashed n-gram stands in each text: (texts, 2^22)."""
        from scipy.sparse import csr_matrix, vstack
        from sklearn.feature_extraction.text import HashingVectorizer

        cut: dict[str, Any] = (
            {"token_pattern": WORD} if self.kind == "word" else {"analyzer": "char"}
        )
        vectorizer = HashingVectorizer(
            ngram_range=(self.shortest, self.longest),
            n_features=2**BITS,
            alternate_sign=False,
            norm=None,
            preprocessor=letters_of_hangul if self.kind == "jamo" else lower,
            dtype=np.float32,
            **cut,
        )
        parts = [vectorizer.transform(chunk) for chunk in chunks(texts)]
        return vstack(parts, format="csr") if parts else csr_matrix((0, 2**BITS), dtype=np.float32)


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
    ) -> tuple[Features, csr_matrix]:
        """The features that texts hold often enough, and those texts' own.

        Args:
            ngrams: sets of n-grams.
            texts: of the training part.
            most: features of a set at most, the most frequent kept.
        """
        columns, idf, counts = [], [], []
        for one in ngrams:
            found = one.counts(texts)
            holding = np.bincount(found.indices, minlength=found.shape[1])
            kept = _frequent(holding, one.fewest, most)
            rarity = np.log((1 + len(texts)) / (1 + holding[kept])) + 1
            columns.append(kept)
            idf.append(rarity.astype(np.float32))
            counts.append(_only(found, kept))
        features = cls(ngrams, tuple(columns), tuple(idf))
        return features, features._weighed(counts)

    def of_texts(self, texts: list[str]) -> csr_matrix:
        """(texts, features), each text's its own, whatever stands beside it."""
        pairs = zip(self.ngrams, self.columns, strict=True)
        return self._weighed([_only(one.counts(texts), columns) for one, columns in pairs])

    def _weighed(self, counts: list[csr_matrix]) -> csr_matrix:
        from scipy.sparse import hstack

        for part, idf in zip(counts, self.idf, strict=True):
            part.data = _of_length_one(part, (1 + np.log(part.data)) * idf[part.indices])
        if len(counts) == 1:
            return counts[0]
        joined = hstack(counts, format="csr")
        joined.data = _of_length_one(joined, joined.data)
        return joined

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


def _only(counts: csr_matrix, columns: Columns) -> csr_matrix:
    """Some columns, numbered from 0. A search costs less than a table of all hashes."""
    from scipy.sparse import csr_matrix

    place = np.searchsorted(columns, counts.indices)
    there = place < len(columns)
    there[there] = columns[place[there]] == counts.indices[there]
    starts = np.concatenate([[0], np.cumsum(there)])[counts.indptr]
    shape = (counts.shape[0], len(columns))
    return csr_matrix((counts.data[there], place[there].astype(np.int32), starts), shape=shape)


def _of_length_one(rows: csr_matrix, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Values of rows divided by each row's length; an empty row stays empty."""
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    squares = np.bincount(row, values.astype(np.float64) ** 2, minlength=rows.shape[0])
    result: npt.NDArray[np.float32] = (values / np.sqrt(squares)[row]).astype(np.float32)
    return result
