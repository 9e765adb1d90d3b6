"""Layers of recurrent cells over padded batches: one place decides how a recurrence is computed.

Sequences of unlike length run dense, never packed: packed sequences are four to nine times slower
on a CPU. That is exact because

- forward in time, padding on the right comes after everything real: outputs there are set to zero;
- backward in time, each sequence is turned round within its own length first;
- the state handed on is the one after the last real step. Cells whose state is their output have
  it among the outputs; the LSTM's c is held over the padding (``LSTMCell.scan_ragged``).

Knows nothing of embeddings, vocabularies or losses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from seqloom.nn.cells import (
    Cell,
    ElmanCell,
    GRUCell,
    JordanCell,
    LSTMCell,
    MinGRUCell,
    OutputCell,
    State,
)
from seqloom.nn.dropout import LockedDropout, drop_weights
from seqloom.nn.masks import reverse_by_length, zero_padding

CELLS: dict[str, Callable[[int, int], Cell]] = {
    "elman": ElmanCell,
    "jordan": JordanCell,
    "output-to-output": OutputCell,
    "lstm": LSTMCell,
    "gru": GRUCell,
    "mingru": MinGRUCell,
}


class Recurrent(nn.Module):
    """A stack of recurrent layers.

    Args:
        kind: a name in ``CELLS``.
        input_size: numbers a step of the input has.
        hidden_size: units of each layer and direction.
        num_layers: layers, one above the other.
        bidirectional: a second stack of cells reads each layer's input from the end.
        dropout: locked dropout after every layer.
        weight_drop: share of hidden-to-hidden weights dropped at each training batch.
        forget_bias: see ``LSTMCell``.
    Shape:
        x (batch, time, input_size), lengths (batch,) → outputs (batch, time, output_size) and one
        state a layer and direction, forward before backward.
    """

    def __init__(
        self,
        kind: str,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        weight_drop: float = 0.0,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__()
        self.directions, self.num_layers = 2 if bidirectional else 1, num_layers
        self.output_size = hidden_size * self.directions
        self.weight_drop = weight_drop
        self.dropout = LockedDropout(dropout)
        self.cells = nn.ModuleList()
        for layer in range(num_layers):
            size = input_size if layer == 0 else self.output_size
            for _ in range(self.directions):
                self.cells.append(_make_cell(kind, size, hidden_size, forget_bias))

    def zero_state(self, batch: int) -> list[State]:
        """States of zeros for ``batch`` sequences."""
        return [self._cell(index).zero_state(batch) for index in range(len(self.cells))]

    def forward(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        states: Sequence[State] | None = None,
    ) -> tuple[Tensor, list[State]]:
        """Outputs of the top layer, zero on padding, and the states after the last real step."""
        states = list(states) if states is not None else self.zero_state(x.shape[0])
        for first in range(0, len(self.cells), self.directions):
            outputs, states[first] = self._scan(first, x, lengths, states[first])
            if self.directions == 2:
                back, states[first + 1] = self._scan_back(first + 1, x, lengths, states[first + 1])
                outputs = torch.cat([outputs, back], dim=2)  # (batch, time, 2·hidden)
            if lengths is not None:
                outputs = zero_padding(outputs, lengths)
            x = self.dropout(outputs)
        return x, states

    def layer_of(self, name: str) -> int:
        """The layer, counted from 0, that a weight of this name belongs to."""
        return int(name.split(".")[1]) // self.directions

    def _cell(self, index: int) -> Cell:
        cell = self.cells[index]
        assert isinstance(cell, Cell)
        return cell

    def _scan_back(
        self, index: int, x: Tensor, lengths: Tensor | None, state: State
    ) -> tuple[Tensor, State]:
        if lengths is None:
            outputs, state = self._scan(index, x.flip(1), None, state)
            return outputs.flip(1), state
        outputs, state = self._scan(index, reverse_by_length(x, lengths), lengths, state)
        return reverse_by_length(outputs, lengths), state

    def _scan(
        self, index: int, x: Tensor, lengths: Tensor | None, state: State
    ) -> tuple[Tensor, State]:
        cell = self._cell(index)
        weight_hh = None
        if self.training and self.weight_drop > 0 and hasattr(cell, "weight_hh"):
            weight_hh = drop_weights(cell.weight_hh, self.weight_drop)
        if lengths is None:
            return cell.scan(x, state, weight_hh)
        return cell.scan_ragged(x, lengths, state, weight_hh)


def _make_cell(kind: str, input_size: int, hidden_size: int, forget_bias: float) -> Cell:
    if kind == "lstm":
        return LSTMCell(input_size, hidden_size, forget_bias)
    return CELLS[kind](input_size, hidden_size)
