"""The network that looks at pictures: shapes, its equation, and independence of the batch."""

import pytest
import torch
from torch.nn import functional as F

from seqloom.nn.convolution import Convolution, ConvolutionalEncoder, ResidualBlock


@pytest.mark.parametrize(
    ("size", "cells", "features"), [(16, 64, 4), (64, 64, 16), (96, 36, 16), (100, 49, 16)]
)
def test_sides_are_halved_until_the_grid_is_small(size: int, cells: int, features: int) -> None:
    encoder = ConvolutionalEncoder(size, 4)
    found = encoder(torch.zeros(2, 3, size, size))
    assert found.shape == (2, cells, features) == (2, encoder.cells, encoder.output_size)


def test_a_convolution_is_torch_s() -> None:
    ours = Convolution(3, 5, stride=2)
    x = torch.randn(2, 3, 9, 9)
    expected = F.conv2d(x, ours.weight.view(5, 3, 3, 3), stride=2, padding=1)
    torch.testing.assert_close(ours(x), expected)
    assert ours.weight.shape == (5, 27)


def test_a_block_changes_nothing_at_the_start_and_adds_later() -> None:
    block, x = ResidualBlock(8), torch.randn(2, 8, 4, 4)
    torch.testing.assert_close(block(x), x)
    first, second = block.convolutions
    torch.nn.init.normal_(second.weight)
    inner = first(F.relu(F.group_norm(x, 8)))
    expected = x + second(F.relu(F.group_norm(inner, 8)))
    torch.testing.assert_close(block(x), expected)


def test_a_picture_depends_on_no_other_of_its_batch() -> None:
    encoder, pixels = ConvolutionalEncoder(16, 8), torch.randn(5, 3, 16, 16)
    whole = encoder(pixels)
    for row in range(5):
        torch.testing.assert_close(encoder(pixels[row : row + 1])[0], whole[row])


def test_every_weight_learns_from_the_start_that_it_has() -> None:
    encoder, pixels = ConvolutionalEncoder(32, 8), torch.randn(2, 3, 32, 32)
    optimizer = torch.optim.SGD(encoder.parameters(), 0.01)
    before = {name: w.detach().clone() for name, w in encoder.named_parameters()}
    for _ in range(3):  # a block's last weights move first, and then what is before them
        optimizer.zero_grad()
        encoder(pixels).square().sum().backward()
        optimizer.step()
    for name, w in encoder.named_parameters():
        assert not torch.equal(w, before[name]), name
