"""From a step of sound to what an encoder reads: convolutions over its bands of pitch.

    step (frames · bands) ─→ (frames, bands) ─ 7 bands ─ larger of two ─ 5 bands ─ larger of two ─
    linear ─→ (output_size,)

Voices differ in where along the pitch they have what tells vowels apart. The same weights look at
every band and its neighbours, and of two neighbours the one that has more of it is heard, so what
was learnt of one voice is found in another that lies a little higher or lower.

Knows one step at a time: a network that reads one way hears the same piece by piece.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS = 32  # of the first convolution; the second has twice as many
WIDTHS = (7, 5)  # bands that each sees
POOLED = 2  # neighbours of which the larger is heard


class BandConvolution(nn.Module):
    """A convolution over bands, then a gelu, then the larger of two neighbours.

    The weights are kept as the matrix that they are: optimizers treat matrices in a way of their
    own.

    Args:
        channels_in, channels_out: before and after.
        width: bands that each output sees, an odd number.
    Shape:
        x (rows, channels_in, bands) → (rows, channels_out, bands // 2).
    """

    def __init__(self, channels_in: int, channels_out: int, width: int) -> None:
        super().__init__()
        self.shape = (channels_out, channels_in, width)
        self.weight = nn.Parameter(torch.empty(channels_out, channels_in * width))
        self.bias = nn.Parameter(torch.zeros(channels_out))
        nn.init.normal_(self.weight, std=math.sqrt(2 / self.weight.shape[1]))  # He et al. 2015

    def forward(self, x: Tensor) -> Tensor:
        """Zeros lie beyond the lowest and the highest band."""
        weight = self.weight.view(self.shape)
        y = F.conv1d(x, weight, self.bias, padding=self.shape[2] // 2)
        return F.max_pool1d(F.gelu(y), POOLED)


class BandFront(nn.Module):
    """What an encoder reads of each step.

    Args:
        frames: that a step is made of.
        bands: of each frame, four at least.
        output_size: numbers that the encoder reads.
    Shape:
        x (batch, time, frames · bands) → (batch, time, output_size).
    Source:
        Abdel-Hamid et al. 2014, convolutional neural networks for speech recognition.
    """

    def __init__(self, frames: int, bands: int, output_size: int) -> None:
        super().__init__()
        self.frames, self.bands = frames, bands
        self.in_features, self.out_features = frames * bands, output_size  # as of nn.Linear
        sizes = (frames, CHANNELS, 2 * CHANNELS)
        self.convolutions = nn.ModuleList(
            BandConvolution(before, after, width)
            for before, after, width in zip(sizes[:-1], sizes[1:], WIDTHS, strict=True)
        )
        left = bands // POOLED ** len(WIDTHS)
        self.linear = nn.Linear(sizes[-1] * left, output_size)

    def forward(self, x: Tensor) -> Tensor:
        """Each step by itself."""
        batch, time, _ = x.shape
        rows = x.reshape(batch * time, self.frames, self.bands)
        for convolution in self.convolutions:
            rows = convolution(rows)
        found: Tensor = self.linear(rows.flatten(1))
        return found.view(batch, time, -1)
