"""Opens runs of any task, to be served."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

from seqloom_runtime.serve.served import Served

from seqloom.errors import MissingExtraError, RunError
from seqloom.run import Run

SERVED = {
    "generate": ("writing", "ServedWriter"),
    "classify": ("reading", "ServedClassifier"),
    "tag": ("reading", "ServedTagger"),
    "translate": ("translating", "ServedTranslator"),
    "forecast": ("forecasting", "ServedForecaster"),
    "transcribe": ("hearing", "ServedTranscriber"),
    "compose": ("composing", "ServedComposer"),
    "caption": ("captioning", "ServedCaptioner"),
}
"""The module here and the class that serves runs of each task."""


KERNELS = 64  # that oneDNN keeps
PACKAGES = {
    **{"fastapi": "fastapi", "starlette": "fastapi", "uvicorn": "uvicorn"},
    "prometheus_client": "prometheus-client",
}
"""Modules of the extra ``serve``, and the packages that hold them."""


def open_served(path: str | Path) -> Served:
    """A run, ready to answer.

    Raises:
        RunError: no run is there, it is damaged, or has no weights yet.
    """
    run = Run.open(path)
    task = str(run.read_json("run.json").get("task"))
    if task not in SERVED:
        raise RunError(f"{path} is a run of {task}, which this version does not serve.")
    module, name = SERVED[task]
    made = getattr(import_module(f"seqloom.serve.{module}"), name)
    served: Served = made(run)
    return served


def open_all(paths: Sequence[str | Path]) -> list[Served]:
    """Some runs, after a look at their names, which has an answer sooner than their weights.

    Raises:
        RunError: two have one name; see ``open_served`` too.
    """
    seen: dict[str, str] = {}
    for path in paths:
        name = Path(path).resolve().name
        if name in seen:
            raise RunError(
                f'{seen[name]} and {path} are both called "{name}". Rename one of the folders: '
                "requests ask for a model by its name."
            )
        seen[name] = str(path)
    # oneDNN keeps a kernel for each shape that it ever saw, up to 1,024 of them, and to a server
    # every batch is another: it would grow for minutes. Few are as fast.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS))
    found = [open_served(path) for path in paths]
    _share_cores(found)
    return found


def _share_cores(models: Sequence[Served]) -> None:
    """Give each worker its share of the cores: threads of one product wait for the last of them."""
    torch = sys.modules.get("torch")  # text and music are written without
    workers = max(one.workers for one in models)
    if torch is not None and workers > 1:
        torch.set_num_threads(max(1, torch.get_num_threads() // workers))


def check_server() -> ModuleType:
    """The module that runs a server.

    Raises:
        MissingExtraError: a package that it needs is not installed.
    """
    try:
        return import_module("seqloom_runtime.serve.running")
    except ModuleNotFoundError as error:
        if error.name not in PACKAGES:
            raise
        raise MissingExtraError(PACKAGES[error.name], "serve", "Serving") from None
