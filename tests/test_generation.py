from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqloom_runtime.decode.generation import generate, top_candidates
from seqloom_runtime.decode.sampling import Sampler

from seqloom.errors import SettingsError

IntArray = npt.NDArray[np.int64]
VOCAB = 12


class CountingModel:
    """A tiny recurrence: what comes next depends on everything read, in order."""

    def __init__(self) -> None:
        self.table = np.random.default_rng(0).normal(size=(97, VOCAB)).astype(np.float32) * 3
        self.calls = 0

    def __call__(self, ids: IntArray, state: IntArray) -> tuple[npt.NDArray[np.float32], IntArray]:
        self.calls += 1
        state = (31 * state + ids + 1) % 97
        return self.table[state], state


def start(batch: int) -> IntArray:
    return np.zeros(batch, np.int64)


def written(columns: Sequence[IntArray]) -> list[list[int]]:
    rows: list[list[int]] = np.stack(columns, axis=1).tolist()
    return [[token for token in row if token >= 0] for row in rows]


def by_hand(prompt: list[int], sampler: Sampler, length: int, stop: int, row: int) -> list[int]:
    """One row, reading its whole text from the start for every token."""
    model, (stream,) = CountingModel(), sampler.streams(1, first=row)
    text = list(prompt)
    while len(text) < len(prompt) + length:
        state = start(1)
        for token in text:
            logits, state = model(np.array([token]), state)
        token = int(sampler.draw(logits, [stream], [text])[0])
        if token == stop:
            break
        text.append(token)
    return text[len(prompt) :]


prompts = st.lists(
    st.lists(st.integers(0, VOCAB - 1), min_size=1, max_size=6), min_size=1, max_size=4
)


@settings(max_examples=60, deadline=None)
@given(prompts, st.integers(1, 8), st.integers(0, 50), st.sampled_from([0.0, 0.7, 1.5]))
def test_a_row_equals_its_text_alone(
    rows: list[list[int]], length: int, seed: int, temperature: float
) -> None:
    sampler = Sampler(temperature=temperature, repetition_penalty=1.2, seed=seed)
    model = CountingModel()
    columns = list(generate(model, rows, sampler, length, 3, start(len(rows))))
    alone = [by_hand(prompt, sampler, length, 3, row) for row, prompt in enumerate(rows)]
    assert written(columns) == alone
    assert model.calls <= max(map(len, rows)) + length - 1
    for number, prompt in enumerate(rows):
        streams = sampler.streams(1, first=number)
        single = generate(CountingModel(), [prompt], sampler, length, 3, start(1), streams=streams)
        assert written(list(single)) == [alone[number]]


def test_columns_stand_in_line_and_end_with_minus_one() -> None:
    sampler = Sampler(seed=5)
    rows = [[1, 2, 3, 4], [5]]
    columns = np.stack(list(generate(CountingModel(), rows, sampler, 30, 0, start(2))), axis=1)
    for row in columns:
        (ends,) = np.nonzero(row == -1)
        assert len(ends)  # within 30 tokens each of these rows draws the stop token
        assert (row[ends[0] :] == -1).all()
    assert (columns[:, :-1] >= 0).any(axis=0).all()  # only the last column may be all -1


def test_an_ended_row_shows_its_end_once() -> None:
    def always_four(ids: IntArray, state: Any) -> tuple[npt.NDArray[np.float32], Any]:
        return np.eye(VOCAB, dtype=np.float32)[[4] * len(ids)], state

    greedy = Sampler(temperature=0)
    assert [c.tolist() for c in generate(always_four, [[1]], greedy, 9, 4, None)] == [[-1]]
    forever = list(generate(always_four, [[1]], greedy, 3, None, None))
    assert [c.tolist() for c in forever] == [[4], [4], [4]]


def test_tokens_come_before_the_model_is_asked_again() -> None:
    model = CountingModel()
    stream = generate(model, [[1, 2, 3]], Sampler(), 5, None, start(1))
    assert model.calls == 0
    next(stream)
    assert model.calls == 3
    next(stream)
    assert model.calls == 4
    assert len(list(stream)) == 3
    assert model.calls == 7  # the last token is not read


def test_the_state_is_handed_on_unopened() -> None:
    handed: list[object] = []

    def step(ids: IntArray, state: object) -> tuple[npt.NDArray[np.float32], object]:
        handed.append(state)
        return np.zeros((len(ids), VOCAB), np.float32), object()

    first = object()
    list(generate(step, [[1, 2]], Sampler(), 2, None, first))
    assert handed[0] is first
    assert len({id(state) for state in handed}) == 3


def test_bad_prompts_and_lengths_are_named_at_once() -> None:
    with pytest.raises(SettingsError, match="Prompt 2 is empty"):
        generate(CountingModel(), [[1], []], Sampler(), 5, None, start(2))
    with pytest.raises(SettingsError, match="length is 0"):
        generate(CountingModel(), [[1]], Sampler(), 0, None, start(1))
    assert list(generate(CountingModel(), [], Sampler(), 5, None, start(0))) == []


def test_top_candidates_are_those_of_the_draw() -> None:
    logits = np.log(np.array([0.1, 0.4, 0.2, 0.3], np.float32))
    assert [i for i, _ in top_candidates(logits, Sampler(), 3)] == [1, 3, 2]
    assert [p for _, p in top_candidates(logits, Sampler(), 2)] == pytest.approx([0.4, 0.3])
    cold = top_candidates(logits, Sampler(temperature=0.5), 4)
    squares = np.array([0.16, 0.09, 0.04, 0.01]) / 0.30
    assert [p for _, p in cold] == pytest.approx(squares.tolist())
    assert top_candidates(logits, Sampler(temperature=0), 4) == [(1, 1.0)]
    assert [i for i, _ in top_candidates(logits, Sampler(top_k=2), 4)] == [1, 3]
    penalised = top_candidates(logits, Sampler(repetition_penalty=3.0), 4, [1])
    assert [i for i, _ in penalised] == [3, 2, 0, 1]
