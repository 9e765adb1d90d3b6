"""Choosing the next token from a model's scores.

The filters come in the order that is common practice:

    repetition penalty → banned ids → temperature → top k → top p → min p → draw

Each row of a batch is computed on its own and draws from its own random stream, so that what a row
says does not depend on the rows beside it. Knows nothing of models or text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import RunError, SettingsError

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
Previous = Sequence[int] | IntArray

BLOCK = 128  # scores that are summed at once when drawing
COLDEST = 1e-20  # a temperature below would overflow, and chooses no differently


@dataclass(frozen=True)
class Sampler:
    """How a token is chosen. The values here change nothing: they are the model's own choice.

    Args:
        temperature: scores are divided by it; 0 takes the likeliest token (the first of equals).
        top_k: choose among this many likeliest tokens (the first of equals); 0 among all.
        top_p: choose among the fewest likeliest tokens that together hold this share.
        min_p: drop tokens less likely than this share of the likeliest one's probability.
        repetition_penalty: scores of tokens that stand in the text already are divided by it when
            positive and multiplied when negative.
        seed: of the random streams, one for each row.
        banned: ids that are never chosen.
    Raises:
        SettingsError: a value is out of range.
    Source:
        top p, Holtzman et al. 2020; min p, Nguyen et al. 2024; penalty, Keskar et al. 2019 (CTRL).
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int = 0
    banned: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        temperature = self.temperature
        _check(0 <= temperature < np.inf, "temperature", temperature, "a number from 0 up")
        _check(self.top_k >= 0, "top_k", self.top_k, "a whole number from 0 up (0: all tokens)")
        _check(0 < self.top_p <= 1, "top_p", self.top_p, "more than 0 and at most 1")
        _check(0 <= self.min_p < 1, "min_p", self.min_p, "from 0 to less than 1")
        penalty = self.repetition_penalty
        _check(1 <= penalty < np.inf, "repetition_penalty", penalty, "a number from 1 up")
        _check(self.seed >= 0, "seed", self.seed, "a whole number from 0 up")
        _check(all(i >= 0 for i in self.banned), "banned", self.banned, "token ids from 0 up")

    def streams(self, batch: int, first: int = 0) -> list[np.random.Generator]:
        """One random stream for each row; ``first`` is the number of the first row."""
        return [np.random.default_rng([self.seed, row]) for row in range(first, first + batch)]

    def probabilities(
        self, logits: FloatArray, previous: Sequence[Previous] | None = None
    ) -> npt.NDArray[np.float64]:
        """What the tokens are drawn with, after all filters.

        Args:
            logits: scores of the next token.
            previous: ids that stand in each row's text already, for the repetition penalty.
        Shape:
            logits (batch, vocab_size) → (batch, vocab_size); each row sums to one.
        Raises:
            RunError: a row has no finite score.
        """
        result = np.zeros(logits.shape, np.float64)
        for row, scores in enumerate(logits):
            seen = previous[row] if previous else ()
            if self.temperature == 0:
                result[row, self._likeliest(scores, seen)] = 1.0
            else:
                weights = self._weights(scores, seen).astype(np.float64)
                result[row] = weights / weights.sum()
        return result

    def draw(
        self,
        logits: FloatArray,
        streams: Sequence[np.random.Generator],
        previous: Sequence[Previous] | None = None,
    ) -> IntArray:
        """One token for each row.

        Args:
            logits: scores of the next token.
            streams: from ``streams``; each row takes one number from its own.
            previous: ids that stand in each row's text already, for the repetition penalty.
        Shape:
            logits (batch, vocab_size) → ids (batch,).
        Raises:
            RunError: a row has no finite score.
        """
        ids = np.empty(len(logits), np.int64)
        for row, scores in enumerate(logits):
            ids[row] = self.choose(scores, streams[row], previous[row] if previous else ())
        return ids

    def choose(
        self, scores: FloatArray, stream: np.random.Generator, previous: Previous = ()
    ) -> int:
        """One token for one row (vocab_size,)."""
        if self.temperature == 0:
            return self._likeliest(scores, previous)
        return _pick(self._weights(scores, previous), stream.random())

    def _likeliest(self, scores: FloatArray, previous: Previous) -> int:
        scores = self._adjusted(scores, previous)
        best = int(scores.argmax())
        _check_finite(scores[best])
        return best

    def _adjusted(self, scores: FloatArray, previous: Previous) -> FloatArray:
        """Scores after the penalty and without the banned ids; a copy only where one is needed."""
        penalised = self.repetition_penalty != 1 and len(previous) > 0
        if not (penalised or self.banned):
            return scores
        scores = scores.copy()
        if penalised:
            ids = np.asarray(previous)  # an id that stands there twice is set to the same value
            old, penalty = scores[ids], np.float32(self.repetition_penalty)
            scores[ids] = np.where(old > 0, old / penalty, old * penalty)
        if self.banned:
            scores[list(self.banned)] = -np.inf
        return scores

    def _weights(self, scores: FloatArray, previous: Previous) -> FloatArray:
        """Probabilities up to a factor: the likeliest token has 1."""
        scores = self._adjusted(scores, previous)
        top = scores.max()
        _check_finite(top)
        weights: FloatArray = scores - top  # a copy: what follows is done in place
        if self.temperature != 1:
            weights *= np.float32(1 / max(self.temperature, COLDEST))
        if 0 < self.top_k < len(weights):
            _keep_likeliest(weights, self.top_k)
        np.exp(weights, out=weights)
        if self.top_p < 1:
            _keep_nucleus(weights, self.top_p)
        if self.min_p > 0:
            weights[weights < self.min_p] = 0
        return weights


def _check(right: bool, name: str, value: object, expected: str) -> None:
    if not right:
        raise SettingsError(f"{name} is {value!r}; it must be {expected}.")


def _check_finite(score: np.float32) -> None:
    if not math.isfinite(score):
        raise RunError(
            f"The model's best score for the next token is {score}, which is no finite number: "
            "its weights are damaged, or every token is banned. Train it again."
        )


def _keep_likeliest(scores: FloatArray, count: int) -> None:
    """Set all but the ``count`` largest scores to -inf, in place; of equals the first stay."""
    border = np.partition(scores, -count)[-count]
    equal = np.flatnonzero(scores == border)
    room = count - int(np.count_nonzero(scores > border))
    scores[scores < border] = -np.inf
    scores[equal[room:]] = -np.inf


def _keep_nucleus(weights: FloatArray, share: float) -> None:
    """Set to zero, in place, what is not among the fewest largest that hold the share."""
    total = float(weights.sum(dtype=np.float64))
    # The weights up to (1 - share) · total / V sum to no more than what may be left out, so that
    # they are left out whatever their order: only the few larger ones need sorting.
    low = weights <= (1 - share) * total / len(weights) * 0.999
    large = np.flatnonzero(~low)
    order = large[np.argsort(-weights[large], kind="stable")]
    before = np.cumsum(weights[order], dtype=np.float64) - weights[order]
    weights[low] = 0
    weights[order[before >= share * total]] = 0


def _pick(weights: FloatArray, uniform: float) -> int:
    """The place where the running sum of the weights passes ``uniform`` of their total.

    A running sum over a large vocabulary would take most of the time of a draw. Sums of blocks do
    not: the block is found first, then the place in it.
    """
    if len(weights) <= 4 * BLOCK:
        running = weights.cumsum(dtype=np.float64)
        return _passed(weights, running, uniform * float(running[-1]))
    starts = np.arange(0, len(weights), BLOCK)
    sums = np.add.reduceat(weights, starts)
    running = sums.cumsum(dtype=np.float64)
    target = uniform * float(running[-1])
    block = _passed(sums, running, target)
    if block:
        target -= float(running[block - 1])
    inside = weights[block * BLOCK : (block + 1) * BLOCK]
    return block * BLOCK + _passed(inside, inside.cumsum(dtype=np.float64), target)


def _passed(weights: FloatArray, running: npt.NDArray[np.float64], target: float) -> int:
    """The first place whose running sum is above the target; never one of weight zero."""
    place = int(running.searchsorted(target, side="right"))
    # Two ways to sum the same block differ by rounding, so that a target may lie past the end.
    return place if place < len(running) else int(np.flatnonzero(weights)[-1])
