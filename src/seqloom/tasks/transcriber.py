"""A trained recognizer at work; how it goes about it is in ``seqloom_runtime.tasks.transcribe``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from seqloom_runtime.decode.ctc import Scorer, align
from seqloom_runtime.signal.audio import Floats
from seqloom_runtime.tasks import transcribe
from seqloom_runtime.tasks.speech_frames import Scale, SpeechFrames, frames_of
from seqloom_runtime.tasks.speech_language import Language, Weighing
from seqloom_runtime.tasks.transcribe import (
    PIECE_SECONDS,
    Decoders,
    Heard,
    Listener,
    Rows,
    quietest,
    stretches,
)
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict

from seqloom.config import PredictSettings, Settings
from seqloom.errors import RunError
from seqloom.nn.ctc_model import CTCModel
from seqloom.run import Run
from seqloom.tasks.speech_language import open_scorer, read_language
from seqloom.tasks.speech_model import build_recognizer
from seqloom.toml import read_settings
from seqloom.train.checkpoint import load_into, read_tensors
from seqloom.train.device import choose_device, set_threads


class Transcriber(transcribe.Transcriber):
    """The recognizer of a run, or one in training, its network in torch.

    Args:
        model: the network.
        tokenizer, frames, settings, language: see ``seqloom_runtime.tasks.transcribe``.
        device: where the network is.
    """

    def __init__(
        self,
        model: CTCModel,
        tokenizer: Tokenizer,
        frames: SpeechFrames,
        settings: Settings,
        device: torch.device,
        language: Language | None = None,
    ) -> None:
        super().__init__(tokenizer, frames, settings, language)
        self.model, self.device = model, device

    @torch.inference_mode()
    def log_probabilities(
        self, steps: Rows, lengths: npt.NDArray[np.int64], states: Any = None
    ) -> tuple[Rows, Any]:
        """What the network makes of padded steps, and its states after them."""
        self.model.eval()
        x, real = (torch.from_numpy(array).to(self.device) for array in (steps, lengths))
        full = bool((lengths == steps.shape[1]).all())
        scores, after = self.model.log_probabilities(x, None if full else real, states)
        return scores.cpu().numpy(), after

    def scorer(self, options: Any) -> tuple[Scorer | None, Weighing]:
        """The language model that is asked for, perhaps of another run."""
        return open_scorer(self.language, self.tokenizer, options)

    def transcribe(
        self, recordings: Iterable[Floats], options: Any = PredictSettings()
    ) -> Iterator[Heard]:
        """Transcripts of whole recordings (time,), in their order."""
        return super().transcribe(recordings, options)


def load_transcriber(run: Run) -> Transcriber:
    """The transcriber of a run folder.

    Raises:
        RunError: the run has no weights yet, or a file is damaged.
    """
    settings = read_settings(run.path / "config.toml")
    set_threads(settings.train)
    tokenizer = tokenizer_from_dict(run.read_json("tokenizer.json"))
    frames = frames_of(settings, read_scale(run, settings))
    model = build_recognizer(settings, tokenizer)
    load_into(model, read_tensors(run.read("model.safetensors"), run.path), run.path)
    device = choose_device(settings.train)
    language = read_language(run) if (run.path / "language.json").exists() else None
    return Transcriber(model.to(device), tokenizer, frames, settings, device, language)


def read_scale(run: Run, settings: Settings) -> Scale:
    """The scale of the bands.

    Raises:
        RunError: the file is damaged.
    """
    try:
        scale = Scale.from_dict(run.read_json("scale.json"))
    except RunError as error:
        raise RunError(f"{run.path / 'scale.json'}: is damaged: {error}") from None
    if len(scale.mean) != settings.audio.bands:
        raise RunError(f"{run.path / 'scale.json'}: is damaged: it is of other bands.")
    return scale


__all__ = [
    "PIECE_SECONDS",
    "Decoders",
    "Heard",
    "Listener",
    "Rows",
    "Transcriber",
    "align",
    "load_transcriber",
    "quietest",
    "read_scale",
    "stretches",
]
