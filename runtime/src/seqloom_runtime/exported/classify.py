"""An exported classifier: texts or series in, labels with their probabilities out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import DataError
from seqloom_runtime.evaluate.calibration import Combination
from seqloom_runtime.evaluate.linear import LinearTextClassifier
from seqloom_runtime.exported.folder import Folder
from seqloom_runtime.exported.model import ExportedModel, Pair, Say
from seqloom_runtime.exported.session import Session
from seqloom_runtime.tasks.classify import Classifier, Input, front_from_dict
from seqloom_runtime.tasks.label_rows import labelled_lines


class OnnxClassifier(Classifier):
    """The classifier of a folder, its network in onnxruntime."""

    def __init__(self, folder: Folder, settings: Any, threads: int) -> None:
        about = folder.json("labels.json")
        wide = None
        if folder.has("wide.safetensors"):
            wide = LinearTextClassifier.from_arrays(folder.arrays("wide.safetensors"))
        name = "tokenizer.json" if folder.has("tokenizer.json") else "scale.json"
        super().__init__(
            front_from_dict(folder.json(name)),
            settings,
            about["labels"],
            multi=about["multi"],
            markup=about["markup"],
            wide=wide,
            combination=Combination.from_arrays(folder.arrays("calibration.safetensors")),
        )
        self.session = Session(folder, "model", threads)

    def score(self, rows: npt.NDArray[Any], lengths: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """What the network makes of padded rows: (rows, labels)."""
        return self.session({"inputs": rows, "lengths": lengths})["logits"]


class ExportedClassifier(ExportedModel):
    """Texts or series in, labels out."""

    def __init__(self, folder: Folder, threads: int = 1) -> None:
        super().__init__(folder, threads)
        self.classifier = OnnxClassifier(folder, self.held, threads)

    def answers(self, rows: list[Any], options: Any) -> list[dict[str, Any]]:
        """The label, or labels, of each row."""
        given = [self._input(row, number) for number, row in enumerate(rows, 1)]
        found = self.classifier.predict(given, abstain_below=options.abstain_below)
        names = self.classifier.labels
        answers = []
        for one in found:
            labels: dict[str, Any] = {"labels": list(one.labels)}
            if not self.classifier.multi:
                labels = {"label": one.labels[0] if one.labels else None}
            shares = dict(zip(names, one.probabilities.tolist(), strict=True))
            answers.append({**labels, "probability": one.probability, "probabilities": shares})
        return answers

    def lines(self, pairs: Iterable[Pair], options: Any, form: str, say: Say) -> Iterator[str]:
        """The rows with their labels."""
        given = ((self._input(row, n), record) for n, (row, record) in enumerate(pairs, 1))
        return labelled_lines(self.classifier, given, options, form, say)

    def _input(self, row: Any, number: int) -> Input:
        if self.classifier.is_text:
            if not isinstance(row, str):
                raise DataError(f"Row {number:,}: expected a text, received {type(row).__name__}.")
            return row
        try:
            series = np.asarray(row, np.float32)
        except (TypeError, ValueError):
            series = np.zeros(0, np.float32)
        if isinstance(row, str) or series.ndim not in (1, 2) or not series.size:
            raise DataError(f"Row {number:,}: expected numbers, one or several a step.")
        return series
