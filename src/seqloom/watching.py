"""What a run in training tells those who watch it; knows neither training nor terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Units:
    """What is counted: the loss is in ``loss`` a ``target``, the pace in ``steps`` a second.

    ``names`` are words for scores that mean something else here than elsewhere.
    """

    target: str = "token"
    steps: str = "tokens"
    loss: str = "nats"
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What the loss is measured in.

        >>> Units().words, Units(target="example").words
        ('nats a token', 'nats an example')
        """
        return f"{self.loss} {'an' if self.target[0] in 'aeiou' else 'a'} {self.target}"


@dataclass
class Report:
    """What is said at the end of an epoch; a line of ``history.jsonl``.

    ``train`` is the mean loss since the report before, ``valid`` that on the validation part, both
    in nats a target (see ``Units``); ``scores`` are of the validation part; ``best`` says whether
    no report before was better.
    """

    update: int
    epoch: float
    seconds: float
    tokens: int
    rate: float
    train: float
    valid: float
    best: bool
    scores: dict[str, float] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Pace:
    """Where a run stands, for a progress bar: seconds are of training time."""

    update: int
    progress: float
    loss: float
    tokens_per_second: float
    seconds_left: float


class Watcher(Protocol):
    """Whoever shows a run."""

    def begin(self, units: Units) -> None:
        """A training begins; a run may be made of several."""

    def passage(self, tokens: Sequence[str], ids: Sequence[int]) -> None:
        """How the data begins, as the model sees it."""

    def pace(self, pace: Pace) -> None:
        """An update is done."""

    def report(self, report: Report) -> None:
        """An epoch, or a fifth of the budget, is done."""

    def message(self, text: str) -> None:
        """Something worth a line happened."""


class Silent:
    """Shows nothing."""

    def begin(self, units: Units) -> None:
        """Nothing."""

    def passage(self, tokens: Sequence[str], ids: Sequence[int]) -> None:
        """Nothing."""

    def pace(self, pace: Pace) -> None:
        """Nothing."""

    def report(self, report: Report) -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        """Nothing."""


def unheard(text: str) -> None:
    """Takes what is said, and shows nothing."""
