"""An exported captioner: pictures in, captions out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import DataError
from seqloom_runtime.exported.decoding import DecoderState, OnnxDecoding
from seqloom_runtime.exported.folder import Folder
from seqloom_runtime.exported.model import ExportedModel
from seqloom_runtime.rows import ranked
from seqloom_runtime.signal.images import Pixels
from seqloom_runtime.tasks.caption import PictureDescriber
from seqloom_runtime.text.tokenizers import tokenizer_from_dict

Array = npt.NDArray[Any]


class OnnxDescriber(PictureDescriber):
    """The captioner of a folder, its networks in onnxruntime."""

    network: OnnxDecoding

    def __init__(self, folder: Folder, settings: Any, threads: int) -> None:
        tokenizer = tokenizer_from_dict(folder.json("tokenizer.json"))
        longest = folder.json("lengths.json")["longest_caption"]
        super().__init__(OnnxDecoding(folder, threads), tokenizer, settings, longest)

    def start(self, pixels: Pixels) -> DecoderState:
        """The state before the first token of some pictures."""
        return self.network.start({"pixels": pixels})

    def looks_at(self, pixels: Pixels, targets: Array) -> Array | None:
        """How much each cell of some pictures mattered to each token of padded targets."""
        return self.network.followed(self.start(pixels), targets)


class ExportedDescriber(ExportedModel):
    """Pictures in, captions out."""

    def __init__(self, folder: Folder, threads: int = 1) -> None:
        super().__init__(folder, threads)
        self.describer = OnnxDescriber(folder, self.held, threads)

    def answers(self, rows: list[Any], options: Any) -> list[dict[str, Any]]:
        """The captions of each picture, the best first."""
        pixels = [self._pixels(row, number) for number, row in enumerate(rows, 1)]
        return [ranked("caption", found) for found in self.describer.describe(pixels, options)]

    def _pixels(self, row: Any, number: int) -> Pixels:
        """A picture as the network reads it.

        Raises:
            DataError: it is no picture, or a damaged one.
        """
        if not isinstance(row, str | Path | bytes | np.ndarray):
            raise DataError(
                f"Row {number:,}: expected a picture, its bytes or pixels, received "
                f"{type(row).__name__}."
            )
        return self.describer.read(io.BytesIO(row) if isinstance(row, bytes) else row)
