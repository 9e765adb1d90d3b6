"""Exported folders in use, without torch: numpy, onnxruntime, and tokenizers for byte pairs.

model = open_model("exports/reviews")
model.answer(["what a film"])     # [{"label": "pos", "probability": 0.93, …}]
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from seqloom_runtime.errors import RunError
from seqloom_runtime.exported.folder import Folder
from seqloom_runtime.exported.model import ExportedModel

CLASSES = {
    "generate": "ExportedWriter",
    "classify": "ExportedClassifier",
    "tag": "ExportedTagger",
    "translate": "ExportedTranslator",
    "forecast": "ExportedForecaster",
    "transcribe": "ExportedTranscriber",
    "compose": "ExportedComposer",
    "caption": "ExportedDescriber",
}


def open_model(folder: str | Path, *, threads: int = 1) -> ExportedModel:
    """The model in an exported folder, every file checked against its sha256.

    Args:
        folder: what ``seqloom export`` wrote.
        threads: of onnxruntime, for one call.

    Raises:
        RunError: no export is there, or a file is missing or altered.
        MissingExtraError: onnxruntime is not installed.
    """
    opened = Folder.open(folder)
    if opened.task not in CLASSES:
        raise RunError(
            f"{folder}: is an export of {opened.task}, which this runtime does not know."
        )
    module = import_module(f"seqloom_runtime.exported.{opened.task}")
    model: ExportedModel = getattr(module, CLASSES[opened.task])(opened, threads)
    return model


__all__ = ["ExportedModel", "open_model"]
