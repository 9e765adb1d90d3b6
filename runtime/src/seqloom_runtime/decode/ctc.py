"""From scores of every step to a transcript: the likeliest path, or a search over transcripts.

A path says a token or nothing (the blank, 0) at each step; repeats without a blank between count
once. Many paths spell one transcript:

    steps  1 2 3 4      c c · a    c · a a    · c a ·    all spell  c a

The search adds them up, prefix by prefix, step by step: so it hears on and on, and what all its
hypotheses begin with is certain. A language model may judge what each prefix is followed by. Knows
numbers only: no torch, no tokens' texts.

Source: Hannun et al. 2014, "First-pass large vocabulary continuous speech recognition".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

BLANK = 0
CUT = 12.0  # nats below the likeliest token of a step, beyond which a token is not considered

Rows = npt.NDArray[np.floating[Any]]
Prefix = tuple[int, ...]


class Scorer(Protocol):
    """A language model, as a search asks it."""

    def start(self) -> Any:
        """The state before the first token."""

    def extend(self, state: Any, token: int) -> tuple[float, Any]:
        """Log probability of a token after what the state holds, and the state behind it."""

    def end(self, state: Any) -> float:
        """Log probability that nothing follows."""


@dataclass(frozen=True)
class Hypothesis:
    """A transcript.

    Args:
        ids: of its tokens.
        score: nats: its log probability, with what the language model makes of it.
    """

    ids: Prefix
    score: float


class Decoder(Protocol):
    """Hears scores step by step."""

    def step(self, row: Rows) -> None:
        """Hear one step: log probabilities (vocab,)."""

    def certain(self) -> Prefix:
        """How the transcript begins whatever follows."""

    def finish(self) -> list[Hypothesis]:
        """Transcripts of all that was heard, the best first."""


def greedy_path(rows: Rows) -> list[int]:
    """Tokens of the likeliest path: repeats joined, blanks left out.

    >>> greedy_path(np.eye(3)[[1, 1, 0, 1, 2]])
    [1, 1, 2]
    """
    path = rows.argmax(1)
    first = np.concatenate([[True], path[1:] != path[:-1]])
    return [int(token) for token in path[first & (path != BLANK)]]


class Greedy:
    """The likeliest token of each step."""

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._last = BLANK
        self._score = 0.0

    def step(self, row: Rows) -> None:
        """Hear one step: log probabilities (vocab,)."""
        token = int(row.argmax())
        self._score += float(row[token])
        if token not in (BLANK, self._last):
            self._ids.append(token)
        self._last = token

    def certain(self) -> Prefix:
        """All that was said: nothing is taken back."""
        return tuple(self._ids)

    def finish(self) -> list[Hypothesis]:
        """The path's transcript."""
        return [Hypothesis(tuple(self._ids), self._score)]


@dataclass
class _Beam:
    """A prefix and its log probability, by whether its last step was a blank."""

    blank: float = -math.inf
    spoken: float = -math.inf
    language: float = 0.0  # nats of the language model, weighed, and the bonus of each token
    state: Any = None
    after: dict[int, tuple[float, Any]] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return _add(self.blank, self.spoken)

    @property
    def score(self) -> float:
        return self.total + self.language


class PrefixBeam:
    """Follows the likeliest prefixes side by side.

    Args:
        width: prefixes that are followed.
        scorer: a language model; None without.
        weight: of the language model's nats.
        bonus: nats for each token, against the language model's love of short texts.
        cut: see ``CUT``; infinity considers every token.
    """

    def __init__(
        self,
        width: int,
        scorer: Scorer | None = None,
        *,
        weight: float = 0.0,
        bonus: float = 0.0,
        cut: float = CUT,
    ) -> None:
        self.width, self.weight, self.bonus, self.cut = width, weight, bonus, cut
        self.scorer = scorer if weight else None
        state = None if self.scorer is None else self.scorer.start()
        self._beams: dict[Prefix, _Beam] = {(): _Beam(blank=0.0, state=state)}

    def step(self, row: Rows) -> None:
        """Hear one step: log probabilities (vocab,)."""
        tokens = np.flatnonzero(row >= row.max() - self.cut)
        said = [(int(token), float(row[token])) for token in tokens if token != BLANK]
        silent = float(row[BLANK])
        found: dict[Prefix, _Beam] = {}
        for prefix, beam in self._beams.items():
            total = beam.total
            same = self._same(found, prefix, beam)
            same.blank = _add(same.blank, total + silent)
            for token, nats in said:
                if prefix and token == prefix[-1]:
                    same.spoken = _add(same.spoken, beam.spoken + nats)
                    start = beam.blank  # said again only after a blank
                else:
                    start = total
                if start == -math.inf:
                    continue
                longer = self._longer(found, prefix, beam, token)
                longer.spoken = _add(longer.spoken, start + nats)
        best = sorted(found.items(), key=lambda item: -item[1].score)
        self._beams = dict(best[: self.width])

    def certain(self) -> Prefix:
        """What all prefixes begin with."""
        columns = zip(*self._beams, strict=False)
        return tuple(column[0] for column in takewhile(lambda c: len(set(c)) == 1, columns))

    def finish(self) -> list[Hypothesis]:
        """Transcripts of all that was heard, the best first."""
        found = [
            Hypothesis(prefix, beam.score + self._end(beam)) for prefix, beam in self._beams.items()
        ]
        return sorted(found, key=lambda one: -one.score)

    def _same(self, found: dict[Prefix, _Beam], prefix: Prefix, beam: _Beam) -> _Beam:
        """The prefix as it is, at the next step."""
        if prefix not in found:
            found[prefix] = _Beam(language=beam.language, state=beam.state, after=beam.after)
        # It may stand there as a longer form of another, without what was looked up already.
        found[prefix].after = beam.after
        return found[prefix]

    def _longer(self, found: dict[Prefix, _Beam], prefix: Prefix, beam: _Beam, token: int) -> _Beam:
        """The prefix with a token more, at the next step."""
        longer = (*prefix, token)
        if longer not in found:
            language, state = self._language(beam, token)
            found[longer] = _Beam(language=language, state=state)
        return found[longer]

    def _language(self, beam: _Beam, token: int) -> tuple[float, Any]:
        """What the language model makes of a longer prefix; looked up once."""
        if self.scorer is None:
            return beam.language + self.bonus, None
        if token not in beam.after:
            nats, state = self.scorer.extend(beam.state, token)
            beam.after[token] = self.weight * nats + self.bonus, state
        more, state = beam.after[token]
        return beam.language + more, state

    def _end(self, beam: _Beam) -> float:
        return 0.0 if self.scorer is None else self.weight * self.scorer.end(beam.state)


def search(rows: Rows, decoder: Decoder) -> list[Hypothesis]:
    """Transcripts of all steps (time, vocab), the best first."""
    for row in rows:
        decoder.step(row)
    return decoder.finish()


def align(rows: Rows, ids: Sequence[int]) -> npt.NDArray[np.int64]:
    """Where the likeliest path of a transcript says each of its tokens first.

        path   · c c · a     states of  c a:  · c · a ·   0 1 2 3 4
        →        1     4

    Args:
        rows: log probabilities (time, vocab).
        ids: of the transcript's tokens; they fit into the steps.

    Returns:
        steps (tokens,).
    """
    states = np.full(2 * len(ids) + 1, BLANK)
    states[1::2] = ids
    skips = np.zeros(len(states), bool)  # whether the blank before may be left out
    skips[3::2] = states[3::2] != states[1:-2:2]
    scores = np.full(len(states), -np.inf)
    scores[:2] = rows[0, states[:2]]
    back = np.zeros((len(rows), len(states)), np.int64)
    for time in range(1, len(rows)):
        before = np.stack([scores, _shifted(scores, 1), _shifted(scores, 2)])
        before[2, ~skips] = -np.inf
        back[time] = before.argmax(0)
        scores = before.max(0) + rows[time, states]
    place = len(states) - 1
    if len(states) > 1 and scores[-2] > scores[-1]:
        place -= 1
    first = np.zeros(len(ids), np.int64)
    for time in range(len(rows) - 1, -1, -1):
        if place % 2:
            first[place // 2] = time
        place -= int(back[time, place])
    return first


def _shifted(scores: npt.NDArray[np.float64], by: int) -> npt.NDArray[np.float64]:
    """Scores of the states so many before; nothing stands before the first."""
    return np.concatenate([np.full(by, -np.inf), scores[:-by]])[: len(scores)]


def _add(first: float, second: float) -> float:
    """log(eᵃ + eᵇ)."""
    low, high = (first, second) if first < second else (second, first)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))


def steps_needed(ids: Sequence[int]) -> int:
    """Steps that a transcript takes at least: one a token, and one between two that are equal.

    >>> steps_needed([4, 4, 5])
    4
    """
    return len(ids) + sum(a == b for a, b in pairwise(ids))
