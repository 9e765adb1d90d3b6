"""What a tokenizer is fitted by: the settings that it reads, whoever holds them."""

from __future__ import annotations

from typing import Protocol


class TextOptions(Protocol):
    """Settings of text; ``seqloom.config.TextOptions`` tells what each does."""

    @property
    def tokenizer(self) -> str:
        """Kind of token."""

    @property
    def lowercase(self) -> bool:
        """Turn the text to lower case first."""

    @property
    def strip_punctuation(self) -> bool:
        """Remove punctuation first."""

    @property
    def min_frequency(self) -> int:
        """Tokens seen fewer times become unknown."""

    @property
    def max_vocabulary(self) -> int:
        """Tokens in the vocabulary at most."""

    @property
    def kmer(self) -> int:
        """Characters in a token of the kmer tokenizer."""
