"""Beam search: the likeliest texts, found by following a few hypotheses of each side by side.

    step   1        2         3             a beam of 2; ⏹ ends; sums of log-probabilities
         ┬ a -1 ─┬─ b -2 ─┬─ ⏹ -3           finished: -3 for 3 tokens
         │       │        └─ c -5           goes on
         │       └─ d -4                    falls out: two others are likelier
         └ e -2 ─── ⏹ -3                    finished: -3 for 2 tokens

At each step the likeliest extensions of a sentence are kept, as many as the beam is wide; those
that end leave their place, to be taken at the next step. A beam of one is greedy decoding, a beam
wide enough for everything is exhaustive search. All sentences go side by side, and leave when they
are done; what is found for one never depends on the others.

Knows only ``step(ids, state) → (logits, state)`` and ``select(state, rows) → state``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from seqloom_runtime.decode.candidates import DoubleArray, best_extensions, best_of_blocks
from seqloom_runtime.decode.generation import ENDED, State, Step, generate
from seqloom_runtime.decode.sampling import FloatArray, IntArray, Sampler
from seqloom_runtime.errors import SettingsError

HIGHEST_PENALTY = 10.0  # a length to a higher power may be no number any more

Select = Callable[[State, IntArray], State]
Coverage = Callable[[State], DoubleArray]
Lengths = Sequence[int] | IntArray
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Hypothesis:
    """One text that was found.

    Attributes:
        ids: its tokens, without the end.
        score: log-probability, over length to the power of the length penalty, with what
            coverage takes away; the best has most.
        nats: minus the log-probability of all tokens and the end.
    """

    ids: list[int]
    score: float
    nats: float


def beam_search(
    step: Step,
    select: Select,
    state: State,
    first: Sequence[int] | IntArray,
    *,
    end: int,
    max_lengths: Lengths,
    beam: int,
    n_best: int = 1,
    length_penalty: float = 1.0,
    coverage: Coverage | None = None,
    banned: Sequence[int] = (),
) -> list[list[Hypothesis]]:
    """The best hypotheses of each sentence, the best first.

    A hypothesis of n tokens, the end among them, scores log p / n^length_penalty + coverage. A
    sentence is done when no unfinished hypothesis can come among its ``n_best`` any more.

    Args:
        step: the model; called once a token for all hypotheses: ids (rows,) → (rows, vocab_size).
        select: the state of some rows of a state, in the order given, one perhaps several times.
        state: before the first token; one row for each sentence.
        first: the token that starts each sentence; no part of the result.
        end: the id that ends a hypothesis; no part of the result.
        max_lengths: tokens of each sentence at most, the end among them. What has not ended by
            then counts as it is.
        beam: hypotheses of a sentence followed at once; more than there can be does no harm.
        n_best: hypotheses given of each sentence; fewer where no more exist.
        length_penalty: 0 compares log-probabilities, which favours short ones; 1 their mean.
        coverage: what each row of a state loses (rows,), 0 at most, for what it has not covered.
        banned: ids that are never chosen.
    Raises:
        SettingsError: a value is out of range.
        RunError: the model gives no finite score.
    Source:
        normalisation by length and coverage, Wu et al. 2016, section 7.
    """
    _check_limits(first, max_lengths)
    _check_penalty(length_penalty)
    if beam < 1:
        raise SettingsError(f"beam is {beam}; it must be a whole number from 1 up.")
    if not 1 <= n_best <= beam:
        raise SettingsError(
            f"n_best is {n_best}; a beam of {beam} finds 1 to {beam} texts for each sentence. "
            "Take a wider beam for more."
        )
    search = _Search(max_lengths, end, beam, n_best, length_penalty)
    ids = np.array(first, np.int64)
    while len(ids):
        logits, state = step(ids, state)
        loss = coverage(state) if coverage else np.zeros(len(ids))
        parents, ids = search.advance(logits, loss, banned)
        if len(ids) and not np.array_equal(parents, np.arange(len(logits))):
            state = select(state, parents)
    return search.finished


class _Search:
    """Where a search stands: the unfinished hypotheses, row by row, and the finished ones.

    Rows of one sentence stand together, the likeliest first; sentences keep their order.
    """

    def __init__(
        self, max_lengths: Lengths, end: int, beam: int, n_best: int, length_penalty: float
    ) -> None:
        batch = len(max_lengths)
        self.limits = np.array(max_lengths, np.int64)
        self.end, self.beam, self.n_best, self.power = end, beam, n_best, length_penalty
        self.finished: list[list[Hypothesis]] = [[] for _ in range(batch)]
        self.to_beat = np.full(batch, -np.inf)  # score of each sentence's n-th best finished one
        self.length = 0
        self.sentences = np.arange(batch)  # (rows,)
        self.sums = np.zeros(batch)  # (rows,)
        self.texts = np.zeros((batch, 0), np.int64)  # (rows, length)

    def advance(
        self, logits: FloatArray, coverage: DoubleArray, banned: Sequence[int]
    ) -> tuple[IntArray, IntArray]:
        """Extend all by a token: the rows that those kept come from, and their new tokens."""
        self.length += 1
        own = np.unique(self.sentences, return_inverse=True)[1]
        found = best_extensions(logits, self.sums, own, self.beam, banned)
        exists = found.sums > -np.inf
        rows, ids, sums = found.rows[exists], found.ids[exists], found.sums[exists]
        sentences = self.sentences[rows]
        done = (ids == self.end) | (self.limits[sentences] == self.length)
        for place in np.flatnonzero(done):
            row, last = rows[place], int(ids[place])
            text = [*self.texts[row].tolist(), *([last] if last != self.end else [])]
            self._finish(int(sentences[place]), text, float(sums[place]), float(coverage[row]))
        kept = ~done & self._hopeful(sentences, sums, done)
        self.sentences, self.sums = sentences[kept], sums[kept]
        self.texts = np.concatenate([self.texts[rows[kept]], ids[kept, None]], axis=1)
        return rows[kept], ids[kept]

    def _finish(self, sentence: int, text: list[int], total: float, coverage: float) -> None:
        score = total / self.length**self.power + coverage
        best = self.finished[sentence]
        best.append(Hypothesis(text, score, 0.0 - total))
        best.sort(key=lambda hypothesis: -hypothesis.score)  # stable: of equals the first found
        del best[self.n_best :]
        if len(best) == self.n_best:
            self.to_beat[sentence] = best[-1].score

    def _hopeful(self, sentences: IntArray, sums: DoubleArray, done: Flags) -> Flags:
        """Whether the sentence of each row may still find something better.

        Tokens to come are certain at best, coverage complete, and the text as long as it may be.
        """
        best = np.full(len(self.limits), -np.inf)
        np.maximum.at(best, sentences[~done], sums[~done])
        hopeful: Flags = (best / self.limits**self.power > self.to_beat)[sentences]
        return hopeful


def greedy(
    step: Step,
    select: Select,
    state: State,
    first: Sequence[int] | IntArray,
    *,
    end: int,
    max_lengths: Lengths,
    length_penalty: float = 1.0,
    banned: Sequence[int] = (),
) -> list[list[Hypothesis]]:
    """The likeliest next token, always: a beam of one. Arguments are those of ``beam_search``."""
    return beam_search(
        step,
        select,
        state,
        first,
        end=end,
        max_lengths=max_lengths,
        beam=1,
        length_penalty=length_penalty,
        banned=banned,
    )


def sample(
    step: Step,
    state: State,
    first: Sequence[int] | IntArray,
    *,
    sampler: Sampler,
    end: int,
    max_lengths: Lengths,
    numbers: Sequence[int] | None = None,
    length_penalty: float = 1.0,
    banned: Sequence[int] = (),
) -> list[list[Hypothesis]]:
    """One text drawn at random for each sentence, from a random stream of its own.

    Scores and nats are the model's, as of ``beam_search``, whatever the temperature.

    Args:
        sampler: how tokens are drawn.
        numbers: of the sentences, from which their random streams follow; 0, 1, 2 … by default.
        banned: ids that are never drawn, beside those of the sampler.
    """
    _check_limits(first, max_lengths)
    _check_penalty(length_penalty)
    if not len(first):
        return []
    sampler = replace(sampler, banned=(*sampler.banned, *banned))
    numbers = range(len(first)) if numbers is None else numbers
    streams = [sampler.streams(1, int(number))[0] for number in numbers]
    scores: list[FloatArray] = []

    def watched(ids: IntArray, state: State) -> tuple[FloatArray, State]:
        logits, state = step(ids, state)
        scores[:] = [logits]
        return logits, state

    limits = np.array(max_lengths, np.int64)
    texts: list[list[int]] = [[] for _ in first]
    totals, lengths = np.zeros(len(first)), np.zeros(len(first), np.int64)
    going = np.ones(len(first), bool)
    prompts = [[int(token)] for token in first]
    longest = int(limits.max())
    for column in generate(watched, prompts, sampler, longest, end, state, streams=streams):
        tokens = np.where(column == ENDED, end, column)
        totals[going] += _log_probabilities(scores[0], tokens, sampler.banned)[going]
        lengths[going] += 1
        for row in np.flatnonzero(going & (tokens != end)):
            texts[row].append(int(tokens[row]))
        going &= (tokens != end) & (lengths < limits)
        if not going.any():
            break
    means = totals / lengths**length_penalty
    found = zip(texts, means.tolist(), (0.0 - totals).tolist(), strict=True)
    return [[Hypothesis(text, score, nats)] for text, score, nats in found]


def _log_probabilities(logits: FloatArray, ids: IntArray, banned: Sequence[int]) -> DoubleArray:
    """Of one id of each row (rows,)."""
    _, normalisers = best_of_blocks(logits, logits.shape[1], banned)
    result: DoubleArray = logits[np.arange(len(ids)), ids] - normalisers
    return result


def _check_limits(first: Sequence[int] | IntArray, max_lengths: Lengths) -> None:
    if len(max_lengths) != len(first):
        raise SettingsError(f"{len(first)} sentences have {len(max_lengths)} max_lengths.")
    wrong = [int(length) for length in max_lengths if length < 1]
    if wrong:
        raise SettingsError(f"max_lengths holds {wrong[0]}; each must be a whole number from 1 up.")


def _check_penalty(length_penalty: float) -> None:
    if not 0 <= length_penalty <= HIGHEST_PENALTY:
        raise SettingsError(
            f"length_penalty is {length_penalty}; it must be from 0 to {HIGHEST_PENALTY:g}."
        )
