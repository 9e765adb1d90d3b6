"""A trained captioner in use; how it goes about it is in ``seqloom_runtime.tasks.caption``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from seqloom_runtime.signal.images import Pixels
from seqloom_runtime.tasks import caption
from seqloom_runtime.tasks.caption import Caption
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict

from seqloom.config import Settings
from seqloom.nn.decoder import DecoderState
from seqloom.nn.picture_captioner import PictureCaptioner
from seqloom.run import Run
from seqloom.tasks.caption_model import build_captioner
from seqloom.tasks.searching import TorchDecoding
from seqloom.toml import read_settings
from seqloom.train.checkpoint import load_into, read_tensors
from seqloom.train.device import choose_device, set_threads

Array = npt.NDArray[Any]


class PictureDescriber(caption.PictureDescriber):
    """The captioner of a run, its network in torch.

    Args:
        model: the network.
        tokenizer, settings, longest: see ``seqloom_runtime.tasks.caption.PictureDescriber``.
    """

    def __init__(
        self, model: PictureCaptioner, tokenizer: Tokenizer, settings: Settings, longest: int
    ) -> None:
        self.model, self.device = model, next(model.parameters()).device
        super().__init__(TorchDecoding(model), tokenizer, settings, longest)

    @torch.inference_mode()
    def start(self, pixels: Pixels) -> DecoderState:
        """The state before the first token of some pictures."""
        self.model.eval()
        return self.model.start(self.model.encode_pictures(self._tensor(pixels)))

    @torch.inference_mode()
    def looks_at(self, pixels: Pixels, targets: Array) -> Array | None:
        """How much each cell of some pictures mattered to each token of padded targets."""
        weights = self.model.look(self._tensor(pixels), torch.from_numpy(targets).to(self.device))
        return None if weights is None else weights.float().cpu().numpy()

    def _tensor(self, pixels: Pixels) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(pixels)).to(self.device)


def load_captioner(run: Run, device: torch.device | None = None) -> PictureDescriber:
    """The captioner of a run.

    Raises:
        RunError: the run has no weights yet, or a file is damaged.
        MissingExtraError: its backbone is one of torchvision, which is not installed.
    """
    settings = read_settings(run.path / "config.toml")
    set_threads(settings.train)
    tokenizer = tokenizer_from_dict(run.read_json("tokenizer.json"))
    longest = run.read_fields("lengths.json", {"longest_caption": int})["longest_caption"]
    model = build_captioner(settings, tokenizer)
    load_into(model, read_tensors(run.read("model.safetensors"), run.path), run.path)
    model = model.to(device or choose_device(settings.train))
    return PictureDescriber(model, tokenizer, settings, longest)


__all__ = ["Caption", "PictureDescriber", "load_captioner"]
