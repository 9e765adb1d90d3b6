"""A token is k neighbouring characters; each next token begins one character later.

    ACGTA, k = 3  →  ACG CGT GTA

For DNA and other texts of few letters and no words: a token tells its neighbourhood, and the
vocabulary is still small (4³ = 64). A text shorter than k is one token of what there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from seqloom_runtime.errors import RunError
from seqloom_runtime.text.normalise import Normaliser
from seqloom_runtime.text.options import TextOptions
from seqloom_runtime.text.stream import Joiner
from seqloom_runtime.text.vocabulary import (
    COUNTED_AT_ONCE,
    END,
    SPECIALS,
    START,
    TokenCounter,
    Vocabulary,
    damaged_vocabulary,
)
from seqloom_runtime.text.vocabulary_tokenizer import VocabularyTokenizer


class KmerTokenizer(VocabularyTokenizer):
    """Cuts text into overlapping runs of k characters; lossless.

    Decoding takes the first token whole and of each later one its last character; an unknown one
    stands for one character.

    >>> tokenizer = KmerTokenizer(Vocabulary(["ACG", "CGT"]), Normaliser(), 3)
    >>> tokenizer.tokens("ACGT"), tokenizer.decode([4, 5]), tokenizer.tokens("AC")
    (['ACG', 'CGT'], 'ACGT', ['AC'])

    Args:
        vocabulary: the tokens that have an id.
        normaliser: applied before cutting.
        size: k, characters in a token.
    """

    kind = "kmer"

    def __init__(self, vocabulary: Vocabulary, normaliser: Normaliser, size: int) -> None:
        super().__init__(vocabulary, normaliser)
        self.size = size

    @classmethod
    def fit(cls, texts: Iterable[str], settings: TextOptions) -> KmerTokenizer:
        """The most frequent tokens of ``kmer`` characters, counted in bounded memory."""
        normaliser = Normaliser.from_settings(settings)
        counter = TokenCounter(max(COUNTED_AT_ONCE, 4 * settings.max_vocabulary))
        for text in texts:
            counter.add(cut_kmers(normaliser(text), settings.kmer))
        vocabulary = counter.vocabulary(
            min_frequency=settings.min_frequency, max_size=settings.max_vocabulary
        )
        return cls(vocabulary, normaliser, settings.kmer)

    def tokens(self, text: str) -> list[str]:
        """The runs of k characters."""
        return cut_kmers(self.normalise(text), self.size)

    def joiner(self) -> Joiner:
        """Decodes id by id."""
        return _OverlapJoiner(self.vocabulary.texts())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**super().to_dict(), "size": self.size}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Self:
        """Back from ``to_dict``.

        Raises:
            RunError: the size is no number from 1 up, or a token is longer.
        """
        size = saved.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise RunError(
                f"The saved kmer tokenizer is damaged: its size is {size!r}, expected a whole "
                "number from 1 up. Train again, or restore the run folder from a copy."
            )
        vocabulary = cls.read_vocabulary(saved)
        longer = [token for token in vocabulary.tokens if len(token) > size]
        if longer:
            raise damaged_vocabulary(f'the token "{longer[0][:20]}" is longer than {size}')
        return cls(vocabulary, Normaliser.from_dict(saved), size)


def cut_kmers(text: str, size: int) -> list[str]:
    """Every run of ``size`` characters; a shorter text as it is, an empty one not at all."""
    if len(text) <= size:
        return [text] if text else []
    return [text[start : start + size] for start in range(len(text) - size + 1)]


class _OverlapJoiner:
    """The first known token of a text whole, then a character a token."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self._begun = False

    def push(self, number: int) -> str:
        if number in (START, END):
            self._begun = False
        text = self._texts[number]
        if number < len(SPECIALS):
            return text
        first, self._begun = not self._begun, True
        return text if first else text[-1]

    def finish(self) -> str:
        self._begun = False
        return ""
