"""Whether some pairs have their languages the other way round: their letters say so."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

FEWEST_LETTERS = 200  # of a side, below which letters say little
ALIKE = 0.1  # letters that lie so near to those of the same side are no others
LIKELIER = 0.5  # a part is swapped where its letters lie so much nearer to those of the other side

UNLIKE = 0.5  # sides whose letters lie so far from each other are of different scripts

SCRIPTS = {
    **dict.fromkeys(("ko", "kor", "korean", "한국어"), "HANGUL"),
    **dict.fromkeys(("ja", "jpn", "japanese", "日本語"), "HIRAGANA"),
    **dict.fromkeys(("zh", "zho", "chinese", "中文"), "CJK"),
    **dict.fromkeys(("ru", "rus", "russian", "uk", "ukrainian", "bg", "bulgarian"), "CYRILLIC"),
    **dict.fromkeys(("el", "ell", "greek"), "GREEK"),
    **dict.fromkeys(("ar", "ara", "arabic", "fa", "persian"), "ARABIC"),
    **dict.fromkeys(("he", "heb", "hebrew"), "HEBREW"),
    **dict.fromkeys(("hi", "hin", "hindi"), "DEVANAGARI"),
    **dict.fromkeys(("th", "tha", "thai"), "THAI"),
}
"""The script that a column or a file of a language's name holds, as Unicode names its letters."""

Sides = tuple[Sequence[str], Sequence[str]]


def look_swapped(ours: Sides, theirs: Sides) -> bool:
    """Whether the sources of other pairs have the letters of our targets, and the reverse.

    >>> ours = ["guten Tag, schöne Grüße"] * 20, ["good day, nice to meet you"] * 20
    >>> look_swapped(ours, (ours[1], ours[0])), look_swapped(ours, ours)
    (True, False)
    """
    counts = [letters(side) for side in (*ours, *theirs)]
    if min(count.total() for count in counts) < FEWEST_LETTERS:
        return False
    source, target, first, second = counts
    straight = distance(source, first) + distance(target, second)
    crossed = distance(source, second) + distance(target, first)
    return straight > ALIKE and crossed < LIKELIER * straight


def swapped_pairs(sides: Sides) -> list[int]:
    """Places of pairs whose letters are those of the other side, where few pairs are so.

    Only of languages in different scripts: of others the letters of one pair say little.

    >>> swapped_pairs((["good day"] * 9 + ["안녕"], ["안녕하세요"] * 9 + ["good day"]))
    [9]
    >>> swapped_pairs((["nun da"] * 9 + ["an and"], ["an and"] * 9 + ["nun da"]))
    []
    """
    source, target = (letters(side) for side in sides)
    if not source or not target or distance(source, target) < UNLIKE:
        return []
    totals = source.total(), target.total()
    of_target = {c for c in target if target[c] / totals[1] > source[c] / totals[0]}
    return [
        place
        for place, (first, second) in enumerate(zip(*sides, strict=True))
        if _share(first, of_target) > 0.5 > _share(second, of_target)
    ]


def names_crossed(names: tuple[str, str], sides: Sides) -> bool:
    """Whether one side is written in the script that the name of the other one promises.

    >>> sides = ["좋은 아침"] * 9, ["good morning"] * 9
    >>> names_crossed(("en", "ko"), sides), names_crossed(("ko", "en"), sides)
    (True, False)
    """
    shares = []
    for name in names:
        words = re.split(r"[\W\d_]+", name.lower())
        script = next((SCRIPTS[word] for word in words if word in SCRIPTS), None)
        shares.append([_written(side, script) for side in sides] if script else [0.5, 0.5])
    (own, other), (of_source, of_target) = shares
    return max(other - own, of_source - of_target) > UNLIKE


def _written(texts: Sequence[str], script: str) -> float:
    """The share of the letters that are of a script."""
    counts = letters(texts)
    named = (count for char, count in counts.items() if script in unicodedata.name(char, ""))
    return sum(named) / max(counts.total(), 1)


def _share(text: str, letters: set[str]) -> float:
    """The share of a text's letters that are among some; 0.5, which decides nothing, without any.

    >>> _share("ab!", {"a"}), _share("!", {"a"})
    (0.5, 0.5)
    """
    own = [char for char in text if char.isalpha()]
    return sum(char in letters for char in own) / len(own) if own else 0.5


def letters(texts: Sequence[str]) -> Counter[str]:
    """How often each letter stands in some texts; capitals count apart."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    return Counter({char: count for char, count in counts.items() if char.isalpha()})


def distance(first: Counter[str], second: Counter[str]) -> float:
    """How much of one distribution another does not cover: 0 for alike, 1 for nothing shared."""
    totals = first.total(), second.total()
    shared = sum(min(first[c] / totals[0], second[c] / totals[1]) for c in first.keys() & second)
    return 1 - shared
