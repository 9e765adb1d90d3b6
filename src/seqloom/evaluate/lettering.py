"""Letters in pictures: fonts with Hangul where there are any, else its sound in Latin letters."""

from __future__ import annotations

from collections.abc import Sequence

HANGUL_FONTS = ("Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Malgun Gothic", "AppleGothic")
LATIN_FONT = "DejaVu Sans"  # comes with matplotlib
# Revised Romanisation of Korean, letter by letter (Ministry of Culture and Tourism 2000)
INITIALS = "g kk n d tt r m b pp s ss - j jj ch k t p h".replace("-", "").split(" ")
MEDIALS = "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i".split()
FINALS = "- k k ks n nj nh t l lk lm lp ls lt lp lh m p ps t t ng t t k t p t".replace(
    "-", ""
).split(" ")


def drawable(text: str, characters: set[int]) -> str:
    """A text in characters that the fonts have: Hangul romanised, others as a white square.

    >>> drawable("긍정 🙂", set(range(128)))
    'geungjeong □'
    """
    line = " ".join(text.split()).replace("$", r"\$")  # which would begin an equation
    if all(ord(char) in characters for char in line):
        return line
    latin = "".join(map(romanised, line))
    return "".join(char if ord(char) in characters else "□" for char in latin)


def romanised(char: str) -> str:
    """A syllable of Hangul in Latin letters; other characters as they are.

    >>> "".join(map(romanised, "부정 1"))
    'bujeong 1'
    """
    number = ord(char) - ord("가")
    if not 0 <= number < 11_172:
        return char
    initial, medial, final = number // 588, number // 28 % 21, number % 28
    return INITIALS[initial] + MEDIALS[medial] + FINALS[final]


def fonts() -> list[str]:
    """Fonts that are installed, those with Hangul first."""
    from matplotlib import font_manager

    known = {font.name for font in font_manager.fontManager.ttflist}
    return [*(name for name in HANGUL_FONTS if name in known), LATIN_FONT]


def characters_of(fonts: Sequence[str]) -> set[int]:
    """Code points that at least one font can draw."""
    from matplotlib import font_manager

    paths = [font_manager.findfont(name) for name in fonts]
    return set().union(*(font_manager.get_font(path).get_charmap() for path in paths))
