"""A token is a Korean morpheme with its part of speech, by Kiwi (extra ``korean``).

    재미있는 영화였다  →  재미있/VA 는/ETM 영화/NNG 이/VCP 었/EP 다/EF

Korean words change form with what is stuck to them; their morphemes do not, so a vocabulary of
morphemes covers far more text than one of words. Line ends are tokens. Spaces are not: Kiwi sets
them on the way back, by the rules of spelling, which is readable but not lossless.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import MissingExtraError, RunError
from seqloom_runtime.text.normalise import Normaliser
from seqloom_runtime.text.options import TextOptions
from seqloom_runtime.text.stream import Joiner
from seqloom_runtime.text.vocabulary import (
    COUNTED_AT_ONCE,
    END,
    PAD,
    START,
    UNKNOWN,
    UNKNOWN_TEXT,
    TokenCounter,
    Vocabulary,
    damaged_vocabulary,
)
from seqloom_runtime.text.vocabulary_tokenizer import VocabularyTokenizer, known_share

LONGEST_WORD = 64  # morphemes; a longer one is cut, so that little is ever held back
_LINE_PARTS = re.compile(r"\n|[^\n]+")
_TOKEN = re.compile(r"\n|.+/[A-Z][A-Z0-9_]*(?:-[IR])?", re.DOTALL)


class MorphemeTokenizer(VocabularyTokenizer):
    """Cuts Korean into morphemes, "form/TAG"; decoding sets the spaces and is not lossless.

    >>> tokenizer = MorphemeTokenizer(Vocabulary(["영화/NNG", "를/JKO"]), Normaliser())
    >>> tokenizer.tokens("영화를 보았다.")
    ['영화/NNG', '를/JKO', '보/VV', '었/EP', '다/EF', './SF']
    >>> tokenizer.unknown_words("영화를 보았다.")
    ['보', '었', '다', '.']

    Raises:
        MissingExtraError: Kiwi is not installed.
    """

    kind = "morpheme"

    def __init__(self, vocabulary: Vocabulary, normaliser: Normaliser) -> None:
        require_kiwi()
        super().__init__(vocabulary, normaliser)
        forms = (form_and_tag(token)[0] for token in vocabulary.tokens)
        self._lengths = np.array([0, 0, 0, 0, *map(len, forms)])

    @classmethod
    def fit(cls, texts: Iterable[str], settings: TextOptions) -> MorphemeTokenizer:
        """The most frequent morphemes, counted in bounded memory, on every core."""
        require_kiwi()
        normaliser = Normaliser.from_settings(settings)
        counter = TokenCounter(max(COUNTED_AT_ONCE, 4 * settings.max_vocabulary))
        lines = chain.from_iterable(_LINE_PARTS.findall(normaliser(text)) for text in texts)
        for tokens in cut_lines(lines):
            counter.add(tokens)
        vocabulary = counter.vocabulary(
            min_frequency=settings.min_frequency, max_size=settings.max_vocabulary
        )
        return cls(vocabulary, normaliser)

    def tokens(self, text: str) -> list[str]:
        """The morphemes and line ends."""
        lines = _LINE_PARTS.findall(self.normalise(text))
        return [token for line in lines for token in cut_line(line)]

    def joiner(self) -> Joiner:
        """Decodes id by id; gives whole words."""
        return _WordJoiner(self.vocabulary)

    def unknown_words(self, text: str) -> list[str]:
        """Forms of the morphemes without an id, once each."""
        unknown = [token for token in self.tokens(text) if token not in self.vocabulary]
        return list(dict.fromkeys(form_and_tag(token)[0] for token in unknown))

    def known_characters(self, text: str, ids: npt.NDArray[np.integer[Any]]) -> int:
        """Characters of a text that its ids stand for, without those of unknown morphemes."""
        return known_share(text, ids, self._lengths)

    @classmethod
    def read_vocabulary(cls, saved: dict[str, Any]) -> Vocabulary:
        """The vocabulary, whose tokens must be morphemes."""
        vocabulary = super().read_vocabulary(saved)
        wrong = [token for token in vocabulary.tokens if not _TOKEN.fullmatch(token)]
        if wrong:
            raise damaged_vocabulary(f'"{wrong[0][:20]}" is no morpheme with its part of speech')
        return vocabulary


def require_kiwi() -> None:
    """Check, without loading it, that Kiwi is there.

    Raises:
        MissingExtraError: it is not.
    """
    if importlib.util.find_spec("kiwipiepy") is None:
        raise MissingExtraError("kiwipiepy", "korean", "The tokenizer morpheme")


@lru_cache(maxsize=1)
def _kiwi() -> Any:
    """The one analyser; loading its model takes about a second."""
    require_kiwi()
    from kiwipiepy import Kiwi

    return Kiwi()


def classes_of_characters(text: str) -> list[str]:
    """The word class of the morpheme that each character belongs to; "" between morphemes."""
    classes = [""] * len(text)
    for found in _kiwi().tokenize(text):
        classes[found.start : found.end] = [found.tag] * (found.end - found.start)
    return classes


def cut_line(line: str) -> list[str]:
    """Morphemes of a line, or the line end itself."""
    return [line] if line == "\n" else _written(_kiwi().tokenize(line))


def cut_lines(lines: Iterable[str]) -> Iterator[list[str]]:
    """Morphemes of many lines, several at a time; in order, streamed."""
    for morphemes, line in _kiwi().tokenize(lines, echo=True):
        yield ["\n"] if "\n" in line else _written(morphemes)


def _written(morphemes: Iterable[Any]) -> list[str]:
    return [f"{morpheme.form}/{morpheme.tag}" for morpheme in morphemes]


def form_and_tag(token: str) -> tuple[str, str]:
    """The two halves of a token; the form may hold a slash.

    >>> form_and_tag("//SP")
    ('/', 'SP')
    """
    form, _, tag = token.rpartition("/")
    return (form, tag) if form else (token, "")


class _WordJoiner:
    """Holds back the morphemes of one word; a word ends where Kiwi sets a space.

    Whether it does depends on two neighbours only, and a form changes only within a word (irregular
    verbs carry their kind in the tag), so joining word by word gives what joining all gives.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._token = vocabulary.token
        self._held: list[tuple[str, str]] = []
        self._space = ""  # before the word that is held

    def push(self, number: int) -> str:
        if number in (PAD, START, END):
            return ""
        token = UNKNOWN_TEXT if number == UNKNOWN else self._token(number)
        if token == "\n":
            return self.finish() + token
        # An unknown token stands like a noun: particles stick to it.
        morpheme = (token, "NNG") if number == UNKNOWN else form_and_tag(token)
        apart = bool(self._held) and _spaced(self._held[-1], morpheme)
        done = self._flush() if apart or len(self._held) == LONGEST_WORD else ""
        self._space = " " if apart else self._space
        self._held.append(morpheme)
        return done

    def _flush(self) -> str:
        word = self._space + _join(self._held)[0] if self._held else ""
        self._held, self._space = [], ""
        return word

    def finish(self) -> str:
        return self._flush()


def _spaced(left: tuple[str, str], right: tuple[str, str]) -> bool:
    """Whether Kiwi sets a space between two morphemes."""
    (_, stop), (start, _) = _join([left, right])[1]
    return bool(start > stop)


def _join(morphemes: list[tuple[str, str]]) -> tuple[str, list[tuple[int, int]]]:
    try:
        joined: tuple[str, list[tuple[int, int]]] = _kiwi().join(morphemes, return_positions=True)
    except ValueError as error:  # a tag of another version of Kiwi, or a damaged vocabulary
        raise RunError(
            f"Kiwi cannot join {' '.join('/'.join(pair) for pair in morphemes)}: {error}. The "
            "vocabulary is damaged or of another version; train again."
        ) from None
    return joined
