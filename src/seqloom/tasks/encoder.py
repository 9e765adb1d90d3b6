"""The encoder that the settings describe, for whatever task."""

from __future__ import annotations

from seqloom.config import ModelSettings
from seqloom.nn.encoders import Encoder, make_encoder


def build_encoder(
    settings: ModelSettings,
    input_size: int,
    *,
    dropout: float | None = None,
    window: int | None = None,
) -> Encoder:
    """The encoder with fresh weights.

    Args:
        settings: which, how large, from which sides it reads.
        input_size: numbers in a step of its input.
        dropout: instead of the settings'.
        window: steps that attention sees where it reads a text on and on.
    Raises:
        SettingsError: two settings do not go together.
    """
    return make_encoder(
        settings.encoder,
        input_size,
        settings.hidden_size,
        num_layers=max(1, settings.num_layers),
        bidirectional=settings.bidirectional,
        dropout=settings.dropout if dropout is None else dropout,
        weight_drop=settings.weight_drop,
        forget_bias=settings.forget_bias,
        num_heads=settings.num_heads,
        window=window,
    )
