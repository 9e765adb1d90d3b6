"""Attention equals its printed equation, torch's, and itself however it is cut into pieces."""

import math

import pytest
import torch
from torch import Tensor, nn

from seqloom.errors import SettingsError
from seqloom.nn.attention import BasicAttention, MultiHeadAttention, SelfAttention, View
from seqloom.nn.positions import turn, turns

EXACT = {"rtol": 1e-12, "atol": 1e-12}


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def make(*sizes: int, heads: int, dropout: float = 0.0) -> MultiHeadAttention:
    torch.manual_seed(0)
    attention = MultiHeadAttention(*sizes, heads, dropout).double().eval()
    for weight in attention.parameters():
        nn.init.normal_(weight, std=0.5)
    return attention


def make_self(size: int, heads: int) -> SelfAttention:
    torch.manual_seed(0)
    attention = SelfAttention(size, size, heads).double()
    for weight in attention.parameters():
        nn.init.normal_(weight, std=0.5)
    return attention


def torchs(attention: MultiHeadAttention, size: int, memory_size: int) -> nn.MultiheadAttention:
    """torch's layer with the same weights."""
    other = nn.MultiheadAttention(
        size, attention.num_heads, kdim=memory_size, vdim=memory_size, batch_first=True
    ).double()
    parts = [attention.query, attention.key, attention.value]
    with torch.no_grad():
        if memory_size == size:
            other.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        else:
            for letter, part in zip("qkv", parts, strict=True):
                getattr(other, f"{letter}_proj_weight").copy_(part.weight)
        other.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        other.out_proj.weight.copy_(attention.output.weight)
        other.out_proj.bias.copy_(attention.output.bias)
    return other


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("memory_size", [6, 5])
def test_heads_equal_torchs_forward_and_gradient(memory_size: int, heads: int) -> None:
    attention = make(6, memory_size, 6, heads=heads)
    other = torchs(attention, 6, memory_size)
    query, memory = random(2, 4, 6).requires_grad_(), random(2, 7, memory_size).requires_grad_()
    mask = torch.arange(7) < torch.tensor([[7], [3]])
    found, weights = attention(query, memory, mask, weights=True)
    wanted, wanted_weights = other(
        query, memory, memory, key_padding_mask=~mask, average_attn_weights=False
    )
    torch.testing.assert_close(found, wanted, **EXACT)
    torch.testing.assert_close(weights, wanted_weights, **EXACT)
    plain, none = attention(query, memory, mask)
    assert none is None
    torch.testing.assert_close(plain, wanted, **EXACT)
    probe = random(*found.shape)
    for each in (found, plain):
        gradients = torch.autograd.grad(each, (query, memory), probe, retain_graph=True)
        true = torch.autograd.grad(wanted, (query, memory), probe, retain_graph=True)
        for gradient, true_gradient in zip(gradients, true, strict=True):
            torch.testing.assert_close(gradient, true_gradient, **EXACT)


def test_a_mask_may_differ_from_query_to_query() -> None:
    attention = make(6, 6, 6, heads=2)
    query, memory = random(2, 4, 6), random(2, 4, 6)
    mask = torch.ones(4, 4, dtype=torch.bool).tril().expand(2, -1, -1)
    outputs, weights = attention(query, memory, mask, weights=True)
    assert not weights.masked_select(~mask[:, None]).any()
    for step in range(4):
        alone, _ = attention(query[:, step : step + 1], memory[:, : step + 1])
        torch.testing.assert_close(outputs[:, step : step + 1], alone, **EXACT)
    torch.testing.assert_close(attention(query, memory, mask)[0], outputs, **EXACT)


def test_keys_and_values_made_once_serve_every_query() -> None:
    attention = make(6, 5, 8, heads=2)
    query, memory = random(3, 4, 6), random(3, 7, 5)
    mask = torch.arange(7) < torch.tensor([[7], [3], [1]])
    cache = attention.keys_values(memory)
    whole, _ = attention(query, memory, mask)
    for step in range(4):
        one, _ = attention.look(query[:, step : step + 1], cache, mask)
        torch.testing.assert_close(one, whole[:, step : step + 1], **EXACT)
    rows = torch.tensor([2, 2, 0])  # as a beam selects them
    chosen, _ = attention.look(query[rows], (cache[0][rows], cache[1][rows]), mask[rows])
    torch.testing.assert_close(chosen, whole[rows], **EXACT)


def test_dropout_is_that_of_whole_sequences_and_in_training_only() -> None:
    attention = make(6, 6, 8, heads=2, dropout=0.5)
    query = random(3, 4, 6)
    assert torch.equal(attention(query, query)[0], attention(query, query)[0])
    dropped = attention.train()(query, query)[0] == 0
    assert dropped.any()
    assert (dropped == dropped[:, :1]).all()


def test_heads_that_cannot_share_the_units_are_refused() -> None:
    with pytest.raises(SettingsError, match="3 heads cannot share 8 units evenly"):
        MultiHeadAttention(8, 8, 8, 3)


def printed(query: Tensor, key: Tensor, value: Tensor, seen: Tensor) -> Tensor:
    """softmax(R Q (R K)ᵀ / √size) V of one head, pair by pair, with R by its angles."""
    time, size = query.shape[-2:]
    angle = torch.arange(size // 2, dtype=torch.float64)
    angle = 10_000 ** -(angle / max(1, size // 2))

    def turned(x: Tensor) -> Tensor:
        result = x.clone()
        for step in range(time):
            for pair, rate in enumerate(angle):
                a, b = x[..., step, 2 * pair], x[..., step, 2 * pair + 1]
                cos, sin = torch.cos(step * rate), torch.sin(step * rate)
                result[..., step, 2 * pair] = cos * a - sin * b
                result[..., step, 2 * pair + 1] = sin * a + cos * b
        return result

    scores = turned(query) @ turned(key).transpose(-1, -2) / math.sqrt(size)
    return scores.masked_fill(~seen, -torch.inf).softmax(-1) @ value


@pytest.mark.parametrize("size", [6, 5, 1])
def test_basic_attention_is_its_printed_equation(size: int) -> None:
    x = random(2, 7, size)
    for view, seen in (
        (View.of(x, size), torch.ones(7, 7, dtype=torch.bool)),
        (View.of(x, size, causal=True), torch.ones(7, 7, dtype=torch.bool).tril()),
        (
            View.of(x, size, causal=True, window=3),
            torch.ones(7, 7, dtype=torch.bool).tril().triu(-2),
        ),
    ):
        outputs, _ = BasicAttention()(x, view)
        torch.testing.assert_close(outputs, printed(x, x, x, seen), **EXACT)
        weights = BasicAttention().weights(x, view)
        torch.testing.assert_close((weights @ x[:, None]).squeeze(1), outputs, **EXACT)
    assert not list(BasicAttention().parameters())


def test_self_attention_is_its_printed_equation() -> None:
    attention = make_self(6, 2)
    x = random(2, 7, 6)
    seen = torch.ones(7, 7, dtype=torch.bool).tril()
    q, k, v = (layer(x) for layer in (attention.query, attention.key, attention.value))
    heads = [printed(q[..., h], k[..., h], v[..., h], seen) for h in (slice(0, 3), slice(3, 6))]
    wanted = attention.output(torch.cat(heads, dim=2))
    view = View.of(x, 3, causal=True)
    torch.testing.assert_close(attention(x, view)[0], wanted, **EXACT)
    assert attention.weights(x, view).shape == (2, 2, 7, 7)


def test_self_attention_without_positions_equals_torchs() -> None:
    attention = make_self(6, 2)
    x = random(2, 7, 6)
    wanted, weights = torchs(attention, 6, 6)(x, x, x, average_attn_weights=False)
    torch.testing.assert_close(attention(x, View())[0], wanted, **EXACT)
    torch.testing.assert_close(attention.weights(x, View()), weights, **EXACT)


@pytest.mark.parametrize("window", [None, 1, 3, 70, 500])
def test_blocks_of_a_long_sequence_are_the_whole(window: int | None) -> None:
    x = random(2, 200, 4)
    view = View.of(x, 4, causal=True, window=window)
    seen = torch.ones(200, 200, dtype=torch.bool).tril()
    seen = seen if window is None else seen.triu(1 - window)
    turned = turn(x, turns(200, 4, x))
    wanted = nn.functional.scaled_dot_product_attention(turned, turned, x, attn_mask=seen)
    outputs, _ = BasicAttention()(x, view)
    torch.testing.assert_close(outputs, wanted, **EXACT)
    slices = list(view.blocks(200, x.device))
    if window in (1, 3):  # what is far away is not even scored
        assert max(keys.stop - keys.start for _, keys, _ in slices) < 70


@pytest.mark.parametrize("window", [None, 3])
def test_a_cache_goes_on_where_a_call_ended(window: int | None) -> None:
    attention = make_self(6, 2)
    x = random(2, 9, 6)
    whole, _ = attention(x, View.of(x, 3, causal=True, window=window))
    cache, parts = None, []
    for first, last in ((0, 4), (4, 5), (5, 9)):
        piece = x[:, first:last]
        view = View.of(piece, 3, past=first, causal=True, window=window)
        outputs, cache = attention(piece, view, cache)
        parts.append(outputs)
    torch.testing.assert_close(torch.cat(parts, 1), whole, **EXACT)


def test_scores_know_the_distance_and_the_order_but_not_the_place() -> None:
    x = random(1, 5, 6)
    early, late = turn(x, turns(5, 6, x)), turn(x, turns(105, 6, x)[100:])
    torch.testing.assert_close(early @ early.mT, late @ late.mT, **EXACT)
    same = x[:, :1].expand(-1, 5, -1)
    turned = turn(same, turns(5, 6, x))
    scores = (turned @ turned.mT)[0, 0]
    assert len(set(scores.tolist())) == 5  # each distance has a score of its own
    a, b = x[:, 0], x[:, 1]
    first, second = turns(2, 6, x)
    ab = (turn(a, first[None]) * turn(b, second[None])).sum()
    ba = (turn(b, first[None]) * turn(a, second[None])).sum()
    assert abs(float(ab - ba)) > 1e-3


def test_turning_keeps_lengths_and_the_number_left_over() -> None:
    x = random(2, 4, 5)
    turned = turn(x, turns(4, 5, x))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1), **EXACT)
    assert torch.equal(turned[..., 4], x[..., 4])
    assert not torch.allclose(turned[:, 1:, :4], x[:, 1:, :4])
    assert turn(x.bfloat16(), turns(4, 5, x.bfloat16())).dtype == torch.bfloat16
