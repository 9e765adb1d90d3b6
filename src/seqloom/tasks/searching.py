"""A decoder in torch, as a search asks it for one token after the other."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch

from seqloom.nn.decoder import DecoderState, RecurrentDecoder, coverage_of
from seqloom.nn.seq2seq import EncoderDecoder

Array = npt.NDArray[Any]


class TorchDecoding:
    """See ``seqloom_runtime.tasks.searching.Decoding``.

    Args:
        model: the network, in evaluation.
    """

    def __init__(self, model: EncoderDecoder) -> None:
        self.model = model
        decoder = model.decoder
        self.looks = not isinstance(decoder, RecurrentDecoder) or decoder.attention is not None

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.model.parameters()).device

    @torch.inference_mode()
    def step(self, ids: Array, state: DecoderState) -> tuple[Array, DecoderState]:
        """Scores of the token after each (rows, vocab_size), and the state."""
        logits, state = self.model.step(torch.from_numpy(ids).to(self.device), state)
        return logits.float().cpu().numpy(), state

    @torch.inference_mode()
    def select(self, state: DecoderState, rows: Array) -> DecoderState:
        """The state of these rows, in this order; one may come more than once."""
        return state.select(torch.from_numpy(rows).to(self.device))

    @torch.inference_mode()
    def coverage(self, state: DecoderState) -> Array:
        """What each row loses for steps of its source without attention (rows,)."""
        found: Array = coverage_of(state).double().cpu().numpy()
        return found
