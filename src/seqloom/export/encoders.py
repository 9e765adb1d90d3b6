"""Any encoder as ONNX operators, and its states as inputs and outputs of a graph."""

from __future__ import annotations

from seqloom.export.attentions import attention_encoder, attention_states
from seqloom.export.graph import FLOAT, Graph, Value
from seqloom.export.recurrences import States, recurrent
from seqloom.nn.cells import Cell
from seqloom.nn.encoders import Encoder
from seqloom.nn.recurrent import Recurrent

STATE_NAMES = ("h", "c")


def encoder(
    x: Value, model: Encoder, lengths: Value, states: States | None = None
) -> tuple[Value, States]:
    """Outputs (batch, time, size), zero on padding, and the states after the last real step."""
    if isinstance(model, Recurrent):
        return recurrent(x, model, lengths, states)
    return attention_encoder(x, model, lengths, states)


def state_inputs(graph: Graph, model: Encoder) -> States:
    """The states before the first step, as inputs."""
    if not isinstance(model, Recurrent):
        return attention_states(graph, model)
    return [
        tuple(
            graph.input(f"{STATE_NAMES[part]}_{number}", FLOAT, ["batch", cell.hidden_size])
            for part in range(cell.state_parts)
        )
        for number, cell in enumerate(model.cells)
        if isinstance(cell, Cell)
    ]


def state_outputs(graph: Graph, before: States, after: States) -> None:
    """The states after the last real step, as outputs: each called as before, and ``_after``."""
    for old, new in zip(before, after, strict=True):
        for one, other in zip(old, new, strict=True):
            shape = ["kept" if size == "past" else size for size in graph.shapes[one.name] or ()]
            graph.output(f"{one.name}_after", other, shape)
