"""The captioner's network: one encoding for many captions, step by step as all at once."""

from typing import Any

import pytest
import torch
from torch import Tensor

from seqloom.nn.convolution import ConvolutionalEncoder
from seqloom.nn.decoder import RecurrentDecoder
from seqloom.nn.embedding import LearnedEmbedding
from seqloom.nn.picture_captioner import PictureCaptioner, StandardPixels
from seqloom.nn.transformer_decoder import TransformerDecoder

TARGETS = torch.tensor([[1, 5, 6, 7, 2, 0], [1, 4, 2, 0, 0, 0], [1, 8, 4, 5, 6, 2]])


def model(kind: str = "lstm", dropout: float = 0.0) -> PictureCaptioner:
    torch.manual_seed(0)
    encoder = ConvolutionalEncoder(16, 4)
    decoder: Any = TransformerDecoder(6, 8, 8, encoder.output_size, num_heads=2)
    if kind != "transformer":
        size = encoder.output_size
        decoder = RecurrentDecoder(kind, 6, 8, 8, size, (1, size))
    made = PictureCaptioner(LearnedEmbedding(9, 6), encoder, decoder, 9, 8, dropout=dropout)
    made.pixels.fit([0.5, 0.4, 0.3], [0.2, 0.3, 0.4])
    return made


def pictures(count: int) -> Tensor:
    return torch.randint(0, 256, (count, 16, 16, 3), dtype=torch.uint8)


def test_pixels_become_standard_scores() -> None:
    scores = StandardPixels()
    scores.fit([0.5, 0.0, 1.0], [0.5, 1.0, 2.0])
    pixels = torch.tensor([255, 51, 0], dtype=torch.uint8).expand(1, 2, 2, 3)
    found = scores(pixels)
    assert found.shape == (1, 3, 2, 2)
    torch.testing.assert_close(found[0, :, 0, 0], torch.tensor([1.0, 0.2, -0.5]))
    assert set(scores.state_dict()) == {"mean", "spread"}


@pytest.mark.parametrize("kind", ["lstm", "gru", "transformer"])
def test_captions_of_one_picture_cost_what_they_cost_alone(kind: str) -> None:
    made, pixels = model(kind).eval(), pictures(2)
    owners = torch.tensor([0, 0, 1])
    together = made(pixels, owners, TARGETS)
    alone = [
        made(pixels[[owner]], torch.tensor([0]), target[None])
        for owner, target in zip(owners.tolist(), TARGETS, strict=True)
    ]
    torch.testing.assert_close(together.nats, sum(one.nats for one in alone))
    assert together.targets == sum(one.targets for one in alone) == 11


def test_a_row_that_fills_up_costs_nothing() -> None:
    made, pixels = model().eval(), pictures(2)
    full = made(pixels, torch.tensor([0, 1]), TARGETS[:2])
    filled = made(pixels, torch.tensor([0, 1, -1]), TARGETS)
    torch.testing.assert_close(full.nats, filled.nats)
    assert full.targets == filled.targets


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_step_by_step_equals_all_at_once(kind: str) -> None:
    made, pixels = model(kind).eval(), pictures(1)
    state, nats = made.start(made.encode_pictures(pixels)), torch.zeros(())
    for now, due in zip(TARGETS[2, :-1], TARGETS[2, 1:], strict=True):
        logits, state = made.step(now[None], state)
        nats = nats - logits.log_softmax(1)[0, due]
    whole = made(pixels, torch.tensor([0]), TARGETS[2:])
    torch.testing.assert_close(nats, whole.nats)


def test_where_it_looks_sums_to_one_over_the_cells() -> None:
    made = model().eval()
    looks = made.look(pictures(3), TARGETS)
    assert looks is not None and looks.shape == (3, 5, 64)
    torch.testing.assert_close(looks.sum(2), torch.ones(3, 5))


def test_a_picture_counts() -> None:
    """Another picture, or the same upside down, makes another caption likelier."""
    made, pixels = model().eval(), pictures(1)
    torch.nn.init.normal_(made.embedding["places"].weight)  # type: ignore[union-attr,arg-type]
    owner = torch.tensor([0])
    nats = [made(p, owner, TARGETS[:1]).nats for p in (pixels, pixels.flip(1), pictures(1))]
    assert not torch.isclose(nats[0], nats[1]) and not torch.isclose(nats[0], nats[2])


def test_units_of_cells_are_dropped_in_training_alone() -> None:
    made, pixels, owner = model(dropout=0.5), pictures(1), torch.tensor([0])
    drawn = {float(made.train()(pixels, owner, TARGETS[:1]).nats.detach()) for _ in range(4)}
    same = {float(made.eval()(pixels, owner, TARGETS[:1]).nats.detach()) for _ in range(4)}
    assert len(drawn) > 1 and len(same) == 1
