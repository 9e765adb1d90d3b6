"""Looking into models of what comes next: of a text's tokens, or of the events of music."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from seqloom.config import Settings
from seqloom.explain.cell_equations import Array
from seqloom.explain.remarks import Remark
from seqloom.explain.subject import Read, Subject, repeated
from seqloom.explain.trace import Steps, Trace, likeliest
from seqloom.explain.watching_layers import reading_instead
from seqloom.nn.cells import State
from seqloom.nn.encoders import Encoder
from seqloom.nn.language_model import LanguageModel
from seqloom.nn.recurrent import Recurrent
from seqloom.run import Run

PIECE = 256  # tokens of a held-out text that are read from one zero state
ATTRIBUTED = 48  # last tokens: over more, a recurrence's gradients go up and down too wildly to add
SHOWN_TARGETS = 5  # labels or next tokens at most that are attributed

Ids = npt.NDArray[np.integer[Any]]


def as_ids(ids: Ids) -> Tensor:
    """Ids as a batch of one."""
    return torch.from_numpy(np.asarray(ids, np.int64)[None].copy())


class NextToken(Subject):
    """A language model.

    Args:
        name_of: how an id is written.
    """

    def __init__(
        self, run: Run, settings: Settings, model: LanguageModel, name_of: Callable[[int], str]
    ) -> None:
        super().__init__(run, settings, model)
        self.name_of = name_of
        self._carried: tuple[Read, list[State]] | None = None

    def encoder_of(self, model: nn.Module) -> Encoder:
        """The encoder of a language model."""
        assert isinstance(model, LanguageModel)
        return model.encoder

    def names(self, ids: Ids) -> tuple[str, ...]:
        """How each id is written."""
        return tuple(self.name_of(int(number)) for number in ids)

    def read_ids(
        self, given: str, ids: Ids, pieces: Sequence[str], remarks: tuple[str, ...] = ()
    ) -> Read:
        """Ids, and the likeliest to follow the last, which are attributed."""
        read = Read(given, self.names(ids), tuple(pieces), (as_ids(ids),), remarks=remarks)
        with torch.inference_mode():
            last = self.say(self.model, read)[0, -1]
        best = np.array([int(i) for i in last.argsort(descending=True)[:SHOWN_TARGETS]])
        return Read(
            *(given, read.tokens, read.pieces, read.tensors, self.names(best), tuple(best)),
            remarks=remarks,
        )

    def ends(self, read: Read) -> tuple[Tensor, Tensor]:
        """What the encoder reads, and zeros in place of the last tokens; all before stays."""
        x, nothing = super().ends(read)
        nothing[:, :-ATTRIBUTED] = x[:, :-ATTRIBUTED]
        return x, nothing

    def say(self, model: nn.Module, read: Read, rows: int = 1) -> Tensor:
        """Of the token after each: (rows, time, vocab_size)."""
        assert isinstance(model, LanguageModel)
        (ids,) = repeated(read.tensors, rows)
        logits, _ = model.logits(ids)
        return logits.log_softmax(-1)

    def scores(self, read: Read, rows: int) -> Tensor:
        """Of the likeliest tokens after the last."""
        assert isinstance(self.model, LanguageModel)
        (ids,) = repeated(read.tensors, rows)
        hidden, _ = self.model.encode(ids)
        scores: Tensor = self.model.head(hidden[:, -1]).log_softmax(-1)
        return scores[:, list(read.extra)]

    def scores_at(self, read: Read, x: Tensor) -> Tensor:
        """The same, had the encoder read x; a recurrence reads what always stays only once."""
        stays, model = x.shape[1] - ATTRIBUTED, self.model
        if stays <= 0 or not isinstance(self.encoder, Recurrent):
            return super().scores_at(read, x)
        assert isinstance(model, LanguageModel)
        states = [
            tuple(part.expand(len(x), -1).contiguous() for part in state)
            for state in self._states_before(read, x[:1, :stays])
        ]
        (ids,) = repeated(read.tensors, len(x))
        with reading_instead(self.encoder, x[:, stays:]):
            hidden, _ = model.encode(ids[:, stays:], None, states)
        scores: Tensor = model.head(hidden[:, -1]).log_softmax(-1)
        return scores[:, list(read.extra)]

    def _states_before(self, read: Read, x: Tensor) -> list[State]:
        """The states after what always stays, x (1, time, size): what gradients do not move."""
        if self._carried is None or self._carried[0] is not read:
            # Gradients pass through these states, so they must not be of inference alone.
            with torch.inference_mode(False), torch.no_grad():
                _, states = self.encoder(x.detach().clone(), None, None)
            self._carried = read, states
        return self._carried[1]

    def finish(self, read: Read, said: Array, found: dict[str, Array], deviation: float) -> Trace:
        """With the likeliest tokens after each."""
        rows = tuple(likeliest(row, self.name_of) for row in said[0])
        steps = Steps("next", rows, (*read.tokens[1:], ""))
        remarks = list(read.remarks)
        if len(read.tokens) > ATTRIBUTED:
            remarks.append(Remark("attributed", ATTRIBUTED))
        return Trace(
            *(self.task, self.name, read.given, read.tokens, read.pieces, found, steps, deviation),
            remarks=tuple(remarks),
        )
