"""One run on several processes: each takes some rows of every batch, gradients are summed.

Started by ``torchrun``, which sets RANK, WORLD_SIZE and the rest. One process alone is a world of
one, and nothing here does anything then.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from seqloom.data.batching import Batch
from seqloom.nn.cells import State
from seqloom.nn.dropout import hold_rows


@dataclass(frozen=True)
class World:
    """Which of how many processes this is."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes and speaks."""
        return self.rank == 0


def join_world(device: torch.device) -> World:
    """Meet the other processes that torchrun started, if any."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World()
    if device.type == "cuda":
        torch.cuda.set_device(device)  # barriers take the current one
    if not dist.is_initialized():
        # Gloo beside nccl: the clock and the wish to stop are numbers on the CPU.
        dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    return World(dist.get_rank(), size)


def wait_for_all(world: World) -> None:
    """Return when every process has come here."""
    if world.size > 1:
        dist.barrier()


def leave_world() -> None:
    """Part from the other processes."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def share_model(model: nn.Module, world: World) -> nn.Module:
    """The model, made to sum its gradients over all processes."""
    return model if world.size == 1 else nn.parallel.DistributedDataParallel(model)


def own_rows(batch: Batch, model: nn.Module, world: World) -> Batch:
    """The rows of a batch that this process takes; its dropout is that of one process alone."""
    if world.size == 1:
        return batch
    own = batch.rows(world.rank, world.size)
    hold_rows(model, world.rank * len(own.lengths), len(batch.lengths))
    return own


def largest(values: Sequence[float], world: World) -> list[float]:
    """Of each value the largest that any process has."""
    if world.size == 1:
        return list(values)
    tensor = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
    return [float(value) for value in tensor]


def add_up(value: Tensor, world: World) -> Tensor:
    """The sum over all processes."""
    if world.size > 1:
        value = value.clone()
        dist.all_reduce(value)
    return value


def gather_states(states: list[State] | None, world: World) -> list[State] | None:
    """The carried states of all rows, in their order."""
    if world.size == 1 or states is None:
        return states
    return [tuple(_gather_rows(part, world) for part in state) for state in states]


def _gather_rows(part: Tensor, world: World) -> Tensor:
    parts = [torch.empty_like(part) for _ in range(world.size)]
    dist.all_gather(parts, part.contiguous())
    return torch.cat(parts)


def own_states(states: list[State] | None, rows: int, world: World) -> list[State] | None:
    """The carried states that this process goes on with, whatever number of them saved.

    ``rows`` are those of the whole batch: further ones only filled up a process's part, and are
    filled up again as ``Batch.rows`` does.
    """
    if states is None:
        return None
    count = -(-rows // world.size)
    first = world.rank * count
    own = torch.arange(first, first + count).clamp(max=rows - 1)
    return [tuple(part[own.to(part.device)] for part in state) for state in states]
