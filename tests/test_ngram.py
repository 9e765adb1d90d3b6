import math
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save
from seqloom_runtime.evaluate.ngram import NGramModel, choose_order

from seqloom.errors import DataError, RunError, SettingsError

Ids = npt.NDArray[np.integer]
Gram = tuple[int, ...]


class SlowModel:
    """Modified Kneser-Ney with plain dictionaries, written from Chen & Goodman 1999, section 3."""

    def __init__(self, sequences: list[list[int]], vocab_size: int, order: int) -> None:
        self.vocab_size = vocab_size
        self.counts: list[Counter[Gram]] = []
        for n in range(1, order + 1):
            raw: Counter[Gram] = Counter()
            opening: Counter[Gram] = Counter()
            before: dict[Gram, set[int]] = defaultdict(set)
            for s in sequences:
                for end in range(1, len(s)):  # token 0 is history only
                    first = end - n + 1
                    if first < 0:
                        continue
                    gram = tuple(s[first : end + 1])
                    raw[gram] += 1
                    if first == 0:
                        opening[gram] += 1
                    else:
                        before[gram].add(s[first - 1])
            kinds = Counter({gram: len(before[gram]) + opening[gram] for gram in raw})
            self.counts.append(raw if n == order else kinds)
        self.discounts = [self.discount(counts) for counts in self.counts]

    @staticmethod
    def discount(counts: Counter[Gram]) -> list[float]:
        n = [sum(count == i for count in counts.values()) for i in range(5)]
        plain = [0.5, 1.0, 1.5]
        if 0 in n[1:]:
            return plain
        y = n[1] / (n[1] + 2 * n[2])
        found = [i - (i + 1) * y * n[i + 1] / n[i] for i in (1, 2, 3)]
        return found if all(0 < d <= i for i, d in enumerate(found, 1)) else plain

    def probability(self, token: int, history: Gram) -> float:
        n = len(history)
        lower = self.probability(token, history[1:]) if n else 1 / self.vocab_size
        counts, discounts = self.counts[n], self.discounts[n]
        following = {g: c for g, c in counts.items() if g[:-1] == history}
        total = sum(following.values())
        if not total:
            return lower
        taken = {g: discounts[min(c, 3) - 1] for g, c in following.items()}
        gram = (*history, token)
        own = following[gram] - taken[gram] if gram in following else 0.0
        return own / total + sum(taken.values()) / total * lower


def arrays(sequences: list[list[int]]) -> list[Ids]:
    return [np.array(s, np.uint16) for s in sequences]


def histories(vocab_size: int, longest: int) -> list[Gram]:
    return [h for n in range(longest + 1) for h in product(range(vocab_size), repeat=n)]


corpora = st.lists(st.lists(st.integers(0, 3), max_size=25), max_size=5)


@settings(max_examples=40, deadline=None)
@given(corpora, st.integers(1, 4))
def test_equals_the_equations_on_all_histories(sequences: list[list[int]], order: int) -> None:
    model = NGramModel.fit(arrays(sequences), vocab_size=4, order=order)
    slow = SlowModel(sequences, 4, order)
    for history in histories(4, 4):
        chances = model.distribution(np.array(history, np.int64))
        assert chances.sum() == pytest.approx(1, abs=1e-12)
        assert chances.min() > 0
        used = history[len(history) - min(order - 1, len(history)) :]
        expected = [slow.probability(token, used) for token in range(4)]
        np.testing.assert_allclose(chances, expected, rtol=1e-10)


def zipf_text(tokens: int, seed: int = 0) -> list[int]:
    """A text in which a token depends on the one before: enough of it for real discounts."""
    rng = np.random.default_rng(seed)
    text = [0]
    for jump in rng.zipf(1.7, tokens - 1):
        text.append((7 * text[-1] + int(min(jump, 40))) % 30)
    return text


def test_equals_the_equations_with_estimated_discounts() -> None:
    text = zipf_text(1_500)
    slow = SlowModel([text], 30, 3)
    assert sum(d != [0.5, 1.0, 1.5] for d in slow.discounts) >= 2
    model = NGramModel.fit(arrays([text]), vocab_size=30, order=3)
    valid = zipf_text(60, seed=1)
    expected = [
        -math.log(slow.probability(token, tuple(valid[max(0, i - 2) : i])))
        for i, token in enumerate(valid)
    ]
    np.testing.assert_allclose(model.nll(np.array(valid)), expected, rtol=1e-10)


@settings(max_examples=30, deadline=None)
@given(corpora, corpora, st.integers(1, 5), st.integers(0, 5))
def test_nats_are_those_of_the_distribution(
    train: list[list[int]], valid: list[list[int]], order: int, start: int
) -> None:
    model = NGramModel.fit(arrays(train), vocab_size=4, order=order)
    each = model.nll_each(arrays(valid))
    for sequence, nats in zip(arrays(valid), each, strict=True):
        alone = [-np.log(model.distribution(sequence[:i])[t]) for i, t in enumerate(sequence)]
        np.testing.assert_allclose(nats, alone, rtol=1e-10)
        np.testing.assert_allclose(model.nll(sequence, start), alone[start:], rtol=1e-10)


def test_contexts_cross_pieces_of_one_text_but_not_records() -> None:
    text = zipf_text(600)
    pieces = arrays([text[:200], text[200:201], [], text[201:]])
    whole = NGramModel.fit(arrays([text]), vocab_size=30, order=4)
    joined = NGramModel.fit(pieces, vocab_size=30, order=4, continuous=True)
    records = NGramModel.fit(pieces, vocab_size=30, order=4)
    valid = np.array(zipf_text(100, seed=2))
    assert np.array_equal(whole.nll(valid), joined.nll(valid))
    assert not np.array_equal(whole.nll(valid), records.nll(valid))


def test_the_opening_token_is_never_expected_again() -> None:
    records = arrays([[0, 2, 3, 1]] * 50)  # start, two words, end
    model = NGramModel.fit(records, vocab_size=4, order=3)
    assert model.distribution(np.array([0]))[2] > 0.9
    assert model.distribution(np.array([2, 3]))[0] < 0.01


@pytest.mark.parametrize("orders", [range(1, 5), [2, 4], [3]])
def test_choose_order_finds_what_fitting_each_order_finds(orders: list[int]) -> None:
    train = arrays([zipf_text(400, seed) for seed in range(3)])
    valid = arrays([zipf_text(100, seed) for seed in range(3, 6)])
    fitted = [NGramModel.fit(train, vocab_size=30, order=order) for order in orders]
    totals = [sum(float(n[1:].sum()) for n in model.nll_each(valid)) for model in fitted]
    best = fitted[int(np.argmin(totals))]
    chosen = choose_order(iter(train), iter(valid), 30, orders)
    assert (chosen.order, chosen.tokens) == (best.order, 1_200)
    for sequence in valid:
        np.testing.assert_allclose(chosen.nll(sequence), best.nll(sequence), rtol=1e-12)


def test_reading_stops_at_the_limit() -> None:
    text = zipf_text(300)
    drawn = []

    def counted() -> Iterator[Ids]:
        for sequence in arrays([text[:100], text[100:200], text[200:]]):
            drawn.append(len(sequence))
            yield sequence

    model = NGramModel.fit(counted(), vocab_size=30, order=3, max_tokens=150)
    cut = NGramModel.fit(arrays([text[:100], text[100:150]]), vocab_size=30, order=3)
    assert (model.tokens, model.stopped, len(drawn)) == (150, True, 2)
    assert (cut.tokens, cut.stopped) == (150, False)
    assert np.array_equal(model.nll(np.array(text)), cut.nll(np.array(text)))


def test_the_file_brings_back_the_same_model() -> None:
    train = arrays([zipf_text(300, seed) for seed in range(3)])
    model = NGramModel.fit(train, vocab_size=70_000, order=4, max_tokens=800)
    again = NGramModel.from_arrays(load(save(model.arrays())))
    valid = np.array(zipf_text(100, seed=9))
    assert np.array_equal(model.nll(valid), again.nll(valid))
    facts = (again.vocab_size, again.order, again.tokens, again.stopped)
    assert facts == (70_000, 4, 800, True)
    with pytest.raises(RunError, match="holds no counts"):
        NGramModel.from_arrays({"weight": np.zeros(3, np.uint8)})


def test_nothing_to_count_is_uniform() -> None:
    empty: list[list[list[int]]] = [[], [[]], [[1]]]
    for sequences in empty:
        model = NGramModel.fit(arrays(sequences), vocab_size=5, order=3)
        np.testing.assert_allclose(model.nll(np.array([1, 2, 3])), math.log(5))
    assert len(model.nll(np.zeros(0, np.int64))) == 0


def test_wrong_ids_and_orders_are_named() -> None:
    with pytest.raises(DataError, match="Ids from 0 to 5 were given to an n-gram model of 5"):
        NGramModel.fit(arrays([[0, 5]]), vocab_size=5, order=2)
    model = NGramModel.fit(arrays([[0, 1]]), vocab_size=5, order=2)
    with pytest.raises(DataError, match="knows 0 to 4"):
        model.nll(np.array([7]))
    with pytest.raises(SettingsError, match="is 0; it must be 1 or more"):
        NGramModel.fit(arrays([[0, 1]]), vocab_size=5, order=0)


def test_tiny_shakespeare() -> None:
    folder = os.environ.get("SEQLOOM_DATA")
    if not folder or not (Path(folder) / "tinyshakespeare").exists():
        pytest.skip("SEQLOOM_DATA names no folder with tinyshakespeare")
    text = (Path(folder) / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")
    known, ids = np.unique(np.array(list(text)), return_inverse=True)
    border = len(ids) * 9 // 10
    model = choose_order([ids[:border]], [ids[border:]], len(known), range(1, 8))
    assert model.order == 7
    assert model.nll(ids[border:])[1:].mean() < 1.53
    assert sum(array.nbytes for array in model.arrays().values()) < 4e6
