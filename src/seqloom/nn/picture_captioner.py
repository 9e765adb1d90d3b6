"""A model that puts a picture into words: cells of the picture, a decoder, a head.

    pixels (batch, S, S, 3) ─ standard scores ─ encoder ─ + places ─→ cells (batch, cells, size) ─┐
    target[:-1] (rows, T) ─ embedding ─ decoder ────────────────────── head ─→ logits ────────────┘

A picture is encoded once for all captions of it. Used as any ``EncoderDecoder``:

    state = model.start(model.encode_pictures(pixels))
    logits, state = model.step(ids, state)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqloom.nn.convolution import PictureEncoder
from seqloom.nn.decoder import Memory, memory_of
from seqloom.nn.dropout import LockedDropout
from seqloom.nn.embedding import LearnedEmbedding
from seqloom.nn.language_model import Loss
from seqloom.nn.seq2seq import Decoder, EncoderDecoder, Table

PLACE_SPREAD = 0.02  # of the vectors of places at the start: what is seen counts first


class StandardPixels(nn.Module):
    """Pixels as standard scores of each colour.

    Shape:
        pixels (batch, height, width, 3) uint8 → (batch, 3, height, width).
    """

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.spread: Tensor
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("spread", torch.ones(3))

    def fit(self, mean: Any, spread: Any) -> None:
        """Take mean and standard deviation of each colour, as shares of 1."""
        self.mean.copy_(torch.as_tensor(mean))
        self.spread.copy_(torch.as_tensor(spread))

    def forward(self, pixels: Tensor) -> Tensor:
        """Colours before places, as convolutions read them."""
        scores = (pixels.to(self.mean.dtype) / 255 - self.mean) / self.spread
        return scores.permute(0, 3, 1, 2)


class PictureCaptioner(EncoderDecoder):
    """Scores the next token of a caption, given its picture.

    Args:
        target: table of the captions' tokens.
        encoder: makes cells of pictures.
        decoder: made for the table's size and the encoder's output.
        dropout: share of the numbers in the cells that are dropped, the same in all cells.
        vocab_size, output_size, tie_embeddings, embedding_dropout, label_smoothing,
            teacher_forcing: see ``EncoderDecoder``.
    """

    def __init__(
        self,
        target: Table,
        encoder: PictureEncoder,
        decoder: Decoder,
        vocab_size: int,
        output_size: int,
        *,
        dropout: float = 0.0,
        tie_embeddings: bool = False,
        embedding_dropout: float = 0.0,
        label_smoothing: float = 0.0,
        teacher_forcing: float = 1.0,
    ) -> None:
        source: Any = StandardPixels()
        reader: Any = encoder  # of pictures rather than of steps
        super().__init__(
            source,
            target,
            reader,
            decoder,
            vocab_size,
            output_size,
            tie_embeddings=tie_embeddings,
            embedding_dropout=embedding_dropout,
            label_smoothing=label_smoothing,
            teacher_forcing=teacher_forcing,
        )
        places = LearnedEmbedding(encoder.cells, encoder.output_size)
        nn.init.normal_(places.weight, std=PLACE_SPREAD)
        self.embedding["places"] = places
        self.picture_dropout = LockedDropout(dropout)
        self.norm = nn.LayerNorm(encoder.output_size)

    @property
    def pixels(self) -> StandardPixels:
        """What turns pixels into standard scores."""
        found = self.embedding["source"]
        assert isinstance(found, StandardPixels)
        return found

    def encode_pictures(self, pixels: Tensor) -> Memory:
        """What the decoder needs to know of some pictures: (batch, S, S, 3) uint8."""
        return self.memory_of_cells(self.cells_of(pixels))

    def cells_of(self, pixels: Tensor) -> Tensor:
        """A vector for each part of some pictures: (batch, cells, size)."""
        encoder: Any = self.encoder
        places = self.embedding["places"]
        assert isinstance(places, LearnedEmbedding)
        found: Tensor = self.norm(encoder(self.pixels(pixels)) + places.weight)
        return found

    def memory_of_cells(self, cells: Tensor) -> Memory:
        """What the decoder needs to know of some cells."""
        lengths = torch.full((len(cells),), cells.shape[1], device=cells.device)
        return memory_of(cells, lengths, [])

    def look(self, pixels: Tensor, target: Tensor) -> Tensor | None:
        """How much each cell mattered to each token of a picture's caption: (batch, T, cells)."""
        return self._decode(target[:, :-1], self.start(self.encode_pictures(pixels)))[1]

    def forward(self, pixels: Tensor, owners: Tensor, target: Tensor) -> Loss:
        """What captions cost.

        Shape:
            pixels (batch, S, S, 3); owners (rows,) the picture of each caption, -1 for a row that
            only fills up; target (rows, T + 1) with start and end, 0 beyond.
        """
        # Units are dropped for each caption: the rows of a batch, however processes share them.
        cells = self.picture_dropout(self.cells_of(pixels)[owners.clamp(min=0)])
        return self.cost(self.start(self.memory_of_cells(cells)), target, owners >= 0)
