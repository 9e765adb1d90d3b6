"""A decoder in onnxruntime: what was read of a source, and one token of each text at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.exported.folder import Folder
from seqloom_runtime.exported.session import Session, State

Array = npt.NDArray[Any]

FLOOR = np.exp(-10.0)  # a step never looked at costs ten nats, not infinitely many


@dataclass(frozen=True)
class DecoderState:
    """What a decoder knows between two tokens; every array has a row a text being written.

    Args:
        read: of the source of each row: what does not change.
        states: of the decoder.
        attended: sum of the attention paid to each step of the source so far (rows, source).
        texts: number of the source each row belongs to.
        weights: attention paid by the last token (rows, source).
    """

    read: dict[str, Array]
    states: State
    attended: Array
    texts: Array
    weights: Array | None = None


class OnnxDecoding:
    """See ``seqloom_runtime.tasks.searching.Decoding``.

    Args:
        folder: of encoder and decoder.
        threads: of onnxruntime.
    """

    def __init__(self, folder: Folder, threads: int) -> None:
        self.encoder = Session(folder, "encoder", threads)
        self.decoder = Session(folder, "decoder", threads)
        self.looks = "weights" in self.decoder.outputs

    def start(self, given: dict[str, Array]) -> DecoderState:
        """The state before the first token of some sources."""
        found = self.encoder(given)
        states = tuple(found.pop(name) for name in self.decoder.states)
        real = found["real"]
        return DecoderState(found, states, np.zeros(real.shape, np.float32), np.arange(len(real)))

    def step(self, ids: Array, state: DecoderState) -> tuple[Array, DecoderState]:
        """Scores of the token after each (rows, vocab_size), and the state."""
        found, after = self.decoder.carried({**state.read, "ids": ids}, state.states)
        if not self.looks:
            return found["logits"], replace(state, states=after)
        weights = found["weights"]
        attended = state.attended + weights
        return found["logits"], replace(state, states=after, attended=attended, weights=weights)

    def select(self, state: DecoderState, rows: Array) -> DecoderState:
        """The state of these rows, in this order; one may come more than once."""
        states, texts = tuple(part[rows] for part in state.states), state.texts[rows]
        read = state.read
        if not np.array_equal(texts, state.texts):  # like for like: no copy is needed
            read = {name: array[rows] for name, array in read.items()}
        return DecoderState(read, states, state.attended[rows], texts)

    def coverage(self, state: DecoderState) -> Array:
        """What each row loses for steps of its source without attention (rows,).

        Source:
            Wu et al. 2016, equation 14.
        """
        shares = np.log(np.clip(state.attended.astype(np.float64), FLOOR, 1.0))
        found: Array = np.where(state.read["real"], shares, 0.0).sum(1)
        return found

    def followed(self, state: DecoderState, targets: Array) -> Array | None:
        """Attention paid while some targets are written: (rows, T + 1) → (rows, T, source)."""
        if not self.looks:
            return None
        found = []
        for ids in targets[:, :-1].T:
            _, state = self.step(ids, state)
            found.append(state.weights)
        return np.stack([one for one in found if one is not None], 1)
