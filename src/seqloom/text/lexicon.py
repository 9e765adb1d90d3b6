"""How a word becomes numbers for a tagger: an id of its own, and the ids of its characters.

    제일  →  word 17,  characters ᄌ ᅦ ᄋ ᅵ ᆯ

A word that training did not hold has no id of its own; its characters still say much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.config import TextSettings
from seqloom.errors import RunError
from seqloom.text.jamo import jamo_of
from seqloom.text.normalise import Normaliser
from seqloom.text.vocabulary import END, START, UNKNOWN, TokenCounter, Vocabulary

IntArray = npt.NDArray[np.int64]

LONGEST_END = 24  # characters read at each end of a very long word; what is between is left out


@dataclass(frozen=True)
class Spelled:
    """Words of a batch, each once, the shortest first, and where they stand.

    Shape:
        words (distinct,), characters (distinct, longest), spelled (distinct,), how many each has;
        places (batch, time), which of the words stands there.
    """

    words: IntArray
    characters: IntArray
    spelled: IntArray
    places: IntArray


class Lexicon:
    """Words and characters of the training part.

    Args:
        words: words with an id of their own.
        counts: how often each was seen, in their order.
        characters: characters with an id, Hangul as jamo.
        normaliser: one spelling for the same word.
    """

    def __init__(
        self,
        words: Vocabulary,
        counts: Sequence[int],
        characters: Vocabulary,
        normaliser: Normaliser,
    ) -> None:
        self.words, self.characters, self.normaliser = words, characters, normaliser
        self.counts = list(counts)

    @classmethod
    def fit(cls, sentences: Iterable[Sequence[str]], settings: TextSettings) -> Lexicon:
        """The most frequent words, and all characters seen twice or more."""
        normaliser = Normaliser(lowercase=settings.lowercase)
        counter = TokenCounter()
        characters: Counter[str] = Counter()
        for tokens in sentences:
            words = [normaliser(token) for token in tokens]
            counter.add(words)
            for word in words:
                characters.update(spelling(word))
        words_kept = counter.vocabulary(
            min_frequency=settings.min_frequency, max_size=settings.max_vocabulary
        )
        counts = [counter.counts[word] for word in words_kept.tokens]
        kept = Vocabulary.from_counts(characters, min_frequency=2)
        return cls(words_kept, counts, kept, normaliser)

    def form(self, token: str) -> str:
        """The one spelling of a word."""
        return self.normaliser(token)

    def word(self, form: str) -> int:
        """Id of a word; that of its lower-case form, or of unknown, when it has none."""
        found = self.words.id(form)
        return self.words.id(form.lower()) if found == UNKNOWN else found

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
            "characters": self.characters.to_dict(),
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
        counts, characters = saved.get("counts"), Vocabulary.from_dict(saved.get("characters"))
        if not isinstance(counts, list) or len(counts) != len(words.tokens):
            raise RunError(
                "The saved words of the tagger are damaged: a count is missing. Train again, or "
                "restore the run folder from a copy."
            )
        return cls(words, counts, characters, Normaliser.from_dict(saved))


class FormTable:
    """Ids of some distinct words, looked up once: rows of numbers by the word's place.

    Args:
        forms: distinct words, normalised.
        lexicon: what gives them ids.
    """

    def __init__(self, forms: Sequence[str], lexicon: Lexicon) -> None:
        self.words = np.fromiter(map(lexicon.word, forms), np.int64, len(forms))
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
        return Spelled(self.words[distinct], characters, lengths, places.reshape(forms.shape))


def spelling(word: str) -> str:
    """A word's characters, Hangul syllables as jamo.

    >>> len(spelling("제일")), spelling("B2")
    (5, 'B2')
    """
    return "".join(map(jamo_of, word))
