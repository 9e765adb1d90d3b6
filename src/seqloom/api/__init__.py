"""Seqloom in Python: one function a verb, and the estimators.

The functions work on run folders, as the command line does, which calls them. The estimators stand
in ``seqloom.estimators`` and are imported when they are first named: scikit-learn, whose
conventions they follow, takes a second to import, and writing with a trained model needs neither
it nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from seqloom.api.looking import (
    catalogue,
    describe_tokens,
    details,
    fetch,
    preset_names,
    task_of,
    use_of,
)
from seqloom.api.seeing import (
    gradient_reach,
    inspect,
    lesson,
    recall_table,
    trace,
)
from seqloom.api.training import (
    choose,
    compare,
    resume,
    train,
    tune,
)
from seqloom.api.using import (
    compose,
    evaluate,
    export,
    forecast,
    forecast_format,
    make_sampler,
    open_transcriber,
    open_writer,
    predict,
    serve,
    sharing_cores,
    transcribe,
)

if TYPE_CHECKING:
    from seqloom.compare import Comparison, Tuning
    from seqloom.estimators import (
        Forecaster,
        ImageCaptioner,
        MusicComposer,
        SequenceClassifier,
        SequenceEstimator,
        SequenceTagger,
        SpeechRecognizer,
        TextGenerator,
        Translator,
    )
    from seqloom.tasks.training import Outcome
    from seqloom.tasks.writer import Writer

__all__ = [
    "Comparison",
    "Forecaster",
    "ImageCaptioner",
    "MusicComposer",
    "Outcome",
    "SequenceClassifier",
    "SequenceEstimator",
    "SequenceTagger",
    "SpeechRecognizer",
    "TextGenerator",
    "Translator",
    "Tuning",
    "Writer",
    "catalogue",
    "choose",
    "compare",
    "compose",
    "describe_tokens",
    "details",
    "evaluate",
    "export",
    "fetch",
    "forecast",
    "forecast_format",
    "gradient_reach",
    "inspect",
    "lesson",
    "make_sampler",
    "open_transcriber",
    "open_writer",
    "predict",
    "preset_names",
    "recall_table",
    "resume",
    "serve",
    "sharing_cores",
    "task_of",
    "trace",
    "train",
    "transcribe",
    "tune",
    "use_of",
]

_MODULE_OF = {
    "Comparison": "seqloom.compare",
    "Forecaster": "seqloom.estimators",
    "ImageCaptioner": "seqloom.estimators",
    "MusicComposer": "seqloom.estimators",
    "Outcome": "seqloom.tasks.training",
    "SequenceClassifier": "seqloom.estimators",
    "SequenceEstimator": "seqloom.estimators",
    "SequenceTagger": "seqloom.estimators",
    "SpeechRecognizer": "seqloom.estimators",
    "TextGenerator": "seqloom.estimators",
    "Translator": "seqloom.estimators",
    "Tuning": "seqloom.compare",
    "Writer": "seqloom.tasks.writer",
}


def __getattr__(name: str) -> Any:
    """Import a class when it is first asked for."""
    if name not in _MODULE_OF:
        raise AttributeError(f'module "seqloom.api" has no attribute "{name}"')
    return getattr(import_module(_MODULE_OF[name]), name)
