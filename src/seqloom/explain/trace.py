"""What a model did with one text: named arrays, and what it made of them.

    trace = model.trace("The cat")
    trace.shapes()                       every name with its axes and sizes
    trace["layer1.forward.forget"]       (time, hidden)
    trace["layer1.attention"]            (heads, time, time): what each step looked at
    trace["decoder.alignment"]           (target, source): of a translator
    trace["mel"], trace["chance"]        what a recognizer heard, and its chances of each token

All arrays are float64, worked out from the weights by the printed equations; ``deviation`` says how
far the model's own float32 numbers are from them at the most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seqloom.errors import DataError, nearest
from seqloom.explain.cell_equations import Array

Candidates = tuple[tuple[str, float], ...]  # names with probabilities, the likeliest first

AXES = {
    "attention": ("heads", "time", "time"),
    "alignment": ("target", "source"),
    "heads": ("heads", "target", "source"),
    "mel": ("bands", "frames"),
    "chance": ("time", "tokens"),
    "roll": ("keys", "time"),
    "picture": ("height", "width", "colour"),
}


@dataclass(frozen=True)
class Steps:
    """What a model thought likely, step by step.

    Attributes:
        kind: "next" (the token after each), "tag", "label", "written" (each token of an answer),
            "spoken" (what is said at each), "keys" (of the frame after each) or "ahead".
        rows: the likeliest of each step; of labels one row for the whole text.
        chosen: what followed, or was chosen, at each step; "" where that is not known.
    """

    kind: str
    rows: tuple[Candidates, ...]
    chosen: tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """Everything that a model worked out from one text or one window of a series.

    Attributes:
        task: of the run.
        encoder: name of its encoder.
        given: the text, or the name of the series.
        tokens: what the encoder read, a name a step.
        pieces: the text that each token stands for, as far as it stands for any.
        arrays: by name; see ``shapes``.
        steps: what it thought likely.
        deviation: the largest distance of the model's own numbers from these.
        written: tokens of the answer: a translation, a transcript, a caption.
        answer: the same as people write it.
        names: of the tokens of the array "chance".
        values: the numbers of a series that was read (time, channels), in units of the data.
        ahead: of a forecaster, quantiles of what follows (horizon, levels), in units of the data.
        remarks: what a reader should know, as sentences.
    """

    task: str
    encoder: str
    given: str
    tokens: tuple[str, ...]
    pieces: tuple[str, ...]
    arrays: Mapping[str, Array]
    steps: Steps
    deviation: float
    written: tuple[str, ...] = ()
    answer: str = ""
    names: tuple[str, ...] = ()
    values: Array | None = None
    ahead: Array | None = None
    remarks: tuple[str, ...] = ()
    page: Callable[[], str] | None = field(default=None, compare=False)

    def __getitem__(self, name: str) -> Array:
        """An array by its name.

        Raises:
            DataError: there is none; the nearest is offered.
        """
        if name not in self.arrays:
            raise DataError(f'The trace has no array "{name}". {nearest(name, self.arrays)}')
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __contains__(self, name: object) -> bool:
        return name in self.arrays

    def shapes(self) -> dict[str, tuple[tuple[str, int], ...]]:
        """Each array's axes with their sizes: ``(("time", 7), ("hidden", 128))``."""
        return {
            name: tuple(zip(axes_of(name, array.ndim), array.shape, strict=True))
            for name, array in self.arrays.items()
        }

    def __repr__(self) -> str:
        """Every array in a line."""
        lines = [f"Trace of {self.task}, {self.encoder}, {len(self.tokens)} steps:"]
        for name, axes in self.shapes().items():
            lines.append(f"  {name:32} " + " × ".join(f"{size} {axis}" for axis, size in axes))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The page of ``seqloom inspect``, in a frame of its own."""
        from html import escape

        from seqloom.explain.page import page_of

        page = self.page() if self.page is not None else page_of([self])
        frame = 'style="width:100%;height:760px;border:1px solid #8888;border-radius:8px"'
        return f'<iframe title="Seqloom" srcdoc="{escape(page)}" {frame}></iframe>'


def axes_of(name: str, count: int) -> tuple[str, ...]:
    """The axes of an array by its name.

    >>> axes_of("layer1.forward.forget", 2), axes_of("decoder.layer1.attention", 3)
    (('time', 'hidden'), ('heads', 'time', 'time'))
    """
    last = name.rpartition(".")[2]
    if last == "alignment" and count == 3:
        return AXES["heads"]
    if last in AXES:
        return AXES[last]
    return ("target" if name.startswith("decoder.") else "time", "hidden")


def likeliest(logits: Array, name_of: Callable[[int], str], count: int = 8) -> Candidates:
    """Names and probabilities of the largest of some logits (classes,).

    >>> likeliest(np.array([0.0, 1.0]), "ab".__getitem__, 1)
    (('b', 0.7310585786300049),)
    """
    powers = np.exp(logits - logits.max())
    shares = powers / powers.sum()
    best = np.argsort(-shares, kind="stable")[:count]
    return tuple((name_of(int(place)), float(shares[place])) for place in best)


def without_batch(arrays: Mapping[str, Array], before: str = "") -> dict[str, Array]:
    """Arrays of the one row of a batch, their names with something before them."""
    return {f"{before}{name}": array[0] for name, array in arrays.items()}


def distance(a: Array, b: Sequence[Any] | Array) -> float:
    """The largest difference of two arrays of one shape."""
    return float(np.abs(a - np.asarray(b)).max(initial=0.0))
