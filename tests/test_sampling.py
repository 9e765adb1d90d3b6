import math
import re
import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqloom_runtime.decode.sampling import Sampler

from seqloom.errors import RunError, SettingsError

FloatArray = npt.NDArray[np.float32]


def random_logits(batch: int, vocab_size: int, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    return (3 * rng.normal(size=(batch, vocab_size))).astype(np.float32)


def slow(logits: FloatArray, s: Sampler, previous: Sequence[int]) -> npt.NDArray[np.float64]:
    """The filters one by one, each on a full distribution sorted in plain Python."""
    scores = [float(x) for x in logits]
    if s.repetition_penalty != 1:
        for i in set(previous):
            p = s.repetition_penalty
            scores[i] = scores[i] / p if scores[i] > 0 else scores[i] * p
    for i in s.banned:
        scores[i] = -np.inf
    if s.temperature == 0:
        best: npt.NDArray[np.float64] = np.eye(len(scores))[int(np.argmax(scores))]
        return best
    ranked = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    weights = np.exp((np.array(scores) - max(scores)) / s.temperature)
    weights[ranked[s.top_k or len(ranked) :]] = 0
    weights /= weights.sum()
    held = 0.0
    for i in ranked:
        weights[i], held = (0 if held >= s.top_p else weights[i]), held + weights[i]
    weights[weights < s.min_p * weights.max()] = 0
    result: npt.NDArray[np.float64] = weights / weights.sum()
    return result


CASES: list[dict[str, Any]] = [
    {},
    {"temperature": 0.3},
    {"temperature": 0},
    {"top_k": 5},
    {"top_k": 1_000},
    {"top_p": 0.8},
    {"min_p": 0.1},
    {"repetition_penalty": 1.7},
    {"banned": (0, 7)},
    {"temperature": 0.7, "top_k": 30, "top_p": 0.9, "min_p": 0.02, "repetition_penalty": 1.3},
    {"temperature": 1.6, "top_k": 3, "top_p": 0.5, "banned": (1,)},
]


@pytest.mark.parametrize("values", CASES, ids=str)
@pytest.mark.parametrize("vocab_size", [40, 700])
def test_probabilities_equal_the_slow_way(values: dict[str, Any], vocab_size: int) -> None:
    sampler = Sampler(**values)
    logits = random_logits(6, vocab_size)
    before = logits.copy()
    previous = [[0, 3, 3, 9], [], [5], [1, 2], [39], [39, 38]]
    got = sampler.probabilities(logits, previous)
    expected = [slow(row, sampler, seen) for row, seen in zip(logits, previous, strict=True)]
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-9)
    np.testing.assert_allclose(got.sum(1), 1, rtol=1e-12)
    assert np.array_equal(logits, before)


@given(
    st.lists(st.sampled_from([-2.0, 0.0, 0.5, 3.0]), min_size=1, max_size=12), st.integers(1, 12)
)
def test_top_k_keeps_k_even_of_equals(scores: list[float], k: int) -> None:
    logits = np.array([scores], np.float32)
    chances = Sampler(top_k=k).probabilities(logits)[0]
    ranked = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    assert set(np.flatnonzero(chances)) == set(ranked[:k])


@settings(max_examples=50)
@given(st.integers(0, 1_000), st.floats(0.01, 0.99), st.sampled_from([20, 600]))
def test_top_p_keeps_the_fewest_that_hold_the_share(seed: int, share: float, size: int) -> None:
    logits = random_logits(1, size, seed)
    full = Sampler().probabilities(logits)[0]
    kept = np.flatnonzero(Sampler(top_p=share).probabilities(logits)[0])
    assert full[kept].sum() >= share - 1e-6
    assert full[kept].sum() - full[kept].min() < share + 1e-6
    assert full[kept].min() >= np.delete(full, kept).max(initial=0)


@pytest.mark.parametrize("vocab_size", [5, 50, 1_000])
@pytest.mark.parametrize("values", [{}, {"temperature": 0.7, "top_p": 0.9}], ids=str)
def test_draws_follow_the_probabilities(vocab_size: int, values: dict[str, Any]) -> None:
    sampler = Sampler(**values, seed=4)
    logits = random_logits(1, vocab_size)
    chances = sampler.probabilities(logits)[0]
    (stream,) = sampler.streams(1)
    draws = 20_000
    counts = np.bincount(
        [sampler.choose(logits[0], stream) for _ in range(draws)], minlength=vocab_size
    )
    assert counts[chances == 0].sum() == 0
    common = chances * draws >= 5
    observed = [*counts[common], counts[~common].sum()]
    expected = [*(chances[common] * draws), chances[~common].sum() * draws]
    if expected[-1] == 0:
        observed, expected = observed[:-1], expected[:-1]
    square = sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))
    free = len(observed) - 1  # mean of the chi-square distribution; its variance is twice that
    assert abs(square - free) < 3 * math.sqrt(2 * free)


class FixedStream:
    def __init__(self, value: float) -> None:
        self.value = value

    def random(self) -> float:
        return self.value


@pytest.mark.parametrize("vocab_size", [100, 129 * 128 + 3])
@pytest.mark.parametrize("uniform", [0.0, 0.25, 0.5, 1 - 2**-53])
def test_a_draw_inverts_the_running_sum(vocab_size: int, uniform: float) -> None:
    sampler = Sampler(banned=(0, vocab_size - 1))
    for seed in range(20):
        logits = random_logits(1, vocab_size, seed)
        running = sampler.probabilities(logits)[0].cumsum()
        drawn = sampler.choose(logits[0], FixedStream(uniform))  # type: ignore[arg-type]
        assert 0 < drawn < vocab_size - 1
        assert running[drawn - 1] - 1e-5 <= uniform <= running[drawn] + 1e-5


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    sampler = Sampler(temperature=0.9, top_p=0.95, repetition_penalty=1.2, seed=3)
    steps = [random_logits(5, 600, seed) for seed in range(20)]
    previous = [[row, 7] for row in range(5)]
    streams = sampler.streams(5)
    together = np.array([sampler.draw(logits, streams, previous) for logits in steps])
    for row in range(5):
        own = sampler.streams(1, first=row)
        alone = [sampler.draw(x[row : row + 1], own, [previous[row]])[0] for x in steps]
        assert together[:, row].tolist() == alone


def test_equal_rows_draw_from_streams_of_their_own() -> None:
    logits = np.repeat(random_logits(1, 600), 5, axis=0)
    sampler = Sampler(temperature=2.0)
    streams = sampler.streams(5)
    drawn = np.array([sampler.draw(logits, streams) for _ in range(10)])
    assert len({tuple(column) for column in drawn.T}) == 5


def test_the_seed_decides() -> None:
    logits = random_logits(1, 1_000)

    def drawn(seed: int) -> list[int]:
        sampler = Sampler(seed=seed)
        streams = sampler.streams(1)
        return [int(sampler.draw(logits, streams)[0]) for _ in range(10)]

    assert drawn(1) == drawn(1) != drawn(2)


def test_cold_draws_are_greedy() -> None:
    logits = random_logits(3, 200)
    best = logits.argmax(1).tolist()
    for temperature in (0, 1e-300, 1e-30, 1e-6):
        sampler = Sampler(temperature=temperature)
        assert sampler.draw(logits, sampler.streams(3)).tolist() == best


def test_penalty_turns_greedy_away_from_what_was_said() -> None:
    logits = np.array([[2.0, 1.5, -1.0, -1.1]], np.float32)
    sampler = Sampler(temperature=0, repetition_penalty=2.0)
    assert sampler.draw(logits, sampler.streams(1), [[0]]).tolist() == [1]
    shifted = logits - np.float32(3)  # negative scores are multiplied: less likely too
    assert sampler.draw(shifted, sampler.streams(1), [[0]]).tolist() == [1]


@pytest.mark.parametrize("scores", [[np.nan, 1.0], [-np.inf, -np.inf], [np.inf, 0.0]])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_damaged_scores_are_named(scores: list[float], temperature: float) -> None:
    sampler = Sampler(temperature=temperature)
    with pytest.raises(RunError, match="no finite number"):
        sampler.draw(np.array([scores], np.float32), sampler.streams(1))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": -0.1}, "temperature is -0.1; it must be a number from 0 up."),
        ({"temperature": float("nan")}, "temperature is nan; it must be a number from 0 up."),
        ({"top_k": -1}, "top_k is -1; it must be a whole number from 0 up (0: all tokens)."),
        ({"top_p": 0.0}, "top_p is 0.0; it must be more than 0 and at most 1."),
        ({"top_p": 1.5}, "top_p is 1.5; it must be more than 0 and at most 1."),
        ({"min_p": 1.0}, "min_p is 1.0; it must be from 0 to less than 1."),
        ({"repetition_penalty": 0.5}, "repetition_penalty is 0.5; it must be a number from 1 up."),
        ({"seed": -3}, "seed is -3; it must be a whole number from 0 up."),
        ({"banned": (1, -1)}, "banned is (1, -1); it must be token ids from 0 up."),
    ],
)
def test_values_out_of_range_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        Sampler(**values)


def test_a_draw_of_ten_thousand_is_far_cheaper_than_sorting() -> None:
    """A loose bound that holds on a busy computer; the measured median is about 20 µs."""
    sampler = Sampler(temperature=0.8)
    logits, streams = random_logits(1, 10_000), sampler.streams(1)
    times = []
    for _ in range(300):
        start = time.perf_counter()
        sampler.draw(logits, streams)
        times.append(time.perf_counter() - start)
    assert statistics.median(times) < 500e-6
