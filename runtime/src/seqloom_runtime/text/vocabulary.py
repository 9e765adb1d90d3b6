"""Tokens and their ids.

    id      0      1      2        3      4   5   6 …
    token  <pad>  <unk>  <start>  <end>   most frequent first

The four special tokens have ids but no spelling: a "<unk>" that a user typed is ordinary text and
gets an id of its own, or becomes unknown, like any other token. Knows nothing of how text is cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import RunError

PAD, UNKNOWN, START, END = range(4)
SPECIALS = ("<pad>", "<unk>", "<start>", "<end>")
UNKNOWN_TEXT = (
    "\ufffd"  # what an unknown token decodes to; the other special ones decode to nothing
)
COUNTED_AT_ONCE = 500_000  # distinct tokens held while counting, about 80 MB

Ids = Sequence[int] | npt.NDArray[np.integer[Any]]


class Vocabulary:
    """Ordinary tokens in order of their ids, after the special ones.

    Args:
        tokens: distinct tokens; the first gets id 4.
        forgotten: tokens counted up to this many times may be missing because memory was bounded
            while counting; 0 when every count was exact.

    >>> vocabulary = Vocabulary(["salt", "and"])
    >>> len(vocabulary), vocabulary.ids(["salt", "pepper", "<pad>"]).tolist()
    (6, [4, 1, 1])
    """

    def __init__(self, tokens: Sequence[str], forgotten: int = 0) -> None:
        self.tokens = list(tokens)
        self.forgotten = forgotten
        self._ids = {token: place for place, token in enumerate(self.tokens, len(SPECIALS))}

    @classmethod
    def from_counts(
        cls,
        counts: Mapping[str, int],
        *,
        min_frequency: int = 1,
        max_size: int | None = None,
        forgotten: int = 0,
    ) -> Vocabulary:
        """The most frequent tokens; equally frequent ones in the order of their characters.

        Args:
            counts: how often each token was seen.
            min_frequency: tokens seen fewer times are left out.
            max_size: ids at most, the special ones included; None for no limit.
            forgotten: see the class.
        """
        kept = [token for token, count in counts.items() if count >= min_frequency]
        kept.sort(key=lambda token: (-counts[token], token))
        room = len(kept) if max_size is None else max(0, max_size - len(SPECIALS))
        return cls(kept[:room], forgotten)

    def __len__(self) -> int:
        """Number of ids, the special ones included."""
        return len(SPECIALS) + len(self.tokens)

    def __contains__(self, token: str) -> bool:
        """Whether an ordinary token has an id of its own."""
        return token in self._ids

    def id(self, token: str) -> int:
        """Id of an ordinary token; that of unknown when it has none."""
        return self._ids.get(token, UNKNOWN)

    def ids(self, tokens: Iterable[str]) -> npt.NDArray[np.int32]:
        """Ids of ordinary tokens, in order."""
        known = self._ids.get
        return np.array([known(token, UNKNOWN) for token in tokens], dtype=np.int32)

    def token(self, number: int) -> str:
        """How an id is written, for display; ``<pad>`` and the like for special ones."""
        return SPECIALS[number] if number < len(SPECIALS) else self.tokens[number - len(SPECIALS)]

    def texts(self) -> list[str]:
        """What each id adds to a decoded text."""
        return ["", UNKNOWN_TEXT, "", "", *self.tokens]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"specials": list(SPECIALS), "tokens": self.tokens, "forgotten": self.forgotten}

    @classmethod
    def from_dict(cls, saved: object) -> Vocabulary:
        """Back from ``to_dict``.

        Raises:
            RunError: the content is not what ``to_dict`` writes.
        """
        if not isinstance(saved, dict) or saved.get("specials") != list(SPECIALS):
            raise damaged_vocabulary(f'"specials" should be {", ".join(SPECIALS)}')
        tokens, forgotten = saved.get("tokens"), saved.get("forgotten", 0)
        if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
            raise damaged_vocabulary('"tokens" should be a list of texts')
        if len(set(tokens)) != len(tokens) or "" in tokens:
            raise damaged_vocabulary("a token is empty or stands there twice")
        if not isinstance(forgotten, int):
            raise damaged_vocabulary('"forgotten" should be a whole number')
        return cls(tokens, forgotten)


class TokenCounter:
    """Counts tokens of a stream in bounded memory.

    Whenever more than ``limit`` distinct tokens are held, the rarer half is forgotten. Only tokens
    far rarer than any vocabulary keeps are lost that way; ``forgotten`` is the largest count lost.
    """

    def __init__(self, limit: int = COUNTED_AT_ONCE) -> None:
        self.counts: Counter[str] = Counter()
        self.limit = limit
        self.forgotten = 0

    def add(self, tokens: Iterable[str]) -> None:
        """Count some more tokens."""
        self.counts.update(tokens)
        if len(self.counts) > self.limit:
            self._prune()

    def _prune(self) -> None:
        numbers = np.fromiter(self.counts.values(), np.int64, len(self.counts))
        floor = int(np.sort(numbers)[len(numbers) // 2])
        self.counts = Counter({t: count for t, count in self.counts.items() if count > floor})
        self.forgotten = max(self.forgotten, floor)

    def vocabulary(self, *, min_frequency: int, max_size: int) -> Vocabulary:
        """The vocabulary of what was counted."""
        return Vocabulary.from_counts(
            self.counts,
            min_frequency=min_frequency,
            max_size=max_size,
            forgotten=self.forgotten,
        )


def damaged_vocabulary(what: str) -> RunError:
    """The error for a saved vocabulary that is not what was written."""
    return RunError(
        f"The saved vocabulary is damaged: {what}. Train again, or restore the run folder "
        "from a copy."
    )
