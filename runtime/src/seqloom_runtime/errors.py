"""What can go wrong, in words a user can act on.

    SeqloomError
    ├── DataError           the file or the rows in it are not what was expected
    ├── SettingsError       a setting is unknown, out of range or contradicts another
    ├── RunError            a run folder is missing, damaged, of another version or in the way
    ├── ShapeError          an array given to a layer has the wrong size
    ├── TrainingError       training cannot go on (the loss is no number, the disk is full)
    └── MissingExtraError   an optional package is needed; the message holds the pip command

A message says what was received, what is expected and what to do next. The command line prints it
as one line and exits with status 2. A server's page says some of them in another language: these
have a code, which names the sentence, and the values that stand in it.
"""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Iterable, Sequence


class SeqloomError(Exception):
    """Base of every error that Seqloom raises for its users.

    Args:
        message: one line.
        code: a name of the sentence, where a page has it in other languages too.
        values: what stands in the sentence, in the order of its places.
    """

    def __init__(
        self, message: str = "", *, code: str = "", values: Sequence[str | float] = ()
    ) -> None:
        super().__init__(message)
        self.code, self.values = code, tuple(values)


class DataError(SeqloomError):
    """The data is missing, unreadable or not of the expected form."""


class SettingsError(SeqloomError):
    """A setting is unknown, out of range or contradicts another."""


class RunError(SeqloomError):
    """A run folder is missing, damaged, of another version or in the way."""


class ShapeError(SeqloomError):
    """An array given to a layer has the wrong size."""


class TrainingError(SeqloomError):
    """Training cannot go on."""


class MissingExtraError(SeqloomError):
    """An optional package is not installed.

    Args:
        package: which one.
        extra: of seqloom, that brings it.
        purpose: what needs it.
        others: packages that the same needs, installed with it.
    """

    def __init__(self, package: str, extra: str, purpose: str, others: Sequence[str] = ()) -> None:
        # Where only the runtime is installed, the extras of seqloom are no way to a package.
        alone = importlib.util.find_spec("seqloom") is None
        names = " ".join(others or [package])
        command = f"pip install {names}" if alone else f'pip install "seqloom[{extra}]"'
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed. Run: {command}"
        )


def nearest(name: str, known: Iterable[str]) -> str:
    """Words that offer the known name nearest to a wrong one, or list all known names."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(names)}."
