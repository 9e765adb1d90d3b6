"""Writing down what is said, as an estimator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from seqloom.config import PredictSettings
from seqloom.errors import DataError
from seqloom.estimators.base import SequenceEstimator
from seqloom.estimators.options import predict_options

if TYPE_CHECKING:
    from seqloom.tasks.transcriber import Transcriber


class SpeechRecognizer(SequenceEstimator):
    """Learns to write down what is said in recordings.

    Args:
        {settings}

    Attributes:
        run_: the run folder.
        metrics_: what ``metrics.json`` holds.
    """

    task = "transcribe"

    def fit(self, X: Any, y: Sequence[str] | None = None) -> Self:  # noqa: N803
        """Learn from recordings and what is said in them.

        Args:
            X: a list of sound files; with ``y`` None, a folder, a table, a catalogue name, or a
                list of dicts with ``audio``, ``transcript`` and, if known, ``speaker``.
            y: the transcript of each file.

        Raises:
            DataError: there are not as many transcripts as files, or nothing can be heard.
        """
        return self._fit(X if y is None else _pairs(X, y))

    @property
    def transcriber(self) -> Transcriber:
        """The network with all that it needs."""
        from seqloom.tasks.transcriber import load_transcriber

        transcriber: Transcriber = self._opened(load_transcriber)
        return transcriber

    def predict(
        self,
        X: Any,  # noqa: N803
        *,
        beam: int = 5,
        lm: str | None = None,
        lm_weight: float | None = None,
    ) -> list[str]:
        """What is said in each recording.

        Args:
            X: a list of sound files, a folder of them, or a list of arrays of samples, each
                (time,) from -1 to 1 at the rate of ``transcriber.rate``.
            beam, lm, lm_weight: as in ``PredictSettings``.
        """
        from seqloom.tasks.transcribe_files import hear_files

        own = self.transcriber
        decoders = own.decoders(
            predict_options(self.task, {"beam": beam, "lm": lm, "lm_weight": lm_weight})
        )
        if isinstance(X, list | tuple) and X and isinstance(X[0], np.ndarray):
            return [own.hear([_samples(one)], decoders).text for one in X]
        return [heard.text for heard in hear_files(own, X, decoders)]

    def stream(self, file: str | Path, chunk_seconds: float = 0.25) -> Iterator[str]:
        """What is said in a file as it becomes certain, piece by piece.

        Raises:
            SettingsError: the network reads from the end too.
        """
        from seqloom.tasks.listening import Listening

        options = PredictSettings()
        return iter(
            Listening(self.transcriber, Path(file), options, stream=True, seconds=chunk_seconds)
        )

    def score(self, X: Any, y: Sequence[str] | None = None) -> float:  # noqa: N803
        """The share of words that are right: 1 less the wrong words (insertions count too)."""
        from seqloom.tasks.training import evaluate

        scores = evaluate(self._fitted_run().path, X if y is None else _pairs(X, y))["scores"]
        return 1.0 - float(scores["wer"])


def _samples(array: Any) -> Any:
    if array.ndim != 1:
        raise DataError(f"Received samples {array.shape}; expected (time,), one channel.")
    return array.astype(np.float32)


def _pairs(files: Any, texts: Any) -> list[dict[str, str]]:
    if len(files) != len(texts):
        raise DataError(f"Received {len(files)} recordings and the transcripts of {len(texts)}.")
    pairs = zip(files, texts, strict=True)
    return [{"audio": str(file), "transcript": text} for file, text in pairs]
