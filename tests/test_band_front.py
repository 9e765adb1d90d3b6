import pytest
import torch

from seqloom.nn.band_front import BandConvolution, BandFront


@pytest.mark.parametrize(("frames", "bands"), [(1, 4), (3, 9), (3, 40)])
def test_every_step_becomes_what_the_encoder_reads(frames: int, bands: int) -> None:
    front = BandFront(frames, bands, 6)
    assert front.in_features == frames * bands
    assert front(torch.randn(2, 5, frames * bands)).shape == (2, 5, 6)


def test_a_step_is_read_by_itself() -> None:
    """Steps that are still to come, padding and other rows change nothing."""
    torch.manual_seed(0)
    front, x = BandFront(3, 8, 6), torch.randn(2, 5, 24)
    with torch.inference_mode():
        whole, alone = front(x), front(x[1:, 2:3])
    assert torch.allclose(whole[1:, 2:3], alone, atol=1e-6)


def test_frames_are_told_apart() -> None:
    torch.manual_seed(0)
    front, x = BandFront(2, 8, 6), torch.randn(1, 1, 16)
    swapped = torch.cat([x[..., 8:], x[..., :8]], -1)
    assert not torch.allclose(front(x), front(swapped), atol=1e-3)


def test_what_lies_two_bands_higher_is_found_a_place_higher() -> None:
    """One voice's pattern in another that lies higher: the same numbers, elsewhere."""
    torch.manual_seed(0)
    layer = BandConvolution(2, 3, 5)
    x = torch.zeros(1, 2, 20)
    x[..., 6:9] = torch.randn(1, 2, 3)
    found, higher = layer(x), layer(x.roll(2, -1))
    assert torch.allclose(found[..., 1:7], higher[..., 2:8], atol=1e-6)
    assert not torch.allclose(found[..., 1:7], higher[..., 1:7], atol=1e-3)


def test_every_weight_learns() -> None:
    torch.manual_seed(0)
    front = BandFront(3, 12, 6)
    front(torch.randn(4, 5, 36)).square().sum().backward()
    assert all(weight.grad is not None and bool(weight.grad.any()) for weight in front.parameters())
    assert all(weight.dim() <= 2 for weight in front.parameters())  # as optimizers have them
