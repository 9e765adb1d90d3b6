"""The scan equals torch.nn.GRU, forward and gradient, however it is cut and whatever comes in."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seqloom.nn import gru_scan as module
from seqloom.nn.cells import GRUCell
from seqloom.nn.gru_scan import can_scan, gru_scan


def weights_of(layer: nn.GRU) -> list[Tensor]:
    return list(layer.parameters())  # weight_ih, weight_hh, bias_ih, bias_hh


def gradient_of(value: Tensor) -> Tensor:
    assert value.grad is not None
    return value.grad


def make(
    batch: int, time: int, input_size: int, hidden: int, dtype: torch.dtype = torch.float64
) -> tuple[nn.GRU, Tensor, Tensor]:
    """A layer of torch with an input and a first state that want gradients."""
    torch.manual_seed(batch + 10 * time)
    layer = nn.GRU(input_size, hidden, batch_first=True, dtype=dtype)
    x = torch.randn(batch, time, input_size, dtype=dtype, requires_grad=True)
    h = torch.randn(batch, hidden, dtype=dtype, requires_grad=True)
    return layer, x, h


def outputs_and_gradients(outputs: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    """Of a sum that weighs every output differently, the last step twice as the state."""
    weight = torch.linspace(-1, 2, outputs.numel(), dtype=outputs.dtype).view_as(outputs)
    total = (outputs * weight).sum() + outputs[:, -1].square().sum()
    return [outputs, *torch.autograd.grad(total, inputs)]


def assert_equal_torch(layer: nn.GRU, x: Tensor, h: Tensor) -> None:
    inputs = [x, h, *weights_of(layer)]
    ours = outputs_and_gradients(gru_scan(x, h, *weights_of(layer)), inputs)
    theirs = outputs_and_gradients(layer(x, h.unsqueeze(0))[0], inputs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b)


@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 5),
    time=st.integers(1, 9),
    input_size=st.integers(1, 4),
    hidden=st.integers(1, 6),
    rows=st.integers(1, 30),
)
def test_equals_torch_whatever_the_sizes(
    batch: int, time: int, input_size: int, hidden: int, rows: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "STRETCH_ROWS", rows)
        assert_equal_torch(*make(batch, time, input_size, hidden))


def test_equals_torch_in_float32_over_several_stretches() -> None:
    layer, x, h = make(8, 2 * module.STRETCH_ROWS // 8 + 3, 3, 5, torch.float32)
    inputs = [x, h, *weights_of(layer)]
    ours = outputs_and_gradients(gru_scan(x, h, *weights_of(layer)), inputs)
    theirs = outputs_and_gradients(layer(x, h.unsqueeze(0))[0], inputs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5 * float(b.detach().abs().max()))


def test_gradients_equal_differences() -> None:
    layer, x, h = make(2, 4, 3, 2)
    assert torch.autograd.gradcheck(gru_scan, (x, h, *weights_of(layer)))


def test_shut_and_open_gates_equal_torch() -> None:
    layer, x, h = make(3, 6, 4, 5)
    assert_equal_torch(layer, (x.detach() * 1e4).requires_grad_(), h)


def test_no_sequences_give_no_outputs() -> None:
    layer, _, _ = make(1, 1, 3, 4)
    x, h = (torch.zeros(shape, dtype=torch.float64) for shape in ((0, 5, 3), (0, 4)))
    outputs = gru_scan(x, h, *weights_of(layer))
    assert outputs.shape == (0, 5, 4)
    outputs.sum().backward()
    assert not any(gradient_of(weight).any() for weight in weights_of(layer))


def test_memory_order_of_the_input_and_of_the_gradient_do_not_matter() -> None:
    layer, x, h = make(3, 6, 4, 5)
    turned = x.detach().permute(2, 1, 0).contiguous().permute(2, 1, 0).requires_grad_()
    results = []
    for source in (x, turned):
        outputs = gru_scan(source, h, *weights_of(layer))
        grad = torch.ones((), dtype=outputs.dtype).expand_as(outputs)
        results.append(torch.autograd.grad(outputs, [source, h], grad))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_is_deterministic_and_can_go_back_twice() -> None:
    layer, x, h = make(4, 7, 3, 5, torch.float32)
    inputs = [x, h, *weights_of(layer)]
    runs = [gru_scan(x, h, *weights_of(layer)) for _ in range(2)]
    assert torch.equal(*runs)
    gradients = [
        torch.autograd.grad(outputs.sum(), inputs, retain_graph=keep)
        for outputs, keep in zip((runs[0], runs[0], runs[1]), (True, False, False), strict=True)
    ]
    for again in gradients[1:]:
        assert all(torch.equal(a, b) for a, b in zip(gradients[0], again, strict=True))


def test_only_what_wants_a_gradient_gets_one() -> None:
    layer, x, h = make(2, 5, 3, 4)
    weights = weights_of(layer)
    for weight in weights[:3]:
        weight.requires_grad_(False)
    gru_scan(x.detach(), h.detach(), *weights).sum().backward()
    assert weights[3].grad is not None and all(weight.grad is None for weight in weights[:3])
    (wanted,) = torch.autograd.grad(layer(x, h.unsqueeze(0))[0].sum(), [weights[3]])
    torch.testing.assert_close(weights[3].grad, wanted)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_without_gradient_the_same_numbers(
    context: type[torch.no_grad], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STRETCH_ROWS", 4)  # stretches of 2, 2 and 1 steps
    layer, x, h = make(2, 5, 3, 4)
    wanted = gru_scan(x, h, *weights_of(layer))
    with context():
        outputs = gru_scan(x, h, *weights_of(layer))
    assert not outputs.requires_grad and torch.equal(outputs, wanted)


def test_without_gradient_the_gates_of_one_stretch_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "STRETCH_ROWS", 4)
    layer, x, h = make(2, 5, 3, 4)
    for keep, steps in ((False, 2), (True, 5)):
        with torch.no_grad():
            _, gates, _ = module._forward(x.transpose(0, 1), h, *weights_of(layer), keep=keep)
        assert gates.shape == (steps, 2, 16)


def test_outputs_changed_in_place_are_refused_not_used() -> None:
    layer, x, h = make(2, 5, 3, 4)
    with pytest.raises(RuntimeError, match="modified inplace"):
        gru_scan(x, h, *weights_of(layer)).mul_(2)


@pytest.mark.parametrize("low_steps", [False, True])
def test_autocast_is_right_to_the_rounding_of_bfloat16(
    low_steps: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOW_PRECISION_STEP", 1 if low_steps else 1 << 40)
    layer, x, h = make(4, 20, 8, 16, torch.float32)
    inputs = [x, h, *weights_of(layer)]
    wanted = outputs_and_gradients(gru_scan(x, h, *weights_of(layer)), inputs)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = gru_scan(x, h, *weights_of(layer))
    rounded = outputs_and_gradients(outputs, inputs)
    assert outputs.dtype == torch.float32 and not torch.equal(outputs, wanted[0])
    for a, b in zip(rounded, wanted, strict=True):
        assert a.dtype == b.dtype
        assert (a - b).abs().max() < 2**-6 * b.abs().max()


def test_autocast_errs_less_than_torch_does() -> None:
    layer, x, h = make(8, 60, 8, 16, torch.float32)
    inputs = [x, h, *weights_of(layer)]
    wanted = outputs_and_gradients(layer(x, h.unsqueeze(0))[0], inputs)
    with torch.autocast("cpu", torch.bfloat16):
        both = [gru_scan(x, h, *weights_of(layer)), layer(x, h.unsqueeze(0))[0].float()]
    ours, theirs = (outputs_and_gradients(outputs, inputs) for outputs in both)
    for a, b, right in zip(ours, theirs, wanted, strict=True):
        assert (a - right).norm() < (b - right).norm()


def test_autocast_takes_inputs_and_states_of_either_precision() -> None:
    layer, x, h = make(2, 5, 3, 4, torch.float32)
    x, h = (value.detach().bfloat16().requires_grad_() for value in (x, h))
    with torch.autocast("cpu", torch.bfloat16):
        assert can_scan(x, *weights_of(layer))
        gru_scan(x, h, *weights_of(layer)).sum().backward()
    assert gradient_of(x).dtype == gradient_of(h).dtype == torch.bfloat16
    assert all(gradient_of(weight).dtype == torch.float32 for weight in weights_of(layer))


def test_what_the_scan_leaves_to_torch() -> None:
    layer, x, _ = make(2, 5, 3, 4, torch.float32)
    weights = weights_of(layer)
    assert can_scan(x, *weights)
    assert not can_scan(x.double(), *weights)
    assert not can_scan(x, *weights[:3], weights[3].double())
    assert not can_scan(x.bfloat16(), *(weight.bfloat16() for weight in weights))
    assert not can_scan(x.to("meta"), *(weight.to("meta") for weight in weights))


def test_the_cell_takes_every_precision() -> None:
    torch.manual_seed(0)
    cell, x = GRUCell(3, 4), torch.randn(2, 5, 3)
    wanted, _ = cell.scan(x, cell.zero_state(2))
    for dtype in (torch.float64, torch.bfloat16):
        other = GRUCell(3, 4).to(dtype)
        other.load_state_dict(cell.state_dict())
        outputs, (last,) = other.scan(x.to(dtype), other.zero_state(2))
        assert outputs.dtype == last.dtype == dtype
        torch.testing.assert_close(outputs.float(), wanted, rtol=0, atol=0.02)
        assert torch.equal(outputs[:, -1], last)


def test_a_recurrent_weight_that_stands_in_gets_the_gradient() -> None:
    cell = GRUCell(3, 4).double()
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    other = torch.randn_like(cell.weight_hh, requires_grad=True)
    cell.scan(x, cell.zero_state(2), other)[0].sum().backward()
    assert cell.weight_hh.grad is None and gradient_of(other).abs().sum() > 0


def test_a_long_state_carried_over_equals_one_scan() -> None:
    cell = GRUCell(3, 4).double()
    x = torch.randn(2, 9, 3, dtype=torch.float64)
    whole, (last,) = cell.scan(x, cell.zero_state(2))
    first, state = cell.scan(x[:, :4], cell.zero_state(2))
    second, (carried,) = cell.scan(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(carried, last)
