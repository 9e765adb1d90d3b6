"""The network of a captioner, as the settings describe it."""

from __future__ import annotations

from typing import Any

from seqloom_runtime.text.tokenizers import Tokenizer

from seqloom.config import ModelSettings, Settings
from seqloom.errors import SettingsError
from seqloom.nn.convolution import ConvolutionalEncoder, PictureEncoder
from seqloom.nn.embedding import LearnedEmbedding, OneHot
from seqloom.nn.picture_captioner import PictureCaptioner
from seqloom.tasks.backbone import Backbone
from seqloom.tasks.translation_model import make_decoder


def build_captioner(settings: Settings, tokenizer: Tokenizer) -> PictureCaptioner:
    """The network the settings describe, with fresh weights; a backbone has none of its own yet.

    Raises:
        SettingsError: attention dot compares vectors of unlike size.
        MissingExtraError: the backbone is one of torchvision, which is not installed.
    """
    model, train = settings.model, settings.train
    table = _table(model, tokenizer)
    encoder = make_picture_encoder(settings)
    if model.attention == "dot" and encoder.output_size != model.hidden_size:
        raise SettingsError(
            f"--attention dot compares vectors of one size, and a cell of the picture has "
            f"{encoder.output_size} numbers, the decoder {model.hidden_size}. Pass --hidden-size "
            f"{encoder.output_size}, or --attention general."
        )
    output_size = table.size if model.tie_embeddings else model.hidden_size
    reader: Any = encoder
    decoder = make_decoder(model, table.size, output_size, reader)
    return PictureCaptioner(
        table,
        encoder,
        decoder,
        tokenizer.vocabulary_size,
        output_size,
        dropout=model.dropout,
        tie_embeddings=model.tie_embeddings,
        embedding_dropout=model.embedding_dropout,
        label_smoothing=train.label_smoothing,
        teacher_forcing=train.teacher_forcing,
    )


def make_picture_encoder(settings: Settings) -> PictureEncoder:
    """What looks at pictures: from scratch, or the layers of a network of torchvision."""
    model, size = settings.model, settings.data.image_size
    if model.backbone == "small":
        return ConvolutionalEncoder(size, model.channels)
    return Backbone(model.backbone, size)


def _table(settings: ModelSettings, tokenizer: Tokenizer) -> LearnedEmbedding | OneHot:
    if settings.embedding == "one-hot":
        return OneHot(tokenizer.vocabulary_size)
    return LearnedEmbedding(tokenizer.vocabulary_size, settings.embedding_size)
