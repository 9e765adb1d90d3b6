"""Every setting and its only default.

The command line, the estimators, ``config.toml`` and the documentation are generated from these
classes. A setting is frozen once made, checked when made, and an unknown name is an error that
offers the nearest known one. ``auto`` is resolved from the data before training; the answer, not
the question, is written to the run's ``config.toml``.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seqloom.errors import SettingsError, nearest

RecordKind = Literal["auto", "continuous", "line", "paragraph", "file", "row"]
TokenizerKind = Literal["auto", "char", "word", "jamo", "morpheme", "bpe"]
EncoderKind = Literal["elman", "jordan", "output-to-output", "lstm", "gru", "mingru"]


class Section(BaseModel):
    """A group of settings that belong together; one table of ``config.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class DataSettings(Section):
    """Where the text stands in the data, and how it is split."""

    text: str | None = None
    """Column that holds the text, or a template such as "Recipe for {title} | {directions}"."""
    records: RecordKind = "auto"
    """What one record is; continuous reads everything as one text."""
    encoding: str = "auto"
    """Encoding of text files, such as utf-8, cp949 or cp1252."""
    valid: str | None = None
    """File with the validation records; replaces the split."""
    test: str | None = None
    """File with the test records, scored once after training."""
    split: str = "0.9/0.1"
    """Shares of train/validation or train/validation/test."""
    drop: tuple[str, ...] = ()
    """Field values that count as missing, such as Unknown; rows that need them are dropped."""
    skip_bad_rows: bool = False
    """Drop rows that cannot be read (counted and reported) instead of stopping at the first."""


class TextSettings(Section):
    """How text is cut into tokens."""

    tokenizer: TokenizerKind = "auto"
    """What a token is."""
    lowercase: bool = False
    """Turn the text to lower case first."""
    strip_punctuation: bool = False
    """Remove punctuation first."""
    min_frequency: int = Field(default=1, ge=1)
    """Tokens seen fewer times in the training part become unknown."""
    max_vocabulary: int = Field(default=10_000, ge=5)
    """Tokens in the vocabulary at most, the most frequent kept; characters are never cut by it."""
    max_length: int = Field(default=1_000, ge=2)
    """Tokens of a record at most; longer records are cut and counted."""
    window: int = Field(default=0, ge=0)
    """Learn from sliding windows of this many tokens to the next one; 0 learns from whole texts."""
