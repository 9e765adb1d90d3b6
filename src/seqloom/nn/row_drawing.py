"""Random numbers for the rows of a batch, the same for each row in however many processes."""

from __future__ import annotations

import torch
from torch import Tensor

Part = tuple[int, int]  # the first row that is held here, and the rows of the whole batch


def draw_rows(shape: tuple[int, ...], part: Part | None, device: torch.device) -> Tensor:
    """Numbers from 0 to 1, drawn for the whole batch, of which the rows held here are given.

    Args:
        shape: of what is given, rows first.
        part: which rows those are; None where the batch is held whole.
    """
    rows, *others = shape
    first, total = part or (0, rows)
    drawn = torch.rand(total, *others, device=device)
    if part is None:
        return drawn
    # Rows past the end only fill up the last process's part.
    return drawn[torch.arange(first, first + rows, device=device).clamp(max=total - 1)]
