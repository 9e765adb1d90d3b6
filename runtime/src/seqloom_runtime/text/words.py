"""A token is a word, a number, a punctuation mark or a line end.

    "Don't panic," she said.  →  " Don't panic , " she said .

For languages that put spaces between words. Spaces are not tokens: the way back sets them by
rules, so it is readable, not lossless. ``a  b`` comes back with one space, ``50%의`` with one too
many; only lines are kept exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.text.normalise import Normaliser, characters_where
from seqloom_runtime.text.options import TextOptions
from seqloom_runtime.text.stream import Joiner
from seqloom_runtime.text.vocabulary import COUNTED_AT_ONCE, TokenCounter, Vocabulary
from seqloom_runtime.text.vocabulary_tokenizer import VocabularyTokenizer, known_share

NO_SPACE_BEFORE = frozenset(".,;:!?)]}%°~’”»›…、。，！？；：）】」』》〉")
NO_SPACE_AFTER = frozenset("([{$₩€£#@°‘“«‹「『《〈（【")
STRAIGHT_QUOTES = frozenset("\"'")


class WordTokenizer(VocabularyTokenizer):
    """Cuts text into words and marks; decoding sets the spaces by rules and is not lossless.

    >>> tokenizer = WordTokenizer(Vocabulary(["mix", "salt", "."]), Normaliser(lowercase=True))
    >>> tokenizer.tokens("Mix 1/2 cup of well-aged salt.")
    ['mix', '1/2', 'cup', 'of', 'well-aged', 'salt', '.']
    >>> tokenizer.unknown_words("Mix pepper, salt.")
    ['pepper', ',']
    >>> tokenizer.decode([4, 5, 6])
    'mix salt.'
    """

    kind = "word"

    def __init__(self, vocabulary: Vocabulary, normaliser: Normaliser) -> None:
        super().__init__(vocabulary, normaliser)
        self._texts = vocabulary.texts()
        self._lengths = np.array([0, 0, 0, 0, *map(len, vocabulary.tokens)])

    @classmethod
    def fit(cls, texts: Iterable[str], settings: TextOptions) -> WordTokenizer:
        """The most frequent words, counted in bounded memory."""
        normaliser = Normaliser.from_settings(settings)
        counter = TokenCounter(max(COUNTED_AT_ONCE, 4 * settings.max_vocabulary))
        for text in texts:
            counter.add(cut_words(normaliser(text)))
        vocabulary = counter.vocabulary(
            min_frequency=settings.min_frequency, max_size=settings.max_vocabulary
        )
        return cls(vocabulary, normaliser)

    def tokens(self, text: str) -> list[str]:
        """The words and marks."""
        return cut_words(self.normalise(text))

    def joiner(self) -> Joiner:
        """Decodes id by id."""
        return _SpacingJoiner(self._texts)

    def known_characters(self, text: str, ids: npt.NDArray[np.integer[Any]]) -> int:
        """Characters of a text that its ids stand for, without those of unknown words."""
        return known_share(text, ids, self._lengths)


def cut_words(text: str) -> list[str]:
    """Words, numbers, marks and line ends of a text, in order.

    >>> cut_words("It's 3.5 kg, the U.S. way!")
    ["It's", '3.5', 'kg', ',', 'the', 'U.S.', 'way', '!']
    >>> cut_words("foo_bar (재미있는 영화)")
    ['foo_bar', '(', '재미있는', '영화', ')']
    """
    return _pattern().findall(text)


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    r"""One token. Python's ``\w`` knows no combining marks, so they are listed.

    A word may hold an apostrophe, a hyphen or a low line between letters; a number one of ``.,:/``
    between digits; an abbreviation is single letters with full stops. Any other visible character
    is a token of its own, emoji with what modifies them.
    """
    marks = characters_where(lambda category: category.startswith("M"))
    # re looks a set up in a table only below U+10000; rare scripts' marks above would cost tenfold.
    marks = "".join(mark for mark in marks if mark < "\U00010000")
    marks += "\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef"  # skin tones, variation selectors
    run = rf"[^\W_]+(?:[{marks}]+[^\W_]*)*"
    number = r"\d+(?:[.,:/]\d+)+"
    abbreviation = r"(?:[^\W\d_]\.){2,}"
    word = rf"{run}(?:['’_‐-]{run})*"
    symbol = rf"\S[{marks}]*(?:\u200d\S[{marks}]*)*"
    return re.compile(rf"\n|{number}|{abbreviation}|{word}|{symbol}")


class _SpacingJoiner:
    """Sets a space before a token, or none, by the token and the one before it.

    Straight quotation marks open and close in turn, afresh on each line.
    """

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self._reset()

    def _reset(self) -> None:
        self._glued = True  # no space before the next token
        self._before = ""
        self._open: set[str] = set()

    def push(self, number: int) -> str:
        text = self._texts[number]
        if not text:
            return ""
        if text == "\n":
            self._reset()
            return text
        closing = text in self._open
        glued = self._glued or closing or text in NO_SPACE_BEFORE
        repeated = text == self._before and not text.isalnum() and text not in STRAIGHT_QUOTES
        opening = text in STRAIGHT_QUOTES and not closing
        if text in STRAIGHT_QUOTES:
            self._open ^= {text}
        self._glued = opening or text in NO_SPACE_AFTER
        self._before = text
        return text if glued or repeated else " " + text

    def finish(self) -> str:
        self._reset()
        return ""
