"""How a word becomes numbers for a tagger: an id of its own, its parts, and its characters.

    제일   →  word 17,  parts <제 제일> … MAG,  characters ᄌ ᅦ ᄋ ᅵ ᆯ
    Lions  →  word 42 (lions),  parts <li ns> ons> and its shape Xx,  characters L i o n s

A word that training did not hold has no id of its own; its parts and characters still say much.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import RunError
from seqloom_runtime.text.jamo import jamo_of
from seqloom_runtime.text.normalise import Normaliser
from seqloom_runtime.text.options import TextOptions
from seqloom_runtime.text.vocabulary import END, START, TokenCounter, Vocabulary
from seqloom_runtime.text.word_parts import (
    MORPHEME_PARTS,
    WORD_PARTS,
    kiwi_installed,
    morpheme_parts_of,
    mostly_korean,
    parts_of,
    require_morphemes,
)

IntArray = npt.NDArray[np.int64]

MOST_PARTS = 50_000  # of each kind of vocabulary
LOOKED_AT = 2_000  # sentences, to find out whether they are Korean
LONGEST_END = 24  # characters read at each end of a very long word; what is between is left out


@dataclass(frozen=True)
class Spelled:
    """Words of a batch, each once, the shortest first, and where they stand.

    Shape:
        words (distinct,), parts (distinct, kinds of parts), characters (distinct, longest),
        spelled (distinct,), how many characters each has; places (batch, time), which of the
        words stands there.
    """

    words: IntArray
    parts: IntArray
    characters: IntArray
    spelled: IntArray
    places: IntArray


class Lexicon:
    """Words and characters of the training part.

    Args:
        words: words with an id of their own, in lower case.
        counts: how often each was seen, in their order.
        parts: beginnings, ends, shapes and morphemes of words.
        characters: characters with an id, Hangul as jamo.
        normaliser: one spelling for the same word.
        morphemes: whether words are cut into Korean morphemes too.
    Attributes:
        korean: whether the words it was fitted on are mostly Korean.
    """

    def __init__(
        self,
        words: Vocabulary,
        counts: Sequence[int],
        parts: Vocabulary,
        characters: Vocabulary,
        normaliser: Normaliser,
        *,
        morphemes: bool = False,
    ) -> None:
        self.words, self.parts, self.characters = words, parts, characters
        self.normaliser = normaliser
        self.counts = list(counts)
        self.morphemes = self.korean = morphemes

    @classmethod
    def fit(cls, sentences: Iterable[Sequence[str]], settings: TextOptions) -> Lexicon:
        """The most frequent words, and all parts and characters seen twice or more.

        What is seen once is unknown, so that the unknown has a vector that was trained. Morphemes
        are read where the words are mostly Korean and Kiwi is installed.
        """
        normaliser = Normaliser(lowercase=settings.lowercase)
        first = list(islice(sentences := iter(sentences), LOOKED_AT))
        korean = mostly_korean(normaliser(token) for tokens in first for token in tokens)
        morphemes = korean and kiwi_installed()
        counter = TokenCounter()
        parts, characters = TokenCounter(), TokenCounter()
        for tokens in chain(first, sentences):
            words = [normaliser(token) for token in tokens]
            counter.add(word.lower() for word in words)
            for word in words:
                parts.add(parts_of(word))
                if morphemes:
                    parts.add(morpheme_parts_of(word))
                characters.add(spelling(word))
        words_kept = counter.vocabulary(
            min_frequency=settings.min_frequency, max_size=settings.max_vocabulary
        )
        counts = [counter.counts[word] for word in words_kept.tokens]
        kept = [c.vocabulary(min_frequency=2, max_size=MOST_PARTS) for c in (parts, characters)]
        lexicon = cls(words_kept, counts, kept[0], kept[1], normaliser, morphemes=morphemes)
        lexicon.korean = korean
        return lexicon

    @property
    def part_kinds(self) -> int:
        """Parts of each word."""
        return WORD_PARTS + MORPHEME_PARTS * self.morphemes

    def parts_of(self, form: str) -> IntArray:
        """Ids of a word's parts (kinds of parts,).

        Raises:
            MissingExtraError: they are morphemes too, and Kiwi is not installed.
        """
        parts = parts_of(form)
        if self.morphemes:
            parts += morpheme_parts_of(form)
        return self.parts.ids(parts).astype(np.int64)

    def check_usable(self) -> None:
        """See that what finds the parts of words is installed.

        Raises:
            MissingExtraError: it is not.
        """
        if self.morphemes:
            require_morphemes()

    def form(self, token: str) -> str:
        """The one spelling of a word."""
        return self.normaliser(token)

    def word(self, form: str) -> int:
        """Id of a word, whatever its case; that of unknown when it has none."""
        return self.words.id(form.lower())

    def spell(self, form: str) -> IntArray:
        """Ids of a word's characters between start and end; the middle of a long one left out."""
        characters = spelling(form)
        if len(characters) > 2 * LONGEST_END:
            characters = characters[:LONGEST_END] + characters[-LONGEST_END:]
        ids = self.characters.ids(characters)
        return np.concatenate([[START], ids, [END]]).astype(np.int64)

    def word_counts(self) -> IntArray:
        """How often each id was seen in training; special ids never."""
        special = len(self.words) - len(self.words.tokens)
        return np.array([0] * special + self.counts, dtype=np.int64)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "kind": "lexicon",
            **self.normaliser.to_dict(),
            "words": self.words.to_dict(),
            "counts": self.counts,
            "parts": self.parts.to_dict(),
            "characters": self.characters.to_dict(),
            "morphemes": self.morphemes,
        }

    @classmethod
    def from_dict(cls, saved: object) -> Lexicon:
        """Back from ``to_dict``.

        Raises:
            RunError: the content is not what ``to_dict`` writes.
        """
        if not isinstance(saved, dict) or saved.get("kind") != "lexicon":
            raise RunError(
                "The saved words of the tagger are damaged. Train again, or restore the run "
                "folder from a copy."
            )
        words = Vocabulary.from_dict(saved.get("words"))
        counts = saved.get("counts")
        parts, characters = (Vocabulary.from_dict(saved.get(n)) for n in ("parts", "characters"))
        if not isinstance(counts, list) or len(counts) != len(words.tokens):
            raise RunError(
                "The saved words of the tagger are damaged: a count is missing. Train again, or "
                "restore the run folder from a copy."
            )
        morphemes = saved.get("morphemes") is True  # older files do not have it
        normaliser = Normaliser.from_dict(saved)
        return cls(words, counts, parts, characters, normaliser, morphemes=morphemes)


class FormTable:
    """Ids of some distinct words, looked up once: rows of numbers by the word's place.

    Args:
        forms: distinct words, normalised.
        lexicon: what gives them ids.
    """

    def __init__(self, forms: Sequence[str], lexicon: Lexicon) -> None:
        self.words = np.fromiter(map(lexicon.word, forms), np.int64, len(forms))
        lexicon.check_usable()
        parts = [lexicon.parts_of(form) for form in forms]
        self.parts = np.array(parts, dtype=np.int64).reshape(len(forms), lexicon.part_kinds)
        spelled = [lexicon.spell(form) for form in forms]
        self.lengths = np.fromiter(map(len, spelled), np.int64, len(forms))
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.characters = np.concatenate(spelled) if spelled else np.zeros(0, np.int64)

    def spelled(self, forms: IntArray) -> Spelled:
        """The words at places (batch, time) of a batch, each once."""
        distinct, places = np.unique(forms, return_inverse=True)
        order = np.argsort(self.lengths[distinct], kind="stable")
        distinct, places = distinct[order], np.argsort(order)[places]
        lengths = self.lengths[distinct]
        steps = np.arange(int(lengths.max()))
        index = (self.starts[distinct, None] + steps).clip(max=len(self.characters) - 1)
        characters = np.where(steps < lengths[:, None], self.characters[index], 0)
        places = places.reshape(forms.shape)
        return Spelled(self.words[distinct], self.parts[distinct], characters, lengths, places)


def spelling(word: str) -> str:
    """A word's characters, Hangul syllables as jamo.

    >>> len(spelling("제일")), spelling("B2")
    (5, 'B2')
    """
    return "".join(map(jamo_of, word))
