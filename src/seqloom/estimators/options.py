"""Keyword arguments of a call, such as ``predict(texts, beam=10)``, as checked settings."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, TypeVar

from pydantic import ValidationError

from seqloom.checked import check_predicted
from seqloom.config import PredictSettings, Section, explain
from seqloom.errors import SettingsError, nearest
from seqloom.task_settings import NOT_PREDICTED

Kind = TypeVar("Kind", bound=Section)

# How predictions are read and written, of the command line.
_OF_FILES = {"format", "text", "plot", "encoding", "gaps", "skip_bad_rows"}


def options_of(
    kind: type[Kind], verb: str, options: dict[str, Any], known: Set[str] | None = None
) -> Kind:
    """The options of a verb.

    Args:
        kind: the settings that they are.
        verb: opens the message when a value is wrong.
        options: names and values, as they were passed.
        known: names that may be passed; all of ``kind`` when None.

    Raises:
        SettingsError: an unknown name, or a value out of range.
    """
    taken = set(kind.model_fields) if known is None else known
    for name in options:
        if name not in taken:
            raise SettingsError(f'There is no option "{name}". {nearest(name, taken)}')
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        raise SettingsError(f"{verb}: {explain(error)}") from None


def predict_options(task: str, options: dict[str, Any]) -> PredictSettings:
    """The options of a prediction: those that mean something to the task and write no file.

    Raises:
        SettingsError: an unknown name, a value out of range, or options that do not go together.
    """
    known = set(PredictSettings.model_fields) - NOT_PREDICTED[task] - _OF_FILES
    found = options_of(PredictSettings, "predict", options, known)
    check_predicted(task, found)
    return found
