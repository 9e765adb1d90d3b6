"""Which column of a table is the text: judged by its name and by what stands in it."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seqloom_runtime.data.column_names import NO_TEXT, SHORT_TEXT, TEXT, words_of
from seqloom_runtime.data.template import as_text

_LINK = re.compile(r"(https?://|www\.)\S+|\S+@\S+\.\w+")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?([T ]\d{1,2}:\d{2}\S*)?|\d{1,2}:\d{2}\S*")
_CODE = re.compile(r"(?=\S*\d)[\w.:/+-]+")  # one word with a digit: an id, a number, a version
_SAMPLE = 2_000  # characters of a value that are looked at


@dataclass(frozen=True)
class Column:
    """What was seen in a column.

    Args:
        name: the column's name.
        count: values that are not empty.
        length: characters in a value on average.
        distinct: share of values seen once or for the first time.
        letters: share of letters and emoji among the characters that are no spaces.
        spaced: share of values of several words.
        codes: share of values that are links, dates, numbers or ids.
    """

    name: str
    count: int
    length: float
    distinct: float
    letters: float
    spaced: float
    codes: float

    @property
    def score(self) -> float:
        """How much the column looks like the text; 0 when it cannot be it."""
        words = words_of(self.name)
        few = self.distinct * self.count <= max(2, 0.05 * self.count)
        classes = few and self.count >= 10 and self.length < 20
        if self.count == 0 or self.codes > 0.5 or self.letters < 0.3 or classes:
            return 0.0
        # The last word says what it is: a "review_id" is no review, a "documentType" no document.
        if words and words[-1] in NO_TEXT:
            return 0.0
        # The longer a value the better, but hundreds of characters say little more than dozens.
        score = math.log1p(self.length) * self.distinct * self.letters * (1 + self.spaced)
        if any(word in SHORT_TEXT for word in words):
            score *= 1.5
        return score + max((100.0 - TEXT.index(word) for word in words if word in TEXT), default=0)

    def describe(self) -> str:
        """What was seen, in words for the user."""
        if self.distinct > 0.9:
            variety = "nearly all different"
        else:
            variety = "many different" if self.distinct > 0.5 else "many repeated"
        return f"{self.count:,} values, {self.length:,.0f} characters on average, {variety}"


def look_at(name: str, records: Iterable[Mapping[str, Any]]) -> Column:
    """What stands in one column of the records."""
    values = [text for record in records if (text := as_text(record.get(name)).strip())]
    if not values:
        return Column(name, 0, 0.0, 0.0, 0.0, 0.0, 0.0)
    samples = [value[:_SAMPLE] for value in values]
    solid = "".join("".join(samples).split())
    return Column(
        name=name,
        count=len(values),
        length=sum(map(len, values)) / len(values),
        distinct=len(set(values)) / len(values),
        letters=sum(map(_says_something, solid)) / max(len(solid), 1),
        spaced=sum(any(map(str.isspace, sample)) for sample in samples) / len(samples),
        codes=sum(map(_is_code, samples)) / len(samples),
    )


def _says_something(character: str) -> bool:
    """Whether it is a letter or an emoji, as texts have and numbers and codes have not."""
    return character.isalpha() or unicodedata.category(character) == "So"


def _is_code(value: str) -> bool:
    return any(pattern.fullmatch(value) for pattern in (_LINK, _DATE, _CODE))
