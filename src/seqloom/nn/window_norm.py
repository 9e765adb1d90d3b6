"""Each window moved to its own level, and the forecast moved back: series drift, patterns stay.

Knows no network.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqloom.errors import SettingsError

NORMS = ("none", "last", "standard")
EPSILON = 1e-5  # added to the variance, so that a window that never changes is no division by zero


class Level(NamedTuple):
    """Where a window stands: shift and scale (batch, 1, channels)."""

    shift: Tensor
    scale: Tensor


class WindowNorm(nn.Module):
    """Moves a window to its own level and back.

    none        nothing
    last        x - last value of the look-back
    standard    w (x - mean) / √(variance + ε) + b, w > 0 and b learnt for each channel

    Args:
        kind: a name in ``NORMS``.
        channels: channels of a window.
    Shape:
        x (batch, time, channels), lengths (batch,): that many steps at the end are real.
    Raises:
        SettingsError: an unknown kind.
    Source:
        last: Lin et al. 2023, "SegRNN"; standard: Kim et al. 2022, "RevIN", with w = e^v: a w
        below zero would turn the order of the quantiles round.
    """

    def __init__(self, kind: str, channels: int) -> None:
        super().__init__()
        if kind not in NORMS:
            raise SettingsError(f'window norm "{kind}": expected one of {", ".join(NORMS)}.')
        self.kind = kind
        if kind == "standard":
            self.log_weight = nn.Parameter(torch.zeros(channels))
            self.bias = nn.Parameter(torch.zeros(channels))

    def measure(self, x: Tensor, lengths: Tensor | None = None) -> Level:
        """The level of each window; without lengths all its steps are real."""
        last = x[:, -1:]
        if self.kind == "none":
            return Level(torch.zeros_like(last), torch.ones_like(last))
        if self.kind == "last":
            return Level(last, torch.ones_like(last))
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[1], device=x.device)
        real, count = real_at_end(lengths, x.shape[1]).unsqueeze(2), lengths.view(-1, 1, 1)
        mean = torch.where(real, x, 0.0).sum(1, keepdim=True) / count
        variance = torch.where(real, (x - mean) ** 2, 0.0).sum(1, keepdim=True) / count
        return Level(mean, torch.sqrt(variance + EPSILON))

    def forward(self, x: Tensor, level: Level) -> Tensor:
        """The equation above."""
        if self.kind == "none":
            return x
        x = (x - level.shift) / level.scale
        return x * self.log_weight.exp() + self.bias if self.kind == "standard" else x

    def invert(self, y: Tensor, level: Level) -> Tensor:
        """Back to where the window stood: y (batch, time, channels, levels) → alike."""
        if self.kind == "none":
            return y
        if self.kind == "standard":
            y = (y - self.bias.unsqueeze(1)) / self.log_weight.exp().unsqueeze(1)
        return y * level.scale.unsqueeze(3) + level.shift.unsqueeze(3)


def real_at_end(lengths: Tensor, time: int) -> Tensor:
    """True where real, when padding comes first: lengths (batch,) → (batch, time)."""
    return torch.arange(time, device=lengths.device) >= time - lengths.unsqueeze(1)
