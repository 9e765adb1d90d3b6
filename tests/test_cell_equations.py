"""The equations in numpy are those that run: cells, layers of them, and attention."""

import numpy as np
import pytest
import torch

from seqloom.explain import attention_equations as eq
from seqloom.explain.cell_equations import CELL_EQUATIONS, SIGNALS
from seqloom.explain.layers import (
    as_float64,
    outputs_of,
    trace_encoder,
    trace_looking,
    trace_recurrent,
    weights_of,
)
from seqloom.nn.attention import MultiHeadAttention
from seqloom.nn.decoder import Attention
from seqloom.nn.encoders import make_encoder
from seqloom.nn.recurrent import CELLS, Recurrent

LENGTHS = np.array([6, 1, 4])


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("kind", CELLS)
def test_every_step_of_every_cell_is_the_cell_s_own(kind: str) -> None:
    cell = CELLS[kind](5, 4).double()
    x, state = numbers(3, 6, 5), tuple(numbers(3, 4) for _ in range(2 if kind == "lstm" else 1))
    gates = CELL_EQUATIONS[kind](weights_of(cell), as_float64(x), [as_float64(s) for s in state])
    assert tuple(gates) == SIGNALS[kind]
    for step in range(6):
        state = cell(x[:, step], state)
        np.testing.assert_allclose(gates["hidden"][:, step], as_float64(state[0]), atol=1e-12)
    if kind == "lstm":
        np.testing.assert_allclose(gates["cell"][:, -1], as_float64(state[1]), atol=1e-12)


def test_gates_of_an_lstm_are_what_its_equations_say() -> None:
    """c' = f·c + i·g and h' = o·tanh(c') hold between the arrays themselves."""
    gates = CELL_EQUATIONS["lstm"](
        weights_of(CELLS["lstm"](3, 4).double()), np.ones((1, 5, 3)), None
    )
    before = np.concatenate([np.zeros((1, 1, 4)), gates["cell"][:, :-1]], 1)
    cell = gates["forget"] * before + gates["input"] * gates["candidate"]
    np.testing.assert_allclose(cell, gates["cell"], atol=1e-14)
    np.testing.assert_allclose(gates["output"] * np.tanh(cell), gates["hidden"], atol=1e-14)
    for name in ("input", "forget", "output"):
        assert gates[name].min() > 0 and gates[name].max() < 1


@pytest.mark.parametrize("kind", CELLS)
def test_layers_and_directions_of_unlike_lengths(kind: str) -> None:
    layers = Recurrent(kind, 5, 4, num_layers=2, bidirectional=True).double().eval()
    x = numbers(3, 6, 5)
    outputs, states = layers(x, torch.from_numpy(LENGTHS))
    arrays = trace_encoder(layers, as_float64(x), LENGTHS)
    found, real = outputs_of(arrays), np.arange(6)[None] < LENGTHS[:, None]
    np.testing.assert_allclose(found[real], as_float64(outputs)[real], atol=1e-12)
    # A backward cell's last state is the one at the first token.
    np.testing.assert_allclose(
        arrays["layer1.backward.hidden"][:, 0], as_float64(states[1][0]), atol=1e-12
    )


def test_layers_go_on_from_a_state() -> None:
    layers = Recurrent("lstm", 5, 4).double().eval()
    x, state = numbers(2, 3, 5), [(numbers(2, 4), numbers(2, 4))]
    outputs, _ = layers(x, None, state)
    given = [[as_float64(part) for part in state[0]]]
    arrays = trace_recurrent(layers, as_float64(x), np.array([3, 3]), given)
    np.testing.assert_allclose(arrays["layer1.forward.hidden"], as_float64(outputs), atol=1e-12)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize("kind", ["basic-attention", "self-attention", "transformer"])
def test_every_head_of_every_layer(kind: str, window: int | None, causal: bool) -> None:
    encoder = make_encoder(
        kind, 6, 8, num_layers=2, num_heads=2, bidirectional=not causal, window=window
    )
    encoder = encoder.double().eval()
    for parameter in encoder.parameters():  # a fresh transformer adds nothing
        torch.nn.init.normal_(parameter, std=0.5)
    x, lengths = numbers(3, 6, 6), torch.from_numpy(LENGTHS)
    outputs, _ = encoder(x, lengths)
    looked = encoder.weights(x, lengths)
    arrays = trace_encoder(encoder, as_float64(x), LENGTHS)
    real = np.arange(6)[None] < LENGTHS[:, None]
    np.testing.assert_allclose(outputs_of(arrays)[real], as_float64(outputs)[real], atol=1e-12)
    for number, weights in enumerate(looked):
        found, expected = arrays[f"layer{number + 1}.attention"], as_float64(weights)
        for row, length in enumerate(LENGTHS):
            own = (row, slice(None), slice(length), slice(length))
            np.testing.assert_allclose(found[own], expected[own], atol=1e-12)


@pytest.mark.parametrize("kind", ["additive", "general", "dot"])
def test_alignment_of_a_recurrent_decoder(kind: str) -> None:
    attention = Attention(kind, 4, 4).double()
    query, memory = numbers(2, 3, 4), numbers(2, 5, 4)
    mask = torch.ones(2, 5, dtype=torch.bool)
    _, weights = attention(query, attention.project(memory), memory, mask)
    found = trace_looking(attention, as_float64(query), as_float64(memory))
    np.testing.assert_allclose(found, as_float64(weights), atol=1e-12)


def test_attention_into_a_memory() -> None:
    attention = MultiHeadAttention(4, 6, 8, 2).double().eval()
    query, memory = numbers(2, 3, 4), numbers(2, 5, 6)
    outputs, weights = attention(query, memory, weights=True)
    assert weights is not None
    everything = np.ones((1, 1, 1, 5), bool)
    found, looked = eq.cross_attention(
        weights_of(attention), "", as_float64(query), as_float64(memory), 2, everything
    )
    np.testing.assert_allclose(found, as_float64(outputs), atol=1e-12)
    np.testing.assert_allclose(looked, as_float64(weights), atol=1e-12)
