"""Writing text with a language model: prompt in, tokens out.

Knows the order of things (tokenizer, one-step network, sampler, stop); the parts stand elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from seqloom_runtime.decode.generation import generate, top_candidates
from seqloom_runtime.decode.sampling import Sampler
from seqloom_runtime.stepping import Step
from seqloom_runtime.tasks.remarks import unknown_words
from seqloom_runtime.text.stream import StreamDecoder
from seqloom_runtime.text.tokenizers import Tokenizer


class WindowStepper:
    """A model of n tokens → next one, as a function of one token and a state.

    Such a model starts every window from zero, so its state is the window itself.
    """

    def __init__(self, stepper: Step, window: int) -> None:
        self.stepper, self.window = stepper, window

    def zero_state(self, batch: int) -> npt.NDArray[np.int64]:
        """No tokens yet."""
        return np.zeros((batch, 0), np.int64)

    def __call__(
        self, ids: npt.NDArray[np.int64], state: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Logits after the window that ends with these ids."""
        state = np.concatenate([state, ids[:, None]], axis=1)[:, -self.window :]
        inner = self.stepper.zero_state(len(ids))
        for column in state.T:
            logits, inner = self.stepper(column, inner)
        return logits, state


@runtime_checkable
class Reader(Protocol):
    """A step that can read many tokens at once too."""

    def read(self, ids: npt.NDArray[np.int64], state: Any) -> Any:
        """The state after ids (batch, time), of which there may be none."""


@dataclass(frozen=True)
class Candidate:
    """A token that could come next, with its probability after all filters."""

    token: str
    probability: float


class Writer:
    """A language model that writes.

    Args:
        stepper: the network, one token at a time.
        tokenizer: text to ids and back.
        continuous: the model learnt one text; otherwise a text has a start and an end.
    """

    def __init__(self, stepper: Step, tokenizer: Tokenizer, *, continuous: bool) -> None:
        self.stepper, self.tokenizer, self.continuous = stepper, tokenizer, continuous

    def prompt_ids(self, prompt: str) -> list[int]:
        """Ids the model reads before it writes.

        A record begins with the start token. One continuous text has none: an empty prompt stands
        for the end of a line, where the tokenizer knows one.
        """
        ids = [int(i) for i in self.tokenizer.encode(prompt)]
        if not self.continuous:
            return [self.tokenizer.start, *ids]
        if ids:
            return ids
        line_end = [int(i) for i in self.tokenizer.encode("\n")]
        usable = [i for i in line_end if i != self.tokenizer.unknown]
        return usable or [4]  # the first token that is not special

    def remarks(self, prompt: str) -> list[str]:
        """What should be known of how a prompt is read, as sentences."""
        unknown = self.tokenizer.unknown_words(prompt)
        return [unknown_words(unknown)] if unknown else []

    def ids(
        self, prompts: Sequence[str], sampler: Sampler, length: int, *, first_row: int = 0
    ) -> Iterator[npt.NDArray[np.int64]]:
        """New ids of all rows as they come: (batch,), -1 for a row that has ended.

        ``first_row`` is the number of the first row: it decides the random streams, so that rows
        written one after the other are the rows written side by side.
        """
        rows = [self.prompt_ids(prompt) for prompt in prompts]
        sampler = self._only_text(sampler)
        state, read = self.stepper.zero_state(len(rows)), 0
        if isinstance(self.stepper, Reader) and rows:
            read = min(len(row) for row in rows) - 1  # the last id of a prompt is the first step
            state = self.stepper.read(np.array([row[:read] for row in rows], np.int64), state)
        return generate(
            self.stepper,
            rows,
            sampler,
            length,
            self._stop,
            state,
            streams=sampler.streams(len(rows), first_row),
            read=read,
        )

    @property
    def _stop(self) -> int | None:
        return None if self.continuous else self.tokenizer.end

    def _only_text(self, sampler: Sampler) -> Sampler:
        """The sampler, kept from ids that stand for no text; an end ends records only."""
        tokens = self.tokenizer
        banned = {tokens.pad, tokens.unknown, tokens.start, tokens.end} - {self._stop}
        return replace(sampler, banned=tuple(sorted(banned)))

    def stream(self, prompt: str, sampler: Sampler, length: int, *, row: int = 0) -> Iterator[str]:
        """Pieces of the continuation as soon as they are certain."""
        decoder = StreamDecoder(self.tokenizer)
        # The decoder reads the prompt too, for the space between it and what follows.
        before = self.tokenizer.decode(self._words_of(prompt))
        seen = "".join(decoder.push(token) for token in self._words_of(prompt))
        hidden = len(before) - len(seen)  # characters of the prompt that are held back
        for (token,) in self.ids([prompt], sampler, length, first_row=row):
            if token < 0:
                break
            piece = decoder.push(int(token))
            yield piece[hidden:]
            hidden = max(0, hidden - len(piece))
        yield decoder.finish()[hidden:]

    def write(self, prompt: str, sampler: Sampler, length: int) -> str:
        """The continuation of a prompt."""
        return "".join(self.stream(prompt, sampler, length))

    def write_all(self, prompts: Sequence[str], sampler: Sampler, length: int) -> list[str]:
        """The continuations of several prompts, side by side."""
        columns = list(self.ids(prompts, sampler, length))
        rows = np.stack(columns, axis=1) if columns else np.zeros((len(prompts), 0), np.int64)
        return [self._continuation(p, row) for p, row in zip(prompts, rows, strict=True)]

    def _continuation(self, prompt: str, row: npt.NDArray[np.int64]) -> str:
        start = self._words_of(prompt)
        text = self.tokenizer.decode([*start, *(int(i) for i in row if i >= 0)])
        return text[len(self.tokenizer.decode(start)) :]

    def _words_of(self, prompt: str) -> list[int]:
        """The prompt's ids that are text."""
        return [i for i in self.prompt_ids(prompt) if i != self.tokenizer.start]

    def token_nats(self, text: str) -> npt.NDArray[np.float64]:
        """Nats of each token of a text after those before it; a record's end is a token too."""
        ids = self.prompt_ids(text)
        if not self.continuous:
            ids.append(self.tokenizer.end)
        state: Any = self.stepper.zero_state(1)
        nats = np.zeros(len(ids) - 1)
        for place, (read, due) in enumerate(pairwise(ids)):
            logits, state = self.stepper(np.array([read]), state)
            row = logits[0].astype(np.float64)
            top = row.max()
            nats[place] = top + np.log(np.exp(row - top).sum()) - row[due]
        return nats

    def steps(
        self, prompt: str, sampler: Sampler, length: int, count: int, *, row: int = 0
    ) -> Iterator[tuple[str, list[Candidate]]]:
        """Each token of ``stream``, and the ``count`` likeliest ones it was drawn from."""
        rows = [self.prompt_ids(prompt)]
        seen: list[npt.NDArray[np.float32]] = []

        def watched(ids: npt.NDArray[np.int64], state: Any) -> tuple[Any, Any]:
            logits, state = self.stepper(ids, state)
            seen[:] = [logits[0]]
            return logits, state

        sampler = self._only_text(sampler)
        state = self.stepper.zero_state(1)
        written = list(rows[0])
        streams = sampler.streams(1, row)
        new = generate(watched, rows, sampler, length, self._stop, state, streams=streams)
        for (token,) in new:
            top = top_candidates(seen[0], sampler, count, written)
            yield (
                self.tokenizer.token(int(token)) if token >= 0 else "<end>",
                [Candidate(self.tokenizer.token(i), p) for i, p in top],
            )
            if token < 0:
                return
            written.append(int(token))
