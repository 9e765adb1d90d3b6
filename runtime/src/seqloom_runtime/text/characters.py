"""A token is a character.

Nothing is unknown that was seen once, spelling is free to learn, and the vocabulary stays small;
texts become long. Encoding is one table look-up for the whole text, without a loop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.text.normalise import Normaliser
from seqloom_runtime.text.options import TextOptions
from seqloom_runtime.text.stream import Joiner, PlainJoiner, as_list
from seqloom_runtime.text.vocabulary import (
    SPECIALS,
    UNKNOWN,
    Ids,
    Vocabulary,
    damaged_vocabulary,
)
from seqloom_runtime.text.vocabulary_tokenizer import VocabularyTokenizer

UNICODE = 0x110000
COUNTED_TOGETHER = 1_000_000  # characters; counting costs a pass over all of Unicode


class CharTokenizer(VocabularyTokenizer):
    """Cuts text into characters (Unicode code points), line ends included; lossless.

    >>> tokenizer = CharTokenizer(Vocabulary(["o", "t"]), Normaliser())
    >>> tokenizer.encode("toot").tolist(), tokenizer.decode([5, 4])
    ([5, 4, 4, 5], 'to')
    """

    kind = "char"

    def __init__(self, vocabulary: Vocabulary, normaliser: Normaliser) -> None:
        super().__init__(vocabulary, normaliser)
        self._texts = vocabulary.texts()
        self._table = lookup_table(vocabulary)

    @classmethod
    def fit(cls, texts: Iterable[str], settings: TextOptions) -> CharTokenizer:
        """The characters seen at least ``min_frequency`` times; never cut by ``max_vocabulary``."""
        normaliser = Normaliser.from_settings(settings)
        counts = count_characters(normaliser(text) for text in texts)
        return cls(Vocabulary.from_counts(counts, min_frequency=settings.min_frequency), normaliser)

    def tokens(self, text: str) -> list[str]:
        """The characters."""
        return list(self.normalise(text))

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Ids of the characters."""
        return self._table.take(code_points(self.normalise(text)), mode="clip")

    def decode(self, ids: Ids) -> str:
        """The text of some ids."""
        return "".join(map(self._texts.__getitem__, as_list(ids)))

    def joiner(self) -> Joiner:
        """Decodes id by id."""
        return PlainJoiner(self._texts)

    @classmethod
    def read_vocabulary(cls, saved: dict[str, Any]) -> Vocabulary:
        """The vocabulary, whose tokens must be single characters."""
        return character_vocabulary(saved)


def character_vocabulary(saved: dict[str, Any]) -> Vocabulary:
    """The vocabulary of a saved tokenizer whose tokens are single characters.

    Raises:
        RunError: damaged, or a token is longer.
    """
    vocabulary = Vocabulary.from_dict(saved.get("vocabulary"))
    longer = [token for token in vocabulary.tokens if len(token) != 1]
    if longer:
        raise damaged_vocabulary(f'the token "{longer[0][:20]}" is longer than one character')
    return vocabulary


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """The characters as numbers. Shape: (len(text),)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def lookup_table(vocabulary: Vocabulary) -> npt.NDArray[np.int32]:
    """Id of each code point; the last row, unknown, stands for all code points above."""
    codes = {ord(token): number for number, token in enumerate(vocabulary.tokens, len(SPECIALS))}
    table = np.full(max(codes, default=0) + 2, UNKNOWN, dtype=np.int32)
    table[list(codes)] = list(codes.values())
    return table


def count_characters(texts: Iterable[str]) -> dict[str, int]:
    """How often each character stands in the texts; memory does not depend on their number."""
    totals = np.zeros(UNICODE, dtype=np.int64)
    waiting: list[str] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= COUNTED_TOGETHER:
            totals += np.bincount(code_points("".join(waiting)), minlength=UNICODE)
            waiting, size = [], 0
    totals += np.bincount(code_points("".join(waiting)), minlength=UNICODE)
    return {chr(code): int(totals[code]) for code in np.flatnonzero(totals)}
