"""The classifier of sequences: the same for a sequence in any batch; what its pre-training sees."""

import pytest
import torch
from torch import nn

from seqloom.nn.embedding import LearnedEmbedding, OneHot
from seqloom.nn.pooling import POOLINGS
from seqloom.nn.recurrent import CELLS, Recurrent
from seqloom.nn.sequence_classifier import SequenceClassifier, TextPretraining

LENGTHS = torch.tensor([5, 1, 7, 3])
VOCABULARY = 11


def some_ids(time: int = 7, padding: int = 0) -> torch.Tensor:
    ids = torch.randint(1, VOCABULARY, (4, 7), generator=torch.Generator().manual_seed(6))
    ids = torch.nn.functional.pad(ids, (0, time - 7), value=padding)
    return torch.where(torch.arange(time) < LENGTHS[:, None], ids, padding)


def make(
    kind: str = "lstm",
    pooling: tuple[str, ...] = POOLINGS,
    *,
    front: nn.Module | None = None,
    bidirectional: bool = True,
    layers: int = 2,
) -> SequenceClassifier:
    torch.manual_seed(8)
    front = front or LearnedEmbedding(VOCABULARY, 5)
    size = front.out_features if isinstance(front, nn.Linear) else front.size
    encoder = Recurrent(kind, size, 6, num_layers=layers, bidirectional=bidirectional, dropout=0.3)
    return SequenceClassifier(front, encoder, pooling, 3, embedding_dropout=0.3, dropout=0.3)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_a_sequence_scores_alike_alone_padded_and_in_any_order(
    kind: str, bidirectional: bool
) -> None:
    model = make(kind, bidirectional=bidirectional).double().eval()
    logits = model(some_ids(), LENGTHS)
    assert logits.shape == (4, 3)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(model(some_ids(20, padding=9), LENGTHS), logits)
    order = torch.tensor([3, 0, 2, 1])
    torch.testing.assert_close(model(some_ids()[order], LENGTHS[order]), logits[order])
    for row, length in enumerate(LENGTHS.tolist()):
        alone = model(some_ids()[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(alone[0], logits[row])


@pytest.mark.parametrize("pooling", POOLINGS)
def test_bfloat16_is_exact_to_its_rounding_whatever_the_padding(pooling: str) -> None:
    model = make(pooling=(pooling,)).eval()
    exact = model(some_ids(), LENGTHS)
    with torch.autocast("cpu", torch.bfloat16):
        rounded, padded = model(some_ids(), LENGTHS), model(some_ids(20), LENGTHS)
    torch.testing.assert_close(rounded, exact, rtol=0.03, atol=0.03)
    torch.testing.assert_close(padded, rounded, rtol=0.01, atol=0.01)


def test_gradients_of_a_batch_are_those_of_its_sequences_together() -> None:
    model = make().double().eval()
    model(some_ids(12), LENGTHS).square().sum().backward()
    together = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    for row, length in enumerate(LENGTHS.tolist()):
        model(some_ids()[row : row + 1, :length], LENGTHS[row : row + 1]).square().sum().backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(together[name], parameter.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("front", [OneHot(VOCABULARY), nn.Linear(2, 4)])
def test_one_hot_ids_and_numbers_of_series_are_read_too(front: nn.Module) -> None:
    model = make(front=front).eval()
    if isinstance(front, OneHot):
        inputs, other = some_ids(), some_ids(9, padding=3)
    else:
        inputs = torch.randn(4, 7, 2)
        other = torch.where((torch.arange(7) < LENGTHS[:, None])[..., None], inputs, 1e3)
    torch.testing.assert_close(model(other, LENGTHS), model(inputs, LENGTHS))


def test_dropout_is_of_training_alone() -> None:
    model = make()
    assert not torch.equal(model(some_ids(), LENGTHS), model(some_ids(), LENGTHS))
    model.eval()
    assert torch.equal(model(some_ids(), LENGTHS), model(some_ids(), LENGTHS))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_depth_counts_layers_from_the_head_down(bidirectional: bool) -> None:
    model = make(bidirectional=bidirectional, layers=3)
    depths: dict[int, set[str]] = {}
    for name, _ in model.named_parameters():
        depths.setdefault(model.depth_of(name), set()).add(name.rpartition(".")[0])
    each = 2 if bidirectional else 1
    cells = [f"encoder.cells.{cell}" for cell in range(3 * each)]
    assert depths == {
        0: {"head", "pooling.key", "pooling.query"},
        1: set(cells[2 * each :]),
        2: set(cells[each : 2 * each]),
        3: set(cells[:each]),
        4: {"embedding"},
    }


def pretraining(vocabulary: int = VOCABULARY, size: int = 5, **options) -> TextPretraining:
    model = make(front=LearnedEmbedding(vocabulary, size), **options)
    ranks = torch.randperm(vocabulary, generator=torch.Generator().manual_seed(2))
    return TextPretraining(model.embedding, model.encoder, ranks).double().eval()


def nats_by_loop(model: TextPretraining, sequence: torch.Tensor, direction: int) -> torch.Tensor:
    """Of one sequence, each token's nats from a scan of only what stands before it."""
    sequence = sequence.flip(0) if direction else sequence
    cell, nats = model.cells[direction], torch.zeros((), dtype=torch.float64)
    for place in range(1, len(sequence)):
        seen = model.embedding(sequence[None, :place])
        hidden = model.bridge(cell.scan(seen, cell.zero_state(1))[0][:, -1])
        nats = nats - model.scores.log_prob(hidden)[0, model.ranks[sequence[place]]]
    return nats


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_each_direction_predicts_a_token_from_what_it_has_read_alone(
    kind: str, bidirectional: bool
) -> None:
    model = pretraining(kind=kind, bidirectional=bidirectional)
    loss = model(some_ids(10), LENGTHS)
    wanted = sum(
        nats_by_loop(model, some_ids()[row, :length], direction)
        for row, length in enumerate(LENGTHS.tolist())
        for direction in range(len(model.cells))
    )
    assert len(model.cells) == 1 + bidirectional
    assert loss.targets == int((LENGTHS - 1).sum()) * len(model.cells)
    torch.testing.assert_close(loss.nats.double(), wanted.double(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("vocabulary", [3, 40, 1_500, 6_500])
@pytest.mark.parametrize("size", [1, 2, 9, 64])
def test_scores_are_a_distribution_for_any_size(vocabulary: int, size: int) -> None:
    model = pretraining(vocabulary, size, layers=1)
    shares = model.scores.log_prob(torch.randn(2, size, dtype=torch.float64)).exp()
    assert shares.shape == (2, vocabulary)
    torch.testing.assert_close(shares.sum(1), torch.ones(2, dtype=torch.float64))


def test_what_is_learnt_is_in_the_classifier() -> None:
    classifier = make()
    model = TextPretraining(classifier.embedding, classifier.encoder, torch.arange(VOCABULARY))
    before = classifier.eval()(some_ids(), LENGTHS).detach()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    first = model(some_ids(), LENGTHS).nats
    first.backward()
    optimizer.step()
    assert model(some_ids(), LENGTHS).nats < first
    assert not torch.allclose(classifier(some_ids(), LENGTHS), before)
    upper = [p for cell in list(classifier.encoder.cells)[2:] for p in cell.parameters()]
    assert all(p.grad is None for p in upper)  # only the first layer learns the text
