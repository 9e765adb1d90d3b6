"""Normalisation by window: there and back, blind to padding, and deaf to where a series stands."""

import pytest
import torch

from seqloom.errors import SettingsError
from seqloom.nn.window_norm import NORMS, WindowNorm, real_at_end


def some_windows() -> torch.Tensor:
    return torch.randn(4, 10, 3, dtype=torch.float64) * 5 + 20


def make(kind: str) -> WindowNorm:
    norm = WindowNorm(kind, 3).double()
    for parameter in norm.parameters():
        torch.nn.init.normal_(parameter)
    return norm


@pytest.mark.parametrize("kind", NORMS)
def test_what_is_moved_comes_back(kind: str) -> None:
    norm, x = make(kind), some_windows()
    level = norm.measure(x)
    levels = torch.stack([norm(x, level), norm(x + 1, level)], dim=3)
    back = norm.invert(levels, level)
    torch.testing.assert_close(back, torch.stack([x, x + 1], dim=3))


def test_the_equations() -> None:
    x = some_windows()
    last = WindowNorm("last", 3)
    torch.testing.assert_close(last(x, last.measure(x)), x - x[:, -1:])
    standard = make("standard")
    scores = (x - x.mean(1, keepdim=True)) / (x.var(1, keepdim=True, correction=0) + 1e-5).sqrt()
    expected = scores * standard.log_weight.exp() + standard.bias
    torch.testing.assert_close(standard(x, standard.measure(x)), expected)


@pytest.mark.parametrize("kind", NORMS)
def test_padding_in_front_changes_nothing(kind: str) -> None:
    norm, x = make(kind), some_windows()
    lengths = torch.tensor([10, 4, 1, 7])
    full = norm.measure(x, lengths)
    garbage = x.masked_fill(~real_at_end(lengths, 10).unsqueeze(2), torch.inf)
    for one, other in zip(norm.measure(garbage, lengths), full, strict=True):
        torch.testing.assert_close(one, other)
    for row, length in enumerate(lengths.tolist()):
        alone = norm.measure(x[row : row + 1, 10 - length :])
        torch.testing.assert_close(alone.shift[0], full.shift[row])
        torch.testing.assert_close(alone.scale[0], full.scale[row])


def test_a_window_elsewhere_and_wider_looks_the_same() -> None:
    x = some_windows()
    for kind, moved in [("last", x + 100), ("standard", 3 * x + 100)]:
        norm = make(kind)
        torch.testing.assert_close(
            norm(moved, norm.measure(moved)), norm(x, norm.measure(x)), rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("kind", NORMS)
def test_a_window_that_never_changes_gives_numbers(kind: str) -> None:
    norm, x = make(kind), torch.full((1, 5, 3), 7.0, dtype=torch.float64)
    level = norm.measure(x)
    assert norm(x, level).isfinite().all()
    torch.testing.assert_close(norm.invert(norm(x, level).unsqueeze(3), level)[..., 0], x)


@pytest.mark.parametrize("kind", NORMS)
def test_quantiles_stay_in_order(kind: str) -> None:
    norm, x = make(kind), some_windows()
    quantiles = torch.randn(4, 6, 3, 5, dtype=torch.float64).sort(dim=3).values
    assert (norm.invert(quantiles, norm.measure(x)).diff(dim=3) >= 0).all()


def test_an_unknown_kind_is_told() -> None:
    with pytest.raises(SettingsError, match="expected one of none, last, standard"):
        WindowNorm("batch", 3)
