"""A trained classifier in use; how labels come about is in ``seqloom_runtime.tasks.classify``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from seqloom_runtime.evaluate.calibration import Combination
from seqloom_runtime.evaluate.linear import LinearTextClassifier
from seqloom_runtime.signal.series import SeriesScale
from seqloom_runtime.tasks import classify
from seqloom_runtime.tasks.classify import Input, Prediction, front_from_dict
from seqloom_runtime.text.tokenizers import Tokenizer

from seqloom.config import DataSettings, Settings
from seqloom.data.examples import read_inputs
from seqloom.data.labels import infer_inputs
from seqloom.data.records import ReadReport
from seqloom.data.source import Source
from seqloom.nn.sequence_classifier import SequenceClassifier
from seqloom.run import Run
from seqloom.tasks.writer import read_weights
from seqloom.toml import read_settings
from seqloom.train.checkpoint import load_into, read_tensors
from seqloom.train.device import choose_autocast, choose_device, set_threads


class Classifier(classify.Classifier):
    """The classifier of a run, its network in torch.

    Args:
        model: the network.
        front, settings, labels, others: see ``seqloom_runtime.tasks.classify.Classifier``.
    """

    def __init__(
        self,
        model: SequenceClassifier,
        front: Tokenizer | SeriesScale,
        settings: Settings,
        labels: list[str],
        **others: Any,
    ) -> None:
        super().__init__(front, settings, labels, **others)
        self.model = model
        self.device = next(model.parameters()).device
        self.autocast = choose_autocast(settings.train, self.device)

    @torch.inference_mode()
    def score(self, rows: npt.NDArray[Any], lengths: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """What the network makes of padded rows: (rows, labels)."""
        self.model.eval()
        with self.autocast():
            scores = self.model(
                torch.from_numpy(rows).to(self.device), torch.from_numpy(lengths).to(self.device)
            )
        found: npt.NDArray[Any] = scores.double().cpu().numpy()
        return found


def load_classifier(run: Run) -> Classifier:
    """The classifier of a run folder.

    Raises:
        RunError: the run has no weights yet, or a file is damaged.
    """
    from seqloom.tasks.classify import build_classifier

    settings = read_settings(run.path / "config.toml")
    set_threads(settings.train)
    name = "tokenizer.json" if (run.path / "tokenizer.json").exists() else "scale.json"
    front = front_from_dict(run.read_json(name))
    about = run.read_fields("labels.json", {"labels": list, "multi": bool, "markup": bool})
    model = build_classifier(settings.model, front, len(about["labels"]))
    load_into(model, read_tensors(run.read("model.safetensors"), run.path), run.path)
    combination = Combination.from_arrays(read_weights(run, "calibration.safetensors"))
    wide = None
    if (run.path / "wide.safetensors").exists():
        wide = LinearTextClassifier.from_arrays(read_weights(run, "wide.safetensors"))
    return Classifier(
        model.to(choose_device(settings.train)),
        front,
        settings,
        about["labels"],
        multi=about["multi"],
        markup=about["markup"],
        wide=wide,
        combination=combination,
    )


def read_for_prediction(
    source: Source, settings: DataSettings, report: ReadReport | None = None
) -> Iterator[tuple[Input, dict[str, Any]]]:
    """Inputs of a source in their order, each with the record it stood in."""
    plan = replace(infer_inputs(source, settings), markup=False)  # the classifier reads it itself
    for text, series, record in read_inputs(source, plan, settings, report or ReadReport()):
        given = text if text is not None else series
        assert given is not None
        yield given, record


__all__ = ["Classifier", "Input", "Prediction", "load_classifier", "read_for_prediction"]
