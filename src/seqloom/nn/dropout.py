"""Dropout that stays the same over time, and dropout of the recurrent weights themselves.

Masks are drawn for the rows of the whole batch even where one process of several holds only a
part of them (``hold_rows``), so that two processes and one draw the same masks
(``row_drawing.draw_rows``).
"""

from __future__ import annotations

from torch import Tensor, nn

from seqloom.nn.row_drawing import Part, draw_rows
from seqloom.nn.teacher_forcing import TeacherForcing


class LockedDropout(nn.Module):
    """Zeroes the same units of a sequence at every step, and scales the others up.

    Args:
        share: of the units that are dropped, once ``ramp`` has risen to 1.
    Shape:
        x (batch, time, size) → alike.
    Source:
        Gal & Ghahramani 2016.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.ramp = 1.0  # how much of the share is dropped by now; see ``ramp_dropout``
        self.part: Part | None = None  # see ``hold_rows``

    def forward(self, x: Tensor) -> Tensor:
        """x itself outside training or when nothing is dropped."""
        share = self.share * self.ramp
        if not self.training or share == 0.0:
            return x
        kept = draw_rows((x.shape[0], 1, x.shape[2]), self.part, x.device) >= share
        return x * (kept.to(x.dtype) / (1 - share))  # (batch, 1, size), (batch, time, size)


def ramp_dropout(model: nn.Module, ramp: float) -> None:
    """Drop this part (0 to 1) of each layer's share from now on.

    A text that is read for the first time cannot be learnt by heart, and dropping units then only
    slows learning; it is needed when the same text comes again and again.
    """
    for module in model.modules():
        if isinstance(module, LockedDropout):
            module.ramp = ramp


def hold_rows(model: nn.Module, first: int, total: int) -> None:
    """Say that the batch given from now on is rows ``first``, … of a batch of ``total``."""
    for module in model.modules():
        if isinstance(module, LockedDropout | TeacherForcing):
            module.part = (first, total)


def drop_weights(weight: Tensor, share: float) -> Tensor:
    """A weight matrix with a random share of its entries zeroed, the others scaled up.

    Source:
        DropConnect, Wan et al. 2013; on hidden-to-hidden weights, Merity et al. 2017.
    """
    return nn.functional.dropout(weight, share, training=True)
