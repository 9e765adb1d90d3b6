"""A trained captioner in use: pictures in, captions out, the best first, in any number.

    picture ─ pixels ─ encoder ─→ cells ─ step by step: greedy, drawn, or the best of a beam ─→ text

What is said of a picture depends on nothing but the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from seqloom_runtime.decode.beam import Hypothesis
from seqloom_runtime.signal.images import Pixels, check_pillow, read_image
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict

from seqloom.checked import decoder_of
from seqloom.config import PredictSettings, Settings
from seqloom.data.batching import pad
from seqloom.errors import SettingsError
from seqloom.nn.picture_captioner import PictureCaptioner
from seqloom.run import Run
from seqloom.tasks.caption_model import build_captioner
from seqloom.tasks.searching import Searching
from seqloom.toml import read_settings
from seqloom.train.checkpoint import load_into, read_tensors
from seqloom.train.device import choose_device, set_threads

AT_ONCE = 64  # pictures; each is followed by a beam
ROOM = 1.5  # times the longest training caption that a caption may have

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Caption:
    """One caption of a picture.

    Attributes:
        text: as people write it.
        tokens: its pieces.
        score: log-probability after the penalties; the best has most.
        nats: what it costs, all tokens and its end together.
        attention: how much each cell of the picture mattered to each token and to the end
            (tokens + 1, side, side); None where it was not asked for or there is none.
    """

    text: str
    tokens: list[str]
    score: float
    nats: float
    attention: Array | None = field(default=None, compare=False)


class PictureDescriber:
    """Network and tokenizer of a run.

    Args:
        model: the network.
        tokenizer: turns what it writes into a text.
        longest: tokens of the longest training caption.
    """

    def __init__(
        self, model: PictureCaptioner, tokenizer: Tokenizer, settings: Settings, longest: int
    ) -> None:
        self.model, self.tokenizer, self.settings = model, tokenizer, settings
        self.limit = min(settings.text.max_length, round(ROOM * longest) + 1)
        self.device = next(model.parameters()).device
        self.searching = Searching(model, tokenizer, self.device)

    def read(self, image: Any) -> Pixels:
        """A picture of any kind as the network reads it.

        Raises:
            DataError: it is no picture, or a damaged one.
        """
        check_pillow()
        return read_image(image, self.settings.data.image_size, self.settings.data.framing)

    def describe(
        self, pictures: Iterable[Pixels], options: PredictSettings, *, attention: bool = False
    ) -> Iterator[list[Caption]]:
        """Captions of each picture, the best first, in their order.

        Args:
            pictures: as ``read`` gives them.
            options: how they are captioned.
            attention: give that too.

        Raises:
            SettingsError: options that do not go together.
        """
        self._check(options)
        return self._stream(iter(pictures), options, attention)

    def _check(self, options: PredictSettings) -> None:
        if options.temperature and options.n_best > 1:
            raise SettingsError(
                f"--n-best {options.n_best}: one caption is drawn of each picture. Leave out "
                "--temperature, or draw again with another --seed."
            )
        if options.coverage_penalty and not self.looks:
            raise SettingsError("--coverage-penalty needs attention, and this model has none.")

    @property
    def looks(self) -> bool:
        """Whether the decoder has attention."""
        model = self.settings.model
        return decoder_of(model) == "transformer" or model.attention != "none"

    def _stream(
        self, stream: Iterator[Pixels], options: PredictSettings, attention: bool
    ) -> Iterator[list[Caption]]:
        number = 0
        while chunk := list(islice(stream, AT_ONCE)):
            yield from self._chunk(np.stack(chunk), options, number, attention)
            number += len(chunk)

    @torch.inference_mode()
    def _chunk(
        self, pixels: Pixels, options: PredictSettings, first: int, attention: bool
    ) -> Iterator[list[Caption]]:
        self.model.eval()
        tensor = torch.from_numpy(pixels).to(self.device)
        state = self.model.start(self.model.encode_pictures(tensor))
        limits = [self.limit] * len(pixels)
        numbers = range(first, first + len(pixels))
        found = self.searching.search(state, limits, options, numbers)
        for place, hypotheses in enumerate(found):
            maps: Sequence[Array | None] = [None] * len(hypotheses)
            if attention and self.looks:
                maps = self._maps(tensor[place], hypotheses)
            yield [self._caption(h, m) for h, m in zip(hypotheses, maps, strict=True)]

    def _maps(self, picture: torch.Tensor, found: Sequence[Hypothesis]) -> list[Array | None]:
        """Where the model looks in one picture at each token of some captions."""
        start, end = self.tokenizer.start, self.tokenizer.end
        padded, lengths = pad([np.array([start, *one.ids, end]) for one in found])
        pictures = picture.expand(len(found), *picture.shape)
        weights = self.model.look(pictures, torch.from_numpy(padded).to(self.device))
        if weights is None:
            return [None] * len(found)
        side = round(weights.shape[2] ** 0.5)
        maps = weights.float().cpu().numpy()
        return [
            own[: length - 1].reshape(-1, side, side)
            for own, length in zip(maps, lengths, strict=True)
        ]

    def _caption(self, found: Hypothesis, attention: Array | None) -> Caption:
        tokens = [self.tokenizer.token(i) for i in found.ids]
        text = self.tokenizer.decode(found.ids)
        return Caption(text, tokens, found.score, found.nats, attention)


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
