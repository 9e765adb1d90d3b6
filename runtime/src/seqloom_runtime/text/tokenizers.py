"""Ways to cut a text into numbered tokens, behind one protocol.

    kind      a token is            unknown possible  lossless  module
    char      a character           yes               yes       characters
    word      a word or mark        yes               no        words
    jamo      a Korean letter       yes               yes       jamo
    morpheme  a morpheme with tag   yes               no        morpheme
    bpe       a frequent piece      no                yes       bpe
    kmer      k neighbours          yes               yes       kmer
    space     what spaces part      yes               no        spaces

A tokenizer is fitted in one pass over a stream, in memory that does not grow with the data, and
saved as plain JSON; loading one executes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import RunError, SettingsError, nearest
from seqloom_runtime.text.bpe import BpeTokenizer
from seqloom_runtime.text.characters import CharTokenizer, code_points
from seqloom_runtime.text.jamo import SYLLABLE, SYLLABLES, JamoTokenizer
from seqloom_runtime.text.kmer import KmerTokenizer
from seqloom_runtime.text.morpheme import MorphemeTokenizer
from seqloom_runtime.text.options import TextOptions
from seqloom_runtime.text.spaces import SpaceTokenizer
from seqloom_runtime.text.stream import Joiner
from seqloom_runtime.text.vocabulary import Ids
from seqloom_runtime.text.words import WordTokenizer

SMALL_DATA = 2_000_000  # characters, below which pieces of text are seen too rarely to be learned


class Tokenizer(Protocol):
    """Text to ids and back. Start and end are never added; the text is normalised first.

    Attributes:
        pad: id that fills up short sequences.
        unknown: id of a token that is not in the vocabulary.
        start: id that stands before a record.
        end: id that stands after a record.
    """

    pad: int
    unknown: int
    start: int
    end: int

    @property
    def kind(self) -> str:
        """Name of the way of cutting."""
        ...

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, the special ones included."""
        ...

    def tokens(self, text: str) -> list[str]:
        """The text cut into tokens, for display."""
        ...

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Ids of the text's tokens. Shape: (tokens,)."""
        ...

    def decode(self, ids: Ids) -> str:
        """The text of some ids; special ids add nothing, unknown adds U+FFFD."""
        ...

    def joiner(self) -> Joiner:
        """Decodes id by id; use it through ``StreamDecoder``."""
        ...

    def token(self, number: int) -> str:
        """How an id is written, for display."""
        ...

    def unknown_words(self, text: str) -> list[str]:
        """Parts of the text that become unknown, in order, without repeats."""
        ...

    def known_characters(self, text: str, ids: npt.NDArray[np.integer[Any]]) -> int:
        """Characters of a normalised text that its ids stand for, without those of unknown ones."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, read back by ``tokenizer_from_dict``."""
        ...


# Here mypy checks every class against the protocol.
_FIT: dict[str, Callable[[Iterable[str], TextOptions], Tokenizer]] = {
    "char": CharTokenizer.fit,
    "word": WordTokenizer.fit,
    "jamo": JamoTokenizer.fit,
    "morpheme": MorphemeTokenizer.fit,
    "bpe": BpeTokenizer.fit,
    "kmer": KmerTokenizer.fit,
    "space": SpaceTokenizer.fit,
}
_LOAD: dict[str, Callable[[dict[str, Any]], Tokenizer]] = {
    "char": CharTokenizer.from_dict,
    "word": WordTokenizer.from_dict,
    "jamo": JamoTokenizer.from_dict,
    "morpheme": MorphemeTokenizer.from_dict,
    "bpe": BpeTokenizer.from_dict,
    "kmer": KmerTokenizer.from_dict,
    "space": SpaceTokenizer.from_dict,
}
KINDS = tuple(_FIT)


def fit_tokenizer(texts: Callable[[], Iterable[str]], settings: TextOptions) -> Tokenizer:
    """Learn a vocabulary in one pass over a stream of texts.

    Args:
        texts: gives the stream; called once. For bpe only its beginning is read.
        settings: ``tokenizer`` names the kind.

    Korean, cut in two ways:

    >>> from seqloom.config import TextSettings
    >>> song = ["나는 밥을 먹는다"]
    >>> for kind in ("jamo", "morpheme"):
    ...     print(*fit_tokenizer(lambda: song, TextSettings(tokenizer=kind)).tokens(song[0][3:]))
    ᄇ ᅡ ᆸ ᄋ ᅳ ᆯ   ᄆ ᅥ ᆨ ᄂ ᅳ ᆫ ᄃ ᅡ
    밥/NNG 을/JKO 먹/VV 는다/EF

    Raises:
        SettingsError: the kind is not resolved, or does not fit the other settings.
        MissingExtraError: the kind needs a package that is not installed.
    """
    if settings.tokenizer not in _FIT:
        raise SettingsError(
            f'tokenizer = "{settings.tokenizer}": expected one of {", ".join(KINDS)}.'
        )
    return _FIT[settings.tokenizer](texts(), settings)


def tokenizer_from_dict(saved: object) -> Tokenizer:
    """A tokenizer from what its ``to_dict`` gave.

    Raises:
        RunError: the content is damaged.
        MissingExtraError: the kind needs a package that is not installed.
    """
    kind = saved.get("kind") if isinstance(saved, dict) else None
    if not isinstance(saved, dict) or not isinstance(kind, str) or kind not in _LOAD:
        offer = nearest(kind, KINDS) if isinstance(kind, str) else f"Known: {', '.join(KINDS)}."
        raise RunError(f"The saved tokenizer is damaged: its kind is {kind!r}. {offer}")
    return _LOAD[kind](saved)


def choose_tokenizer(sample: str, *, continuous: bool, characters: int) -> tuple[str, str]:
    """The kind that suits the data, and why, in one sentence.

    Args:
        sample: some of the text.
        continuous: it is one text rather than records.
        characters: how many there are in all.

    >>> choose_tokenizer("To be, or not to be", continuous=True, characters=1_100_000)[0]
    'char'
    """
    seen = f"{characters:,} characters in {'one text' if continuous else 'records'}"
    hangul = hangul_share(sample)
    if hangul >= 0.005:
        seen += f", {hangul:.0%} of the letters Hangul"
    if continuous or characters < SMALL_DATA:
        why = "single characters leave nothing unknown and need a small vocabulary"
        return "char", f"Tokenizer char: {seen}; {why} ({len(set(sample))} in the sample)."
    why = "enough text to learn frequent pieces from, which make records shorter"
    return "bpe", f"Tokenizer bpe: {seen}; {why} and leave nothing unknown."


def hangul_share(text: str) -> float:
    """Share of Korean syllables among the letters of a text; 0 when it has none.

    >>> hangul_share("한글 ab, 12")
    0.5
    """
    codes = code_points(text)
    counts = np.bincount(codes, minlength=SYLLABLE + SYLLABLES)
    letters = sum(int(counts[code]) for code in np.flatnonzero(counts) if chr(code).isalpha())
    syllables = int(counts[SYLLABLE : SYLLABLE + SYLLABLES].sum())
    return syllables / letters if letters else 0.0
