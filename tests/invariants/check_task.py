"""One check for every task: train, use, again, save, load, export, inspect; nothing else matters.

A new task adds one line to ``test_tasks.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seqloom_runtime.exported import ExportedModel, open_model
from sklearn.base import clone

from seqloom.export import export
from seqloom.run import Run


def check_task(
    estimator: Any,
    data: Any,
    use: Callable[[Any], Any],
    folder: Path,
    exported: tuple[Callable[[ExportedModel], Any], Callable[[Any], Any]],
    looked_into: Sequence[Any] = (),
) -> None:
    """Take an estimator through its life.

    Args:
        estimator: not fitted, with a budget in updates, so that fitting is exact.
        data: what its ``fit`` takes.
        use: what the fitted estimator is for; its result is compared.
        folder: where runs may be saved.
        exported: what the exported model says, and what the estimator says of the same.
        looked_into: inputs whose way through the model is shown.
    """
    parameters = estimator.get_params()
    fitted = clone(estimator).fit(data)
    assert estimator.get_params() == parameters, "fit or clone changed the arguments"
    result = use(fitted)

    again = clone(estimator).fit(data)
    assert use(again) == result, "a repeat gives another result"

    path = fitted.save(folder / "saved")
    loaded = type(estimator).load(path)
    assert use(loaded) == result, "a loaded run gives another result"
    assert loaded.metrics_ == fitted.metrics_

    metrics = fitted.metrics_
    assert metrics["task"] == estimator.task
    for part in ("valid", "baseline"):
        assert metrics[part], f"metrics hold nothing under {part}"
    for name in ("updates", "tokens", "seconds", "tokens_per_second"):
        assert metrics[name] > 0

    done = export(path, folder / "exported")
    assert done.difference < 1e-4
    answer, expected = exported
    assert answer(open_model(done.path)) == expected(loaded), "the export says something else"

    names = {file.name for file in Run.open(path).path.iterdir()}
    assert {"config.toml", "metrics.json", "history.jsonl", "samples.jsonl", "loss.png"} <= names

    for given in looked_into:
        trace = loaded.trace(given)
        assert 0 <= trace.deviation < 1e-4, "a trace is not what the model worked out"
        assert trace.arrays and set(trace.shapes()) == set(trace)
        assert trace.page is not None and trace.page().startswith("<!doctype html>")
