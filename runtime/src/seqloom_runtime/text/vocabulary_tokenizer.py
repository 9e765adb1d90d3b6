"""What tokenizers share whose tokens stand in a vocabulary. Knows nothing of how text is cut."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from seqloom_runtime.text.normalise import Normaliser
from seqloom_runtime.text.stream import Joiner, join_all
from seqloom_runtime.text.vocabulary import END, PAD, START, UNKNOWN, Ids, Vocabulary


class VocabularyTokenizer(ABC):
    """Cuts text into tokens and looks each up; a subclass says how to cut and how to join.

    Args:
        vocabulary: the tokens that have an id.
        normaliser: applied before cutting.
    """

    kind: ClassVar[str]
    pad, unknown, start, end = PAD, UNKNOWN, START, END

    def __init__(self, vocabulary: Vocabulary, normaliser: Normaliser) -> None:
        self.vocabulary = vocabulary
        self.normalise = normaliser

    @abstractmethod
    def tokens(self, text: str) -> list[str]:
        """The text cut into tokens."""

    @abstractmethod
    def joiner(self) -> Joiner:
        """Decodes id by id."""

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, special ones included."""
        return len(self.vocabulary)

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Ids of the text's tokens."""
        return self.vocabulary.ids(self.tokens(text))

    def decode(self, ids: Ids) -> str:
        """The text of some ids."""
        return join_all(self.joiner(), ids)

    def token(self, number: int) -> str:
        """How an id is written."""
        return self.vocabulary.token(number)

    def unknown_words(self, text: str) -> list[str]:
        """Tokens without an id, once each."""
        return [token for token in dict.fromkeys(self.tokens(text)) if token not in self.vocabulary]

    def known_characters(self, text: str, ids: npt.NDArray[np.integer[Any]]) -> int:
        """Characters of a text that its ids stand for: one less for each that is unknown."""
        return len(text) - int((ids == UNKNOWN).sum())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "kind": self.kind,
            **self.normalise.to_dict(),
            "vocabulary": self.vocabulary.to_dict(),
        }

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Self:
        """Back from ``to_dict``.

        Raises:
            RunError: the content is damaged.
        """
        return cls(cls.read_vocabulary(saved), Normaliser.from_dict(saved))

    @classmethod
    def read_vocabulary(cls, saved: dict[str, Any]) -> Vocabulary:
        """The vocabulary in what ``to_dict`` gave, checked."""
        return Vocabulary.from_dict(saved.get("vocabulary"))


def known_share(text: str, ids: npt.NDArray[np.integer[Any]], lengths: npt.NDArray[Any]) -> int:
    """Characters of a text that its ids stand for, where tokens leave spaces out.

    What the known tokens do not explain of the visible characters belongs to unknown ones; spaces
    belong to both in proportion.

    Args:
        text: normalised.
        ids: of its tokens.
        lengths: characters of each id's token, 0 for unknown (vocabulary_size,).
    """
    unknown = int((ids == UNKNOWN).sum())
    if not unknown:
        return len(text)
    known = int(lengths[ids].sum())
    visible = sum(map(len, text.split())) + text.count("\n")
    return round(len(text) * known / (known + max(unknown, visible - known)))
