"""What a server serves: a model with a name, behind one face for all tasks.

    class Shouting:                      # the smallest one
        name, task, place, workers = "loud", "translate", "nowhere", 1
        inputs = {"text": Field("text", "What is shouted.", required=True)}
        options: dict[str, Field] = {}
        def about(self): return {}
        def answer(self, rows, options): return [{"text": row["text"].upper()} for row in rows]

A row holds the checked ``inputs``, options the checked ``options`` of a request. Rows of several
requests with the same options are answered together, so an answer may depend on nothing but its
row. The server calls ``answer`` from as many threads as there are ``workers``; ``stream``, ``look``
and ``weigh`` run beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

Kind = Literal[
    "text", "words", "series", "table", "media", "integer", "number", "boolean", "choice"
]
Row = dict[str, Any]
Options = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """One value that a request may hold.

    Args:
        kind: text; words (a list of words, or a text); series (a list of numbers, or of lists of
            them); table (a list of objects); media (bytes, as base64); a number; a choice.
        help: what it means, as a sentence.
        default: taken where it is not given.
        required: whether it must be there and hold something.
        low: the least number, or the number above which it must lie.
        high: the largest number.
        above: whether ``low`` itself is too small.
        choices: of a choice.
        media: content types of media, such as "audio/wav".
    """

    kind: Kind
    help: str
    default: Any = None
    required: bool = False
    low: float | None = None
    high: float | None = None
    above: bool = False
    choices: tuple[str, ...] = ()
    media: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """What a page needs to ask for it."""
        found = {"kind": self.kind, "help": self.help, "default": self.default}
        found |= {"required": self.required, "low": self.low, "high": self.high}
        return found | {"choices": list(self.choices), "media": list(self.media)}


class Served(Protocol):
    """A model that is served."""

    @property
    def name(self) -> str:
        """By which requests ask for it."""

    @property
    def task(self) -> str:
        """What it does, such as classify."""

    @property
    def place(self) -> str:
        """Where it was loaded from, for messages."""

    @property
    def workers(self) -> int:
        """How many threads may call ``answer`` at the same time."""

    @property
    def inputs(self) -> Mapping[str, Field]:
        """What a row holds."""

    @property
    def options(self) -> Mapping[str, Field]:
        """What a request may ask for beside its rows."""

    def about(self) -> dict[str, Any]:
        """What a page shows of it, such as its labels."""

    def answer(self, rows: Sequence[Row], options: Options) -> list[Answer]:
        """The answer to each row, in their order."""


@runtime_checkable
class Streams(Protocol):
    """A model that can answer piece by piece."""

    def stream(self, row: Row, options: Options) -> Iterator[Answer]:
        """Pieces of an answer as they come; each is an event."""


@runtime_checkable
class Looks(Protocol):
    """A model that can be looked into."""

    def look(self, row: Row, language: str) -> str:
        """A page of HTML that shows what happens inside with a row."""


@runtime_checkable
class Weighs(Protocol):
    """A model that can say what mattered."""

    def weigh(self, row: Row) -> Answer:
        """How much each token mattered to what is said of a row."""
