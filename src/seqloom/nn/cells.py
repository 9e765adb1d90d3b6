"""Recurrent cells, each written as its equations, and how each runs over a whole sequence.

Every cell has the same face. ``forward(x, state)`` is one step and reads as the printed equations;
``scan(x, state)`` is a whole sequence by the fastest exact road; a test holds them together. A
state is a tuple of tensors (batch, hidden_size); the first of them is the output. Parameter names
and the order of gates are ``torch.nn``'s.

Knows nothing of layers, directions, lengths or dropout: see ``recurrent``.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.errors import ShapeError
from seqloom.nn.gru_scan import can_scan, gru_scan
from seqloom.nn.linear_recurrence import linear_recurrence
from seqloom.nn.masks import last_step, length_mask

State = tuple[Tensor, ...]
Fused = tuple[Tensor, list[Tensor], list[Tensor]]  # input, state, weights

SHUT = 1e4  # σ(±SHUT) is 0 or 1 exactly, in float32 and in bfloat16


class Cell(nn.Module):
    """What all cells share: sizes, weights and the zero state.

    Args:
        input_size: numbers in x.
        hidden_size: units in the state.
        gates: blocks of hidden_size rows in the weight matrices.
    """

    state_parts = 1

    def __init__(self, input_size: int, hidden_size: int, gates: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.weight_ih = nn.Parameter(torch.empty(gates * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(gates * hidden_size, hidden_size))
        self.bias_ih = nn.Parameter(torch.empty(gates * hidden_size))
        self.bias_hh = nn.Parameter(torch.empty(gates * hidden_size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform in ±1/√hidden_size, as ``torch.nn`` starts its recurrent layers."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def zero_state(self, batch: int) -> State:
        """A state of zeros for ``batch`` sequences."""
        shape = (batch, self.hidden_size)
        return tuple(self.weight_hh.new_zeros(shape) for _ in range(self.state_parts))

    def project(self, x: Tensor) -> Tensor:
        """W x + b, for one step or for a whole sequence at once."""
        self.check_input(x)
        return F.linear(x, self.weight_ih, self.bias_ih)

    def check_input(self, x: Tensor) -> None:
        """Raise ShapeError where the last size of x is not input_size."""
        if x.shape[-1] != self.input_size:
            raise ShapeError(
                f"{type(self).__name__} received {x.shape[-1]} numbers a step, "
                f"expected input_size {self.input_size}."
            )

    def recur(self, h: Tensor, weight_hh: Tensor | None = None) -> Tensor:
        """U h + b; another U may stand in for the cell's own (weight drop)."""
        return F.linear(h, self.weight_hh if weight_hh is None else weight_hh, self.bias_hh)

    def forward(self, x: Tensor, state: State) -> State:
        """One step: x (batch, input_size) and a state to the next state."""
        raise NotImplementedError

    def scan(
        self, x: Tensor, state: State, weight_hh: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """All steps: x (batch, time, input_size) to outputs (batch, time, hidden_size) and state.

        ``weight_hh`` stands in for the cell's own recurrent weights (weight drop).
        """
        raise NotImplementedError

    def scan_ragged(
        self, x: Tensor, lengths: Tensor, state: State, weight_hh: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """``scan`` with padding on the right: the state is that after the last real step.

        Right for every cell whose state is its output; lengths (batch,) are at least 1.
        """
        outputs, _ = self.scan(x, state, weight_hh)
        return outputs, (last_step(outputs, lengths),)

    def fused(self, x: Tensor, state: State, weight_hh: Tensor | None) -> Fused:
        """What ``torch.lstm``, ``gru`` and ``rnn_tanh`` want."""
        weight_hh = self.weight_hh if weight_hh is None else weight_hh
        weights = [self.weight_ih, weight_hh, self.bias_ih, self.bias_hh]
        return x, [part.unsqueeze(0) for part in state], weights


class ElmanCell(Cell):
    """The simple recurrent network: hidden to hidden.

    h' = tanh(W x + b + U h + b)

    Shape:
        x (batch, input_size); h (batch, hidden_size) → h' alike.
    Source:
        Elman 1990.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, gates=1)

    def forward(self, x: Tensor, state: State) -> State:
        """One step of the equation above."""
        (h,) = state
        return (torch.tanh(self.project(x) + self.recur(h)),)

    def scan(
        self, x: Tensor, state: State, weight_hh: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """The whole sequence in torch's fused kernel."""
        self.check_input(x)
        x, (h,), weights = self.fused(x, state, weight_hh)
        outputs, last = torch.rnn_tanh(x, h, weights, True, 1, 0.0, self.training, False, True)
        return outputs, (last[0],)


class JordanCell(Cell):
    """Output to hidden: the step sees the previous output, not the previous hidden vector.

    h = tanh(W x + b + U o + b)
    o' = tanh(V h + c)

    Shape:
        x (batch, input_size); o (batch, hidden_size) → o' alike. The output is o'.
    Source:
        Jordan 1986.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, gates=1)
        self.weight_ho = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias_ho = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    def forward(self, x: Tensor, state: State) -> State:
        """One step of the equations above."""
        (o,) = state
        h = torch.tanh(self.project(x) + self.recur(o))
        return (torch.tanh(F.linear(h, self.weight_ho, self.bias_ho)),)

    def scan(
        self, x: Tensor, state: State, weight_hh: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """The definition with W x + b of all steps in one product."""
        (o,) = state
        outputs = []
        for projected in self.project(x).unbind(1):
            h = torch.tanh(projected + self.recur(o, weight_hh))
            o = torch.tanh(F.linear(h, self.weight_ho, self.bias_ho))
            outputs.append(o)
        return torch.stack(outputs, 1), (o,)


class OutputCell(Cell):
    """Output to output: only the output layer has a memory.

    h = tanh(V x + c)
    o' = tanh(W h + b + U o + b)

    Shape:
        x (batch, input_size); o (batch, hidden_size) → o' alike. The output is o'.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size, hidden_size, gates=1)
        self.input_size = input_size
        self.weight_xh = nn.Parameter(torch.empty(hidden_size, input_size))
        self.bias_xh = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    def forward(self, x: Tensor, state: State) -> State:
        """One step of the equations above."""
        (o,) = state
        h = self.squash(x)
        return (torch.tanh(F.linear(h, self.weight_ih, self.bias_ih) + self.recur(o)),)

    def squash(self, x: Tensor) -> Tensor:
        """h of the equations, for one step or for a whole sequence at once."""
        self.check_input(x)
        return torch.tanh(F.linear(x, self.weight_xh, self.bias_xh))

    def scan(
        self, x: Tensor, state: State, weight_hh: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """h of all steps in one product; what remains is Elman's recurrence over h."""
        h, (o,), weights = self.fused(self.squash(x), state, weight_hh)
        outputs, last = torch.rnn_tanh(h, o, weights, True, 1, 0.0, self.training, False, True)
        return outputs, (last[0],)


class LSTMCell(Cell):
    """One step of long short-term memory.

    i, f, g, o = split(W x + b + U h + b)
    c' = σ(f)·c + σ(i)·tanh(g)
    h' = σ(o)·tanh(c')

    Args:
        forget_bias: what b_f of the input side starts at, the other biases at zero; 1.0 keeps
            early memory.
    Shape:
        x (batch, input_size); h, c (batch, hidden_size) → h', c' alike. The output is h'.
    Source:
        Hochreiter & Schmidhuber 1997; forget gate, Gers et al. 2000.
    """

    state_parts = 2

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size, gates=4)
        nn.init.zeros_(self.bias_ih)
        nn.init.zeros_(self.bias_hh)
        with torch.no_grad():
            self.bias_ih[hidden_size : 2 * hidden_size] = forget_bias

    def forward(self, x: Tensor, state: State) -> State:
        """One step of the equations above."""
        h, c = state
        i, f, g, o = (self.project(x) + self.recur(h)).chunk(4, dim=-1)  # each (batch, hidden)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def scan(
        self, x: Tensor, state: State, weight_hh: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """The whole sequence in torch's fused kernel (oneDNN on CPU, cuDNN on GPU)."""
        self.check_input(x)
        x, initial, weights = self.fused(x, state, weight_hh)
        outputs, h, c = torch.lstm(x, initial, weights, True, 1, 0.0, self.training, False, True)
        return outputs, (h[0], c[0])

    def scan_ragged(
        self, x: Tensor, lengths: Tensor, state: State, weight_hh: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """``scan`` with padding on the right, c held exactly over the padding.

        The kernel returns c after the last column only. So x gets one more number, 1 on padding,
        whose weights shut the input gate and open the forget gate: c' = 1·c + 0·tanh(g).
        """
        padding = ~length_mask(lengths, x.shape[1])
        self.check_input(x)
        x, initial, weights = self.fused(x, state, weight_hh)
        hold = weights[0].new_zeros(4, self.hidden_size)
        hold[0], hold[1] = -SHUT, SHUT
        weights[0] = torch.cat([weights[0], hold.view(-1, 1)], dim=1)
        x = torch.cat([x, padding.unsqueeze(2).to(x.dtype)], dim=2)  # (batch, time, input + 1)
        outputs, _, c = torch.lstm(x, initial, weights, True, 1, 0.0, self.training, False, True)
        return outputs, (last_step(outputs, lengths), c[0])


class GRUCell(Cell):
    """One step of the gated recurrent unit.

    r, z = σ(split(W x + b + U h + b))      for the rows of r and z
    n = tanh(W x + b + r·(U h + b))         for the rows of n
    h' = (1 - z)·n + z·h

    Shape:
        x (batch, input_size); h (batch, hidden_size) → h' alike.
    Source:
        Cho et al. 2014, with the reset gate after the product, as torch and cuDNN do.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, gates=3)

    def forward(self, x: Tensor, state: State) -> State:
        """One step of the equations above."""
        (h,) = state
        r_x, z_x, n_x = self.project(x).chunk(3, dim=-1)  # each (batch, hidden)
        r_h, z_h, n_h = self.recur(h).chunk(3, dim=-1)
        z = torch.sigmoid(z_x + z_h)
        n = torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h)
        return ((1 - z) * n + z * h,)

    def scan(
        self, x: Tensor, state: State, weight_hh: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """On a CPU ``gru_scan``, since torch has no fused kernel there; else torch's."""
        self.check_input(x)
        x, (h,), weights = self.fused(x, state, weight_hh)
        if can_scan(x, *weights):
            outputs = gru_scan(x, h[0], *weights)
            return outputs, (outputs[:, -1],)
        outputs, last = torch.gru(x, h, weights, True, 1, 0.0, self.training, False, True)
        return outputs, (last[0],)


class MinGRUCell(Cell):
    """A gated unit whose gate and candidate see the input only, so that time runs in parallel.

    z, n = split(W x + b)
    h' = (1 - σ(z))·h + σ(z)·g(n)           g(n) = n + ½ where n ≥ 0, else σ(n)

    Shape:
        x (batch, input_size); h (batch, hidden_size) → h' alike.
    Source:
        Feng et al. 2024, "Were RNNs all we needed?", appendix B.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, gates=2)
        del self.weight_hh, self.bias_hh  # nothing reads the state before the last line
        self.reset_parameters()

    def zero_state(self, batch: int) -> State:
        """A state of zeros for ``batch`` sequences."""
        return (self.weight_ih.new_zeros((batch, self.hidden_size)),)

    def gates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """How much of the state is kept, and what is added to it."""
        # Float32 under autocast: a product of many gates needs the digits.
        z, n = self.project(x).to(self.weight_ih.dtype).chunk(2, dim=-1)
        added = torch.sigmoid(z) * torch.where(n >= 0, n + 0.5, torch.sigmoid(n))
        return torch.sigmoid(-z), added

    def forward(self, x: Tensor, state: State) -> State:
        """One step of the equations above."""
        (h,) = state
        kept, added = self.gates(x)
        return (kept * h + added,)

    def scan(
        self, x: Tensor, state: State, weight_hh: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Gates of all steps in one product, then the linear recurrence h' = kept·h + added."""
        kept, added = self.gates(x)
        outputs = linear_recurrence(kept, added, state[0].to(added.dtype))
        return outputs, (outputs[:, -1],)
