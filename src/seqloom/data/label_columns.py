"""What stands in a column, looked at as the label of a classifier: how it is named, what values.

Knows neither files nor settings.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seqloom_runtime.data.column_names import NO_TEXT, words_of
from seqloom_runtime.data.template import as_text

LABEL_NAMES = (
    "label class category sentiment emotion mood feeling tone stance target polarity intent topic "
    "genre type spam toxic hate offensive priority severity urgency status rating stars score y "
    "라벨 레이블 분류 감정 감성 기분 태도 의도 카테고리 주제 장르 유형 평점 별점"
).split()
"""Names of a column that is the label, the surest first."""

AROUND_NAMES = (
    "shop store product brand item city country region place speaker character user name gender "
    "age device platform version channel "
    "상품 매장 브랜드 도시 국가 지역 화자 인물 사용자 이름 성별 나이"
).split()
"""Names of a column with few values that is rather about whom or where a text comes from."""

MOST_CLASSES = 200
MOST_NUMBERS = 20  # different numbers of a column that is a label all the same
MOST_TELLING = 20  # different values of a column whose values alone say that it is a label
FEWEST_SEEN = 5  # times that each of them is seen, on average
LONGEST_LABEL = 60  # characters
SHOWN = 4  # values shown to the user
SEPARATORS = "|;,"
JOINED = 0.02  # share of values with a separator from which on it may be one

_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|\.\d+)([eE][-+]?\d+)?")
_DATE = re.compile(r"\d{1,4}([-./])\s?\d{1,2}\1\s?\d{1,4}\.?([T ].*)?")


@dataclass(frozen=True)
class LabelColumn:
    """What was seen in a column.

    Args:
        name: the column's name.
        rows: rows looked at.
        given: those that have a label.
        counts: how often each label was seen.
        several: whether a field is a list.
    """

    name: str
    rows: int
    given: int
    counts: Counter[str]
    several: bool

    @property
    def is_named(self) -> bool:
        """Whether the column is called as labels are."""
        return named_as_label(self.name)

    @property
    def rank(self) -> int:
        """Small for a column that is likely to be the label."""
        words = words_of(self.name)
        last = len(LABEL_NAMES)
        if self.is_named:
            return min(LABEL_NAMES.index(word) for word in words if word in LABEL_NAMES)
        # A date or a count has few values too; words rather name a class than numbers do.
        beside = self.is_date or (words[-1:] != [] and words[-1] in NO_TEXT)
        return last + 2 * beside + self.is_numeric

    @property
    def is_numeric(self) -> bool:
        """Whether the labels are numbers, a few marks for missing ones aside."""
        numbers = sum(map(bool, map(_NUMBER.fullmatch, self.counts)))
        return numbers > 0 and numbers >= 0.95 * len(self.counts)

    @property
    def is_date(self) -> bool:
        """Whether the values are days or times, a few marks for missing ones aside."""
        dates = sum(map(bool, map(_DATE.fullmatch, self.counts)))
        return dates > 0 and dates >= 0.95 * len(self.counts)

    @property
    def is_quantity(self) -> bool:
        """Whether the values are numbers that measure something rather than name it."""
        if not self.is_numeric or len(self.counts) <= MOST_NUMBERS:
            return False
        fractions = any("." in value or "," in value for value in self.counts)
        return fractions or len(self.counts) > MOST_CLASSES or self._nearly_distinct

    @property
    def is_free(self) -> bool:
        """Whether the values are texts or ids, nearly each its own."""
        length = sum(map(len, self.counts)) / max(len(self.counts), 1)
        return self._nearly_distinct or length > LONGEST_LABEL

    @property
    def _nearly_distinct(self) -> bool:
        seen, different = self.counts.total(), len(self.counts)
        return different > max(50, 0.5 * seen) or (different == seen and seen >= 4)

    @property
    def fits(self) -> bool:
        """Whether the values are few, short and each seen more than once."""
        seen, different = self.counts.total(), len(self.counts)
        if self.given < self.rows / 2 or any(len(label) > LONGEST_LABEL for label in self.counts):
            return False
        most = MOST_NUMBERS if self.is_numeric else MOST_CLASSES
        named = self.is_named and not self.is_numeric  # such a column may hold rare labels
        repeated = seen >= 3 * different or (named and seen > different)
        return 2 <= different <= most and repeated

    @property
    def tells(self) -> bool:
        """Whether the values alone, without the name, make a label of it: few words, seen often."""
        words = words_of(self.name)
        around = {*AROUND_NAMES, *NO_TEXT}.intersection(words)
        often = self.counts.total() >= FEWEST_SEEN * len(self.counts)
        few = len(self.counts) <= MOST_TELLING
        of_words = not self.is_numeric and not self.is_date
        return self.fits and few and often and of_words and not around

    def values(self) -> str:
        """How many labels there are, and the most frequent of them."""
        shown = ", ".join(f'"{label[:30]}"' for label, _ in self.counts.most_common(SHOWN))
        more = ", ..." if len(self.counts) > SHOWN else ""
        return f"{len(self.counts):,} different values ({shown}{more})"

    def describe(self) -> str:
        """What was seen, in a few words, for a column that is no label."""
        if not self.counts:
            what = "empty"
        elif self.is_quantity:
            what = f"{len(self.counts):,} different numbers, a quantity"
        elif separator := self.separator():
            what = f"several values joined by {separator}"
        elif len(self.counts) == 1:
            what = "one value"
        else:
            what = f"{len(self.counts):,} different values"
        return f'"{self.name}" ({what})'

    def separator(self) -> str:
        """What seems to stand between several labels of a row; "" for nothing."""
        for mark in SEPARATORS:
            joined = sum(count for label, count in self.counts.items() if mark in label)
            if self.several or joined < max(JOINED * self.counts.total(), 2):
                continue
            single = {part.strip() for label in self.counts for part in label.split(mark)}
            short = all(0 < len(part) <= LONGEST_LABEL / 2 for part in single)
            if short and len(single) < len(self.counts):
                return mark
        return ""

    def remarks(self) -> list[str]:
        """What a user should know of the labels, as sentences."""
        found = []
        if mark := self.separator():
            found.append(
                f'values of "{self.name}" look like several labels joined by {mark}; if they are, '
                f'pass --label-separator "{mark}"'
            )
        folded = Counter(label.casefold() for label in self.counts)
        twice = [label for label in self.counts if folded[label.casefold()] > 1]
        if twice:
            shown = " and ".join(f'"{label}"' for label in sorted(twice)[:2])
            found.append(f"the labels {shown} differ in case only; they count as two")
        return found


def look_at_label(
    name: str, records: Iterable[Mapping[str, Any]], separator: str = ""
) -> LabelColumn:
    """What stands in one column of the records."""
    fields = [record.get(name) for record in records]
    labels = [split_labels(field, separator) for field in fields]
    counts = Counter(label for several in labels for label in several)
    lists = any(is_list(field) for field in fields)
    return LabelColumn(name, len(fields), sum(map(bool, labels)), counts, lists)


def named_as_label(column: str) -> bool:
    """Whether a column is called as labels are."""
    return any(word in LABEL_NAMES for word in words_of(column))


def is_list(field: Any) -> bool:
    """Whether a field holds several values."""
    return isinstance(field, list | tuple) or getattr(field, "ndim", 0) > 0


def split_labels(field: Any, separator: str) -> tuple[str, ...]:
    """The labels in a field, each once, without those that are empty.

    >>> split_labels("sad | angry", "|"), split_labels(["sad", "angry"], ""), split_labels(1.0, "")
    (('sad', 'angry'), ('sad', 'angry'), ('1',))
    """
    if isinstance(field, str):
        parts = field.split(separator) if separator else [field]
    elif is_list(field):
        parts = [_label_text(value) for value in field]
    else:
        text = _label_text(field)
        parts = text.split(separator) if separator else [text]
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _label_text(value: Any) -> str:
    """A number without the .0 that a column gets where a value is missing."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return as_text(value)
