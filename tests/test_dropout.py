"""Locked dropout: the share, its ramp, the same masks on one process and on several."""

import pytest
import torch
from torch import nn

from seqloom.nn.dropout import LockedDropout, drop_weights, ramp_dropout


def dropped_share(layer: LockedDropout) -> float:
    return float((layer(torch.ones(400, 2, 500)) == 0).float().mean())


@pytest.mark.parametrize(("ramp", "share"), [(0.0, 0.0), (0.5, 0.2), (1.0, 0.4)])
def test_the_ramp_scales_the_share_and_keeps_the_mean(ramp: float, share: float) -> None:
    model = nn.Sequential(LockedDropout(0.4)).train()
    ramp_dropout(model, ramp)
    assert dropped_share(model[0]) == pytest.approx(share, abs=0.01)
    assert float(model(torch.ones(400, 2, 500)).mean()) == pytest.approx(1.0, abs=0.01)


def test_two_processes_drop_what_one_drops() -> None:
    whole = LockedDropout(0.5).train()
    x = torch.ones(6, 3, 50)
    torch.manual_seed(4)
    expected = whole(x)
    parts = []
    for rank in range(2):
        part = LockedDropout(0.5).train()
        part.shard = (rank, 2)
        torch.manual_seed(4)
        parts.append(part(x[3 * rank : 3 * rank + 3]))
    assert torch.equal(torch.cat(parts), expected)


def test_weights_are_dropped_and_scaled() -> None:
    dropped = drop_weights(torch.ones(300, 300), 0.25)
    assert dropped.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert float((dropped == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
