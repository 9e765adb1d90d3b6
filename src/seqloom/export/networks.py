"""What the graphs of a run have in common: a graph, inputs to try it with, what torch says of them.

A network is tried before it is written: on inputs of several batch sizes and lengths, made at
random, the graph must give the same numbers as the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqloom.export.graph import Array, Graph

Arrays = dict[str, Array]
Random = np.random.Generator


@dataclass(frozen=True)
class Network:
    """One graph of a run.

    Args:
        name: of its file, without ``.onnx``.
        graph: the graph.
        inputs: random inputs of a batch size and a length.
        torch: what the model makes of inputs: outputs by name.
    """

    name: str
    graph: Graph
    inputs: Callable[[Random, int, int], Arrays]
    torch: Callable[[Arrays], Arrays]


def some_lengths(random: Random, batch: int, time: int) -> npt.NDArray[np.int64]:
    """Lengths from 1 to ``time``, of which one is ``time``."""
    lengths = random.integers(1, time + 1, batch)
    lengths[random.integers(batch)] = time
    return lengths.astype(np.int64)


def some_ids(random: Random, batch: int, time: int, vocabulary: int) -> npt.NDArray[np.int64]:
    """Ids of a vocabulary (batch, time)."""
    return random.integers(0, vocabulary, (batch, time)).astype(np.int64)


def some_numbers(random: Random, *shape: int) -> npt.NDArray[np.float32]:
    """Numbers such as states hold."""
    return random.standard_normal(shape).astype(np.float32) * np.float32(0.5)
