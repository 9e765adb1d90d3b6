"""Layers, directions and lengths: padding and batches change nothing."""

import pytest
import torch

from seqloom.nn.recurrent import CELLS, Recurrent

LENGTHS = torch.tensor([6, 3, 1, 5])


def make(kind: str, **options) -> Recurrent:
    torch.manual_seed(2)
    return Recurrent(kind, 5, 7, num_layers=2, **options).double().eval()


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_a_sequence_alone_equals_itself_in_a_padded_batch(kind: str, bidirectional: bool) -> None:
    layers = make(kind, bidirectional=bidirectional)
    x = torch.randn(4, 6, 5, dtype=torch.float64)
    outputs, states = layers(x, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone, alone_states = layers(x[row : row + 1, :length])
        torch.testing.assert_close(outputs[row, :length], alone[0])
        assert not outputs[row, length:].any()
        for state, wanted in zip(states, alone_states, strict=True):
            for part, wanted_part in zip(state, wanted, strict=True):
                torch.testing.assert_close(part[row], wanted_part[0])


@pytest.mark.parametrize("kind", CELLS)
def test_what_stands_on_padding_does_not_matter(kind: str) -> None:
    layers = make(kind, bidirectional=True)
    x = torch.randn(4, 6, 5, dtype=torch.float64)
    other = x.clone()
    for row, length in enumerate(LENGTHS.tolist()):
        other[row, length:] = 1e6
    torch.testing.assert_close(layers(x, LENGTHS)[0], layers(other, LENGTHS)[0])


@pytest.mark.parametrize("kind", CELLS)
def test_a_causal_model_never_sees_ahead(kind: str) -> None:
    layers = make(kind)
    x = torch.randn(2, 6, 5, dtype=torch.float64)
    other = x.clone()
    other[:, 4:] += 1
    a, b = layers(x)[0], layers(other)[0]
    assert torch.equal(a[:, :4], b[:, :4])
    assert not torch.equal(a[:, 4:], b[:, 4:])


@pytest.mark.parametrize("kind", CELLS)
def test_carried_state_equals_reading_at_once(kind: str) -> None:
    layers = make(kind)
    x = torch.randn(2, 6, 5, dtype=torch.float64)
    first, states = layers(x[:, :4])
    second, _ = layers(x[:, 4:], None, states)
    torch.testing.assert_close(torch.cat([first, second], 1), layers(x)[0])


def test_bidirectional_lstm_equals_torch_packed() -> None:
    layers = Recurrent("lstm", 5, 7, bidirectional=True).double()
    other = torch.nn.LSTM(5, 7, bidirectional=True, batch_first=True).double()
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    with torch.no_grad():
        for cell, suffix in zip(layers.cells, ("l0", "l0_reverse"), strict=True):
            for name in names:
                getattr(other, f"{name}_{suffix}").copy_(getattr(cell, name))
    x = torch.randn(4, 6, 5, dtype=torch.float64)
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        x, LENGTHS, batch_first=True, enforce_sorted=False
    )
    wanted, _ = torch.nn.utils.rnn.pad_packed_sequence(other(packed)[0], batch_first=True)
    torch.testing.assert_close(layers(x, LENGTHS)[0], wanted)


def test_dropout_and_weight_drop_act_in_training_only() -> None:
    layers = make("lstm", dropout=0.5, weight_drop=0.5)
    x = torch.randn(2, 6, 5, dtype=torch.float64)
    assert torch.equal(layers(x)[0], layers(x)[0])
    layers.train()
    assert not torch.equal(layers(x)[0], layers(x)[0])


def test_dropout_is_the_same_at_every_step() -> None:
    layers = make("lstm", dropout=0.5).train()
    outputs = layers(torch.randn(2, 6, 5, dtype=torch.float64))[0]
    dropped = outputs == 0
    assert dropped.any()
    assert (dropped == dropped[:, :1]).all()


def test_bfloat16_is_near_float32() -> None:
    layers = make("lstm").float()
    x = torch.randn(4, 50, 5)
    with torch.autocast("cpu", torch.bfloat16):
        rough = layers(x, torch.tensor([50, 3, 20, 49]))[0].float()
    exact = layers(x, torch.tensor([50, 3, 20, 49]))[0]
    assert (rough - exact).abs().max() < 0.02
