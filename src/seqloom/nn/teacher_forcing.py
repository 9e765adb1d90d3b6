"""Teacher forcing: in training a decoder reads the true tokens, or partly what it would have said.

A decoder that only ever reads the truth never sees its own mistakes. Reading its own words one by
one would be slow; instead all of them are guessed at once from the truth, some take its place, and
the decoder reads that mixture:

    true    <start> h o l a        guessed after each   h u l a .
    read    <start> h u l a        (o replaced by the guess u)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqloom.nn.row_drawing import Part, draw_rows


class TeacherForcing(nn.Module):
    """Mixes true tokens with guessed ones.

    Args:
        share: of true tokens at the end of training; it falls evenly from 1.
    Source:
        Bengio et al. 2015, scheduled sampling; Duckworth et al. 2019, all steps at once.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.progress = 0.0  # of the training, from 0 to 1; see ``note_progress``
        self.part: Part | None = None  # see ``dropout.hold_rows``

    @property
    def mixes(self) -> bool:
        """Whether any token is to be replaced now."""
        return self.training and self.share < 1.0 and self.progress > 0.0

    def forward(self, true: Tensor, guessed: Tensor) -> Tensor:
        """True tokens, some replaced by the guess made at the step before.

        Shape:
            true (batch, time), the first of each row being the start; guessed (batch, time), the
            token after each → (batch, time). The start is never replaced, nor is padding.
        """
        drawn = draw_rows((true.shape[0], true.shape[1] - 1), self.part, true.device)
        replaced = (drawn < (1 - self.share) * self.progress) & (true[:, 1:] != 0)
        mixed = true.clone()
        mixed[:, 1:] = torch.where(replaced, guessed[:, :-1], true[:, 1:])
        return mixed


def note_progress(model: nn.Module, progress: float) -> None:
    """Say how much of the training is done, from 0 to 1."""
    for module in model.modules():
        if isinstance(module, TeacherForcing):
            module.progress = min(1.0, max(0.0, progress))
