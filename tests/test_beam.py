import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqloom_runtime.decode.beam import Hypothesis, beam_search, greedy, sample
from seqloom_runtime.decode.candidates import best_extensions, best_of_blocks
from seqloom_runtime.decode.sampling import Sampler

from seqloom.errors import RunError, SettingsError

IntArray = npt.NDArray[np.int64]
DoubleArray = npt.NDArray[np.float64]
END = 1
STATES = 97


class Model:
    """A tiny recurrence: what comes next depends on the sentence and on everything read, in order.

    A state is what a row has read, as a number, and how much of the source it has not covered.
    """

    def __init__(self, vocab_size: int, seed: int = 0, spread: float = 2.0) -> None:
        random = np.random.default_rng(seed)
        self.table = (random.normal(size=(STATES, vocab_size)) * spread).astype(np.float32)
        self.vocab_size = vocab_size
        self.rows: list[int] = []  # of each call

    def start(self, sentences: Sequence[int]) -> DoubleArray:
        return np.array([[sentence, -1.0] for sentence in sentences]).reshape(-1, 2)

    def __call__(
        self, ids: IntArray, state: DoubleArray
    ) -> tuple[npt.NDArray[np.float32], DoubleArray]:
        assert ids.dtype == np.int64
        self.rows.append(len(ids))
        read = (31 * state[:, 0] + ids + 7) % STATES
        state = np.stack([read, state[:, 1] + (read % 5) / 20], axis=1)
        return self.table[read.astype(int)], state

    def log_probabilities(self, read: float, banned: Sequence[int] = ()) -> DoubleArray:
        logits = self.table[int(read)].astype(np.float64)
        logits[list(banned)] = -np.inf
        shifted = logits - logits.max()
        result: DoubleArray = shifted - math.log(np.exp(shifted).sum())
        return result


def select(state: DoubleArray, rows: IntArray) -> DoubleArray:
    assert rows.dtype == np.int64
    return state[rows]


def uncovered(state: DoubleArray) -> DoubleArray:
    return np.minimum(state[:, 1], 0.0)


def nothing_lost(state: DoubleArray) -> DoubleArray:
    return np.zeros(len(state))


def search(model: Model, sentences: Sequence[int], **options: Any) -> list[list[Hypothesis]]:
    given: dict[str, Any] = {"end": END, "beam": 3, "max_lengths": [4] * len(sentences)}
    first = [0] * len(sentences)
    return beam_search(model, select, model.start(sentences), first, **given | options)


def every_text(
    model: Model, sentence: int, length: int, power: float, coverage: Any, banned: Sequence[int]
) -> list[Hypothesis]:
    """All texts of up to so many tokens, the end among them, written out one by one."""
    found = []

    def follow(token: int, state: DoubleArray, text: list[int], total: float) -> None:
        _, state = model(np.array([token]), state)
        loss = float(coverage(state)[0])
        for following, nats in enumerate(model.log_probabilities(state[0, 0], banned)):
            if nats == -np.inf:
                continue
            written = text if following == END else [*text, following]
            if following == END or len(text) + 1 == length:
                score = (total + nats) / (len(text) + 1) ** power + loss
                found.append(Hypothesis(written, score, -(total + nats)))
            else:
                follow(following, state, written, total + nats)

    follow(0, model.start([sentence]), [], 0.0)
    return sorted(found, key=lambda hypothesis: -hypothesis.score)


def by_hand(
    model: Model, sentence: int, length: int, beam: int, power: float
) -> list[tuple[list[int], float]]:
    """A beam search of one sentence in plain Python that never stops early."""
    live: list[tuple[float, list[int], DoubleArray]] = [(0.0, [], model.start([sentence]))]
    found = []
    for step in range(1, length + 1):
        extended = []
        for total, text, state in live:
            _, after = model(np.array([text[-1] if text else 0]), state)
            for token, nats in enumerate(model.log_probabilities(after[0, 0])):
                extended.append((total + nats, [*text, token], after))
        extended = sorted(extended, key=lambda one: -one[0])[:beam]
        done = [one for one in extended if one[1][-1] == END or step == length]
        found += [([i for i in text if i != END], total / step**power) for total, text, _ in done]
        live = [one for one in extended if one[1][-1] != END]
    return sorted(found, key=lambda one: -one[1])


penalties = st.sampled_from([0.0, 0.6, 1.0, 2.0])


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 4),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.integers(0, 10_000),
    penalties,
    st.sampled_from([uncovered, nothing_lost, None]),
    st.booleans(),
    st.integers(1, 400),
)
def test_a_beam_as_wide_as_everything_finds_the_best_of_all_texts(
    vocab_size: int,
    lengths: list[int],
    seed: int,
    power: float,
    coverage: Any,
    ban: bool,
    n_best: int,
) -> None:
    model = Model(vocab_size, seed)
    sentences = range(20, 20 + len(lengths))
    banned = (0,) if ban else ()
    found = search(
        model,
        sentences,
        max_lengths=lengths,
        beam=400,
        n_best=n_best,
        length_penalty=power,
        coverage=coverage,
        banned=banned,
    )
    assert len(found) == len(lengths)
    for sentence, length, hypotheses in zip(sentences, lengths, found, strict=True):
        loss = coverage or nothing_lost
        true = every_text(model, sentence, length, power, loss, banned)
        assert len(hypotheses) == min(n_best, len(true))
        scores = [one.score for one in hypotheses]
        np.testing.assert_allclose(scores, [one.score for one in true[:n_best]], atol=1e-5)
        assert scores == sorted(scores, reverse=True)
        by_text = {tuple(one.ids): one for one in true}
        assert len({tuple(one.ids) for one in hypotheses}) == len(hypotheses)
        for one in hypotheses:
            same = by_text[tuple(one.ids)]
            assert one.score == pytest.approx(same.score, abs=1e-5)
            assert one.nats == pytest.approx(same.nats, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 70), st.integers(1, 6), st.integers(1, 9), st.integers(0, 10_000), penalties)
def test_a_narrow_beam_equals_a_plain_loop(
    vocab_size: int, beam: int, length: int, seed: int, power: float
) -> None:
    model = Model(vocab_size, seed)
    sentences = [3, 50]
    found = search(
        model, sentences, beam=beam, n_best=beam, max_lengths=[length] * 2, length_penalty=power
    )
    for sentence, hypotheses in zip(sentences, found, strict=True):
        true = by_hand(model, sentence, length, beam, power)[:beam]
        assert [one.ids for one in hypotheses] == [text for text, _ in true]
        np.testing.assert_allclose(
            [one.score for one in hypotheses], [score for _, score in true], atol=1e-5
        )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 96), st.integers(1, 12)), min_size=1, max_size=9),
    st.sampled_from([2, 9, 63, 64, 65, 200]),
    st.integers(1, 7),
    st.integers(0, 10_000),
    penalties,
    st.sampled_from([uncovered, None]),
)
def test_a_sentence_is_found_alike_alone_and_in_any_batch(
    batch: list[tuple[int, int]],
    vocab_size: int,
    beam: int,
    seed: int,
    power: float,
    coverage: Any,
) -> None:
    """Ids and scores to the last bit."""
    model = Model(vocab_size, seed)
    options = {"beam": beam, "n_best": beam, "length_penalty": power, "coverage": coverage}
    sentences, lengths = zip(*batch, strict=True)
    together = search(model, sentences, max_lengths=lengths, **options)
    for sentence, length, found in zip(sentences, lengths, together, strict=True):
        assert search(model, [sentence], max_lengths=[length], **options) == [found]
    turned = search(model, sentences[::-1], max_lengths=lengths[::-1], **options)
    assert turned == together[::-1]


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 130), st.integers(1, 12), st.integers(0, 10_000))
def test_a_beam_of_one_takes_the_likeliest_token_always(
    vocab_size: int, length: int, seed: int
) -> None:
    model = Model(vocab_size, seed)
    sampler = Sampler(temperature=0.0)
    start, limits = model.start([5, 6, 7]), [length, 3, length]
    shared: dict[str, Any] = {"end": END, "max_lengths": limits}
    found = greedy(model, select, start, [0, 0, 0], **shared)
    drawn = sample(model, start, [0, 0, 0], sampler=sampler, **shared)
    assert found == search(model, [5, 6, 7], beam=1, max_lengths=limits)
    assert [[one.ids for one in row] for row in found] == [[o.ids for o in row] for row in drawn]
    for (one,), (other,) in zip(found, drawn, strict=True):
        assert (one.score, one.nats) == pytest.approx((other.score, other.nats), abs=1e-5)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=5),
    st.sampled_from([1, 2, 5, 63, 64, 65, 130]),
    st.integers(1, 200),
    st.integers(0, 10_000),
    st.data(),
)
def test_the_best_extensions_are_those_of_a_full_sort(
    widths: list[int], vocab_size: int, count: int, seed: int, data: st.DataObject
) -> None:
    """Whole numbers as scores, so that many are equal: the first of equals comes first."""
    random = np.random.default_rng(seed)
    rows = sum(widths)
    logits = random.integers(-2, 3, (rows, vocab_size)).astype(np.float32)
    logits[1:] = np.where(random.random((rows - 1, 1)) < 0.7, logits[:1], logits[1:])
    free = data.draw(st.integers(0, vocab_size - 1))
    banned = sorted(data.draw(st.sets(st.integers(0, vocab_size - 1), max_size=5)) - {free})
    sums = random.integers(-3, 1, rows).astype(np.float64)
    sentences = np.repeat(np.arange(len(widths)), widths)
    before = logits.copy()
    found = best_extensions(logits, sums, sentences, count, banned)
    assert (logits == before).all()
    offsets = sums - best_of_blocks(logits, vocab_size, banned)[1]
    for sentence in range(len(widths)):
        own = [row for row in range(rows) if sentences[row] == sentence]
        options = [
            (float(logits[row, i]) + offsets[row], row, i)
            for row, i in itertools.product(own, range(vocab_size))
            if i not in banned
        ]
        true = sorted(options, key=lambda one: -one[0])[:count]
        real = found.sums[sentence] > -np.inf
        columns = (column[sentence][real].tolist() for column in found)
        assert list(zip(*columns, strict=True)) == true


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 300), st.integers(1, 40), st.integers(1, 70), st.integers(0, 10_000))
def test_normalisers_and_bests_of_blocks(vocab_size: int, rows: int, size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = (random.normal(size=(rows, vocab_size)) * 10).astype(np.float32)
    blocks, normalisers = best_of_blocks(logits, size, ())
    true = [row[i : i + size].max() for row in logits for i in range(0, vocab_size, size)]
    assert blocks.ravel().tolist() == true
    exact = np.log(np.exp(logits.astype(np.float64)).sum(1))
    np.testing.assert_allclose(normalisers, exact, atol=1e-5)
    for row in range(rows):  # to the last bit, whatever stands beside it
        assert best_of_blocks(logits[[row]], size, ())[1][0] == normalisers[row]


def test_rows_worked_on_apart_are_normalised_alike() -> None:
    """More scores than are worked on at once, and a last block that is not full."""
    logits = np.random.default_rng(0).normal(size=(40, 8_001)).astype(np.float32)
    blocks, normalisers = best_of_blocks(logits, 64, (0,))
    for row in (0, 15, 16, 17, 39):
        alone = best_of_blocks(logits[[row]], 64, (0,))
        assert (alone[0] == blocks[row]).all() and alone[1] == normalisers[row]
    assert (blocks[:, -1] == logits[:, -1]).all()


def test_probabilities_are_normalised_without_banned_ids() -> None:
    logits = np.array([[0.0, 1.0, 2.0, 50.0]], np.float32)
    found = best_extensions(logits, np.array([-1.0]), np.array([0]), 9, banned=[3])
    assert found.ids.tolist()[0][:3] == [2, 1, 0]
    kept = found.sums[0][found.sums[0] > -np.inf]
    assert np.exp(kept + 1.0).sum() == pytest.approx(1.0)


def test_scores_far_from_zero_neither_overflow_nor_vanish() -> None:
    logits = np.array([[1e4, 1e4 - 1, -1e30], [-1e4, -1e4 - 1, -np.inf]], np.float32)
    found = best_extensions(logits, np.zeros(2), np.array([0, 1]), 2)
    expected = [-math.log1p(math.exp(-1)), -1 - math.log1p(math.exp(-1))]
    np.testing.assert_allclose(found.sums, [expected, expected], atol=1e-6)


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_a_model_without_finite_scores_is_said_so(score: float) -> None:
    logits = np.zeros((3, 5), np.float32)
    logits[1] = score
    with pytest.raises(RunError, match="no finite number"):
        best_extensions(logits, np.zeros(3), np.arange(3), 2)


def test_a_beam_wider_than_the_vocabulary_does_no_harm() -> None:
    (found,) = search(Model(3), [8], beam=1_000, n_best=1_000, max_lengths=[2])
    # The end; a token and the end; or two tokens, which the limit cuts.
    assert sorted(one.ids for one in found) == sorted(
        [[], [0], [2], [0, 0], [0, 2], [2, 0], [2, 2]]
    )
    assert sum(math.exp(-one.nats) for one in found) == pytest.approx(1.0, abs=1e-6)


def test_a_vocabulary_of_nothing_but_the_end() -> None:
    (found,) = search(Model(2), [1], banned=(0,), n_best=3)
    assert found == [Hypothesis([], 0.0, 0.0)]
    assert math.copysign(1, found[0].nats) == 1


@pytest.mark.parametrize("length", [1, 2, 5])
def test_what_does_not_end_is_cut(length: int) -> None:
    model = Model(6)
    model.table[:, END] = -1e9
    found = search(model, [1, 2], max_lengths=[length, 3], n_best=2)
    assert [len(one.ids) for one in found[0]] == [length] * 2
    assert [len(one.ids) for one in found[1]] == [3] * 2
    assert len(model.rows) == max(length, 3)
    one = found[0][0]
    assert one.score == pytest.approx(-one.nats / length)


def chain(likelihoods: Sequence[float]) -> Model:
    """Token 2 or the end: after n tokens the end has the n-th probability; then it is certain."""
    model = Model(3)
    model.table[:] = [-1e9, 0.0, -1e9]
    read = 7  # as the start token is 0 and the sentence 0
    for likelihood in likelihoods:
        model.table[read] = [-1e9, math.log(likelihood), math.log(1 - likelihood)]
        read = (31 * read + 2 + 7) % STATES
    return model


def test_the_length_penalty_favours_longer_texts() -> None:
    model = chain([0.5, 0.2])  # nothing at all 0.5; one token 0.5 · 0.2; two 0.5 · 0.8
    assert search(model, [0], length_penalty=0.0)[0][0].ids == []
    assert search(model, [0], length_penalty=1.0)[0][0].ids == [2, 2]


def test_coverage_takes_from_what_left_something_out() -> None:
    model = chain([0.7, 0.6])  # nothing at all 0.7; one token 0.18; two 0.12
    start = model.start([0])

    def short(state: DoubleArray) -> DoubleArray:
        return np.where(state[:, 0] == 7, -5.0, 0.0)  # having read the start alone

    shared: dict[str, Any] = {"end": END, "max_lengths": [5], "beam": 3, "length_penalty": 0.0}
    assert beam_search(model, select, start, [0], **shared)[0][0].ids == []
    ((found,),) = beam_search(model, select, start, [0], coverage=short, **shared)
    assert found.ids == [2]
    assert found.score == pytest.approx(math.log(0.18), abs=1e-6)


def test_finished_sentences_leave_the_batch() -> None:
    """Sentence 0 ends at once, for certain; the other goes on alone."""
    model = Model(5, spread=0.1)
    model.table[:, END] = -20
    model.table[7, END] = 40
    found = search(model, [0, 1], beam=2, max_lengths=[9, 9])
    assert found[0][0].ids == []
    assert len(found[1][0].ids) == 9
    assert model.rows == [2] + [2] * 8


def test_a_search_stops_when_nothing_better_can_come() -> None:
    model = Model(5, spread=0.1)
    model.table[:, END] = 12
    search(model, [4], beam=3, max_lengths=[1_000], length_penalty=0.0)
    assert len(model.rows) == 1
    search(model, [4], beam=3, n_best=3, max_lengths=[1_000], length_penalty=0.0)
    assert model.rows[1:] == [1, 2]  # two texts of one token end beside the empty one


def test_the_state_is_not_reordered_where_nothing_moves() -> None:
    model = Model(5)
    model.table[:, END] = -1e9
    calls = []

    def counted(state: DoubleArray, rows: IntArray) -> DoubleArray:
        calls.append(rows)
        return state[rows]

    greedy(model, counted, model.start([1, 2]), [0, 0], end=END, max_lengths=[6, 4])
    assert [rows.tolist() for rows in calls] == [[0]]  # when the second sentence leaves


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1_000), st.lists(st.integers(1, 8), min_size=1, max_size=5))
def test_a_drawn_text_follows_from_its_number(seed: int, lengths: list[int]) -> None:
    model, sampler = Model(6, seed), Sampler(temperature=1.3, seed=seed, banned=(3,))
    batch = list(range(len(lengths)))
    shared: dict[str, Any] = {"sampler": sampler, "end": END, "banned": (0,)}
    start = model.start(batch)
    together = sample(model, start, batch, max_lengths=lengths, numbers=batch, **shared)
    for n, length in enumerate(lengths):
        alone = sample(model, start[[n]], [n], max_lengths=[length], numbers=[n], **shared)
        assert alone == [together[n]]
        ((found,),) = alone
        assert len(found.ids) <= length and not {0, 1, 3} & set(found.ids)
        total, (state,), token = 0.0, [start[[n]]], n
        written = [*found.ids, END][:length]
        for following in written:
            _, state = model(np.array([token]), state)
            total += model.log_probabilities(state[0, 0], (0, 3))[following]
            token = following
        assert found.nats == pytest.approx(-total, abs=1e-5)
        assert found.score == pytest.approx(total / len(written), abs=1e-5)


def test_draws_follow_the_model() -> None:
    model = chain([0.25])
    batch = [0] * 2_000
    found = sample(
        model, model.start(batch), batch, sampler=Sampler(seed=1), end=END, max_lengths=[3] * 2_000
    )
    empty = sum(not one.ids for (one,) in found)
    assert 430 < empty < 570


def test_no_sentences_at_all() -> None:
    model = Model(4)
    assert search(model, []) == []
    assert greedy(model, select, model.start([]), [], end=END, max_lengths=[]) == []
    assert sample(model, model.start([]), [], sampler=Sampler(), end=END, max_lengths=[]) == []
    assert model.rows == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, "beam is 0"),
        ({"n_best": 0}, "n_best is 0"),
        ({"n_best": 4}, "finds 1 to 3 texts"),
        ({"length_penalty": -0.1}, "length_penalty is -0.1"),
        ({"length_penalty": math.nan}, "length_penalty is nan"),
        ({"length_penalty": 1e9}, "from 0 to 10"),
        ({"max_lengths": [0]}, "max_lengths holds 0"),
        ({"max_lengths": [3, 3]}, "1 sentences have 2"),
    ],
)
def test_values_out_of_range_are_said_so(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        search(Model(4), [1], **options)
