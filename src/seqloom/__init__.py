"""Seqloom trains small sequence models on your own data, on the computer you have.

    >>> import seqloom
    >>> writer = seqloom.TextGenerator(minutes=3)
    >>> classifier = seqloom.SequenceClassifier(minutes=3)

An estimator is imported when it is first named, so that ``import seqloom`` is quick and brings no
torch. The command line is ``seqloom --help``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from seqloom.errors import (
    DataError,
    MissingExtraError,
    RunError,
    SeqloomError,
    SettingsError,
    ShapeError,
    TrainingError,
)

if TYPE_CHECKING:
    from seqloom.api import (
        Forecaster,
        ImageCaptioner,
        MusicComposer,
        SequenceClassifier,
        SequenceTagger,
        SpeechRecognizer,
        TextGenerator,
        Translator,
    )

__version__ = "0.1.0"

__all__ = [
    "DataError",
    "Forecaster",
    "ImageCaptioner",
    "MissingExtraError",
    "MusicComposer",
    "RunError",
    "SeqloomError",
    "SequenceClassifier",
    "SequenceTagger",
    "SettingsError",
    "ShapeError",
    "SpeechRecognizer",
    "TextGenerator",
    "TrainingError",
    "Translator",
    "__version__",
]

_MODULE_OF = dict.fromkeys(
    (
        *("Forecaster", "ImageCaptioner", "MusicComposer", "SequenceClassifier", "SequenceTagger"),
        *("TextGenerator", "Translator"),
    ),
    "seqloom.api",
)
_MODULE_OF["SpeechRecognizer"] = "seqloom.api"


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _MODULE_OF:
        raise AttributeError(f'module "seqloom" has no attribute "{name}"')
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
