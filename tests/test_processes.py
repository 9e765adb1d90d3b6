"""What a process of several takes: rows, carried states, a way to talk to the others."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from seqloom.data.batching import Batch
from seqloom.nn.dropout import LockedDropout
from seqloom.nn.language_model import LanguageModel
from seqloom.nn.recurrent import Recurrent
from seqloom.train import distributed
from seqloom.train.distributed import World, join_world, own_rows, own_states


def batch(rows: int, *, windows: bool = False) -> Batch:
    ids = np.random.default_rng(0).integers(1, 9, (rows, 5))
    return Batch(ids[:, :-1], np.full(rows, 4), ids[:, -1] if windows else ids[:, 1:])


def tensors(given: Batch) -> tuple[torch.Tensor, ...]:
    return tuple(torch.tensor(array) for array in (given.inputs, given.lengths, given.targets))


@pytest.mark.parametrize("windows", [False, True])
@pytest.mark.parametrize("rows", [6, 5, 1])
def test_the_parts_cost_what_the_whole_does(rows: int, windows: bool) -> None:
    torch.manual_seed(0)
    layers = Recurrent("gru", 3, 4, dropout=0.3)
    model = LanguageModel(9, 3, layers, embedding_dropout=0.2).double().train()

    def cost(given: Batch) -> Any:
        torch.manual_seed(1)
        return model(*tensors(given))

    whole = cost(batch(rows, windows=windows))
    parts = [cost(own_rows(batch(rows, windows=windows), model, World(r, 2))) for r in range(2)]
    assert sum(part.targets for part in parts) == whole.targets
    nats = float(sum(part.nats.detach() for part in parts))
    assert nats == pytest.approx(float(whole.nats.detach()))


def test_one_process_takes_all_as_it_is() -> None:
    model = nn.Sequential(LockedDropout(0.5))
    given = batch(5)
    assert own_rows(given, model, World()) is given
    assert model[0].part is None


@pytest.mark.parametrize("saved", [5, 6])
def test_states_are_gone_on_with_by_any_number_of_processes(saved: int) -> None:
    """Two processes saved six rows for a batch of five, one saves five."""
    states = [(torch.arange(saved).float()[:, None],)]

    def held(world: World) -> list[float]:
        own = own_states(states, 5, world)
        assert own is not None
        return own[0][0].flatten().tolist()

    assert held(World()) == [0, 1, 2, 3, 4]
    assert [held(World(rank, 2)) for rank in range(2)] == [[0, 1, 2], [3, 4, 4]]
    assert own_states(None, 5, World()) is None


@pytest.mark.parametrize(("device", "backend"), [("cpu", "gloo"), ("cuda:1", "cpu:gloo,cuda:nccl")])
def test_numbers_of_the_cpu_can_be_exchanged_beside_those_of_a_gpu(
    monkeypatch: pytest.MonkeyPatch, device: str, backend: str
) -> None:
    asked: list[Any] = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "set_device", asked.append)
    monkeypatch.setattr(distributed.dist, "is_initialized", lambda: False)
    monkeypatch.setattr(distributed.dist, "init_process_group", asked.append)
    monkeypatch.setattr(distributed.dist, "get_rank", lambda: 1)
    assert join_world(torch.device(device)) == World(1, 2)
    assert asked[-1] == backend
    assert asked[:-1] == ([torch.device(device)] if device != "cpu" else [])
