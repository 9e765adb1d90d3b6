"""A trained translator in use; how it goes about it is in ``seqloom_runtime.tasks.translate``."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import torch
from seqloom_runtime.tasks import translate
from seqloom_runtime.tasks.translate import Translation, filled, words_in
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict

from seqloom.config import Settings
from seqloom.nn.decoder import DecoderState
from seqloom.nn.seq2seq import EncoderDecoder
from seqloom.run import Run
from seqloom.tasks.searching import TorchDecoding
from seqloom.tasks.translation_model import build_translator
from seqloom.toml import read_settings
from seqloom.train.checkpoint import load_into, read_tensors
from seqloom.train.device import choose_device, set_threads

Array = npt.NDArray[Any]


class TextTranslator(translate.TextTranslator):
    """The translator of a run, its network in torch.

    Args:
        model: the network.
        source, target, settings, longest: see ``seqloom_runtime.tasks.translate.TextTranslator``.
    """

    def __init__(
        self,
        model: EncoderDecoder,
        source: Tokenizer,
        target: Tokenizer,
        settings: Settings,
        longest: float,
    ) -> None:
        self.model, self.device = model, next(model.parameters()).device
        super().__init__(TorchDecoding(model), source, target, settings, longest)

    @torch.inference_mode()
    def start(self, rows: Array, lengths: Array) -> DecoderState:
        """The state before the first token of some sources."""
        self.model.eval()
        ids, real = (torch.from_numpy(array).to(self.device) for array in (rows, lengths))
        return self.model.start(self.model.encode(ids, real))

    @torch.inference_mode()
    def looks(self, rows: Array, lengths: Array, targets: Array) -> Array | None:
        """How much each source step mattered to each token of padded targets."""
        tensors = (torch.from_numpy(array).to(self.device) for array in (rows, lengths, targets))
        weights = self.model.attention(*tensors)
        return None if weights is None else weights.float().cpu().numpy()


def load_translator(run: Run, device: torch.device | None = None) -> TextTranslator:
    """The translator of a run.

    Raises:
        RunError: the run has no weights yet, or a file is damaged.
    """
    settings = read_settings(run.path / "config.toml")
    set_threads(settings.train)
    source = tokenizer_from_dict(run.read_json("tokenizer.json"))
    target = source
    if not settings.model.shared_embeddings:
        target = tokenizer_from_dict(run.read_json("target_tokenizer.json"))
    longest = run.read_fields("lengths.json", {"target_per_source": float})["target_per_source"]
    model = build_translator(settings, source, target)
    load_into(model, read_tensors(run.read("model.safetensors"), run.path), run.path)
    model = model.to(device or choose_device(settings.train))
    return TextTranslator(model, source, target, settings, longest)


__all__ = ["TextTranslator", "Translation", "filled", "load_translator", "words_in"]
