"""One spelling for the same text, before anything counts or cuts it.

Unicode can write "é" in one or two characters and a line's end in three ways; a model should not
have to learn that. Knows nothing of tokens.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from seqloom_runtime.errors import RunError
from seqloom_runtime.text.options import TextOptions

BYTE_ORDER_MARK = "\ufeff"
LETTERS_END = 0x20000  # above lie ideographs, private use and variation selectors only


def normalise(text: str, *, lowercase: bool = False, strip_punctuation: bool = False) -> str:
    r"""NFC, lines ended by LF alone, no byte-order marks, no lone surrogates (U+FFFD instead).

    Done twice it changes nothing more.

    Args:
        text: any text.
        lowercase: turn to lower case.
        strip_punctuation: remove all of ``string.punctuation`` and Unicode's P categories,
            apostrophes included, as text-generation tutorials do.

    >>> normalise("Don't\r\nstop!", lowercase=True, strip_punctuation=True)
    'dont\nstop'
    >>> normalise("e\u0301") == "\u00e9"
    True
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = unicodedata.normalize("NFC", _encodable(text).replace(BYTE_ORDER_MARK, ""))
    if lowercase:
        text = text.lower()
    if strip_punctuation:
        text = text.translate(_punctuation())
    # Taking a character out can bring a letter and a mark together; lower() can write two for one.
    return text if text.isascii() else unicodedata.normalize("NFC", text)


@dataclass(frozen=True)
class Normaliser:
    """``normalise`` with its options fixed, as a tokenizer keeps it."""

    lowercase: bool = False
    strip_punctuation: bool = False

    def __call__(self, text: str) -> str:
        """The text, normalised."""
        return normalise(text, lowercase=self.lowercase, strip_punctuation=self.strip_punctuation)

    @classmethod
    def from_settings(cls, settings: TextOptions) -> Normaliser:
        """As the settings ask."""
        return cls(settings.lowercase, settings.strip_punctuation)

    def to_dict(self) -> dict[str, bool]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Normaliser:
        """Back from ``to_dict``; other keys are left alone.

        Raises:
            RunError: a value is missing or no boolean.
        """
        values = [saved.get(name) for name in ("lowercase", "strip_punctuation")]
        if not all(isinstance(value, bool) for value in values):
            raise RunError(
                "The saved tokenizer is damaged: lowercase and strip_punctuation should be true or "
                "false. Train again, or restore the run folder from a copy."
            )
        return cls(bool(values[0]), bool(values[1]))


def _encodable(text: str) -> str:
    """Surrogate pairs joined, lone surrogates (from broken JSON escapes) replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def characters_where(wanted: Callable[[str], bool]) -> str:
    """All characters below U+20000 whose Unicode category is wanted, in order.

    >>> characters_where(lambda category: category == "Pc")[:2]
    '_‿'
    """
    found = (chr(code) for code in range(LETTERS_END))
    return "".join(char for char in found if wanted(unicodedata.category(char)))


@lru_cache(maxsize=1)
def _punctuation() -> dict[int, None]:
    marks = characters_where(lambda category: category.startswith("P"))
    return dict.fromkeys(map(ord, marks + string.punctuation))
