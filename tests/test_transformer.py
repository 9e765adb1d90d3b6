"""Layers of attention: padding, batches and pieces change nothing; causal ones never see ahead."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.errors import SettingsError
from seqloom.nn.attention import View
from seqloom.nn.encoders import ENCODERS, make_encoder
from seqloom.nn.recurrent import Recurrent
from seqloom.nn.transformer import ATTENTION_KINDS, AttentionEncoder, TransformerLayer

LENGTHS = torch.tensor([6, 3, 1, 5])
EXACT = {"rtol": 1e-12, "atol": 1e-12}


def make(kind: str, **options) -> AttentionEncoder:
    torch.manual_seed(2)
    options = {"num_layers": 3, "num_heads": 2, **options}
    encoder = AttentionEncoder(kind, 6, 8, **options).double().eval()
    for weight in encoder.parameters():
        nn.init.normal_(weight, std=0.5)
    return encoder


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("options", [{"causal": False}, {"causal": True}, {"window": 3}], ids=str)
@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_a_sequence_alone_equals_itself_in_a_padded_batch(kind: str, options: dict) -> None:
    layers = make(kind, **options)
    x, y = random(4, 6, 6), random(4, 2, 6)
    outputs, states = layers(x, LENGTHS)
    further, _ = layers(y, None, states)
    for row, length in enumerate(LENGTHS.tolist()):
        alone, alone_states = layers(x[row : row + 1, :length])
        torch.testing.assert_close(outputs[row, :length], alone[0], **EXACT)
        assert not outputs[row, length:].any()
        # What is handed on is the same too: a row goes on as it does alone.
        alone_further, _ = layers(y[row : row + 1], None, alone_states)
        torch.testing.assert_close(further[row], alone_further[0], **EXACT)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_what_stands_on_padding_does_not_matter(kind: str, causal: bool) -> None:
    layers = make(kind, causal=causal)
    x = random(4, 6, 6)
    other = x.clone()
    for row, length in enumerate(LENGTHS.tolist()):
        other[row, length:] = 1e6
    torch.testing.assert_close(layers(x, LENGTHS)[0], layers(other, LENGTHS)[0], **EXACT)


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_a_causal_model_never_sees_ahead(kind: str, window: int | None) -> None:
    layers = make(kind, window=window)
    x = random(2, 6, 6).requires_grad_()
    outputs = layers(x)[0]
    (gradient,) = torch.autograd.grad(outputs[:, 3].sum(), x, retain_graph=True)
    assert not gradient[:, 4:].any()
    assert gradient[:, :4].abs().sum(2).all()
    other = x.detach().clone()
    other[:, 4:] += 1
    torch.testing.assert_close(layers(other)[0][:, :4], outputs[:, :4], **EXACT)


@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_without_causality_every_real_step_sees_every_real_step(kind: str) -> None:
    layers = make(kind, causal=False)
    x = random(2, 6, 6).requires_grad_()
    outputs, states = layers(x, torch.tensor([6, 4]))
    assert states == [] == layers.zero_state(2)
    for step in range(4):
        (gradient,) = torch.autograd.grad(outputs[:, step].sum(), x, retain_graph=True)
        seen = gradient.abs().sum(2) > 0
        assert seen.tolist() == [[True] * 6, [True] * 4 + [False] * 2]


@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_a_window_bounds_what_one_layer_sees(kind: str) -> None:
    layers = make(kind, num_layers=1, window=3)
    x = random(1, 9, 6).requires_grad_()
    outputs = layers(x)[0][:, 6]
    (gradient,) = torch.autograd.grad(outputs.square().sum(), x)  # a norm's plain sum is constant
    seen = (gradient.abs().sum(2) > 0)[0]
    assert seen.tolist() == [step in (4, 5, 6) for step in range(9)]


@pytest.mark.parametrize("window", [1, 2, 5, 100])
@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_at_once_in_pieces_and_step_by_step_are_the_same(kind: str, window: int) -> None:
    layers = make(kind, window=window)
    x = random(2, 20, 6)
    whole, last = layers(x)
    for cuts in ([0, 7, 8, 20], list(range(21)), [0, 20]):
        states, parts = layers.zero_state(2), []
        for first, end in pairwise(cuts):
            outputs, states = layers(x[:, first:end], None, states)
            parts.append(outputs)
            assert states[0][0].shape[2] == min(window - 1, end)
        torch.testing.assert_close(torch.cat(parts, 1), whole, **EXACT)
        for state, wanted in zip(states, last, strict=True):
            for part, wanted_part in zip(state, wanted, strict=True):
                assert part.shape[0] == 2  # rows come first, whoever gathers them
                torch.testing.assert_close(part, wanted_part, **EXACT)


@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_ragged_pieces_of_texts_go_on_each_where_it_ended(kind: str) -> None:
    layers = make(kind, window=5)
    texts = [random(1, 17, 6), random(1, 17, 6)]
    ends = [0, 0]
    states = layers.zero_state(2)
    for lengths in ([3, 1], [1, 4], [6, 2], [2, 5], [5, 5]):
        x = torch.full((2, max(lengths), 6), 9.0, dtype=torch.float64)
        for row, length in enumerate(lengths):
            x[row, :length] = texts[row][0, ends[row] : ends[row] + length]
        outputs, states = layers(x, torch.tensor(lengths), states)
        for row, length in enumerate(lengths):
            whole = layers(texts[row])[0][0, ends[row] : ends[row] + length]
            torch.testing.assert_close(outputs[row, :length], whole, **EXACT)
            ends[row] += length


@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_a_text_moved_along_reads_the_same(kind: str) -> None:
    """What a step gives depends on the steps that it sees, not on how many stand before those."""
    layers = make(kind, window=2)  # three layers see four steps together
    x = random(1, 30, 6)
    torch.testing.assert_close(layers(x)[0][:, 20:], layers(x[:, 15:])[0][:, 5:], **EXACT)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_the_order_of_steps_matters(kind: str, causal: bool) -> None:
    layers = make(kind, causal=causal)
    x = random(1, 6, 6)
    swapped = x[:, [1, 0, 2, 3, 4, 5]]
    assert (layers(x)[0][:, 5] - layers(swapped)[0][:, 5]).abs().max() > 1e-4


def test_a_transformer_layer_equals_torchs() -> None:
    torch.manual_seed(1)
    layer = TransformerLayer(8, 2).double()
    for weight in layer.parameters():
        nn.init.normal_(weight, std=0.5)
    other = nn.TransformerEncoderLayer(
        8, 2, 32, 0.0, lambda x: F.gelu(x, approximate="tanh"), batch_first=True, norm_first=True
    ).double()
    own = layer.state_dict()
    parts = ("query", "key", "value")
    names = {"attention.output": "self_attn.out_proj", "attention_norm": "norm1"}
    names |= {"feed_forward.widen": "linear1", "feed_forward.narrow": "linear2"}
    names |= {"feed_forward_norm": "norm2"}
    renamed = {f"{n}.{k}": own[f"{o}.{k}"] for o, n in names.items() for k in ("weight", "bias")}
    for kind in ("weight", "bias"):
        renamed[f"self_attn.in_proj_{kind}"] = torch.cat(
            [own[f"attention.{part}.{kind}"] for part in parts]
        )
    other.load_state_dict(renamed)
    x = random(2, 7, 8).requires_grad_()
    found, wanted = layer(x, View())[0], other(x)
    torch.testing.assert_close(found, wanted, **EXACT)
    probe = random(2, 7, 8)
    gradients = (torch.autograd.grad(each, x, probe)[0] for each in (found, wanted))
    torch.testing.assert_close(*gradients, **EXACT)


@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_weights_shown_are_those_used(kind: str) -> None:
    layers = make(kind, causal=False)
    x = random(2, 6, 6)
    lengths = torch.tensor([6, 4])
    shown = layers.weights(x, lengths)
    assert len(shown) == 3
    for weights in shown:
        torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights.sum(-1)))
        assert not weights[1, :, :, 4:].any()
    if kind == "basic-attention":
        y = x
        for weights in shown:
            y = weights[:, 0] @ y
        torch.testing.assert_close(layers(x, lengths)[0][0], y[0], **EXACT)


def test_dropout_acts_in_training_only_and_is_the_same_at_every_step() -> None:
    for kind in ATTENTION_KINDS:
        layers = make(kind, dropout=0.5)
        x = random(2, 6, 6)
        assert torch.equal(layers(x)[0], layers(x)[0])
        layers.train()
        assert not torch.equal(layers(x)[0], layers(x)[0])
    dropped = make("self-attention", dropout=0.5).train()(x)[0] == 0
    assert dropped.any()
    assert (dropped == dropped[:, :1]).all()


@pytest.mark.parametrize("kind", ATTENTION_KINDS)
def test_bfloat16_is_near_float32(kind: str) -> None:
    torch.manual_seed(2)
    layers = AttentionEncoder(kind, 6, 8, num_layers=2, num_heads=2, window=9)
    x, lengths = torch.randn(4, 50, 6), torch.tensor([50, 3, 20, 49])
    with torch.autocast("cpu", torch.bfloat16):
        rough, states = layers(x, lengths)
        layers(x, lengths, states)
    error = (rough.float() - layers(x, lengths)[0]).abs()
    assert error.max() < 0.1  # of numbers as large as 3
    assert error.mean() < 0.01


@pytest.mark.parametrize("causal", [True, False])
def test_a_row_without_a_real_step_harms_no_gradient(causal: bool) -> None:
    layers = make("transformer", causal=causal)
    x = random(2, 4, 6).requires_grad_()
    layers(x, torch.tensor([4, 0]))[0].sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()
    assert not x.grad[1].any()


def test_encoders_are_made_by_name() -> None:
    for kind in ENCODERS:
        encoder = make_encoder(kind, 6, 8, num_layers=2, num_heads=2)
        assert isinstance(encoder, Recurrent) == (kind not in ATTENTION_KINDS)
        assert encoder.output_size == (6 if kind == "basic-attention" else 8)
        assert encoder(torch.zeros(1, 3, 6))[0].shape == (1, 3, encoder.output_size)
    assert make_encoder("lstm", 6, 8, bidirectional=True).output_size == 16
    both = make_encoder("transformer", 6, 8, bidirectional=True)
    assert (both.output_size, both.directions) == (8, 1)
    with pytest.raises(SettingsError, match="weight-drop drops hidden-to-hidden weights"):
        make_encoder("transformer", 6, 8, weight_drop=0.1)
    with pytest.raises(SettingsError, match="3 heads cannot share 8 units"):
        make_encoder("self-attention", 6, 8, num_heads=3)


def test_a_projection_is_there_only_where_sizes_differ() -> None:
    same = AttentionEncoder("transformer", 8, 8, num_heads=2)
    assert same.projection is None
    assert make("transformer").projection is not None
    assert not list(make("basic-attention").parameters())
