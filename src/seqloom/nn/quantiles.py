"""Several quantiles of one value: in their order, and learnt by the pinball loss.

Knows no network and no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.errors import SettingsError

LOSSES = ("quantile", "mse", "mae")


def check_levels(levels: Sequence[float]) -> int:
    """Where the median stands among the levels.

    Raises:
        SettingsError: levels that do not rise, leave (0, 1) or lack 0.5.

    >>> check_levels((0.1, 0.5, 0.9))
    1
    """
    rising = all(low < high for low, high in pairwise(levels))
    if not rising or 0.5 not in levels or levels[0] <= 0 or levels[-1] >= 1:
        raise SettingsError(
            f"quantile levels {tuple(levels)}: expected rising numbers between 0 and 1, "
            "0.5 among them, such as 0.05 0.5 0.95."
        )
    return list(levels).index(0.5)


def in_order(raw: Tensor, middle: int) -> Tensor:
    """Free numbers made to quantiles that never cross.

    q_m = a_m,  q_{j+1} = q_j + softplus(a_{j+1}) above it,  q_{j-1} = q_j - softplus(a_{j-1}) below

    Args:
        raw: a of the equations.
        middle: m, the place of the median.
    Shape:
        raw (..., levels) → alike.
    """
    median = raw[..., middle : middle + 1]
    above = median + F.softplus(raw[..., middle + 1 :]).cumsum(-1)
    below = median - F.softplus(raw[..., :middle].flip(-1)).cumsum(-1)
    return torch.cat([below.flip(-1), median, above], -1)


def pinball(quantiles: Tensor, targets: Tensor, levels: Tensor) -> Tensor:
    """Loss of each quantile q at its level τ: max(τ (y - q), (τ - 1) (y - q)).

    Shape:
        quantiles (..., levels), targets (...), levels (levels,) → (..., levels).
    Source:
        Koenker & Bassett 1978.
    """
    over = targets.unsqueeze(-1) - quantiles
    return torch.maximum(levels * over, (levels - 1) * over)


class ForecastLoss(nn.Module):
    """What each value forecast costs.

    quantile    twice the mean pinball loss over the levels: near the CRPS, and of the median alone
                the absolute error
    mse, mae    squared, absolute error of the one value forecast

    Args:
        kind: a name in ``LOSSES``.
        levels: of the quantiles, rising.
    Shape:
        quantiles (..., levels), targets (...) → (...).
    Raises:
        SettingsError: an unknown kind, levels that are none, or several with mse or mae.
    """

    levels: Tensor

    def __init__(self, kind: str, levels: Sequence[float]) -> None:
        super().__init__()
        if kind not in LOSSES:
            raise SettingsError(f'loss "{kind}": expected one of {", ".join(LOSSES)}.')
        self.kind, self.middle = kind, check_levels(levels)
        if kind != "quantile" and len(levels) > 1:
            raise SettingsError(
                f"The loss {kind} learns one value, but {len(levels)} quantile levels were asked "
                "for. Take the loss quantile, or the level 0.5 alone."
            )
        self.register_buffer("levels", torch.tensor(levels), persistent=False)

    def forward(self, quantiles: Tensor, targets: Tensor) -> Tensor:
        """The loss of each value."""
        if self.kind == "mse":
            return (quantiles.squeeze(-1) - targets) ** 2
        if self.kind == "mae":
            return (quantiles.squeeze(-1) - targets).abs()
        return 2 * pinball(quantiles, targets, self.levels.to(quantiles.dtype)).mean(-1)
