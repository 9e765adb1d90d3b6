"""Scores of a tagger, and the tagger to beat: each word's most frequent tag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqloom.evaluate.spans import SpanCounts


@dataclass
class TagScores:
    """Right and wrong tags of a part; add sentences, then ask for scores.

    Args:
        spans: whether the tags mark spans, which are then scored too.
    """

    spans: bool
    true: Counter[str] = field(default_factory=Counter)
    guessed: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    span_counts: SpanCounts = field(default_factory=SpanCounts)

    def add(self, true: Sequence[str], guessed: Sequence[str]) -> None:
        """Take in one sentence; a tag for each word."""
        self.true.update(true)
        self.guessed.update(guessed)
        self.right.update(t for t, g in zip(true, guessed, strict=True) if t == g)
        if self.spans:
            self.span_counts.add(true, guessed)

    def metrics(self) -> dict[str, float]:
        """``accuracy``, share of words; with spans ``span_f1``, over all types together."""
        words = self.true.total()
        result = {"accuracy": self.right.total() / words if words else 0.0}
        return result | {"span_f1": self.span_counts.f1()} if self.spans else result

    def table(self) -> dict[str, dict[str, Any]]:
        """Precision, recall, F1 and support of each tag, the most frequent first."""
        order = sorted({*self.true, *self.guessed}, key=lambda tag: (-self.true[tag], tag))
        return {tag: self._row(tag) for tag in order}

    def _row(self, tag: str) -> dict[str, Any]:
        true, guessed, right = self.true[tag], self.guessed[tag], self.right[tag]
        return {
            "precision": right / guessed if guessed else 0.0,
            "recall": right / true if true else 0.0,
            "f1": 2 * right / (true + guessed) if true + guessed else 0.0,
            "support": true,
        }


class MajorityTagger:
    """Gives each word the tag it had most often in training, any other word the commonest tag.

    Args:
        tags: the tag of each word that has another than the commonest.
        otherwise: the commonest tag.
    """

    def __init__(self, tags: dict[str, str], otherwise: str) -> None:
        self.tags, self.otherwise = tags, otherwise

    @classmethod
    def fit(cls, sentences: Iterable[tuple[Sequence[str], Sequence[str]]]) -> MajorityTagger:
        """Count the tags of each word; of equally frequent ones the first in the alphabet."""
        counts: dict[str, Counter[str]] = {}
        for tokens, tags in sentences:
            for token, tag in zip(tokens, tags, strict=True):
                counts.setdefault(token, Counter())[tag] += 1
        all_tags: Counter[str] = sum(counts.values(), Counter())
        otherwise = _commonest(all_tags)
        best = {token: _commonest(found) for token, found in counts.items()}
        return cls({token: tag for token, tag in best.items() if tag != otherwise}, otherwise)

    def tag(self, tokens: Sequence[str]) -> list[str]:
        """A tag for each word."""
        return [self.tags.get(token, self.otherwise) for token in tokens]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"otherwise": self.otherwise, "tags": self.tags}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> MajorityTagger:
        """Back from ``to_dict``."""
        return cls(saved["tags"], saved["otherwise"])


def _commonest(counts: Counter[str]) -> str:
    return min(counts, key=lambda tag: (-counts[tag], tag))
