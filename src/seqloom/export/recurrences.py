"""Recurrent layers as ONNX: its own operators where it has them, a scan where it has none.

ONNX reads time before batch, and holds each state over the padding by ``lengths``. The order of
gates is another than torch's, so the rows of the weights are moved.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqloom.export.graph import FLOAT, INT32, Array, Graph, Value
from seqloom.nn.cells import (
    Cell,
    ElmanCell,
    GRUCell,
    JordanCell,
    LSTMCell,
    MinGRUCell,
    OutputCell,
)
from seqloom.nn.recurrent import Recurrent

States = list[tuple[Value, ...]]

OPERATORS = {"LSTM": 4, "GRU": 3, "RNN": 1}
ORDERS = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}  # places of torch's gates


def recurrent(
    x: Value, model: Recurrent, lengths: Value, states: States | None = None
) -> tuple[Value, States]:
    """Outputs of the top layer, zero on padding, and the states after the last real step.

    Shape:
        x (batch, time, size), lengths (batch,) → (batch, time, output size), (batch, hidden) each.
    """
    cells = [cell for cell in model.cells if isinstance(cell, Cell)]
    x = x.transpose(1, 0, 2)
    after: States = []
    for first in range(0, len(cells), model.directions):
        layer = cells[first : first + model.directions]
        before = states[first : first + model.directions] if states else None
        operator = operator_of(layer[0])
        run = _fused if operator else _scanned
        x, found = run(x, layer, lengths, before)
        after += found
    return x.transpose(1, 0, 2), after


def last_state(x: Value, cell: Cell, lengths: Value) -> Value:
    """h after the last real step, from zero: x (batch, time, size) → (batch, hidden)."""
    return _fused(x.transpose(1, 0, 2), [cell], lengths, None)[1][0][0]


def gru_step(x: Value, h: Value, cell: GRUCell) -> Value:
    """One step of a gated recurrent unit; x and h may be broadcast."""
    graph = x.graph
    names = (cell.weight_ih, cell.weight_hh)
    w, u = (graph.weight(one, np.transpose, "transposed") for one in names)
    r_x, z_x, n_x = (x @ w + graph.weight(cell.bias_ih)).split(3, -1)
    r_h, z_h, n_h = (h @ u + graph.weight(cell.bias_hh)).split(3, -1)
    z = (z_x + z_h).apply("Sigmoid")
    n = (n_x + (r_x + r_h).apply("Sigmoid") * n_h).apply("Tanh")
    return n + z * (h - n)


def operator_of(cell: Cell) -> str | None:
    """ONNX's operator for a cell, where it has one."""
    if isinstance(cell, LSTMCell):
        return "LSTM"
    if isinstance(cell, GRUCell):
        return "GRU"
    return "RNN" if isinstance(cell, ElmanCell | OutputCell) else None


def _fused(
    x: Value, layer: Sequence[Cell], lengths: Value, before: States | None
) -> tuple[Value, States]:
    """A layer of one direction or two in one operator."""
    if isinstance(layer[0], OutputCell):
        return _output_to_output(x, layer, lengths, before)
    graph, operator = x.graph, operator_of(layer[0])
    assert operator is not None
    weights = [_stacked(graph, layer, operator, name) for name in ("weight_ih", "weight_hh")]
    found = graph.ops(
        operator,
        *(x, *weights, _biases(graph, layer, operator), lengths.cast(INT32)),
        *_initial(graph, layer, before),
        outputs=layer[0].state_parts + 1,
        hidden_size=layer[0].hidden_size,
        direction="bidirectional" if len(layer) == 2 else "forward",
        **({"linear_before_reset": 1} if operator == "GRU" else {}),
    )
    outputs = found[0].transpose(0, 2, 1, 3).reshape(0, 0, -1)  # (time, batch, 2 · hidden)
    states = [tuple(part.at(0, place) for part in found[1:]) for place in range(len(layer))]
    return outputs, states


def _output_to_output(
    x: Value, layer: Sequence[Cell], lengths: Value, before: States | None
) -> tuple[Value, States]:
    """Elman's recurrence over what each cell makes of x; a cell a direction reads its own."""
    outputs: list[Value] = []
    states: States = []
    for place, cell in enumerate(layer):
        assert isinstance(cell, OutputCell)
        h = x @ x.graph.weight(cell.weight_xh, np.transpose, "transposed")
        h = (h + x.graph.weight(cell.bias_xh)).apply("Tanh")
        found = x.graph.ops(
            "RNN",
            *(h, _stacked(x.graph, [cell], "RNN", "weight_ih")),
            _stacked(x.graph, [cell], "RNN", "weight_hh"),
            _biases(x.graph, [cell], "RNN"),
            lengths.cast(INT32),
            *_initial(x.graph, [cell], before[place : place + 1] if before else None),
            outputs=2,
            hidden_size=cell.hidden_size,
            direction="reverse" if place else "forward",
        )
        outputs.append(found[0].squeeze(1))
        states.append((found[1].squeeze(0),))
    return x.graph.concat(outputs, 2), states


def _initial(graph: Graph, layer: Sequence[Cell], before: States | None) -> list[Value]:
    """States before the first step, (directions, batch, hidden) each; none are zeros."""
    if before is None:
        return []
    return [
        graph.concat([state[part].unsqueeze(0) for state in before], 0)
        for part in range(layer[0].state_parts)
    ]


def _moved(rows: Array, operator: str) -> Array:
    """Rows of the gates in ONNX's order."""
    gates = np.split(rows, OPERATORS[operator])
    return np.concatenate([gates[place] for place in ORDERS[operator]])


def _stacked(graph: Graph, layer: Sequence[Cell], operator: str, name: str) -> Value:
    """Weights of both directions: (directions, gates · hidden, size)."""
    parts = [
        graph.weight(getattr(cell, name), lambda rows: _moved(rows, operator)[None], operator)
        for cell in layer
    ]
    if len(parts) == 1:
        return parts[0]
    return graph.constant(np.concatenate([graph.root.weights.pop(part.name) for part in parts]))


def _biases(graph: Graph, layer: Sequence[Cell], operator: str) -> Value:
    """Biases of input and state of both directions: (directions, 2 · gates · hidden)."""
    rows = [
        np.concatenate([
            _moved(getattr(cell, name).detach().float().cpu().numpy(), operator)
            for name in ("bias_ih", "bias_hh")
        ])
        for cell in layer
    ]  # fmt: skip
    return graph.constant(np.stack(rows))


def _scanned(
    x: Value, layer: Sequence[Cell], lengths: Value, before: States | None
) -> tuple[Value, States]:
    """A layer whose cells ONNX does not know, step by step; its state is its output."""
    graph = x.graph
    batch = x.size(1)
    outputs: list[Value] = []
    states: States = []
    for place, cell in enumerate(layer):
        given = _turned(x, lengths) if place else x
        zero = graph.op(
            "Expand",
            graph.constant(np.zeros((1, cell.hidden_size), np.float32)),
            graph.shape_of([batch, cell.hidden_size]),
        )
        state = before[place][0] if before else zero
        each = (_jordan if isinstance(cell, JordanCell) else _mingru)(given, cell, state)
        steps = graph.steps(x.size(0)).unsqueeze(1)  # (time, 1)
        real = (steps < lengths.unsqueeze(0)).cast(FLOAT).unsqueeze(2)
        last = steps.equals((lengths - 1).unsqueeze(0)).cast(FLOAT).unsqueeze(2)
        states.append(((each * last).sum(0),))
        each = each * real
        outputs.append(_turned(each, lengths) if place else each)
    return graph.concat(outputs, 2), states


def _turned(x: Value, lengths: Value) -> Value:
    """Each sequence turned round within its own length: x (time, batch, size)."""
    return x.graph.op("ReverseSequence", x, lengths, time_axis=0, batch_axis=1)


def _projected(x: Value, cell: Cell) -> Value:
    weight = x.graph.weight(cell.weight_ih, np.transpose, "transposed")
    return x @ weight + x.graph.weight(cell.bias_ih)


def _jordan(x: Value, cell: Cell, state: Value) -> Value:
    """h = tanh(W x + b + U o + b); o' = tanh(V h + c)."""
    assert isinstance(cell, JordanCell)
    graph = x.graph
    names = (cell.weight_hh, cell.weight_ho)
    recur, out = (graph.weight(one, np.transpose, "transposed").name for one in names)
    bias, bias_out = (graph.weight(one).name for one in (cell.bias_hh, cell.bias_ho))

    def step(inner: Graph, before: list[Value], given: list[Value]) -> tuple[list[Value], Value]:
        u, v, b, c = (Value(inner, name, FLOAT) for name in (recur, out, bias, bias_out))
        h = (given[0] + before[0] @ u + b).apply("Tanh")
        o = (h @ v + c).apply("Tanh")
        return [o], o

    return graph.scan(step, [state], [_projected(x, cell)])[0]


def _mingru(x: Value, cell: Cell, state: Value) -> Value:
    """h' = (1 - σ(z))·h + σ(z)·g(n), gates of all steps at once."""
    assert isinstance(cell, MinGRUCell)
    z, n = _projected(x, cell).split(2, 2)
    candidate = x.graph.where(n >= 0.0, n + 0.5, n.apply("Sigmoid"))
    added = z.apply("Sigmoid") * candidate
    kept = z.apply("Neg").apply("Sigmoid")

    def step(inner: Graph, before: list[Value], given: list[Value]) -> tuple[list[Value], Value]:
        h = given[0] * before[0] + given[1]
        return [h], h

    return x.graph.scan(step, [state], [kept, added])[0]
