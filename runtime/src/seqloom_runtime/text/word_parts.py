"""Parts of a word that say what it is: beginning, end and shape; of a Korean word its morphemes.

    Lions     <li  s>  ns>  ons>  Xx
    참여한다  <참여  다>  한다>  여한다>  가   NNG+XSV+EF  참여/NNG  다/EF  하/XSV+ᆫ다/EF

A word's morphemes are found without its neighbours, so they are the same wherever it stands and
are found once for all its places. Knows nothing of ids.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib.util import find_spec
from itertools import groupby

from seqloom_runtime.errors import MissingExtraError
from seqloom_runtime.text.jamo import SYLLABLE, SYLLABLES
from seqloom_runtime.text.morpheme import cut_line, form_and_tag

WORD_PARTS = 5  # kinds of parts that every word has
MORPHEME_PARTS = 4  # kinds more where morphemes are read
SHAPED = 48  # characters of a very long word whose shape is looked at
REMEMBERED = 1 << 17  # words whose morphemes are kept, some 50 MB


def parts_of(word: str) -> list[str]:
    """Two letters it begins with, the last one, two and three, and its shape.

    >>> parts_of("McDonald's")
    ['<mc', 's>', "'s>", "d's>", 'XxXx.x']
    """
    lower = word.lower()
    return [f"<{lower[:2]}", *(f"{lower[-size:]}>" for size in (1, 2, 3)), shape_of(word)]


def morpheme_parts_of(word: str) -> list[str]:
    """The parts of speech of its morphemes, the first and the last of them, the last two together.

    >>> morpheme_parts_of("행사는")
    ['NNG+JX', '행사/NNG', '는/JX>', '행사/NNG+는/JX>']

    Raises:
        MissingExtraError: Kiwi is not installed.
    """
    forms, tags = _morphemes(word)
    return ["+".join(tags), forms[0], f"{forms[-1]}>", f"{'+'.join(forms[-2:])}>"]


@lru_cache(maxsize=REMEMBERED)
def _morphemes(word: str) -> tuple[list[str], list[str]]:
    """Morphemes as form/TAG and their tags; regular and irregular verbs have one tag."""
    # Kiwi finds nothing, or nothing it can name, in what is empty or of unusual spaces only.
    found = [form_and_tag(morpheme) for morpheme in cut_line(word)] or [(word, "none")]
    pairs = [(form, tag.partition("-")[0] or "none") for form, tag in found]
    return [f"{form}/{tag}" for form, tag in pairs], [tag for _, tag in pairs]


def kiwi_installed() -> bool:
    """Whether morphemes can be found."""
    return find_spec("kiwipiepy") is not None


def require_morphemes() -> None:
    """Check that a tagger that reads morphemes can be used.

    Raises:
        MissingExtraError: Kiwi is not installed.
    """
    if not kiwi_installed():
        raise MissingExtraError("kiwipiepy", "korean", "This tagger reads Korean morphemes and")


def mostly_korean(words: Iterable[str]) -> bool:
    """Whether half of the words or more have a Korean syllable.

    >>> mostly_korean(["제일", "가까운", "Starbucks", "."])
    True
    """
    total = korean = 0
    for word in words:
        total += 1
        korean += any(0 <= ord(char) - SYLLABLE < SYLLABLES for char in word)
    return 0 < total <= 2 * korean


def shape_of(word: str) -> str:
    """Kinds of characters, each run of one kind written once: X x d, 가 for other letters, mark.

    >>> shape_of("iPhone7"), shape_of("@user"), shape_of("8개")
    ('xXxd', '@x', 'd가')
    """
    return "".join(kind for kind, _ in groupby(map(_kind, word[:SHAPED])))


def _kind(char: str) -> str:
    if char.isupper():
        return "X"
    if char.islower():
        return "x"
    if char.isdigit():
        return "d"
    if char.isalpha():
        return "가"
    return char if char in "@#" else "."
