"""Whether a graph gives the model's numbers, at several batch sizes and lengths, states too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqloom.errors import TrainingError
from seqloom.export.networks import Arrays, Network

BATCHES, LENGTHS = (1, 2, 7), (1, 2, 17, 64)
TOLERANCE = 1e-4  # of the largest number of an output, and at least of 1
SEED = 0


@dataclass(frozen=True)
class Case:
    """How far an output of a graph is from the model's.

    Args:
        network, output: which.
        batch, length: of the inputs.
        difference: largest distance between two numbers.
        largest: largest number of the model's.
    """

    network: str
    output: str
    batch: int
    length: int
    difference: float
    largest: float

    @property
    def share(self) -> float:
        """The difference beside the largest number, which counts for 1 at least."""
        return self.difference / max(1.0, self.largest)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "network": self.network,
            "output": self.output,
            "batch": self.batch,
            "length": self.length,
            "difference": self.difference,
            "largest": self.largest,
        }


def session_of(model: bytes) -> Any:
    """A graph ready to run, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(session: Any, given: Arrays) -> Arrays:
    """What a graph makes of inputs: outputs by name."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, given), strict=True))


def cases_of(
    network: Network,
    session: Any,
    batches: Iterable[int] = BATCHES,
    lengths: Iterable[int] = LENGTHS,
) -> list[Case]:
    """Every output at every batch size and length.

    Raises:
        TrainingError: an output has another shape or another name.
    """
    random = np.random.default_rng(SEED)
    found = []
    for batch in batches:
        for length in lengths:
            given = network.inputs(random, batch, length)
            expected, given_back = network.torch(given), run(session, given)
            if {n: a.shape for n, a in expected.items()} != {
                n: a.shape for n, a in given_back.items()
            }:
                raise TrainingError(
                    f"The graph {network.name} gives other shapes than the model; this is a fault "
                    "of Seqloom's, please report it."
                )
            for name, array in expected.items():
                found.append(_case(network.name, name, batch, length, array, given_back[name]))
    return found


def _case(network: str, name: str, batch: int, length: int, expected: Any, found: Any) -> Case:
    exact, given = expected.astype(np.float64), found.astype(np.float64)
    # Where both are the same infinity nothing is different.
    gap = np.where(exact == given, 0.0, np.abs(exact - given))
    largest = np.abs(exact[np.isfinite(exact)]).max(initial=0.0)
    return Case(network, name, batch, length, float(gap.max(initial=0.0)), float(largest))
