"""From a picture to a grid of vectors: convolutions that halve its sides and add up what they find.

    picture (S, S, 3) ─ norm ─→ 3x3 ─ half ─ [block ─ half]… ─→ grid (8, 8, features) ─→ 64 cells

A block adds to what it reads: x + conv(relu(norm(conv(relu(norm x))))). Each cell of the grid knows
its part of the picture and some of what is around; a vector learnt for its place is added, so that
what reads the cells without order can tell left from right.

Knows pixels only: no captions. What is found for a picture depends on no other in the batch.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SMALLEST_GRID = 8  # cells of a side: as long as there are more, sides are halved
MOST_TIMES = 4  # of the first channels: deeper layers have no more
GROUPS = 8  # of channels that are normalised together


class PictureEncoder(Protocol):
    """Whatever makes cells of pictures.

    Attributes:
        output_size: numbers in a cell.
        cells: of a picture.
    """

    output_size: int
    cells: int

    def __call__(self, pixels: Tensor) -> Tensor:
        """Pictures (batch, 3, S, S) → (batch, cells, output_size)."""


class Convolution(nn.Module):
    """A convolution whose weights are kept as the matrix that they are.

    Optimizers that treat matrices in a way of their own then find one.

    Args:
        channels_in, channels_out: of the picture before and after.
        side: of the square that each output sees.
        stride: pixels between two outputs.
    Shape:
        x (batch, channels_in, height, width) → (batch, channels_out, height / stride, …).
    """

    def __init__(self, channels_in: int, channels_out: int, side: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.shape = (channels_out, channels_in, side, side)
        self.stride = stride
        self.weight = nn.Parameter(torch.empty(channels_out, channels_in * side * side))
        nn.init.normal_(self.weight, std=math.sqrt(2 / self.weight.shape[1]))  # He et al. 2015

    def forward(self, x: Tensor) -> Tensor:
        """Each output is a weighted sum of what its square holds; zeros lie around the picture."""
        weight = self.weight.view(self.shape)
        if x.device.type == "cpu":
            weight = weight.contiguous(memory_format=torch.channels_last)
        return F.conv2d(x, weight, stride=self.stride, padding=self.shape[2] // 2)


class ResidualBlock(nn.Module):
    """x + conv(relu(norm(conv(relu(norm x))))).

    Shape:
        x (batch, channels, height, width) → alike.
    Source:
        He et al. 2016, "Identity mappings"; normalised in groups, Wu & He 2018.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(_norm(channels) for _ in range(2))
        first, last = (Convolution(channels, channels) for _ in range(2))
        self.convolutions = nn.ModuleList([first, last])
        # At the start a block changes nothing. The last weights are 0 rather than those of the norm
        # before them: behind a norm of 0 stands relu(0), through which nothing is ever learnt.
        nn.init.zeros_(last.weight)

    def forward(self, x: Tensor) -> Tensor:
        """What it adds is nothing at the start."""
        added = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            added = convolution(F.relu(norm(added)))
        return x + added


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(GROUPS, channels), channels)


class ConvolutionalEncoder(nn.Module):
    """Cells of a picture, from scratch.

    Args:
        size: pixels of a picture's side.
        channels: after the first convolution; they double at each halving, up to four times.
    Shape:
        pixels (batch, 3, size, size) → (batch, cells, output_size).
    """

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        halvings = max(1, math.ceil(math.log2(size / SMALLEST_GRID)))
        widths = [channels * min(MOST_TIMES, 2**level) for level in range(halvings)]
        layers: list[nn.Module] = [Convolution(3, widths[0], stride=2), ResidualBlock(widths[0])]
        for before, after in pairwise(widths):
            layers += [_norm(before), nn.ReLU(), Convolution(before, after, stride=2)]
            layers.append(ResidualBlock(after))
        layers += [_norm(widths[-1]), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.output_size = widths[-1]
        side = size
        for _ in range(halvings):
            side = -(-side // 2)
        self.cells = side * side

    def forward(self, pixels: Tensor) -> Tensor:
        """The grid row by row."""
        if pixels.device.type == "cpu":
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        grid: Tensor = self.layers(pixels)  # (batch, features, side, side)
        return grid.flatten(2).transpose(1, 2)
