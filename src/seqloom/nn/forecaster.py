"""A model of what comes next in a series: a window of the past in, quantiles of every step out.

    window ─ own level ─┬─ encoder over time steps ─ head ─┬─ quantiles in order ─ level back ─→
                        └─ encoder over segments ──────────┘

Knows numbers on the scale of training only: no timestamps, names, files or settings object.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seqloom.errors import SettingsError, ShapeError
from seqloom.nn.encoders import ENCODERS, Encoder, make_encoder
from seqloom.nn.forecast_heads import (
    HEADS,
    DirectHead,
    StepHead,
    Window,
    WindowSizes,
    real_first,
)
from seqloom.nn.language_model import Loss
from seqloom.nn.pooling import Pooling
from seqloom.nn.quantiles import ForecastLoss, in_order
from seqloom.nn.segment_encoder import SegmentEncoder
from seqloom.nn.window_norm import WindowNorm

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
CONTEXT_SIZE = 8  # numbers that stand for a series, or for a static category


class StepEncoder(nn.Module):
    """Look-back to forecast through an encoder that reads every time step.

    Args:
        encoder: made for ``input_size`` numbers a step: values, covariates and context.
        head: made for the encoder's vector and the context.
        front: a linear layer before the encoder, where it needs another number; or nothing.
    Shape:
        window, context (batch, context_size), truth (batch, horizon, channels)
        → (batch, horizon, channels, outputs).
    """

    def __init__(
        self, encoder: Encoder, head: DirectHead | StepHead, front: nn.Linear | None = None
    ) -> None:
        super().__init__()
        self.front, self.encoder, self.head = front, encoder, head
        self.pooling = Pooling(("last",), encoder.output_size, encoder.directions)

    def forward(
        self, window: Window, context: Tensor, truth: Tensor | None = None, middle: int = 0
    ) -> Tensor:
        """The forecast; ``middle`` is which of its outputs the step head reads."""
        time = window.inputs.shape[1]
        around = context.unsqueeze(1).expand(-1, time, -1)
        x = torch.cat([window.inputs, window.past, window.known[:, :time], around], 2)
        full = bool((window.lengths == time).all())
        if not full:
            x = real_first(x, time - window.lengths)
        if self.front is not None:
            x = self.front(x)
        outputs, _ = self.encoder(x, None if full else window.lengths)
        h = torch.cat([self.pooling(outputs, window.lengths), context], 1)
        known = window.known[:, time:]
        y: Tensor = (
            self.head(h, known)
            if isinstance(self.head, DirectHead)
            else self.head(h, known, window.inputs[:, -1], truth, middle)
        )
        return y


class Forecaster(nn.Module):
    """Quantiles of the steps after a window.

    Args:
        sizes: of the windows.
        core: from a window on its own level to ``len(levels)`` numbers a value.
        norm: how a window is moved to its own level, a name in ``window_norm.NORMS``.
        levels: of the quantiles, rising, 0.5 among them; the median is the point forecast.
        loss: a name in ``quantiles.LOSSES``; mse and mae want the level 0.5 alone.
        wide: steps of the look-back from which a linear map, the same for all channels, goes
            straight to the median; 0 for none.
    Shape:
        window → (batch, horizon, channels, levels), never crossing.
    Source:
        the linear map beside a recurrence: Lai et al. 2018, "LSTNet", equation 10.
    """

    def __init__(
        self,
        sizes: WindowSizes,
        core: StepEncoder | SegmentEncoder,
        *,
        norm: str = "none",
        levels: Sequence[float] = LEVELS,
        loss: str = "quantile",
        wide: int = 0,
    ) -> None:
        super().__init__()
        self.sizes, self.core = sizes, core
        self.head: nn.Linear | None = None
        if wide:
            self.head = nn.Linear(wide, sizes.horizon, bias=False)
            nn.init.zeros_(self.head.weight)
        self.norm = WindowNorm(norm, sizes.channels)
        self.loss = ForecastLoss(loss, levels)
        counts = ((sizes.series,) if sizes.series else ()) + sizes.statics
        # They start at zero, so that what training never met is told apart by nothing.
        self.embedding = nn.ModuleList(nn.Embedding(count, CONTEXT_SIZE) for count in counts)
        for table in self.embedding.parameters():
            nn.init.zeros_(table)

    def quantiles(self, window: Window, truth: Tensor | None = None) -> Tensor:
        """The forecast, on the scale of the inputs; the truth is for teacher forcing alone."""
        self._check(window)
        window = without_padding(window)
        level = self.norm.measure(window.inputs, window.lengths)
        inputs = self.norm(window.inputs, level)
        if truth is not None:
            truth = self.norm(truth, level)
        raw = self.core(window._replace(inputs=inputs), self._context(window), truth, self.middle)
        if self.head is not None:
            straight = self.head(inputs.transpose(1, 2)).transpose(
                1, 2
            )  # (batch, horizon, channels)
            middle = torch.arange(raw.shape[-1], device=raw.device) == self.middle
            raw = raw + straight.unsqueeze(-1) * middle
        return self.norm.invert(in_order(raw.to(inputs.dtype), self.middle), level)

    def forward(self, window: Window, targets: Tensor, real: Tensor | None = None) -> Loss:
        """What the targets cost: the pass that is trained, and that several processes wrap.

        The sum of the losses of all values, and how many they are.

        Shape:
            targets (batch, horizon, channels), real alike: True where a target counts. Those that
            do not must be numbers only where the step head is to read them.
        """
        found = self.quantiles(window, targets)
        if real is None:
            return Loss(self.loss(found, targets).sum(), targets.numel(), [])
        each = self.loss(found, torch.where(real, targets, 0.0))
        return Loss(torch.where(real, each, 0.0).sum(), int(real.sum()), [])

    @property
    def middle(self) -> int:
        """Which quantile is the median."""
        return self.loss.middle

    def _context(self, window: Window) -> Tensor:
        """Numbers that say whose window it is: (batch, context_size), perhaps 0."""
        ids = list(window.statics.unbind(1))
        if self.sizes.series:
            ids.insert(0, window.series)
        found = [table(one) for table, one in zip(self.embedding, ids, strict=True)]
        return torch.cat([window.inputs.new_zeros(len(window.inputs), 0), *found], 1)

    def _check(self, window: Window) -> None:
        sizes, (_, time, channels) = self.sizes, window.inputs.shape
        if self.head is not None and time != self.head.in_features:
            raise ShapeError(f"A window has {time} steps; expected {self.head.in_features}.")
        received = (channels, *window.past.shape[1:], *window.known.shape[1:])
        expected = (sizes.channels, time, sizes.past, time + sizes.horizon, sizes.known)
        if received != expected or window.statics.shape[1] != len(sizes.statics):
            raise ShapeError(
                f"A window of {time} steps came with {channels} channels, past covariates "
                f"{tuple(window.past.shape[1:])}, known covariates "
                f"{tuple(window.known.shape[1:])} and {window.statics.shape[1]} static ones; "
                f"expected {sizes.channels}, {expected[1:3]}, {expected[3:]} and "
                f"{len(sizes.statics)}."
            )


LAST_LAYERS = ("head.linear", "head.local", "head.forecast", "forecast")


def start_level(model: Forecaster) -> None:
    """Let the first forecast be the level of its window: the last value, the mean, or zero.

    What training has not learnt is then left as the naive forecast has it.
    """
    for name, layer in model.core.named_modules():
        if name in LAST_LAYERS and isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)


def without_padding(window: Window) -> Window:
    """The window with the first real step in place of what comes before its series."""
    time = window.inputs.shape[1]
    if bool((window.lengths == time).all()):
        return window
    first = (time - window.lengths).view(-1, 1, 1)

    def held(x: Tensor) -> Tensor:
        steps = torch.arange(x.shape[1], device=x.device).view(1, -1, 1)
        return x.gather(1, torch.maximum(steps, first).expand_as(x))

    return window._replace(
        inputs=held(window.inputs), past=held(window.past), known=held(window.known)
    )


def make_forecaster(
    kind: str,
    sizes: WindowSizes,
    hidden_size: int,
    *,
    num_layers: int = 1,
    bidirectional: bool = False,
    num_heads: int = 1,
    segment: int = 24,
    head: str = "direct",
    norm: str = "last",
    levels: Sequence[float] = LEVELS,
    loss: str = "quantile",
    dropout: float = 0.0,
    weight_drop: float = 0.0,
    forget_bias: float = 1.0,
    teacher_forcing: float = 0.0,
    wide: int = 0,
) -> Forecaster:
    """A forecaster with fresh weights.

    Args:
        kind: a name in ``ENCODERS``, or "segment".
        sizes: of the windows.
        hidden_size: units.
        num_layers, bidirectional, num_heads, weight_drop, forget_bias: see ``make_encoder``; a
            segment encoder has one layer, reads forward and has none of the others.
        segment: steps in a segment, of the segment encoder.
        head: a name in ``HEADS``.
        norm, levels, loss, wide: see ``Forecaster``.
        dropout: of what each layer of the encoder puts out.
        teacher_forcing: of the step head, see ``FedTruth``.
    Raises:
        SettingsError: an unknown name, or what is asked for needs another encoder.
    """
    _check_names(kind, head)
    core: StepEncoder | SegmentEncoder
    if kind == "segment":
        _check_segment(num_layers, bidirectional=bidirectional, weight_drop=weight_drop)
        core = SegmentEncoder(
            *(sizes, hidden_size, segment, len(levels)),
            context_size=_context_size(sizes),
            head=head,
            dropout=dropout,
            teacher_forcing=teacher_forcing,
        )
    else:
        size, front = _front(kind, sizes, hidden_size)
        encoder = make_encoder(
            kind,
            size,
            hidden_size,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            weight_drop=weight_drop,
            forget_bias=forget_bias,
            num_heads=num_heads,
        )
        core = _step_core(encoder, front, sizes, len(levels), hidden_size, head, teacher_forcing)
    return Forecaster(sizes, core, norm=norm, levels=levels, loss=loss, wide=wide)


def _check_names(kind: str, head: str) -> None:
    if head not in HEADS:
        raise SettingsError(f'head "{head}": expected one of {", ".join(HEADS)}.')
    if kind != "segment" and kind not in ENCODERS:
        raise SettingsError(f'encoder "{kind}": expected segment, {", ".join(ENCODERS)}.')


def _check_segment(num_layers: int, *, bidirectional: bool, weight_drop: float) -> None:
    if num_layers > 1 or bidirectional or weight_drop:
        raise SettingsError(
            "The encoder segment has one layer, reads forward and drops no weights. Leave "
            "--layers, --bidirectional and --weight-drop out."
        )


def _step_core(
    encoder: Encoder,
    front: nn.Linear | None,
    sizes: WindowSizes,
    levels: int,
    hidden_size: int,
    head: str,
    teacher_forcing: float,
) -> StepEncoder:
    """An encoder over time steps with the head that is asked for."""
    read = encoder.output_size + _context_size(sizes)
    if head == "direct":
        return StepEncoder(encoder, DirectHead(read, sizes, levels, hidden_size), front)
    steps = StepHead(read, sizes, levels, hidden_size, teacher_forcing)
    return StepEncoder(encoder, steps, front)


def _context_size(sizes: WindowSizes) -> int:
    """Numbers that say whose window it is."""
    return CONTEXT_SIZE * (bool(sizes.series) + len(sizes.statics))


def _front(kind: str, sizes: WindowSizes, hidden_size: int) -> tuple[int, nn.Linear | None]:
    """What an encoder reads at a step, and the layer before it if it needs one.

    Attention without weights hands on what it reads, so something must widen it first.
    """
    size = sizes.channels + sizes.past + sizes.known + _context_size(sizes)
    if kind == "basic-attention":
        return hidden_size, nn.Linear(size, hidden_size)
    return size, None
