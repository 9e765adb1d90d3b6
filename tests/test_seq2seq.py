"""The encoder–decoder: what a target costs, teacher forcing, label smoothing, tied tables."""

import pytest
import torch
from torch.nn import functional as F

from seqloom.nn.decoder import RecurrentDecoder
from seqloom.nn.embedding import LearnedEmbedding
from seqloom.nn.recurrent import Recurrent
from seqloom.nn.seq2seq import EncoderDecoder
from seqloom.nn.teacher_forcing import TeacherForcing, note_progress

SOURCE = torch.tensor([[4, 5, 6, 7], [6, 4, 0, 0]])
LENGTHS = torch.tensor([4, 2])
TARGET = torch.tensor([[2, 5, 8, 6, 3], [2, 7, 3, 0, 0]])


def make_model(*, shared: bool = False, tie: bool = False, **options: float) -> EncoderDecoder:
    torch.manual_seed(0)
    encoder = Recurrent("lstm", 6, 5, bidirectional=True)
    output = 6 if tie else 5
    decoder = RecurrentDecoder("lstm", 6, 5, output, 10, (1, 20))
    source = LearnedEmbedding(9, 6)
    target = source if shared else LearnedEmbedding(9, 6)
    model = EncoderDecoder(
        source, target, encoder, decoder, 9, output, tie_embeddings=tie, **options
    )
    return model.double()


def logits_of(model: EncoderDecoder, row: int) -> torch.Tensor:
    """Scores after each token of one target, step by step."""
    length = int(LENGTHS[row])
    state = model.start(model.encode(SOURCE[row : row + 1, :length], LENGTHS[row : row + 1]))
    found = []
    for token in TARGET[row, :-1][TARGET[row, 1:] != 0]:
        logits, state = model.step(token.view(1), state)
        found.append(logits)
    return torch.cat(found)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_batch_costs_what_its_texts_cost_step_by_step(smoothing: float) -> None:
    model = make_model(label_smoothing=smoothing).train()
    loss = model(SOURCE, LENGTHS, TARGET)
    expected = sum(
        F.cross_entropy(
            logits_of(model, row),
            TARGET[row, 1:][TARGET[row, 1:] != 0],
            reduction="sum",
            label_smoothing=smoothing,
        )
        for row in range(2)
    )
    assert loss.targets == 6
    assert torch.allclose(loss.nats, expected, atol=1e-10)


def test_smoothing_is_for_training_alone() -> None:
    plain, smoothed = make_model().eval(), make_model(label_smoothing=0.3).eval()
    args = (SOURCE, LENGTHS, TARGET)
    assert torch.equal(plain(*args).nats, smoothed(*args).nats)
    assert not torch.equal(plain.train()(*args).nats, smoothed.train()(*args).nats)


def test_a_row_without_a_source_costs_nothing() -> None:
    model = make_model()
    empty = model(SOURCE, torch.tensor([4, 0]), TARGET)
    alone = model(SOURCE[:1], LENGTHS[:1], TARGET[:1])
    assert empty.targets == alone.targets
    assert torch.allclose(empty.nats, alone.nats, atol=1e-12)


def test_tables_are_shared_where_asked() -> None:
    model = make_model(shared=True, tie=True)
    assert model.embedding["source"].weight is model.embedding["target"].weight
    assert model.head.weight is model.embedding["target"].weight
    model(SOURCE, LENGTHS, TARGET).nats.backward()
    assert model.head.weight.grad is not None


def test_teacher_forcing_feeds_guesses_more_and_more() -> None:
    forcing = TeacherForcing(0.25).train()
    true = torch.cat([torch.full((400, 1), 2), torch.full((400, 50), 5)], 1)
    guessed = torch.full((400, 51), 7)
    assert not forcing.mixes
    for progress, share in ((0.5, 0.375), (1.0, 0.75)):
        note_progress(forcing, progress)
        mixed = forcing(true, guessed)
        assert forcing.mixes
        assert torch.equal(mixed[:, 0], true[:, 0])
        assert float((mixed[:, 1:] == 7).double().mean()) == pytest.approx(share, abs=0.02)
    assert not forcing.eval().mixes


def test_a_guess_stands_after_the_token_it_was_made_from() -> None:
    forcing = TeacherForcing(0.0).train()
    note_progress(forcing, 1.0)
    true, guessed = torch.tensor([[2, 4, 5, 0]]), torch.tensor([[7, 8, 6, 6]])
    assert forcing(true, guessed).tolist() == [[2, 7, 8, 0]]


def test_without_forcing_a_model_learns_from_what_it_would_have_said() -> None:
    model = make_model(teacher_forcing=0.0).train()
    truth = model(SOURCE, LENGTHS, TARGET).nats
    note_progress(model, 1.0)
    own = model(SOURCE, LENGTHS, TARGET).nats
    assert not torch.allclose(truth, own)
    own.backward()
    assert all(weight.grad is not None for weight in model.parameters())
