"""A recurrence over segments of a series instead of steps, so that a long look-back is short.

    720 steps → 15 segments of 48 ─ linear, ReLU ─ GRU ─→ h
    h with the place of each future segment ─ one GRU step, all side by side ─ linear ─→ 96 steps

Every channel runs on its own through the same weights. Covariates stand beside the values of their
segment.

Knows windows only: no scales, quantiles or losses.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.nn.cells import GRUCell
from seqloom.nn.dropout import LockedDropout
from seqloom.nn.forecast_heads import FedTruth, Window, WindowSizes, real_first

Count = TypeVar("Count", int, Tensor)


class SegmentEncoder(nn.Module):
    """Look-back to forecast, segment by segment.

    s_i = relu(W x_i + b)                    for the segments of the look-back
    h = GRU(s_1, …, s_n)
    direct   y_j = V GRU([position_j, channel], h) + c       for all future segments at once
    step     y_j = V h_j + c,  h_{j+1} = GRU(relu(W' y_j + b'), h_j)

    Linear maps of covariates and context are added: to W x_i, to the places, and to the h_j that V
    reads.

    Args:
        sizes: of the windows.
        hidden_size: units of the GRU.
        segment: steps in a segment; the first one of a look-back is filled up with its first
            value, and what the last one forecasts beyond the horizon is cut off.
        outputs: numbers forecast for each value.
        context_size: numbers that say whose window it is; 0 for none.
        head: "direct" or "step".
        dropout: of what the last linear layer reads.
        teacher_forcing: of the step head, see ``FedTruth``; here a whole segment is read.
    Shape:
        window, context (batch, context_size), truth (batch, horizon, channels)
        → (batch, horizon, channels, outputs).
    Source:
        Lin et al. 2023, "SegRNN": direct is its parallel multi-step forecasting, step its
        recurrent one.
    """

    def __init__(
        self,
        sizes: WindowSizes,
        hidden_size: int,
        segment: int,
        outputs: int,
        *,
        context_size: int = 0,
        head: str = "direct",
        dropout: float = 0.0,
        teacher_forcing: float = 0.0,
    ) -> None:
        super().__init__()
        self.sizes, self.segment, self.outputs, self.head = sizes, segment, outputs, head
        self.future = segments_in(sizes.horizon, segment)
        self.values = nn.Linear(segment, hidden_size)
        self.cell = GRUCell(hidden_size, hidden_size)
        self.beside = nn.ModuleDict()
        for name, size in (
            ("past", segment * sizes.past),
            ("known", segment * sizes.known),
            ("context", context_size),
        ):
            if size:
                self.beside[name] = nn.Linear(size, hidden_size, bias=False)
        if head == "direct":
            half = hidden_size // 2
            self.position = nn.Parameter(torch.randn(self.future, hidden_size - half))
            self.channel = nn.Parameter(torch.randn(sizes.channels, half))
        else:
            self.fed = nn.Linear(segment, hidden_size)
            self.truth = FedTruth(teacher_forcing)
        self.dropout = LockedDropout(dropout)
        self.forecast = nn.Linear(hidden_size, segment * outputs)

    def forward(
        self, window: Window, context: Tensor, truth: Tensor | None = None, middle: int = 0
    ) -> Tensor:
        """The forecast; ``middle`` is which of its outputs the step head reads."""
        time = window.inputs.shape[1]
        h = self._encode(window, context)  # (batch, channels, hidden)
        known = at_start(window.known[:, time:], self.segment)
        added = self._beside(context, known=known)  # (batch, 1, segments, hidden)
        if self.head == "direct":
            y = self._direct(h, added)
        else:
            y = self._stepwise(h, added, truth, middle)
        y = y.flatten(2, 3)[:, :, : self.sizes.horizon]
        return y.transpose(1, 2)  # (batch, horizon, channels, outputs)

    def _encode(self, window: Window, context: Tensor) -> Tensor:
        """h after the look-back: (batch, channels, hidden)."""
        x, time, channels = window.inputs, window.inputs.shape[1], window.inputs.shape[2]
        segments = at_end(x, self.segment).unflatten(2, (self.segment, channels))
        read = self.values(segments.permute(0, 3, 1, 2))  # (batch, channels, segments, hidden)
        past, known = (at_end(x, self.segment) for x in (window.past, window.known[:, :time]))
        read = F.relu(read + self._beside(context, past=past, known=known)).flatten(0, 1)
        state = self.cell.zero_state(len(read))
        if bool((window.lengths == time).all()):
            _, (h,) = self.cell.scan(read, state)
        else:
            real = segments_in(window.lengths, self.segment).repeat_interleave(channels)
            _, (h,) = self.cell.scan_ragged(real_first(read, read.shape[1] - real), real, state)
        shaped: Tensor = h.unflatten(0, (-1, channels))
        return shaped

    def _beside(self, context: Tensor, **covariates: Tensor) -> Tensor:
        """What covariates (batch, segments, numbers) and context add: zeros where there are none.

        Shape:
            → (batch, 1, segments, hidden), or 1 in place of what it is alike for.
        """
        added = self.values.bias.new_zeros(1, 1, 1, 1)
        if "context" in self.beside:
            added = added + self.beside["context"](context)[:, None, None]
        for name, numbers in covariates.items():
            if name in self.beside:
                added = added + self.beside[name](numbers).unsqueeze(1)
        return added

    def _direct(self, h: Tensor, added: Tensor) -> Tensor:
        """All future segments: (batch, channels, segments, steps, outputs).

        Every segment starts from the same h, and every window has the same places: the cell's
        products are done once for each, and broadcast.
        """
        count = len(self.channel)
        places = torch.cat(
            [
                self.position.unsqueeze(0).expand(count, -1, -1),
                self.channel.unsqueeze(1).expand(-1, self.future, -1),
            ],
            2,
        )  # (channels, segments, hidden)
        (hidden,) = self.cell(places + added, (h.unsqueeze(2),))
        return self._values(hidden)

    def _stepwise(self, h: Tensor, added: Tensor, truth: Tensor | None, middle: int) -> Tensor:
        """One future segment after the other: (batch, channels, segments, steps, outputs)."""
        true_segments, true = None, None
        if truth is not None and self.training:
            true = at_start(truth, self.segment).unflatten(2, (self.segment, -1))
            true = true.permute(0, 3, 1, 2)  # (batch, channels, segments, steps)
            true_segments = self.truth.drawn(len(h), self.future, h.device)
        found: list[Tensor] = []
        read: Tensor | None = None
        for number in range(self.future):
            if read is not None:
                (h,) = self.cell(F.relu(self.fed(read)), (h,))
            beside = added[:, :, min(number, added.shape[2] - 1)]
            found.append(self._values((h + beside).unsqueeze(2)))
            read = found[-1][:, :, 0, :, middle]
            if true is not None and true_segments is not None:
                read = torch.where(true_segments[:, number, None, None], true[:, :, number], read)
        return torch.cat(found, 2)

    def _values(self, hidden: Tensor) -> Tensor:
        """Values of segments: hidden (batch, channels, n, hidden) → (…, n, steps, outputs)."""
        # One mask a window, whichever process holds it: see ``hold_rows``.
        dropped = self.dropout(hidden.flatten(1).unsqueeze(1)).view_as(hidden)
        values: Tensor = self.forecast(dropped)
        shaped: Tensor = values.unflatten(3, (self.segment, self.outputs))
        return shaped


def segments_in(steps: Count, segment: int) -> Count:
    """How many segments hold so many steps, the last one perhaps in part.

    >>> segments_in(97, 48)
    3
    """
    return (steps + segment - 1) // segment


def at_end(x: Tensor, segment: int) -> Tensor:
    """Segments that end with x, the first one filled up with the first step.

    Shape:
        x (batch, time, size) → (batch, segments, segment · size).
    """
    return _cut(torch.cat([x[:, :1].expand(-1, -x.shape[1] % segment, -1), x], 1), segment)


def at_start(x: Tensor, segment: int) -> Tensor:
    """Segments that start with x, the last one filled up with the last step."""
    return _cut(torch.cat([x, x[:, -1:].expand(-1, -x.shape[1] % segment, -1)], 1), segment)


def _cut(x: Tensor, segment: int) -> Tensor:
    pieces: Tensor = x.unflatten(1, (-1, segment))
    return pieces.flatten(2)
