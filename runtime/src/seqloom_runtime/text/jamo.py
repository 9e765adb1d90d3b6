"""A token is a letter of the Korean alphabet, or any other character.

    한글  →  ᄒ ᅡ ᆫ ᄀ ᅳ ᆯ

11,172 syllables become 67 jamo (19 initial, 21 medial, 27 final), so no syllable is unknown. The
initial and the final form of a consonant are different characters (U+1100 and U+11A8), which is
what makes the way back unambiguous. Compatibility jamo (ㅋㅋ), old Hangul and other scripts are
left as they are. NFC text never holds an initial directly before a medial, or those two before a
final: NFC has composed them. So composing undoes decomposing exactly, and nothing else.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.text.characters import character_vocabulary, count_characters
from seqloom_runtime.text.normalise import Normaliser
from seqloom_runtime.text.options import TextOptions
from seqloom_runtime.text.stream import Joiner, as_list
from seqloom_runtime.text.vocabulary import UNKNOWN, Ids, Vocabulary
from seqloom_runtime.text.vocabulary_tokenizer import VocabularyTokenizer

# Unicode Standard, 3.12: syllable = U+AC00 + (initial · 21 + medial) · 28 + final, 0 for no final
SYLLABLE, SYLLABLES = 0xAC00, 19 * 21 * 28
INITIALS = [chr(0x1100 + place) for place in range(19)]
MEDIALS = [chr(0x1161 + place) for place in range(21)]
FINALS = [chr(0x11A8 + place) for place in range(27)]
_SYLLABLES = re.compile(
    f"(?:[{INITIALS[0]}-{INITIALS[-1]}][{MEDIALS[0]}-{MEDIALS[-1]}][{FINALS[0]}-{FINALS[-1]}]?)+"
)


class JamoTokenizer(VocabularyTokenizer):
    """Cuts Korean syllables into jamo and other text into characters; lossless for NFC text.

    >>> tokenizer = JamoTokenizer(Vocabulary(INITIALS + MEDIALS + FINALS), Normaliser())
    >>> tokenizer.tokens("한글")
    ['ᄒ', 'ᅡ', 'ᆫ', 'ᄀ', 'ᅳ', 'ᆯ']
    >>> tokenizer.decode(tokenizer.encode("한글"))
    '한글'
    """

    kind = "jamo"

    def __init__(self, vocabulary: Vocabulary, normaliser: Normaliser) -> None:
        super().__init__(vocabulary, normaliser)
        self._texts = vocabulary.texts()
        self._ids = _JamoIds(vocabulary)

    @classmethod
    def fit(cls, texts: Iterable[str], settings: TextOptions) -> JamoTokenizer:
        """What was seen at least ``min_frequency`` times; all 67 jamo where there is any Hangul."""
        normaliser = Normaliser.from_settings(settings)
        counts = _count_jamo(count_characters(normaliser(text) for text in texts))
        found = Vocabulary.from_counts(counts, min_frequency=settings.min_frequency)
        if any(initial in counts for initial in INITIALS):
            rest = [jamo for jamo in INITIALS + MEDIALS + FINALS if jamo not in found]
            found = Vocabulary(found.tokens + rest)
        return cls(found, normaliser)

    def tokens(self, text: str) -> list[str]:
        """The jamo and other characters."""
        return list("".join(map(jamo_of, self.normalise(text))))

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Ids of the jamo and other characters."""
        numbers = map(self._ids.__getitem__, self.normalise(text))
        return np.fromiter(chain.from_iterable(numbers), dtype=np.int32)

    def decode(self, ids: Ids) -> str:
        """The text of some ids, syllables put together."""
        return compose("".join(map(self._texts.__getitem__, as_list(ids))))

    def joiner(self) -> Joiner:
        """Decodes id by id."""
        return _SyllableJoiner(self._texts)

    def unknown_words(self, text: str) -> list[str]:
        """Characters and syllables that have a part without an id, once each."""
        seen = dict.fromkeys(self.normalise(text))
        return [char for char in seen if UNKNOWN in self._ids[char]]

    @classmethod
    def read_vocabulary(cls, saved: dict[str, Any]) -> Vocabulary:
        """The vocabulary, whose tokens must be single characters."""
        return character_vocabulary(saved)


def jamo_of(char: str) -> str:
    """The two or three jamo of a modern syllable; any other character as it is.

    >>> len(jamo_of("가")), len(jamo_of("각")), jamo_of("ㅋ")
    (2, 3, 'ㅋ')
    """
    place = ord(char) - SYLLABLE
    if not 0 <= place < SYLLABLES:
        return char
    initial, medial, final = place // (21 * 28), place // 28 % 21, place % 28
    return INITIALS[initial] + MEDIALS[medial] + (FINALS[final - 1] if final else "")


def compose(text: str) -> str:
    r"""Every initial + medial (+ final) as one syllable; other characters as they are.

    >>> compose("\u1112\u1161\u11ab ㅋㅋ \u1112")
    '한 ㅋㅋ ᄒ'
    """
    # Within a run of whole syllables NFC does just that; over all of the text it would do more.
    return _SYLLABLES.sub(lambda run: unicodedata.normalize("NFC", run[0]), text)


def _count_jamo(characters: dict[str, int]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for char, count in characters.items():
        for jamo in jamo_of(char):
            counts[jamo] += count
    return counts


class _JamoIds(dict[str, list[int]]):
    """Ids of each character's jamo, worked out when the character is first met."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self._id = vocabulary.id

    def __missing__(self, char: str) -> list[int]:
        self[char] = [self._id(jamo) for jamo in jamo_of(char)]
        return self[char]


class _SyllableJoiner:
    """Holds back an initial, or an initial and a medial, that may go on."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self._held = ""

    def push(self, number: int) -> str:
        text = self._texts[number]
        if not text:
            return ""
        held = self._held + text
        if (len(held) == 1 and text in INITIALS) or (len(held) == 2 and _SYLLABLES.match(held)):
            self._held = held
            return ""
        self._held = text if text in INITIALS else ""
        return compose(held[: len(held) - len(self._held)])

    def finish(self) -> str:
        rest, self._held = compose(self._held), ""
        return rest
