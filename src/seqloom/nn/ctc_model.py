"""Frames to tokens without an alignment: front end → encoder → scores, and the CTC loss.

    steps (batch, time, size) ─ front ─ encoder ─ linear ─→ log probabilities (batch, time, vocab)

Token 0, the padding of targets, is CTC's blank: nothing is said at a step. Knows numbers and ids
only: no sound, no tokens, no files.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.nn.band_front import BandFront
from seqloom.nn.cells import State
from seqloom.nn.dropout import LockedDropout
from seqloom.nn.encoders import Encoder
from seqloom.nn.language_model import Loss

BLANK = 0
UNSAID = 4  # ids before the first token: blank, and the three that no transcript holds
NEVER = -1e4  # a score whose probability is 0, and whose gradient is a number


class CTCModel(nn.Module):
    """Scores of every token, and of silence, at each step.

    Args:
        front: what the encoder reads of a step.
        encoder: the layers, made for the numbers that the front makes.
        vocab_size: ids run from 0, the blank, to vocab_size - 1.
        input_dropout: locked dropout of what the encoder reads.
    Source:
        Graves et al. 2006, connectionist temporal classification.
    """

    def __init__(
        self,
        front: nn.Linear | BandFront,
        encoder: Encoder,
        vocab_size: int,
        *,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.front = front
        self.norm = nn.LayerNorm(front.out_features)
        self.input_dropout = LockedDropout(input_dropout)
        self.encoder = encoder
        self.head = nn.Linear(encoder.output_size, vocab_size)

    def forward(
        self, x: Tensor, lengths: Tensor, targets: Tensor, states: Sequence[State] | None = None
    ) -> Loss:
        """Nats of whole transcripts: targets (batch, tokens), padded with 0."""
        scores, after = self.log_probabilities(x, lengths, states)
        sizes = (targets != BLANK).sum(1)
        real = lengths > 0  # rows that only fill a process's share have no steps
        nats = ctc_nats(scores, lengths.clamp(min=1), targets, torch.where(real, sizes, 0))
        total = torch.where(real, nats, torch.zeros_like(nats)).sum()
        return Loss(total, int(sizes[real].sum()), after)

    def log_probabilities(
        self, x: Tensor, lengths: Tensor | None = None, states: Sequence[State] | None = None
    ) -> tuple[Tensor, list[State]]:
        """Log probabilities (batch, time, vocab_size), and the states after the last step."""
        x = self.input_dropout(F.gelu(self.norm(self.front(x))))
        outputs, after = self.encoder(x, lengths, states)
        logits = self.head(outputs)
        if logits.dtype != torch.float64:  # half the digits are too few for sums over paths
            logits = logits.float()
        logits[..., 1:UNSAID] = NEVER
        return logits.log_softmax(-1), list(after)


def ctc_nats(scores: Tensor, lengths: Tensor, targets: Tensor, sizes: Tensor) -> Tensor:
    """Nats of each transcript over all its alignments.

    A transcript that has too few steps to be said costs nothing: read fast in training, a
    recording may lose the steps that it needed.

    Shape:
        scores (batch, time, vocab), lengths (batch,), targets (batch, tokens), sizes (batch,) →
        (batch,).
    """
    nats: Tensor = F.ctc_loss(
        scores.transpose(0, 1),  # (time, batch, vocab)
        targets,
        lengths,
        sizes,
        blank=BLANK,
        reduction="none",
        zero_infinity=True,
    )
    return nats
