"""An exported recognizer: recordings in, transcripts out, whole or while they are heard."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import DataError
from seqloom_runtime.evaluate.ngram import NGramModel
from seqloom_runtime.exported.folder import Folder
from seqloom_runtime.exported.model import ExportedModel
from seqloom_runtime.exported.session import Session
from seqloom_runtime.signal.audio import Floats
from seqloom_runtime.signal.sound_files import read_pieces
from seqloom_runtime.tasks.speech_frames import Scale, frames_of
from seqloom_runtime.tasks.speech_language import Language, Weighing
from seqloom_runtime.tasks.transcribe import Heard, Rows, Transcriber
from seqloom_runtime.text.tokenizers import tokenizer_from_dict

PIECE_SECONDS = 0.25  # of a recording that is heard piece by piece


class OnnxTranscriber(Transcriber):
    """The recognizer of a folder, its network in onnxruntime."""

    def __init__(self, folder: Folder, settings: Any, threads: int) -> None:
        language = None
        if folder.has("language.json"):
            about = folder.json("language.json")
            language = Language(
                NGramModel.from_arrays(folder.arrays("language.safetensors")),
                tokenizer_from_dict(about["tokenizer"]),
                Weighing(about["weight"], about["bonus"]),
            )
        super().__init__(
            tokenizer_from_dict(folder.json("tokenizer.json")),
            frames_of(settings, Scale.from_dict(folder.json("scale.json"))),
            settings,
            language,
        )
        self.session = Session(folder, "model", threads)

    def log_probabilities(
        self, steps: Rows, lengths: npt.NDArray[np.int64], states: Any = None
    ) -> tuple[Rows, Any]:
        """What the network makes of padded steps, and its states after them."""
        before = self.session.zero_state(len(steps)) if states is None else states
        found, after = self.session.carried({"steps": steps, "lengths": lengths}, before)
        return found["scores"], after


class ExportedTranscriber(ExportedModel):
    """Recordings in, transcripts out."""

    def __init__(self, folder: Folder, threads: int = 1) -> None:
        super().__init__(folder, threads)
        self.transcriber = OnnxTranscriber(folder, self.held, threads)

    def answers(self, rows: list[Any], options: Any) -> list[dict[str, Any]]:
        """The transcript of each recording."""
        decoders = self.transcriber.decoders(options)
        return [
            _answer(self.transcriber.hear(self._sound(row, number, 10.0), decoders))
            for number, row in enumerate(rows, 1)
        ]

    def pieces(self, row: Any, options: Any) -> Iterator[str]:
        """The transcript as it becomes certain, while the recording is heard."""
        listener = self.transcriber.listener(self.transcriber.decoders(options))
        return self._heard(listener, self._sound(row, 1, PIECE_SECONDS))

    def _heard(self, listener: Any, sound: Iterator[Floats]) -> Iterator[str]:
        for piece in sound:
            if text := listener.feed(piece):
                yield text
        yield listener.finish()

    def _sound(self, row: Any, number: int, seconds: float) -> Iterator[Floats]:
        """A recording in pieces: of a file, the bytes of one, or samples."""
        rate = self.transcriber.rate
        if isinstance(row, str | Path):
            return read_pieces(Path(row), rate, seconds)
        if isinstance(row, bytes):
            return _of_bytes(row, rate, seconds)
        try:
            samples = np.asarray(row, np.float32)
        except (TypeError, ValueError):
            samples = np.zeros((1, 1), np.float32)
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise DataError(
                f"Row {number:,}: expected a sound file, its bytes, or samples in one channel."
            )
        size = max(1, round(seconds * rate))
        return (samples[first : first + size] for first in range(0, max(1, len(samples)), size))


def _of_bytes(content: bytes, rate: int, seconds: float) -> Iterator[Floats]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.wav"
        path.write_bytes(content)
        try:
            yield from read_pieces(path, rate, seconds)
        except DataError as error:
            message = str(error).replace(str(path), "the recording")
            raise DataError(message, code=error.code or "sound_unreadable") from None


def _answer(heard: Heard) -> dict[str, Any]:
    return {"transcript": heard.text, "score": heard.score, "seconds": round(heard.seconds, 3)}
