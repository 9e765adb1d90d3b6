"""CIDEr-D: how well captions agree with what several people said of the same picture.

    vector of a caption   of each n-gram its count times log(pictures / pictures said with it)
    score                 10 x mean over n = 1 … 4 of the cosine to each reference's vector,
                          counts clipped to the reference's, less where the lengths differ

What is said of every picture weighs nothing, what is said of few weighs much. Words are lower
case, without punctuation; the reference implementation cuts them with the PTB tokenizer, which
parts words such as "don't" and needs Java, so scores differ from it slightly. Unlike there, words
are not stemmed here (nor in the usual evaluation of captions).

Source:
    Vedantam et al. 2015, "CIDEr: Consensus-based image description evaluation", section 5 (D).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

LONGEST = 4  # words of an n-gram
SIGMA = 6.0  # words of difference in length that cost 1 - exp(-1/2)
_WORD = re.compile(r"\w+(?:['’]\w+)?")

Gram = tuple[str, ...]
Counts = Counter[Gram]


def cider(texts: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """CIDEr-D of some captions, from 0 to 10 in theory; people reach about 1.

    How rare an n-gram is, is counted in these references themselves, as is usual.

    >>> round(cider(["a red cat", "two dogs"], [["a red cat"], ["three big dogs"]]), 3)
    4.253
    """
    if not texts:
        return math.nan
    rarity = _Rarity.of(references)
    scores = [
        sum(rarity.agreement(grams(text), grams(other)) for other in others) / len(others)
        for text, others in zip(texts, references, strict=True)
    ]
    return sum(scores) / len(scores)


def grams(text: str) -> list[Counts]:
    """How often each n-gram of words stands in a text, for n = 1 … 4.

    >>> grams("A cat, a cat!")[1].most_common(1)
    [(('a', 'cat'), 2)]
    """
    words = _WORD.findall(text.lower())
    return [
        Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
        for n in range(1, LONGEST + 1)
    ]


class _Rarity:
    """How much each n-gram says: log of how few pictures' references hold it."""

    def __init__(self, pictures: int, holding: Counts) -> None:
        self.all, self.holding = math.log(pictures), holding

    @classmethod
    def of(cls, references: Sequence[Sequence[str]]) -> _Rarity:
        holding: Counts = Counter()
        for texts in references:
            holding.update(_distinct(texts))
        return cls(len(references), holding)

    def weight(self, gram: Gram) -> float:
        """0 for what is said of every picture."""
        return self.all - math.log(max(1, self.holding[gram]))

    def agreement(self, found: list[Counts], true: list[Counts]) -> float:
        """Ten times the mean cosine, clipped and less for another length."""
        apart = sum(found[0].values()) - sum(true[0].values())
        cosines = [self._cosine(a, b) for a, b in zip(found, true, strict=True)]
        return 10 * math.exp(-(apart**2) / (2 * SIGMA**2)) * sum(cosines) / LONGEST

    def _cosine(self, found: Counts, true: Counts) -> float:
        product = sum(
            min(count, true[gram]) * true[gram] * self.weight(gram) ** 2
            for gram, count in found.items()
        )
        lengths = self._length(found) * self._length(true)
        return product / lengths if lengths else 0.0

    def _length(self, counts: Counts) -> float:
        return math.sqrt(sum((count * self.weight(gram)) ** 2 for gram, count in counts.items()))


def _distinct(texts: Iterable[str]) -> set[Gram]:
    """The n-grams in any of some texts."""
    return {gram for text in texts for counts in grams(text) for gram in counts}
