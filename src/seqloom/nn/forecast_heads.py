"""From what an encoder made of a look-back to the steps after it: all at once, or one by one.

    direct   h ─ linear ─→ every step of the horizon
    step     h ─→ GRU ─→ step 1 ─→ GRU ─→ step 2 ─→ …     each read before the next

Knows tensors only: no scales, quantiles or losses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.nn.cells import GRUCell
from seqloom.nn.teacher_forcing import TeacherForcing

HEADS = ("direct", "step")


@dataclass(frozen=True)
class WindowSizes:
    """What a window holds.

    Args:
        horizon: steps to forecast.
        channels: values a step.
        past, known: covariates a step, of the look-back alone and of the horizon too.
        series: how many series have a vector of their own; 0 for none.
        statics: how many categories each static covariate has.
    """

    horizon: int
    channels: int
    past: int = 0
    known: int = 0
    series: int = 0
    statics: tuple[int, ...] = ()


class Window(NamedTuple):
    """Windows side by side.

    Shape:
        inputs (batch, look_back, channels), past (batch, look_back, p), known (batch, look_back +
        horizon, k), series (batch,) and statics (batch, s) ids, lengths (batch,): that many steps
        at the end of the look-back are real, the others come before the series.
    """

    inputs: Tensor
    past: Tensor
    known: Tensor
    series: Tensor
    statics: Tensor
    lengths: Tensor


def real_first(x: Tensor, padding: Tensor) -> Tensor:
    """Padding moved from the front to the end, where the last step stands for it.

        padding 2:  . . a b c   →   a b c c c

    Shape:
        x (batch, time, size), padding (batch,) → like x.
    """
    time = x.shape[1]
    index = torch.arange(time, device=x.device) + padding.unsqueeze(1)
    return x.gather(1, index.clamp(max=time - 1).unsqueeze(2).expand_as(x))


class FedTruth(TeacherForcing):
    """Which steps of the horizon are read as they were, and which as they were forecast.

    A forecaster that only ever reads the truth is quick to train, but never meets its own errors,
    and its quantiles are those of a single step. What it reads in use is its own median.

    Args:
        share: of true values at the end of training; it falls evenly from 1.
    """

    @property
    def all_true(self) -> bool:
        """Whether nothing but the truth is read now."""
        return self.training and not self.mixes

    def drawn(self, rows: int, time: int, device: torch.device) -> Tensor:
        """True where the truth is read: (rows, time)."""
        first, total = self.part or (0, rows)
        chances = torch.rand(total, time, device=device)
        own = torch.arange(first, first + rows, device=device).clamp(max=total - 1)
        return chances[own] >= (1 - self.share) * self.progress


class DirectHead(nn.Module):
    """Every step of the horizon at once.

    y = W h + b, and with covariates known for step t: y_t += V gelu(U [h, known_t] + c)

    Args:
        input_size: numbers in h.
        sizes: of the windows.
        outputs: numbers forecast for each value.
        hidden_size: numbers inside the gelu.
    Shape:
        h (batch, input_size), known (batch, horizon, k) → (batch, horizon, channels, outputs).
    Source:
        with covariates: after Wen et al. 2017, "A Multi-Horizon Quantile Recurrent Forecaster".
    """

    def __init__(self, input_size: int, sizes: WindowSizes, outputs: int, hidden_size: int) -> None:
        super().__init__()
        self.shape = (sizes.horizon, sizes.channels, outputs)
        self.linear = nn.Linear(input_size, sizes.horizon * sizes.channels * outputs)
        self.reads_known = sizes.known > 0
        if self.reads_known:
            self.mix = nn.Linear(input_size + sizes.known, hidden_size)
            self.local = nn.Linear(hidden_size, sizes.channels * outputs)

    def forward(self, h: Tensor, known: Tensor) -> Tensor:
        """The equation above."""
        y: Tensor = self.linear(h).unflatten(1, self.shape)
        if self.reads_known:
            both = torch.cat([h.unsqueeze(1).expand(-1, known.shape[1], -1), known], 2)
            y = y + self.local(F.gelu(self.mix(both))).unflatten(2, self.shape[1:])
        return y


class StepHead(nn.Module):
    """One step of the horizon after the other, each read before the next.

    g_0 = tanh(S h + s),  g_t = GRU([y_{t-1}, known_t], g_{t-1}),  y_t = V g_t + b

    y_0 is the last value of the look-back; of several outputs the median is read. In training the
    truth may stand in for y_{t-1}, see ``FedTruth``.

    Args:
        input_size, sizes, outputs: see ``DirectHead``.
        hidden_size: units of the GRU.
        teacher_forcing: share of true values at the end of training.
    Shape:
        h (batch, input_size), known (batch, horizon, k), last (batch, channels), truth (batch,
        horizon, channels) → (batch, horizon, channels, outputs).
    """

    def __init__(
        self,
        input_size: int,
        sizes: WindowSizes,
        outputs: int,
        hidden_size: int,
        teacher_forcing: float = 0.0,
    ) -> None:
        super().__init__()
        self.sizes, self.outputs = sizes, outputs
        self.start = nn.Linear(input_size, hidden_size)
        self.cell = GRUCell(sizes.channels + sizes.known, hidden_size)
        self.forecast = nn.Linear(hidden_size, sizes.channels * outputs)
        self.truth = FedTruth(teacher_forcing)

    def forward(
        self, h: Tensor, known: Tensor, last: Tensor, truth: Tensor | None, middle: int
    ) -> Tensor:
        """The equations above; ``middle`` is the place of the median among the outputs."""
        g = torch.tanh(self.start(h))
        if truth is not None and self.truth.all_true:
            read = torch.cat([last.unsqueeze(1), truth[:, :-1]], 1)
            hidden, _ = self.cell.scan(torch.cat([read, known], 2), (g,))
            return self._values(hidden)
        true_steps = None
        if truth is not None and self.training:
            true_steps = self.truth.drawn(len(h), known.shape[1], h.device)
        found = []
        for step, given in enumerate(known.unbind(1)):
            (g,) = self.cell(torch.cat([last, given], 1), (g,))
            found.append(self._values(g))
            last = found[-1][..., middle]
            if truth is not None and true_steps is not None:
                last = torch.where(true_steps[:, step, None], truth[:, step], last)
        return torch.stack(found, 1)

    def _values(self, hidden: Tensor) -> Tensor:
        values: Tensor = self.forecast(hidden).unflatten(-1, (self.sizes.channels, self.outputs))
        return values
