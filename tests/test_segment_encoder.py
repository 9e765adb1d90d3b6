"""The encoder over segments: SegRNN's own equations, written plainly, and what it may see."""

import pytest
import torch
from torch.nn import functional as F

from seqloom.nn.forecast_heads import Window, WindowSizes
from seqloom.nn.segment_encoder import SegmentEncoder, at_end, at_start, segments_in
from seqloom.nn.teacher_forcing import note_progress

NOTHING = torch.zeros(4, 0, dtype=torch.float64)


def some_window(time: int, sizes: WindowSizes) -> Window:
    def numbers(steps: int, size: int) -> torch.Tensor:
        return torch.randn(4, steps, size, dtype=torch.float64)

    return Window(
        numbers(time, sizes.channels),
        numbers(time, sizes.past),
        numbers(time + sizes.horizon, sizes.known),
        torch.zeros(4, dtype=torch.int64),
        torch.zeros(4, 0, dtype=torch.int64),
        torch.full((4,), time),
    )


def make(sizes: WindowSizes, outputs: int = 2, **others: object) -> SegmentEncoder:
    return SegmentEncoder(sizes, 6, 3, outputs, **others).double().eval()  # type: ignore[arg-type]


def plain(model: SegmentEncoder, x: torch.Tensor, horizon: int) -> torch.Tensor:
    """Parallel multi-step forecasting as the paper draws it, every row on its own."""
    forecasts = torch.zeros(len(x), horizon, x.shape[2], model.outputs, dtype=x.dtype)
    for row in range(len(x)):
        for channel in range(x.shape[2]):
            h = torch.zeros(1, 6, dtype=x.dtype)
            for piece in x[row, :, channel].split(3):
                (h,) = model.cell(F.relu(model.values(piece)).unsqueeze(0), (h,))
            for number in range(horizon // 3):
                place = torch.cat([model.position[number], model.channel[channel]])
                (g,) = model.cell(place.unsqueeze(0), (h,))
                y = model.forecast(g[0]).view(3, model.outputs)
                forecasts[row, 3 * number : 3 * number + 3, channel] = y
    return forecasts


def test_it_equals_the_paper_s_equations() -> None:
    sizes = WindowSizes(6, 2)
    model, window = make(sizes), some_window(9, sizes)
    torch.testing.assert_close(model(window, NOTHING), plain(model, window.inputs, 6))


def test_segments_are_cut_from_the_end_and_from_the_start() -> None:
    x = torch.arange(1.0, 6.0).view(1, 5, 1)
    assert at_end(x, 3)[0].tolist() == [[1, 1, 2], [3, 4, 5]]
    assert at_start(x, 3)[0].tolist() == [[1, 2, 3], [4, 5, 5]]
    assert at_end(x[:, :3], 3)[0].tolist() == [[1, 2, 3]]
    assert at_end(x[..., :0], 3).shape == (1, 2, 0)
    assert segments_in(6, 3) == 2
    assert segments_in(torch.tensor([1, 3, 4]), 3).tolist() == [1, 1, 2]


@pytest.mark.parametrize("head", ["direct", "step"])
def test_lengths_that_are_no_multiple_of_a_segment(head: str) -> None:
    sizes = WindowSizes(7, 2, past=1, known=2)
    model, window = make(sizes, head=head), some_window(8, sizes)
    found = model(window, NOTHING)
    assert found.shape == (4, 7, 2, 2)
    inputs, past, known = (torch.cat([x[:, :1], x], 1) for x in window[:3])  # filled up by hand
    same = model(Window(inputs, past, known, *window[3:5], window.lengths + 1), NOTHING)
    torch.testing.assert_close(same, found)


@pytest.mark.parametrize("head", ["direct", "step"])
def test_channels_run_alone_through_the_same_weights(head: str) -> None:
    sizes = WindowSizes(6, 2)
    model, window = make(sizes, head=head), some_window(9, sizes)
    found = model(window, NOTHING)
    changed = window.inputs.clone()
    changed[:, :, 0] = 5
    torch.testing.assert_close(
        model(window._replace(inputs=changed), NOTHING)[:, :, 1], found[:, :, 1]
    )
    swapped = model(window._replace(inputs=window.inputs.flip(2)), NOTHING)
    if head == "direct":  # channels have a vector of their own
        assert not torch.allclose(swapped, found.flip(2))
        model.channel.data[:] = model.channel.data[0]
        found = model(window, NOTHING)
        swapped = model(window._replace(inputs=window.inputs.flip(2)), NOTHING)
    torch.testing.assert_close(swapped, found.flip(2))


@pytest.mark.parametrize("head", ["direct", "step"])
def test_everything_that_is_given_is_read(head: str) -> None:
    sizes = WindowSizes(6, 1, past=1, known=1)
    model, window = make(sizes, context_size=2, head=head), some_window(6, sizes)
    context = torch.zeros(4, 2, dtype=torch.float64)
    found = model(window, context)
    assert not torch.allclose(model(window, context + 1), found)
    assert not torch.allclose(model(window._replace(past=window.past + 1), context), found)
    for step in range(12):  # those known of the past, and of each future segment
        known = window.known.clone()
        known[:, step] += 1
        changed = model(window._replace(known=known), context)
        segment = max(0, step - 6) // 3
        own = slice(3 * segment, 3 * segment + 3)
        assert not torch.allclose(changed[:, own], found[:, own]), step


def test_the_step_head_reads_the_truth_only_in_training_and_only_at_first() -> None:
    sizes = WindowSizes(6, 1)
    model, window = make(sizes, outputs=1, head="step"), some_window(6, sizes)
    free, truth = model(window, NOTHING), torch.randn(4, 6, 1, dtype=torch.float64)
    torch.testing.assert_close(model(window, NOTHING, truth), free)
    model.train()
    forced = model(window, NOTHING, truth)
    torch.testing.assert_close(forced[:, :3], free[:, :3])  # before anything was fed
    assert not torch.allclose(forced[:, 3:], free[:, 3:])
    right = model(window, NOTHING, free[..., 0])  # a truth that is just what it says
    torch.testing.assert_close(right, free)
    note_progress(model, 1.0)
    torch.testing.assert_close(model(window, NOTHING, truth), free)


@pytest.mark.parametrize("head", ["direct", "step"])
def test_every_weight_learns(head: str) -> None:
    sizes = WindowSizes(6, 2, past=1, known=1)
    model = make(sizes, context_size=2, head=head)
    model(some_window(6, sizes), torch.ones(4, 2, dtype=torch.float64)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
