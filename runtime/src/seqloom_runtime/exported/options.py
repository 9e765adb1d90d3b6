"""What may be asked for beside the rows: one table of options a task, with defaults and bounds."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from seqloom_runtime.errors import SettingsError, nearest


@dataclass(frozen=True)
class Option:
    """A number, or words, that may be asked for.

    Args:
        default: when nothing is asked for.
        about: a sentence.
        least: smallest number that may be.
        most: largest.
        open: whether ``least`` itself may not be.
        kind: of the value where the default is None.
    """

    default: Any
    about: str
    least: float | None = None
    most: float | None = None
    open: bool = False
    kind: type | None = None

    @property
    def type(self) -> type:
        """Of the value."""
        return self.kind or type(self.default)


SEED = Option(0, "Seed of the choices.", 0)
WRITING = {
    "temperature": Option(0.8, "0 takes the likeliest token always, more is bolder.", 0),
    "top_k": Option(0, "Choose among this many likeliest tokens; 0 among all.", 0),
    "top_p": Option(1.0, "Choose among tokens that hold this share of probability.", 0, 1, True),
    "min_p": Option(0.0, "Drop tokens less likely than this share of the likeliest.", 0, 0.999999),
    "repetition_penalty": Option(1.0, "Divide the score of tokens that stand there already.", 1),
    "length": Option(200, "Tokens to write at most.", 1),
    "seed": SEED,
}
SEARCHING = {
    "beam": Option(5, "Texts followed side by side; 1 takes the likeliest token always.", 1),
    "n_best": Option(1, "Texts given of each row, the best first.", 1),
    "length_penalty": Option(1.0, "How much long texts are made up for their length.", 0, 10),
    "coverage_penalty": Option(0.0, "What a text loses for what it paid no attention to.", 0),
    "temperature": Option(0.0, "Above 0 a text is drawn rather than searched for.", 0),
    "seed": SEED,
}
OPTIONS: dict[str, dict[str, Option]] = {
    "generate": WRITING,
    "classify": {
        "abstain_below": Option(0.0, "No label where none is at least so probable.", 0, 1)
    },
    "tag": {},
    "translate": {
        **SEARCHING,
        "copy_unknown": Option(True, "Write the source word in an unknown one's place."),
    },
    "caption": SEARCHING,
    "forecast": {"horizon": Option(0, "Steps to forecast; 0 takes those of the training.", 0)},
    "transcribe": {
        "beam": Option(5, "Transcripts followed side by side; 1 takes the likeliest.", 1),
        "lm": Option(None, "none leaves the language model out.", kind=str),
        "lm_weight": Option(None, "How much the language model weighs.", 0, kind=float),
    },
    "compose": {
        "temperature": Option(0.9, "0 takes the likeliest event always, more is bolder.", 0),
        "top_k": Option(0, "Choose among this many likeliest events; 0 among all.", 0),
        "top_p": Option(1.0, "Choose among events that hold this share of it.", 0, 1, True),
        "bars": Option(0, "Bars to write; 0 writes on until the piece ends, 64 at most.", 0, 1_000),
        "prompt_bars": Option(0, "Bars of the prompt that are read; 0 reads all.", 0),
        "key": Option(None, "Key that all notes are kept in, such as C, F#, Bb or Am.", kind=str),
        "instruments": Option((), "Instruments that may play: programme numbers, or drums."),
        "tempo": Option(0.0, "Quarter notes a minute; 0 takes the model's.", 0, 400),
        "seed": SEED,
    },
}


def chosen(task: str, asked: dict[str, Any]) -> Any:
    """The options of a task as attributes, those not asked for at their defaults.

    Raises:
        SettingsError: one is unknown, of another type, or out of range.
    """
    known = OPTIONS[task]
    for name in asked:
        if name not in known:
            raise SettingsError(f'Unknown option "{name}" of {task}. {nearest(name, known)}')
    values = {
        name: _checked(name, option, asked[name]) if name in asked else option.default
        for name, option in known.items()
    }
    return SimpleNamespace(**values)


def _checked(name: str, option: Option, value: Any) -> Any:
    """A value of the option's type and within its bounds."""
    if value is None and option.default is None:
        return value
    if option.type is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if option.type is tuple and isinstance(value, list):
        value = tuple(value)
    kind: Any = option.type
    if not isinstance(value, kind) or (option.type is not bool and value is True):
        raise SettingsError(f"{name} = {value!r}: expected {option.type.__name__}.")
    number: Any = value
    low, high = option.least, option.most
    below = low is not None and (number < low or (option.open and number == low))
    if below or (high is not None and number > high) or number != number:
        above = "above" if option.open else "from"
        bounds = f"{above} {low:g}" + ("" if high is None else f" to {high:g}")
        raise SettingsError(f"{name} = {value}: expected a number {bounds}.")
    return value
