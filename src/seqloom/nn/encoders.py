"""The encoder of any task by its name: recurrent layers, or layers of attention.

All have one face: ``forward(x, lengths, states) → outputs, states``, ``zero_state(batch)``,
``output_size`` and ``directions``.
"""

from __future__ import annotations

from seqloom.errors import SettingsError
from seqloom.nn.recurrent import CELLS, Recurrent
from seqloom.nn.transformer import ATTENTION_KINDS, AttentionEncoder

Encoder = Recurrent | AttentionEncoder

ENCODERS = (*CELLS, *ATTENTION_KINDS)


def make_encoder(
    kind: str,
    input_size: int,
    hidden_size: int,
    *,
    num_layers: int = 1,
    bidirectional: bool = False,
    dropout: float = 0.0,
    weight_drop: float = 0.0,
    forget_bias: float = 1.0,
    num_heads: int = 1,
    window: int | None = None,
) -> Encoder:
    """The encoder of this name, with fresh weights.

    Args:
        kind: a name in ``ENCODERS``.
        input_size, hidden_size, num_layers, dropout: see ``Recurrent`` and ``AttentionEncoder``.
        bidirectional: read from both ends; of attention, see steps before and after.
        weight_drop, forget_bias: see ``Recurrent``.
        num_heads, window: see ``AttentionEncoder``.
    Raises:
        SettingsError: there is no layer, the heads cannot share the units, or what is asked for
            needs a recurrence.
    """
    check_layers(num_layers)
    if kind in ATTENTION_KINDS:
        if weight_drop:
            raise SettingsError(
                f"--weight-drop drops hidden-to-hidden weights, and {kind} has none. Leave it out."
            )
        return AttentionEncoder(
            kind,
            input_size,
            hidden_size,
            num_layers=num_layers,
            num_heads=num_heads,
            causal=not bidirectional,
            window=window,
            dropout=dropout,
        )
    return Recurrent(
        kind,
        input_size,
        hidden_size,
        num_layers=num_layers,
        bidirectional=bidirectional,
        dropout=dropout,
        weight_drop=weight_drop,
        forget_bias=forget_bias,
    )


def check_layers(num_layers: int) -> None:
    """See that there is a layer.

    Raises:
        SettingsError: there is none.
    """
    if num_layers < 1:
        raise SettingsError(f"num_layers is {num_layers}; a network needs one layer at least.")
