"""Attention and the recurrent decoder: the printed equations; all steps at once as one by one."""

import itertools
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from seqloom.errors import SettingsError
from seqloom.nn import additive_scores
from seqloom.nn.decoder import (
    ATTENTIONS,
    DECODERS,
    Attention,
    RecurrentDecoder,
    coverage_of,
    memory_of,
)
from seqloom.nn.encoders import make_encoder
from seqloom.nn.recurrent import Recurrent
from seqloom.nn.transformer_decoder import TransformerDecoder

HIDDEN, INPUT, OUTPUT = 5, 3, 4


def encoded(kind: str, *, bidirectional: bool, layers: int = 1) -> tuple[Recurrent, object]:
    """An encoder and the memory of two sources of unlike length, in float64."""
    torch.manual_seed(0)
    encoder = Recurrent(kind, INPUT, HIDDEN, num_layers=layers, bidirectional=bidirectional)
    encoder = encoder.double().eval()
    x, lengths = torch.randn(2, 6, INPUT, dtype=torch.float64), torch.tensor([6, 3])
    steps, states = encoder(x, lengths)
    return encoder, memory_of(steps, lengths, states)


def decoder_for(encoder: Recurrent, kind: str, attention: str, layers: int) -> RecurrentDecoder:
    parts = 2 if type(encoder.cells[0]).__name__ == "LSTMCell" else 1
    summary = (len(encoder.cells) // encoder.directions, parts * encoder.output_size)
    made = RecurrentDecoder(
        kind, INPUT, HIDDEN, OUTPUT, encoder.output_size, summary,
        attention=attention, num_layers=layers,
        hand_over=summary[1] == HIDDEN * (2 if kind == "lstm" else 1),
    )  # fmt: skip
    return made.double().eval()


CASES = [
    (kind, attention, layers, bidirectional)
    for kind, attention, layers, bidirectional in itertools.product(
        DECODERS, ATTENTIONS, (1, 3), (False, True)
    )
    if not (attention == "dot" and bidirectional)
]


@pytest.mark.parametrize(("kind", "attention", "layers", "bidirectional"), CASES)
def test_all_steps_at_once_are_the_steps_one_by_one(
    kind: str, attention: str, layers: int, bidirectional: bool
) -> None:
    encoder, memory = encoded("gru", bidirectional=bidirectional, layers=2)
    decoder = decoder_for(encoder, kind, attention, layers)
    x = torch.randn(2, 4, INPUT, dtype=torch.float64)
    outputs, weights, after = decoder(x, decoder.start(memory))
    state, found, paid = decoder.start(memory), [], []
    for step in x.unbind(1):
        one, weight, state = decoder(step.unsqueeze(1), state)
        found.append(one)
        paid.append(weight)
    assert torch.allclose(torch.cat(found, 1), outputs, atol=1e-12)
    assert torch.allclose(state.attended, after.attended, atol=1e-12)
    if attention == "none":
        assert weights is None
    else:
        assert torch.allclose(torch.cat(paid, 1), weights, atol=1e-12)
        assert torch.equal(weights[1, :, 3:], torch.zeros(4, 3, dtype=torch.float64))
        assert torch.allclose(weights.sum(2), torch.ones(2, 4, dtype=torch.float64))


@pytest.mark.parametrize("kind", ["additive", "dot", "general"])
def test_attention_is_its_equation(kind: str) -> None:
    torch.manual_seed(1)
    attention = Attention(kind, 4, 4).double()
    query, memory = (torch.randn(1, n, 4, dtype=torch.float64) for n in (2, 3))
    mask = torch.tensor([[True, True, False]])
    context, weights = attention(query, attention.project(memory), memory, mask)
    for t in range(2):
        scores = torch.stack([_score(attention, kind, query[0, t], memory[0, s]) for s in range(2)])
        expected = scores.softmax(0)
        assert torch.allclose(weights[0, t, :2], expected, atol=1e-12)
        assert torch.allclose(context[0, t], expected @ memory[0, :2], atol=1e-12)


def _score(attention: Attention, kind: str, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    if kind == "dot":
        return q @ k
    assert attention.keys is not None
    if kind == "general":
        return q @ (attention.keys.weight @ k)
    inside = F.linear(q, attention.queries.weight, attention.queries.bias)
    return attention.score.weight[0] @ torch.tanh(inside + attention.keys.weight @ k)


class LargestTensor(TorchDispatchMode):
    """Numbers of the largest tensor that any operation makes."""

    size = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any, kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        for one in made if isinstance(made, tuple | list) else (made,):
            if isinstance(one, torch.Tensor):
                self.size = max(self.size, one.untyped_storage().nbytes() // one.element_size())
        return made


@pytest.mark.parametrize("most", [1, 500, 10**9])
def test_additive_attention_is_the_same_in_blocks_and_holds_no_more_than_one(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    torch.manual_seed(2)
    monkeypatch.setattr(additive_scores, "MOST_SUMS", most)
    attention = Attention("additive", 6, 4).double()
    query = torch.randn(3, 7, 6, dtype=torch.float64, requires_grad=True)
    memory = torch.randn(3, 5, 4, dtype=torch.float64, requires_grad=True)
    weights = [query, memory, *attention.parameters()]
    with LargestTensor() as largest:
        context, _ = attention(query, attention.project(memory), memory, torch.ones(3, 5).bool())
        ours = torch.autograd.grad(context.square().sum(), weights)
    sums = attention.queries(query).unsqueeze(2) + attention.keys(memory).unsqueeze(1)
    shares = attention.score(torch.tanh(sums)).squeeze(3).softmax(2)
    expected = shares @ memory
    assert torch.allclose(context, expected, atol=1e-12)
    for one, other in zip(ours, torch.autograd.grad(expected.square().sum(), weights), strict=True):
        assert torch.allclose(one, other, atol=1e-12)
    whole = 3 * 7 * 5 * 6
    assert largest.size == whole if most > whole else largest.size <= max(most, 3 * 7 * 6)


def test_without_layers_there_is_no_encoder_and_no_decoder() -> None:
    for kind in ("gru", "transformer"):
        with pytest.raises(SettingsError, match="num_layers is 0; a network needs one layer"):
            make_encoder(kind, INPUT, HIDDEN, num_layers=0)
    with pytest.raises(SettingsError, match="num_layers is 0; a network needs one layer"):
        RecurrentDecoder("gru", INPUT, HIDDEN, OUTPUT, HIDDEN, (1, HIDDEN), num_layers=0)


def test_recurrent_weights_of_the_decoder_are_dropped_in_training() -> None:
    _, memory = encoded("gru", bidirectional=False)
    decoder = RecurrentDecoder(
        "gru", INPUT, HIDDEN, OUTPUT, HIDDEN, (1, HIDDEN), num_layers=2, weight_drop=0.5
    ).double()
    x = torch.randn(2, 4, INPUT, dtype=torch.float64)
    with torch.no_grad():
        one, two = (decoder.train()(x, decoder.start(memory))[0] for _ in range(2))
        assert not torch.allclose(one, two)
        one, two = (decoder.eval()(x, decoder.start(memory))[0] for _ in range(2))
        assert torch.equal(one, two)


@pytest.mark.parametrize("past", [0, 2])
def test_the_transformer_writes_all_steps_at_once_as_one_by_one(past: int) -> None:
    _, memory = encoded("gru", bidirectional=True)
    decoder = TransformerDecoder(INPUT, 8, OUTPUT, 2 * HIDDEN, num_layers=2, num_heads=2)
    decoder = decoder.double().eval()
    x = torch.randn(2, 5, INPUT, dtype=torch.float64)
    outputs, weights, _ = decoder(x, decoder.start(memory))
    _, _, state = (
        decoder(x[:, :past], decoder.start(memory)) if past else (0, 0, decoder.start(memory))
    )
    found = [outputs[:, :past]]
    for step in x[:, past:].unbind(1):
        one, _, state = decoder(step.unsqueeze(1), state)
        found.append(one)
    assert torch.allclose(torch.cat(found, 1), outputs, atol=1e-12)
    assert torch.allclose(state.attended, weights.sum(1), atol=1e-12)
    assert torch.equal(weights[1, :, 3:], torch.zeros(5, 3, dtype=torch.float64))
    rows = torch.tensor([1, 0, 1])
    ours, _, _ = decoder(x[rows], decoder.start(memory).select(rows))
    assert torch.allclose(ours, outputs[rows], atol=1e-12)


def test_the_transformer_never_sees_ahead() -> None:
    _, memory = encoded("gru", bidirectional=True)
    decoder = TransformerDecoder(INPUT, 8, OUTPUT, 2 * HIDDEN, num_layers=2, num_heads=2)
    decoder = decoder.double().eval()
    x = torch.randn(2, 5, INPUT, dtype=torch.float64)
    other = x.clone()
    other[:, 3:] += 1.0
    one, two = (decoder(given, decoder.start(memory))[0] for given in (x, other))
    assert torch.equal(one[:, :3], two[:, :3])
    assert not torch.allclose(one[:, 3:], two[:, 3:])


@pytest.mark.parametrize("attention", ["none", "general"])
def test_a_text_decodes_alike_alone_and_beside_a_longer_one(attention: str) -> None:
    encoder, memory = encoded("lstm", bidirectional=True)
    decoder = decoder_for(encoder, "lstm", attention, 2)
    x = torch.randn(2, 4, INPUT, dtype=torch.float64)
    outputs, _, _ = decoder(x, decoder.start(memory))
    alone = type(memory)(
        memory.steps[1:, :3], memory.mask[1:, :3], [tuple(p[1:] for p in s) for s in memory.summary]
    )
    own, _, _ = decoder(x[1:], decoder.start(alone))
    assert torch.allclose(own, outputs[1:], atol=1e-12)


def test_an_equal_encoder_hands_its_state_over_as_it_is() -> None:
    encoder, memory = encoded("gru", bidirectional=False)
    state = decoder_for(encoder, "gru", "none", 1).start(memory)
    assert torch.equal(state.layers[0][0], memory.summary[0][0])


def test_chosen_rows_go_on_as_they_would_have() -> None:
    encoder, memory = encoded("lstm", bidirectional=True)
    decoder = decoder_for(encoder, "lstm", "general", 2)
    x = torch.randn(2, 3, INPUT, dtype=torch.float64)
    _, _, state = decoder(x[:, :2], decoder.start(memory))
    whole, _, _ = decoder(x[:, 2:], state)
    for rows in ([1, 1, 0], [0, 1], [1]):
        chosen = torch.tensor(rows)
        outputs, _, after = decoder(x[chosen, 2:], state.select(chosen))
        assert torch.allclose(outputs, whole[chosen], atol=1e-12)
        assert torch.equal(after.texts, chosen)


def test_coverage_costs_only_what_was_not_looked_at() -> None:
    encoder, memory = encoded("gru", bidirectional=False)
    decoder = decoder_for(encoder, "gru", "general", 1)
    _, weights, state = decoder(
        torch.randn(2, 4, INPUT, dtype=torch.float64), decoder.start(memory)
    )
    paid = weights.sum(1).clamp(max=1).log()
    expected = torch.stack([paid[0].sum(), paid[1, :3].sum()])
    assert torch.allclose(coverage_of(state), expected, atol=1e-12)
    assert torch.equal(coverage_of(decoder.start(memory)), torch.tensor([-60.0, -30.0]).double())
