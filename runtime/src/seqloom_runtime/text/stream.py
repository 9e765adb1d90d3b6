"""Text as it comes: ids pushed one by one, text returned as soon as no later id can change it.

        push      ㅎ    ㅏ    ㄴ    space   (jamo)
        returns   ""    ""    한    " "

What is held back is short (a few bytes of a character, a syllable, a Korean word), so an id costs
the same at the start and at the end of a long text. Knows nothing of how any tokenizer joins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from seqloom_runtime.text.vocabulary import Ids

if TYPE_CHECKING:
    from seqloom_runtime.text.tokenizers import Tokenizer


class Joiner(Protocol):
    """Turns ids into text, in order; every tokenizer has its own."""

    def push(self, number: int) -> str:
        """The text that an id makes certain."""
        ...

    def finish(self) -> str:
        """The text still held back; afterwards a new text can begin."""
        ...


class StreamDecoder:
    """Decodes one text while it is being written.

    All that ``push`` and ``finish`` return, put together, equals ``tokenizer.decode`` of all ids.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._joiner = tokenizer.joiner()

    def push(self, number: int) -> str:
        """The text that has become certain with this id; may be empty."""
        return self._joiner.push(int(number))

    def finish(self) -> str:
        """The rest; afterwards a new text can begin."""
        return self._joiner.finish()


class PlainJoiner:
    """For tokens that never change one another: each id is its text.

    Args:
        texts: the text of each id.
    """

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts

    def push(self, number: int) -> str:
        """The id's text."""
        return self._texts[number]

    def finish(self) -> str:
        """Nothing is ever held back."""
        return ""


def join_all(joiner: Joiner, ids: Ids) -> str:
    """A whole text through a joiner."""
    pieces = [joiner.push(number) for number in as_list(ids)]
    return "".join(pieces) + joiner.finish()


def as_list(ids: Ids) -> list[int]:
    """Ids of any sequence or array as plain whole numbers."""
    numbers: list[int] = np.asarray(ids, dtype=np.int64).tolist()
    return numbers
