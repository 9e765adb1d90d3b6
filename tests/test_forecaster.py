"""The forecaster: quantiles in order, the same in any batch, blind to the future and to padding."""

import pytest
import torch

from seqloom.errors import SettingsError, ShapeError
from seqloom.nn.dropout import hold_rows
from seqloom.nn.encoders import ENCODERS
from seqloom.nn.forecast_heads import HEADS, Window, WindowSizes, real_first
from seqloom.nn.forecaster import LEVELS, Forecaster, make_forecaster, start_level
from seqloom.nn.teacher_forcing import note_progress
from seqloom.nn.window_norm import NORMS

KINDS = (*ENCODERS, "segment")
SIZES = WindowSizes(horizon=5, channels=2, past=1, known=1, series=3, statics=(4,))
LENGTHS = torch.tensor([8, 3, 1, 6])


def some_window(sizes: WindowSizes = SIZES, time: int = 8, rows: int = 4) -> Window:
    def numbers(steps: int, size: int) -> torch.Tensor:
        return torch.randn(rows, steps, size, dtype=torch.float64) + 3

    return Window(
        numbers(time, sizes.channels),
        numbers(time, sizes.past),
        numbers(time + sizes.horizon, sizes.known),
        torch.arange(rows) % max(1, sizes.series),
        torch.arange(rows * len(sizes.statics)).view(rows, -1) % 4,
        torch.full((rows,), time),
    )


def make(
    kind: str = "gru", sizes: WindowSizes = SIZES, seed: int = 1, **others: object
) -> Forecaster:
    torch.manual_seed(seed)
    model = make_forecaster(kind, sizes, 6, segment=3, **others).double().eval()  # type: ignore[arg-type]
    for table in model.embedding.parameters():
        torch.nn.init.normal_(table)
    return model


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_window_forecasts_alike_alone_padded_and_in_any_order(kind: str, head: str) -> None:
    model, window = make(kind, head=head, norm="standard"), some_window()
    window = window._replace(lengths=LENGTHS)
    found = model.quantiles(window)
    assert found.shape == (4, 5, 2, len(LEVELS))
    assert (found.diff(dim=3) >= 0).all()
    order = torch.tensor([3, 0, 2, 1])
    shuffled = model.quantiles(Window(*(part[order] for part in window)))
    torch.testing.assert_close(shuffled, found[order])
    for row, length in enumerate(LENGTHS.tolist()):
        alone = Window(*(part[row : row + 1] for part in window))
        for inputs, past, known in (
            (part[:, 8 - length :] for part in alone[:3]),
            (torch.cat([part[:, :1] * 9, part], 1) for part in alone[:3]),
        ):
            again = model.quantiles(Window(inputs, past, known, *alone[3:]))
            torch.testing.assert_close(again[0], found[row])


@pytest.mark.parametrize("kind", ["gru", "transformer", "lstm"])
def test_a_bidirectional_encoder_ignores_padding_too(kind: str) -> None:
    model, window = make(kind, bidirectional=True, num_layers=2), some_window()
    found = model.quantiles(window._replace(lengths=LENGTHS))
    garbage = window.inputs.clone()
    garbage[1, :5] = 99.0
    again = model.quantiles(window._replace(inputs=garbage, lengths=LENGTHS))
    torch.testing.assert_close(again, found)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("kind", ["lstm", "segment"])
def test_everything_that_is_given_is_read(kind: str, head: str) -> None:
    model, window = make(kind, head=head), some_window()
    found = model.quantiles(window)
    for field in ("inputs", "past", "known"):
        part = getattr(window, field)
        changed = window._replace(**{field: part + torch.randn_like(part)})
        assert not torch.allclose(model.quantiles(changed), found), field
    future = window.known.clone()
    future[:, 8:] += 1
    assert not torch.allclose(model.quantiles(window._replace(known=future)), found)
    for field in ("series", "statics"):
        changed = window._replace(**{field: (getattr(window, field) + 1) % 3})
        assert not torch.allclose(model.quantiles(changed), found), field


@pytest.mark.parametrize("kind", ["gru", "segment"])
def test_in_use_the_truth_changes_nothing(kind: str) -> None:
    model, window = make(kind, head="step"), some_window()
    truth = torch.randn(4, 5, 2, dtype=torch.float64)
    torch.testing.assert_close(model.quantiles(window, truth), model.quantiles(window))


def test_teacher_forcing_reads_the_truth_in_training_and_less_of_it_later() -> None:
    model, window = make("gru", head="step", teacher_forcing=0.0), some_window()
    free = model.quantiles(window)
    truth = free[..., model.middle]
    model.train()
    torch.testing.assert_close(model.quantiles(window, truth), free)  # true to its own words
    other = truth.clone()
    other[:, 0] += 5
    forced = model.quantiles(window, other)
    torch.testing.assert_close(forced[:, 0], free[:, 0])
    assert not torch.allclose(forced[:, 1], free[:, 1])
    note_progress(model, 0.5)
    mixed = model.quantiles(window, other)[:, 1]
    assert not torch.equal(mixed, forced[:, 1]) and not torch.equal(mixed, free[:, 1])
    note_progress(model, 1.0)
    torch.testing.assert_close(model.quantiles(window, other), free)


def test_the_fast_road_of_teacher_forcing_is_the_step_by_step_one() -> None:
    model, window = make("gru", head="step"), some_window()
    truth = torch.randn(4, 5, 2, dtype=torch.float64)
    model.train()
    fast = model.quantiles(window, truth)
    note_progress(model, 1e-12)  # too little for any value to be replaced
    torch.testing.assert_close(model.quantiles(window, truth), fast)


@pytest.mark.parametrize("norm", ["last", "standard"])
@pytest.mark.parametrize("kind", ["gru", "segment"])
def test_a_series_elsewhere_is_forecast_there(kind: str, norm: str) -> None:
    model, window = make(kind, norm=norm), some_window()
    moved = model.quantiles(window._replace(inputs=window.inputs + 50))
    torch.testing.assert_close(moved, model.quantiles(window) + 50)


@pytest.mark.parametrize("kind", ["quantile", "mse", "mae"])
def test_the_loss_counts_what_is_real_and_nothing_else(kind: str) -> None:
    levels = LEVELS if kind == "quantile" else (0.5,)
    model, window = make("gru", loss=kind, levels=levels), some_window()
    targets = torch.randn(4, 5, 2, dtype=torch.float64)
    each = model.loss(model.quantiles(window), targets)
    loss = model(window, targets)
    torch.testing.assert_close(loss.nats, each.sum())
    assert loss.targets == 40
    real = torch.rand(4, 5, 2) < 0.5
    loss = model(window, targets.masked_fill(~real, torch.nan), real)
    torch.testing.assert_close(loss.nats, each[real].sum())
    assert loss.targets == int(real.sum())
    loss.nats.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("kind", ["lstm", "segment"])
@pytest.mark.parametrize("norm", NORMS)
def test_it_learns_a_wave(kind: str, norm: str) -> None:
    sizes = WindowSizes(horizon=4, channels=1)
    torch.manual_seed(2)
    model = make_forecaster(kind, sizes, 16, segment=4, norm=norm, levels=(0.1, 0.5, 0.9))
    wave = torch.sin(torch.arange(400.0) / 3).view(-1, 1)
    pieces = wave.unfold(0, 16, 1).transpose(1, 2)  # (windows, 16, 1)
    empty = torch.zeros(len(pieces), 16, 0)
    window = Window(
        pieces[:, :12], empty[:, :12], empty, torch.zeros(len(pieces), dtype=torch.int64),
        torch.zeros(len(pieces), 0, dtype=torch.int64), torch.full((len(pieces),), 12),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(100):
        optimizer.zero_grad()
        loss = model(window, pieces[:, 12:])
        (loss.nats / loss.targets).backward()
        optimizer.step()
    error = (model.quantiles(window)[..., 1] - pieces[:, 12:]).abs().mean()
    assert error < 0.08  # the last value alone is 0.5 off


def test_a_dropout_mask_does_not_depend_on_the_process_that_holds_a_row() -> None:
    for kind in ("gru", "segment"):
        model, window = make(kind, dropout=0.5).train(), some_window()
        torch.manual_seed(3)
        hold_rows(model, 0, 4)
        whole = model.quantiles(window)
        torch.manual_seed(3)
        hold_rows(model, 2, 4)
        half = model.quantiles(Window(*(part[2:] for part in window)))
        torch.testing.assert_close(half, whole[2:])


def test_padding_moves_to_the_end() -> None:
    x = torch.tensor([[0.0, 0.0, 1.0, 2.0], [1.0, 2.0, 3.0, 4.0]]).unsqueeze(2)
    moved = real_first(x, torch.tensor([2, 0])).squeeze(2)
    assert moved.tolist() == [[1, 2, 2, 2], [1, 2, 3, 4]]


def test_what_does_not_fit_is_told() -> None:
    model, window = make("gru"), some_window()
    with pytest.raises(ShapeError, match="expected 2"):
        model.quantiles(window._replace(inputs=window.inputs[..., :1]))
    with pytest.raises(ShapeError, match="known"):
        model.quantiles(window._replace(known=window.known[:, :-1]))
    with pytest.raises(SettingsError, match="expected segment, elman"):
        make("segrnn")
    with pytest.raises(SettingsError, match="direct, step"):
        make("gru", head="many")
    with pytest.raises(SettingsError, match="one layer"):
        make("segment", num_layers=2)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("kind", ["lstm", "segment"])
def test_a_start_is_the_level_of_the_window(kind: str, head: str) -> None:
    model, window = make(kind, head=head, norm="last"), some_window()
    start_level(model)
    medians = model.quantiles(window)[..., model.middle]
    torch.testing.assert_close(medians, window.inputs[:, -1:].expand_as(medians))


def test_a_linear_map_goes_straight_to_the_median() -> None:
    model, window = make("gru", norm="last", wide=8), some_window()
    plain = make("gru", norm="last")
    plain.load_state_dict(model.state_dict(), strict=False)
    torch.testing.assert_close(model.quantiles(window), plain.quantiles(window))
    assert model.head is not None
    torch.nn.init.normal_(model.head.weight)
    moved = model.quantiles(window) - plain.quantiles(window)
    own = window.inputs - window.inputs[:, -1:]
    expected = torch.einsum("ht,btc->bhc", model.head.weight, own)
    torch.testing.assert_close(moved, expected.unsqueeze(-1).expand_as(moved))
    with pytest.raises(ShapeError, match="A window has 9 steps; expected 8"):
        model.quantiles(some_window(time=9))
