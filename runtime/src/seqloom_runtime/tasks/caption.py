"""A captioner in use: pictures in, captions out, the best first, in any number.

    picture ─ pixels ─ encoder ─→ cells ─ step by step: greedy, drawn, or the best of a beam ─→ text

What is said of a picture depends on nothing but the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.batching import arriving, pad
from seqloom_runtime.decode.beam import Hypothesis
from seqloom_runtime.errors import SettingsError
from seqloom_runtime.signal.images import Pixels, check_pillow, read_image
from seqloom_runtime.tasks.searching import Decoding, Searching
from seqloom_runtime.text.tokenizers import Tokenizer

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
    """Network and tokenizer together; what looks at pictures is a subclass's.

    Args:
        network: what writes, one token at a time.
        tokenizer: turns what it writes into a text.
        longest: tokens of the longest training caption.
    """

    def __init__(
        self, network: Decoding, tokenizer: Tokenizer, settings: Any, longest: int
    ) -> None:
        self.network, self.tokenizer, self.settings = network, tokenizer, settings
        self.limit = min(settings.text.max_length, round(ROOM * longest) + 1)
        self.searching = Searching(network, tokenizer)

    def start(self, pixels: Pixels) -> Any:
        """The state before the first token of some pictures (batch, side, side, 3)."""
        raise NotImplementedError

    def looks_at(self, pixels: Pixels, targets: Array) -> Array | None:
        """How much each cell of some pictures mattered to each token of padded targets.

        Shape:
            targets (rows, T + 1) → (rows, T, cells); None without attention.
        """
        raise NotImplementedError

    def read(self, image: Any) -> Pixels:
        """A picture of any kind as the network reads it.

        Raises:
            DataError: it is no picture, or a damaged one.
        """
        check_pillow()
        return read_image(image, self.settings.data.image_size, self.settings.data.framing)

    def describe(
        self, pictures: Iterable[Pixels], options: Any, *, attention: bool = False
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

    def _check(self, options: Any) -> None:
        if options.temperature and options.n_best > 1:
            raise SettingsError(
                f"--n-best {options.n_best}: one caption is drawn of each picture. Leave out "
                "--temperature, or draw again with another --seed.",
                code="one_drawn",
            )
        if options.coverage_penalty and not self.looks:
            raise SettingsError(
                "--coverage-penalty needs attention, and this model has none.", code="no_attention"
            )

    @property
    def looks(self) -> bool:
        """Whether the decoder has attention."""
        return self.network.looks

    def _stream(
        self, stream: Iterator[Pixels], options: Any, attention: bool
    ) -> Iterator[list[Caption]]:
        number = 0
        for chunk in arriving(stream, AT_ONCE):
            yield from self._chunk(np.stack(chunk), options, number, attention)
            number += len(chunk)

    def _chunk(
        self, pixels: Pixels, options: Any, first: int, attention: bool
    ) -> Iterator[list[Caption]]:
        state = self.start(pixels)
        limits = [self.limit] * len(pixels)
        numbers = range(first, first + len(pixels))
        found = self.searching.search(state, limits, options, numbers)
        for place, hypotheses in enumerate(found):
            maps: Sequence[Array | None] = [None] * len(hypotheses)
            if attention and self.looks:
                maps = self._maps(pixels[place], hypotheses)
            yield [self._caption(h, m) for h, m in zip(hypotheses, maps, strict=True)]

    def _maps(self, picture: Pixels, found: Sequence[Hypothesis]) -> list[Array | None]:
        """Where the model looks in one picture at each token of some captions."""
        start, end = self.tokenizer.start, self.tokenizer.end
        padded, lengths = pad([np.array([start, *one.ids, end]) for one in found])
        weights = self.looks_at(np.repeat(picture[None], len(found), 0), padded)
        if weights is None:
            return [None] * len(found)
        side = round(weights.shape[2] ** 0.5)
        return [
            own[: length - 1].reshape(-1, side, side)
            for own, length in zip(weights, lengths, strict=True)
        ]

    def _caption(self, found: Hypothesis, attention: Array | None) -> Caption:
        tokens = [self.tokenizer.token(i) for i in found.ids]
        text = self.tokenizer.decode(found.ids)
        return Caption(text, tokens, found.score, found.nats, attention)
