"""A token is what stands between spaces: phonemes, glosses, anything that is cut already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.text.normalise import Normaliser
from seqloom_runtime.text.options import TextOptions
from seqloom_runtime.text.stream import Joiner
from seqloom_runtime.text.vocabulary import COUNTED_AT_ONCE, TokenCounter, Vocabulary
from seqloom_runtime.text.vocabulary_tokenizer import VocabularyTokenizer, known_share

LONGEST_SYMBOL = 4  # characters, as in "AA1", "tʃʰ" or "NOUN"
MOST_SYMBOLS = 200  # different ones; a language has more words
FEWEST_USES = 20  # of a symbol on average, where they are not all written in capitals
SPELT = 0.95  # share of the texts that are symbols with spaces between


class SpaceTokenizer(VocabularyTokenizer):
    """Cuts text at white space and at nothing else; joins with single spaces.

    >>> tokenizer = SpaceTokenizer(Vocabulary(["HH", "AH"]), Normaliser())
    >>> tokenizer.encode("HH AH  HH").tolist(), tokenizer.decode([4, 5])
    ([4, 5, 4], 'HH AH')
    """

    kind = "space"

    def __init__(self, vocabulary: Vocabulary, normaliser: Normaliser) -> None:
        super().__init__(vocabulary, normaliser)
        self._texts = vocabulary.texts()
        self._lengths = np.array([0, 0, 0, 0, *map(len, vocabulary.tokens)])

    @classmethod
    def fit(cls, texts: Iterable[str], settings: TextOptions) -> SpaceTokenizer:
        """The most frequent pieces, counted in bounded memory."""
        normaliser = Normaliser.from_settings(settings)
        counter = TokenCounter(max(COUNTED_AT_ONCE, 4 * settings.max_vocabulary))
        for text in texts:
            counter.add(normaliser(text).split())
        vocabulary = counter.vocabulary(
            min_frequency=settings.min_frequency, max_size=settings.max_vocabulary
        )
        return cls(vocabulary, normaliser)

    def tokens(self, text: str) -> list[str]:
        """The pieces."""
        return self.normalise(text).split()

    def joiner(self) -> Joiner:
        """Decodes id by id."""
        return _SpaceJoiner(self._texts)

    def known_characters(self, text: str, ids: npt.NDArray[np.integer[Any]]) -> int:
        """Characters of a text that its ids stand for, without those of unknown pieces."""
        return known_share(text, ids, self._lengths)


def suits_space(texts: Iterable[str]) -> bool:
    """Whether texts are symbols of a small inventory with spaces between, as phonemes are.

    >>> suits_space(["HH AH L OW", "W ER L D"]), suits_space(["Hello", "a world"])
    (True, False)
    """
    counts: Counter[str] = Counter()
    rows = spelt = spaced = 0
    for text in texts:
        pieces = text.split()
        rows += 1
        spelt += max(map(len, pieces), default=0) <= LONGEST_SYMBOL
        spaced += len(pieces) > 1
        counts.update(pieces)
    if not rows or spelt < SPELT * rows or spaced < 0.5 * rows or len(counts) >= MOST_SYMBOLS:
        return False
    capitals = all(piece.isascii() and piece == piece.upper() for piece in counts)
    return capitals or counts.total() >= FEWEST_USES * len(counts)


class _SpaceJoiner:
    """A space before each piece but the first."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self._first = True

    def push(self, number: int) -> str:
        text = self._texts[number]
        if not text:
            return ""
        space = "" if self._first else " "
        self._first = False
        return space + text

    def finish(self) -> str:
        self._first = True
        return ""
