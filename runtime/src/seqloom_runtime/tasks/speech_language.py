"""What may stand in a transcript: a language model that judges what a search hears.

By default characters' n-grams of the training transcripts; or a network that learnt to write text.
Either reads a transcript character by character.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.decode.ctc import Scorer
from seqloom_runtime.errors import SettingsError
from seqloom_runtime.evaluate.ngram import NGramModel
from seqloom_runtime.tasks.generate import Writer
from seqloom_runtime.text.tokenizers import Tokenizer

APART = ("space", "word")  # tokenizers between whose tokens a space stands


@dataclass(frozen=True)
class Weighing:
    """How much a language model counts.

    Args:
        weight: of its nats.
        bonus: nats for each token.
    """

    weight: float = 0.0
    bonus: float = 0.0


class Pieces:
    """What each token adds to a text."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        size = tokenizer.vocabulary_size
        self._texts = [tokenizer.decode([number]) for number in range(size)]
        self._space = " " if tokenizer.kind in APART else ""

    def __call__(self, token: int, *, first: bool) -> str:
        """Its characters, with a space before where one stands there."""
        return self._texts[token] if first else self._space + self._texts[token]


class NGramScorer:
    """Characters' n-grams; a state is the ids so far.

    Args:
        model: the n-grams.
        characters: their ids.
        tokenizer: of the transcripts.
    """

    def __init__(self, model: NGramModel, characters: Tokenizer, tokenizer: Tokenizer) -> None:
        self.model, self.characters = model, characters
        self._pieces = Pieces(tokenizer)
        self._nats = lru_cache(maxsize=4096)(self._make_nats)
        self._ids = lru_cache(maxsize=4096)(self._make_ids)

    def start(self) -> tuple[int, ...]:
        """Nothing was said."""
        return (self.characters.start,)

    def extend(self, state: tuple[int, ...], token: int) -> tuple[float, tuple[int, ...]]:
        """Log probability of a token's characters, and the state behind them."""
        nats = 0.0
        for number in self._ids(token, state == self.start()):
            nats += float(self._nats(self._recent(state))[number])
            state = (*state, number)
        return nats, state

    def end(self, state: tuple[int, ...]) -> float:
        """Log probability that nothing follows."""
        return float(self._nats(self._recent(state))[self.characters.end])

    def _recent(self, state: tuple[int, ...]) -> tuple[int, ...]:
        return state[-max(1, self.model.order - 1) :]

    def _make_nats(self, recent: tuple[int, ...]) -> npt.NDArray[np.float64]:
        nats: npt.NDArray[np.float64] = np.log(self.model.distribution(np.array(recent)))
        return nats

    def _make_ids(self, token: int, first: bool) -> tuple[int, ...]:
        return tuple(int(i) for i in self.characters.encode(self._pieces(token, first=first)))


class WriterScorer:
    """A network that writes text; a state is its own, what it expects next, and how much was read.

    Args:
        writer: of a run of generate whose tokens are characters.
        tokenizer: of the transcripts.
    """

    def __init__(self, writer: Writer, tokenizer: Tokenizer) -> None:
        self.writer = writer
        self._pieces = Pieces(tokenizer)
        ends = [] if not writer.continuous else writer.prompt_ids("")
        self._end = ends[0] if ends else writer.tokenizer.end

    def start(self) -> Any:
        """The state behind the start, or the end of a line, of a text."""
        state = self.writer.stepper.zero_state(1)
        return self._read(self.writer.prompt_ids(""), state, 0)

    def extend(self, state: Any, token: int) -> tuple[float, Any]:
        """Log probability of a token's characters, and the state behind them."""
        nats, (inner, expected, read) = 0.0, state
        for number in self.writer.tokenizer.encode(self._pieces(token, first=read == 0)):
            nats += float(expected[number])
            inner, expected, read = self._read([int(number)], inner, read + 1)
        return nats, (inner, expected, read)

    def end(self, state: Any) -> float:
        """Log probability that the text, or the line, ends."""
        return float(state[1][self._end])

    def _read(self, ids: Sequence[int], inner: Any, read: int) -> Any:
        logits: Any = None
        for number in ids:
            logits, inner = self.writer.stepper(np.array([number]), inner)
        row = logits[0].astype(np.float64)
        return inner, row - np.logaddexp.reduce(row), read


@dataclass(frozen=True)
class Language:
    """The n-grams of a run, and how much they count."""

    model: NGramModel
    characters: Tokenizer
    weighing: Weighing

    def scorer(self, tokenizer: Tokenizer) -> Scorer:
        """As a search asks them."""
        return NGramScorer(self.model, self.characters, tokenizer)


def open_own(
    language: Language | None, tokenizer: Tokenizer, options: Any
) -> tuple[Scorer | None, Weighing]:
    """The n-grams of a recognizer and how much they count; none where ``options.lm`` says so.

    Raises:
        SettingsError: a weight for no language model.
    """
    own, weight = language.weighing if language else Weighing(), options.lm_weight
    if options.lm == "none":
        if weight:
            raise SettingsError("--lm-weight changes nothing with --lm none. Leave it out.")
        return None, Weighing()
    if language is None:
        return None, Weighing()
    chosen = own.weight if weight is None else weight
    return language.scorer(tokenizer), Weighing(chosen, own.bonus)
