"""Locked dropout: the share, its ramp, the same masks on one process and on several."""

import pytest
import torch
from torch import nn

from seqloom.nn.dropout import LockedDropout, drop_weights, hold_rows, ramp_dropout


def dropped_share(layer: LockedDropout) -> float:
    return float((layer(torch.ones(400, 2, 500)) == 0).float().mean())


@pytest.mark.parametrize(("ramp", "share"), [(0.0, 0.0), (0.5, 0.2), (1.0, 0.4)])
def test_the_ramp_scales_the_share_and_keeps_the_mean(ramp: float, share: float) -> None:
    model = nn.Sequential(LockedDropout(0.4)).train()
    ramp_dropout(model, ramp)
    assert dropped_share(model[0]) == pytest.approx(share, abs=0.01)
    assert float(model(torch.ones(400, 2, 500)).mean()) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("rows", [6, 5, 1])
def test_two_processes_drop_what_one_drops(rows: int) -> None:
    """In every layer: how many numbers the first one draws decides what the second one drops."""
    x = torch.ones(rows, 3, 50)
    torch.manual_seed(4)
    expected = nn.Sequential(LockedDropout(0.5), LockedDropout(0.5)).train()(x)
    parts = []
    count = -(-rows // 2)
    for rank in range(2):
        layers = nn.Sequential(LockedDropout(0.5), LockedDropout(0.5)).train()
        hold_rows(layers, rank * count, rows)
        torch.manual_seed(4)
        parts.append(layers(torch.ones(count, 3, 50)))
    assert torch.equal(torch.cat(parts)[:rows], expected)


def test_weights_are_dropped_and_scaled() -> None:
    dropped = drop_weights(torch.ones(300, 300), 0.25)
    assert dropped.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
