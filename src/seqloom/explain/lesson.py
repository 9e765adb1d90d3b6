"""One step of one unit, by the cell's equations with this model's own numbers, line by line.

    lesson = give_lesson(open_subject(run), "a text", step=7, unit=3)
    lesson.result       what the equations give, in float64
    lesson.used         what the model itself used, in float32

Steps and layers are counted from 1, units from 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from seqloom.errors import SettingsError
from seqloom.explain import attention_equations as eq
from seqloom.explain.attention_lessons import basic, transformer, with_heads
from seqloom.explain.blackboard import Blackboard, Line
from seqloom.explain.cell_equations import CELL_EQUATIONS
from seqloom.explain.cell_lessons import CELL_LESSONS
from seqloom.explain.layers import DIRECTIONS, as_float64, kind_of, weights_of
from seqloom.explain.subject import Read, Subject
from seqloom.explain.watching_layers import seen_calls, seen_scans
from seqloom.nn.attention import BasicAttention, SelfAttention
from seqloom.nn.cells import Cell
from seqloom.nn.transformer import AttentionEncoder


@dataclass(frozen=True)
class LessonAt:
    """Where a lesson looks: step and layer from 1, unit from 0."""

    step: int = 1
    unit: int = 0
    layer: int = 1
    direction: str = "forward"


@dataclass(frozen=True)
class Lesson:
    """The lines, and what they come to.

    Attributes:
        kind: name of the cell, or of the attention.
        at: where it looks.
        token: what is read at that step.
        steps, units: how many there are.
        lines: in their order.
        result: of the equations.
        used: what the model itself worked out.
    """

    kind: str
    at: LessonAt
    token: str
    steps: int
    units: int
    lines: tuple[Line, ...]
    result: float
    used: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        about = {name: getattr(self.at, name) for name in ("step", "unit", "layer", "direction")}
        return {
            **{"encoder": self.kind, **about, "token": self.token},
            "lines": [
                {"name": line.name, "formula": line.formula, "numbers": line.numbers}
                | {"value": line.value}
                for line in self.lines
            ],
            **{"result": self.result, "used": self.used},
        }


def give_lesson(subject: Subject, given: Any, at: LessonAt) -> Lesson:
    """The equations of one step with its numbers.

    Raises:
        DataError: the input cannot be read.
        SettingsError: there is no such step, unit, layer or direction.
    """
    read = subject.read(given)
    stack = subject.layers_of_lesson()
    if isinstance(stack, AttentionEncoder):
        return _attention_lesson(subject, read, stack, at)
    directions = 2 if len(stack) > 1 and subject.settings.model.bidirectional else 1
    _check("--layer", at.layer, 1, len(stack) // directions)
    if at.direction not in DIRECTIONS[:directions]:
        raise SettingsError(f"--direction {at.direction}: this model reads forward alone.")
    cell = stack[(at.layer - 1) * directions + DIRECTIONS.index(at.direction)]
    return _cell_lesson(subject, read, cell, at)


def _check(flag: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise SettingsError(f"{flag} {value}: expected a number from {low} to {high}.")


def _cell_lesson(subject: Subject, read: Read, cell: Cell, at: LessonAt) -> Lesson:
    with torch.inference_mode(), seen_scans(cell) as scans:
        subject.say(subject.model, read)
    x, used = (as_float64(one)[0] for one in scans[0][:2])
    start = [as_float64(part) for part in scans[0][2]]
    tokens = subject.steps_of(read)
    if len(x) < len(tokens):  # a series that is read in segments
        tokens = tuple(str(place + 1) for place in range(len(x)))
    count = min(len(x), len(tokens))
    _check("--step", at.step, 1, count)
    _check("--unit", at.unit, 0, cell.hidden_size - 1)
    # A cell that reads backward has seen what comes after a step before it.
    place = at.step - 1 if at.direction == "forward" else count - at.step
    weights, kind = weights_of(cell), kind_of(cell)
    gates = CELL_EQUATIONS[kind](weights, x[None], start)
    names = ("hidden", "cell") if kind == "lstm" else ("hidden",)
    parts = zip(names, start, strict=True)
    state = [gates[name][0, place - 1] if place else first[0] for name, first in parts]
    board = Blackboard()
    result = CELL_LESSONS[kind](board, weights, x[place], state, at.unit)
    return Lesson(
        *(kind, at, tokens[at.step - 1], count, cell.hidden_size, tuple(board.lines)),
        *(result, float(used[place, at.unit])),
    )


def _attention_lesson(
    subject: Subject, read: Read, encoder: AttentionEncoder, at: LessonAt
) -> Lesson:
    _check("--layer", at.layer, 1, encoder.num_layers)
    _check("--step", at.step, 1, len(read.tokens))
    _check("--unit", at.unit, 0, encoder.output_size - 1)
    if at.direction != "forward":
        raise SettingsError("Attention has no direction: leave --direction out.")
    layer: nn.Module = encoder.layers[at.layer - 1]
    with torch.inference_mode(), seen_calls(layer) as calls:
        subject.say(subject.model, read)
    received, given = calls[0]
    x, used = as_float64(received[0])[0], as_float64(given[0])[0]
    mask = eq.seen(
        *(len(x),), causal=encoder.causal, window=encoder.window, lengths=np.array([len(x)])
    )[0, 0]
    board, weights, place = Blackboard(), weights_of(layer), (at.step - 1, at.unit)
    if isinstance(layer, BasicAttention):
        result = basic(board, x, mask, *place)
    elif isinstance(layer, SelfAttention):
        result = with_heads(board, weights, "", x, encoder.num_heads, mask, place)
    else:
        result = transformer(board, weights, "", x, encoder.num_heads, mask, place)
    return Lesson(
        *(subject.name, at, read.tokens[at.step - 1], len(read.tokens), encoder.output_size),
        *(tuple(board.lines), result, float(used[place])),
    )
