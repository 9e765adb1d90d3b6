"""How an encoder-decoder's texts are found: the likeliest token, the best of a beam, or drawn.

Joins ``decode``, which knows steps and states, and a network with the tokenizer of what it writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqloom_runtime.decode.beam import Hypothesis, beam_search, greedy, sample
from seqloom_runtime.decode.sampling import Sampler
from seqloom_runtime.text.tokenizers import Tokenizer
from seqloom_runtime.text.vocabulary import PAD

Array = npt.NDArray[Any]


class Decoding(Protocol):
    """A decoder as a function of one token of each text and a state.

    Attributes:
        looks: whether it pays attention to what it writes about.
    """

    looks: bool

    def step(self, ids: Array, state: Any) -> tuple[Array, Any]:
        """Scores of the token after each (rows, vocab_size), and the state."""

    def select(self, state: Any, rows: Array) -> Any:
        """The state of these rows, in this order; one may come more than once."""

    def coverage(self, state: Any) -> Array:
        """What each row loses for steps of its source without attention, at most 0 (rows,)."""


class Searching:
    """Searches what a network would write.

    Args:
        network: one token at a time.
        target: tokens of what it writes.
    """

    def __init__(self, network: Decoding, target: Tokenizer) -> None:
        self.network, self.target = network, target
        self.banned = (PAD, target.start)  # no text holds padding or the start

    def search(
        self,
        state: Any,
        limits: Sequence[int],
        options: Any,
        numbers: Sequence[int],
    ) -> list[list[Hypothesis]]:
        """Hypotheses of each row of a state before the first token.

        Args:
            limits: tokens of each at most, the end among them.
            numbers: of the texts; a drawn one follows from its own.
        """
        start = np.full(len(limits), self.target.start, np.int64)
        shared: dict[str, Any] = {
            "end": self.target.end,
            "max_lengths": limits,
            "banned": self.banned,
            "length_penalty": options.length_penalty,
        }
        if options.temperature > 0:
            sampler = Sampler(options.temperature, seed=options.seed, banned=self.banned)
            return sample(
                self.network.step, state, start, sampler=sampler, numbers=numbers, **shared
            )
        if options.beam == 1 and options.n_best == 1 and not options.coverage_penalty:
            return greedy(self.network.step, self.network.select, state, start, **shared)
        return beam_search(
            self.network.step,
            self.network.select,
            state,
            start,
            beam=max(options.beam, options.n_best),
            n_best=options.n_best,
            coverage=self._coverage(options.coverage_penalty),
            **shared,
        )

    def _coverage(self, penalty: float) -> Any:
        if not penalty:
            return None
        return lambda state: penalty * self.network.coverage(state)
