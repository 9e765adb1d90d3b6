"""Cells equal torch.nn and their printed equations, forward and gradient."""

import pytest
import torch

from seqloom.errors import ShapeError
from seqloom.nn.cells import Cell, LSTMCell
from seqloom.nn.linear_recurrence import linear_recurrence
from seqloom.nn.recurrent import CELLS

TORCH = {
    "elman": torch.nn.RNNCell,
    "lstm": torch.nn.LSTMCell,
    "gru": torch.nn.GRUCell,
}


def make(kind: str, input_size: int = 5, hidden_size: int = 7) -> Cell:
    torch.manual_seed(1)
    return CELLS[kind](input_size, hidden_size).double()


def unrolled(cell: Cell, x: torch.Tensor, state: tuple[torch.Tensor, ...]):
    outputs = []
    for step in x.unbind(1):
        state = cell(step, state)
        outputs.append(state[0])
    return torch.stack(outputs, 1), state


@pytest.mark.parametrize("kind", TORCH)
def test_a_step_equals_torch(kind: str) -> None:
    cell = make(kind)
    other = TORCH[kind](5, 7).double()
    other.load_state_dict(cell.state_dict())
    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    state = tuple(torch.randn(3, 7, dtype=torch.float64) for _ in range(cell.state_parts))
    expected = other(x, state if kind == "lstm" else state[0])
    expected = expected if kind == "lstm" else (expected,)
    ours = cell(x, state)
    for a, b in zip(ours, expected, strict=True):
        torch.testing.assert_close(a, b)
    gradients = torch.autograd.grad(ours[0].square().sum(), [x, *cell.parameters()])
    wanted = torch.autograd.grad(expected[0].square().sum(), [x, *other.parameters()])
    for a, b in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("kind", CELLS)
def test_scan_equals_the_steps_forward_and_backward(kind: str) -> None:
    cell = make(kind)
    x = torch.randn(3, 6, 5, dtype=torch.float64, requires_grad=True)
    start = tuple(
        torch.randn(3, 7, dtype=torch.float64, requires_grad=True) for _ in range(cell.state_parts)
    )
    results = [scan(x, start) for scan in (cell.scan, lambda x, s: unrolled(cell, x, s))]
    (outputs, state), (wanted, wanted_state) = results
    torch.testing.assert_close(outputs, wanted)
    for a, b in zip(state, wanted_state, strict=True):
        torch.testing.assert_close(a, b)
    inputs = [x, *start, *cell.parameters()]
    weight = torch.randn_like(outputs)
    gradients = [
        torch.autograd.grad((o * weight).sum() + sum(p.sum() for p in s), inputs)
        for o, s in results
    ]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("kind", CELLS)
def test_a_given_recurrent_weight_stands_in(kind: str) -> None:
    cell = make(kind)
    if not hasattr(cell, "weight_hh"):
        pytest.skip("mingru has no recurrent weight")
    x = torch.randn(2, 4, 5, dtype=torch.float64)
    other = torch.randn_like(cell.weight_hh)
    swapped, _ = cell.scan(x, cell.zero_state(2), other)
    with torch.no_grad():
        cell.weight_hh.copy_(other)
    torch.testing.assert_close(swapped, cell.scan(x, cell.zero_state(2))[0])


@pytest.mark.parametrize("kind", CELLS)
def test_a_wrong_input_size_is_named(kind: str) -> None:
    cell = make(kind)
    x, state = torch.zeros(2, 4, dtype=torch.float64), cell.zero_state(2)
    with pytest.raises(ShapeError, match="received 4 numbers a step, expected input_size 5"):
        cell(x, state)
    with pytest.raises(ShapeError, match="received 4 numbers a step, expected input_size 5"):
        cell.scan(x.unsqueeze(1), state)


def test_the_forget_gate_starts_open() -> None:
    cell = LSTMCell(5, 7, forget_bias=2.0)
    assert cell.bias_ih[7:14].tolist() == [2.0] * 7
    assert cell.bias_ih[:7].tolist() == [0.0] * 7


def test_linear_recurrence_gradients() -> None:
    a, b = (torch.rand(2, 5, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    h = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(linear_recurrence, (a, b, h))
