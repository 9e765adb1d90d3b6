"""The network of a translator, as the settings describe it."""

from __future__ import annotations

from seqloom_runtime.text.tokenizers import Tokenizer

from seqloom.checked import decoder_of
from seqloom.config import ModelSettings, Settings
from seqloom.errors import SettingsError
from seqloom.nn.decoder import RecurrentDecoder
from seqloom.nn.embedding import LearnedEmbedding, OneHot
from seqloom.nn.encoders import Encoder
from seqloom.nn.recurrent import CELLS, Recurrent
from seqloom.nn.seq2seq import Decoder, EncoderDecoder
from seqloom.nn.transformer_decoder import TransformerDecoder
from seqloom.tasks.encoder import build_encoder


def build_translator(settings: Settings, source: Tokenizer, target: Tokenizer) -> EncoderDecoder:
    """The network the settings describe, with fresh weights.

    Raises:
        SettingsError: attention dot compares vectors of unlike size.
    """
    model, train = settings.model, settings.train
    tables = [_table(model, source)]
    tables.append(tables[0] if model.shared_embeddings else _table(model, target))
    # An encoder of attention has no weights to drop; what writes beside it may have.
    own = model.model_copy(update={} if model.encoder in CELLS else {"weight_drop": 0.0})
    encoder = build_encoder(own, tables[0].size)
    output_size = tables[1].size if model.tie_embeddings else model.hidden_size
    decoder = make_decoder(model, tables[1].size, output_size, encoder)
    return EncoderDecoder(
        tables[0],
        tables[1],
        encoder,
        decoder,
        target.vocabulary_size,
        output_size,
        tie_embeddings=model.tie_embeddings,
        embedding_dropout=model.embedding_dropout,
        label_smoothing=train.label_smoothing,
        teacher_forcing=train.teacher_forcing,
    )


def _table(settings: ModelSettings, tokenizer: Tokenizer) -> LearnedEmbedding | OneHot:
    if settings.embedding == "one-hot":
        return OneHot(tokenizer.vocabulary_size)
    return LearnedEmbedding(tokenizer.vocabulary_size, settings.embedding_size)


def make_decoder(
    settings: ModelSettings, input_size: int, output_size: int, encoder: Encoder
) -> Decoder:
    """The decoder that the settings describe, for an encoder's output.

    Raises:
        SettingsError: attention dot compares vectors of unlike size.
    """
    kind = decoder_of(settings)
    if kind == "transformer":
        return TransformerDecoder(
            input_size,
            settings.hidden_size,
            output_size,
            encoder.output_size,
            num_layers=settings.num_layers,
            num_heads=settings.num_heads,
            dropout=settings.dropout,
        )
    if settings.attention == "dot" and encoder.output_size != settings.hidden_size:
        raise SettingsError(
            f"--attention dot compares vectors of one size, and the encoder gives "
            f"{encoder.output_size} numbers a step, the decoder {settings.hidden_size}. Pass "
            "--no-bidirectional, or --attention general."
        )
    recurrent = isinstance(encoder, Recurrent)
    parts = 2 if recurrent and settings.encoder == "lstm" else 1
    return RecurrentDecoder(
        kind,
        input_size,
        settings.hidden_size,
        output_size,
        encoder.output_size,
        (settings.num_layers if recurrent else 1, parts * encoder.output_size),
        attention=settings.attention,
        num_layers=settings.num_layers,
        dropout=settings.dropout,
        weight_drop=settings.weight_drop,
        forget_bias=settings.forget_bias,
        hand_over=recurrent and kind == settings.encoder and not settings.bidirectional,
    )
