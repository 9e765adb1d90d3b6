"""Writing token by token with a carried state.

Knows only ``step(ids (batch,), state) → (logits (batch, vocab_size), state)``: the state is handed
on unopened, and nothing that was read is ever read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.decode.sampling import FloatArray, IntArray, Previous, Sampler
from seqloom_runtime.errors import SettingsError

State = Any  # opaque: whatever the step wants to get back
Step = Callable[[IntArray, State], tuple[FloatArray, State]]

ENDED = -1


class _Row:
    """One text: its prompt, then what is written."""

    def __init__(self, prompt: Sequence[int], length: int, stream: np.random.Generator) -> None:
        self.text = [int(i) for i in prompt]
        self.prompt_length = len(self.text)
        self.full_length = self.prompt_length + length
        self.stream = stream
        self.ended = False

    def written(self, column: int) -> int:
        """The id in a column of what was written, or -1."""
        place = self.prompt_length + column
        return self.text[place] if place < len(self.text) else ENDED

    def next_input(self, place: int) -> int:
        """The id to read at a place; a row that has ended reads its last id, to no effect."""
        return self.text[min(place, len(self.text) - 1)]

    def extend(self, scores: FloatArray, sampler: Sampler, stop: int | None) -> None:
        """Write one more id, or end."""
        token = sampler.choose(scores, self.stream, self.text)
        if token == stop:
            self.ended = True
        else:
            self.text.append(token)
            self.ended = len(self.text) == self.full_length


def generate(
    step: Step,
    prompts: Sequence[Sequence[int]],
    sampler: Sampler,
    length: int,
    stop: int | None,
    state: State,
    *,
    streams: Sequence[np.random.Generator] | None = None,
    read: int = 0,
) -> Iterator[IntArray]:
    """Continue every prompt, side by side; the j-th array holds each row's j-th new id.

    A row writes as soon as its own prompt is read. What a row with a short prompt writes early
    waits for the others, so that columns stand in line:

        step   1 2 3 4 5        prompts  a b c | x        length 3
        row 0  a b c D E → F             yields  (D, Y) (E, Z) (F, W)
        row 1  x Y Z W

    Args:
        step: the model; called once a token for the whole batch.
        prompts: ids of each row, one at least.
        sampler: how ids are chosen.
        length: new ids for each row at most.
        stop: the id that ends a row; it is not part of the result.
        state: the model's state before the first token.
        streams: random streams of the rows; ``sampler.streams`` by default.
        read: ids at the beginning of each prompt that ``state`` has read already; one is left.
    Yields:
        (batch,) ids; -1 for a row that has ended. The last array may be all -1.
    Raises:
        SettingsError: a prompt has no id, or length is less than 1.
    """
    if length < 1:
        raise SettingsError(f"length is {length}; it must be a whole number from 1 up.")
    for number, prompt in enumerate(prompts, 1):
        if not len(prompt):
            raise SettingsError(f"Prompt {number} is empty; a model needs one token to start from.")
    if not prompts:
        return iter(())
    streams = streams or sampler.streams(len(prompts))
    rows = [_Row(prompt, length, stream) for prompt, stream in zip(prompts, streams, strict=True)]
    return _columns(step, rows, sampler, length, stop, state, read)


def _columns(
    step: Step,
    rows: list[_Row],
    sampler: Sampler,
    length: int,
    stop: int | None,
    state: State,
    before: int,
) -> Iterator[IntArray]:
    longest = max(row.prompt_length for row in rows)
    for read in range(before + 1, longest + length):  # ids of each row that the model has read
        if not all(row.ended for row in rows):
            ids = np.array([row.next_input(read - 1) for row in rows], np.int64)
            logits, state = step(ids, state)
            for row, scores in zip(rows, logits, strict=True):
                if row.prompt_length <= read and not row.ended:
                    row.extend(scores, sampler, stop)
        column = read - longest
        if column >= 0:
            new = np.array([row.written(column) for row in rows], np.int64)
            yield new
            if (new == ENDED).all():
                return


def top_candidates(
    logits: FloatArray, sampler: Sampler, k: int, previous: Previous = ()
) -> list[tuple[int, float]]:
    """The k likeliest next tokens with the probabilities they are drawn with, likeliest first.

    Args:
        logits: scores of the next token (vocab_size,).
        sampler: its filters are applied; a token they leave no chance is not listed.
        k: how many.
        previous: ids that stand in the text already.
    """
    chances: npt.NDArray[np.float64] = sampler.probabilities(logits[None], [previous])[0]
    order = np.argsort(-chances, kind="stable")[:k]
    return [(int(i), float(chances[i])) for i in order if chances[i] > 0]
