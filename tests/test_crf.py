"""The conditional random field equals the sum and the maximum over all sequences, written out."""

from itertools import pairwise, product

import pytest
import torch
from seqloom_runtime.decode.viterbi import Chain
from torch import Tensor

from seqloom.errors import ShapeError
from seqloom.nn.crf import ConditionalRandomField

TAGS = 3
LENGTHS = torch.tensor([4, 1, 3, 2])


@pytest.fixture
def crf() -> ConditionalRandomField:
    return random_crf(None)


def random_crf(allowed: Tensor | None) -> ConditionalRandomField:
    layer = ConditionalRandomField(TAGS, allowed).double()
    for weight in layer.parameters():
        torch.nn.init.normal_(weight)
    return layer


def scores_of(batch: int = 4, time: int = 4) -> Tensor:
    torch.manual_seed(3)
    return torch.randn(batch, time, TAGS, dtype=torch.float64)


def score_by_hand(crf: ConditionalRandomField, scores: Tensor, tags: tuple[int, ...]) -> Tensor:
    total = crf.begin[tags[0]] + crf.end[tags[-1]]
    for step, tag in enumerate(tags):
        total = total + scores[step, tag]
        if step:
            total = total + crf.transitions[tags[step - 1], tag]
    return total


def decode(
    crf: ConditionalRandomField,
    scores: Tensor,
    lengths: Tensor = LENGTHS,
    before: int | None = None,
    *,
    ends: bool = True,
) -> Tensor:
    chain = Chain(*(part.detach().numpy() for part in crf.moves()))
    return torch.from_numpy(chain.best(scores.numpy(), lengths.numpy(), before, ends=ends))


def permitted(crf: ConditionalRandomField, tags: tuple[int, ...]) -> bool:
    around = [TAGS, *tags, TAGS]
    return all(crf.allowed[a, b] for a, b in pairwise(around))


def all_sequences(crf: ConditionalRandomField, length: int) -> list[tuple[int, ...]]:
    return [tags for tags in product(range(TAGS), repeat=length) if permitted(crf, tags)]


def allowed_some() -> Tensor:
    """2 may only follow 1 or 2, and ends nothing."""
    allowed = torch.ones(TAGS + 1, TAGS + 1, dtype=torch.bool)
    allowed[0, 2] = allowed[TAGS, 2] = allowed[2, TAGS] = False
    return allowed


@pytest.mark.parametrize("restricted", [False, True])
def test_loss_and_gradients_equal_enumeration(restricted: bool) -> None:
    crf = random_crf(allowed_some() if restricted else None)
    scores = scores_of().requires_grad_()
    targets = torch.tensor([[0, 1, 2, 1], [1, 0, 0, 0], [1, 2, 0, 0], [0, 0, 0, 0]])
    found = crf(scores, targets, LENGTHS)
    wanted = []
    for row, length in enumerate(LENGTHS.tolist()):
        every = [score_by_hand(crf, scores[row], t) for t in all_sequences(crf, length)]
        right = score_by_hand(crf, scores[row], tuple(targets[row, :length].tolist()))
        wanted.append(torch.logsumexp(torch.stack(every), 0) - right)
    torch.testing.assert_close(found, torch.stack(wanted))
    weights = [scores, *crf.parameters()]
    mine = torch.autograd.grad(found.sum(), weights)
    hand = torch.autograd.grad(torch.stack(wanted).sum(), weights)
    for a, b in zip(mine, hand, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("restricted", [False, True])
@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("before", [None, 0, 1])
@torch.no_grad()
def test_decoding_finds_the_best_of_all(restricted: bool, ends: bool, before: int | None) -> None:
    crf = random_crf(allowed_some() if restricted else None)
    scores = scores_of()
    found = decode(crf, scores, LENGTHS, before, ends=ends)
    for row, length in enumerate(LENGTHS.tolist()):
        best = -float("inf")
        chosen: tuple[int, ...] = ()
        for tags in product(range(TAGS), repeat=length):
            around = [TAGS if before is None else before, *tags, *([TAGS] if ends else [])]
            if not all(crf.allowed[a, b] for a, b in pairwise(around)):
                continue
            total = float(score_by_hand(crf, scores[row], tags))
            if before is not None:
                total += float(crf.transitions[before, tags[0]] - crf.begin[tags[0]])
            if not ends:
                total -= float(crf.end[tags[-1]])
            if total > best:
                best, chosen = total, tags
        assert tuple(found[row, :length].tolist()) == chosen
        assert not found[row, length:].any()


def test_what_stands_on_padding_and_beside_does_not_matter(crf: ConditionalRandomField) -> None:
    scores = scores_of()
    targets = torch.randint(0, TAGS, (4, 4))
    other, others = scores.clone(), targets.clone()
    for row, length in enumerate(LENGTHS.tolist()):
        other[row, length:], others[row, length:] = 1e6, 2
    torch.testing.assert_close(crf(scores, targets, LENGTHS), crf(other, others, LENGTHS))
    assert torch.equal(decode(crf, scores), decode(crf, other))
    for row, length in enumerate(LENGTHS.tolist()):
        one = (scores[row : row + 1, :length], targets[row : row + 1, :length])
        alone = crf(*one, LENGTHS[row : row + 1])
        torch.testing.assert_close(alone[0], crf(scores, targets, LENGTHS)[row])


def test_a_row_without_steps_costs_nothing(crf: ConditionalRandomField) -> None:
    scores = scores_of(2).requires_grad_()
    nats = crf(scores, torch.zeros(2, 4, dtype=torch.long), torch.tensor([0, 4]))
    assert nats[0] == 0
    (gradient,) = torch.autograd.grad(nats.sum(), scores)
    assert not gradient[0].any()
    assert gradient[1].any()


def test_float32_stays_finite_over_many_steps_and_under_autocast() -> None:
    crf = random_crf(allowed_some()).float()
    scores = 30 * torch.randn(2, 2_000, TAGS)
    lengths = torch.tensor([2_000, 1_500])
    path = decode(crf, scores, lengths)
    with torch.autocast("cpu", torch.bfloat16):
        rough = crf(scores, path, lengths)
    exact = crf.double()(scores.double(), path, lengths)
    assert (rough >= -1e-1).all()
    torch.testing.assert_close(rough.double(), exact, rtol=1e-4, atol=0.5)


def test_forbidden_neighbours_never_come_out() -> None:
    crf = random_crf(allowed_some())
    path = decode(crf, scores_of(64, 20), torch.full((64,), 20)).tolist()
    assert all(permitted(crf, tuple(row)) for row in path)


def test_a_wrong_table_of_neighbours_is_named() -> None:
    with pytest.raises(ShapeError, match=r"\(3, 3\); expected \(4, 4\)"):
        ConditionalRandomField(3, torch.ones(3, 3, dtype=torch.bool))
