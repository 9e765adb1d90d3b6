"""How an encoder-decoder's texts are found: the likeliest token, the best of a beam, or drawn.

Joins ``decode``, which knows steps and states, and a network with the tokenizer of what it writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from seqloom_runtime.decode.beam import Hypothesis, beam_search, greedy, sample
from seqloom_runtime.decode.sampling import Sampler
from seqloom_runtime.text.tokenizers import Tokenizer
from seqloom_runtime.text.vocabulary import PAD

from seqloom.config import PredictSettings
from seqloom.nn.decoder import DecoderState, coverage_of
from seqloom.nn.seq2seq import EncoderDecoder

Array = npt.NDArray[Any]


class Searching:
    """Searches what a network would write.

    Args:
        model: the network, in evaluation.
        target: tokens of what it writes.
        device: where it is.
    """

    def __init__(self, model: EncoderDecoder, target: Tokenizer, device: torch.device) -> None:
        self.model, self.target, self.device = model, target, device
        self.banned = (PAD, target.start)  # no text holds padding or the start

    @torch.inference_mode()
    def search(
        self,
        state: DecoderState,
        limits: Sequence[int],
        options: PredictSettings,
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
            return sample(self._step, state, start, sampler=sampler, numbers=numbers, **shared)
        if options.beam == 1 and options.n_best == 1 and not options.coverage_penalty:
            return greedy(self._step, self._select, state, start, **shared)
        return beam_search(
            self._step,
            self._select,
            state,
            start,
            beam=max(options.beam, options.n_best),
            n_best=options.n_best,
            coverage=self._coverage(options.coverage_penalty),
            **shared,
        )

    def _step(self, ids: Array, state: DecoderState) -> tuple[Array, DecoderState]:
        logits, state = self.model.step(torch.from_numpy(ids).to(self.device), state)
        return logits.float().cpu().numpy(), state

    def _select(self, state: DecoderState, rows: Array) -> DecoderState:
        return state.select(torch.from_numpy(rows).to(self.device))

    def _coverage(self, penalty: float) -> Any:
        if not penalty:
            return None
        return lambda state: penalty * coverage_of(state).double().cpu().numpy()
