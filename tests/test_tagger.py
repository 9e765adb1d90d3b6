"""The tagger: batches change nothing, characters tell unseen words apart, rare words drop."""

import pytest
import torch
from seqloom_runtime.decode.viterbi import Chain, best_tags

from seqloom.nn.recurrent import Recurrent
from seqloom.nn.tagger import CharacterEncoder, Tagger, WordDropout

WORDS = torch.tensor([1, 2, 3, 1])  # two unknown words with other characters
PARTS = torch.tensor([[1, 4], [1, 4], [3, 2], [1, 4]])
SPELLED = torch.tensor([2, 2, 3, 4])
CHARACTERS = torch.tensor([[4, 5, 0, 0], [6, 5, 0, 0], [4, 6, 5, 0], [7, 4, 6, 5]])
PLACES = torch.tensor([[0, 1, 2, 3], [3, 3, 0, 0], [2, 0, 0, 0]])
LENGTHS = torch.tensor([4, 2, 1])
TARGETS = torch.tensor([[0, 1, 2, 0], [1, 1, 0, 0], [2, 0, 0, 0]])


def make(*, crf: bool = True, characters: bool = True) -> Tagger:
    torch.manual_seed(1)
    reader = CharacterEncoder("lstm", 3, 4)
    encoder = Recurrent("lstm", 5 + 2 * 2 + 8 * characters, 6, bidirectional=True, dropout=0.5)
    given = (8, 3, reader) if characters else None
    counts = torch.tensor([0, 0, 9, 1])
    model = Tagger(counts, 1, 5, (5, 2), given, encoder, 3, crf=crf, dropout=0.5, word_dropout=0.5)
    return model.double().eval()


def chosen(model: Tagger, scores: torch.Tensor, lengths: torch.Tensor = LENGTHS) -> torch.Tensor:
    chain = None
    if model.crf is not None:
        chain = Chain(*(part.detach().numpy() for part in model.crf.moves()))
    leant = (scores + model.leaning).detach().numpy()
    return torch.from_numpy(best_tags(chain, leant, lengths.numpy()))


@pytest.mark.parametrize("crf", [True, False])
def test_a_sentence_alone_equals_itself_in_a_batch(crf: bool) -> None:
    model = make(crf=crf)
    inputs = (WORDS, PARTS, CHARACTERS, SPELLED)
    scores = model.scores(*inputs, PLACES, LENGTHS)
    total = torch.zeros((), dtype=torch.float64)
    for row, length in enumerate(LENGTHS.tolist()):
        places, lengths = PLACES[row : row + 1, :length], LENGTHS[row : row + 1]
        alone = model.scores(*inputs, places, lengths)
        torch.testing.assert_close(alone[0], scores[row, :length])
        assert torch.equal(chosen(model, alone, lengths)[0], chosen(model, scores)[row, :length])
        total += model(*inputs, places, lengths, TARGETS[row : row + 1, :length]).nats
    together = model(*inputs, PLACES, LENGTHS, TARGETS)
    assert together.targets == 7
    torch.testing.assert_close(together.nats, total)


def test_how_the_distinct_words_are_grouped_does_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = make()
    wanted = model.scores(WORDS, PARTS, CHARACTERS, SPELLED, PLACES, LENGTHS)
    monkeypatch.setattr("seqloom.nn.tagger.WORDS_AT_ONCE", 1)
    torch.testing.assert_close(
        model.scores(WORDS, PARTS, CHARACTERS, SPELLED, PLACES, LENGTHS), wanted
    )


def test_unknown_words_differ_by_their_characters_alone() -> None:
    places, lengths = torch.tensor([[0], [3]]), torch.tensor([1, 1])
    first, second = make().scores(WORDS, PARTS, CHARACTERS, SPELLED, places, lengths)
    assert not torch.equal(first, second)
    blind = make(characters=False)
    first, second = blind.scores(WORDS, PARTS, CHARACTERS, SPELLED, places, lengths)
    assert torch.equal(first, second)


def test_parts_tell_words_apart_too() -> None:
    blind, places = make(characters=False), torch.tensor([[0]])
    first = blind.scores(WORDS, PARTS, CHARACTERS, SPELLED, places, torch.tensor([1]))
    second = blind.scores(WORDS, PARTS + 0, CHARACTERS, SPELLED, places, torch.tensor([1]))
    other = blind.scores(WORDS, PARTS.flip(1), CHARACTERS, SPELLED, places, torch.tensor([1]))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_without_a_crf_the_loss_is_that_of_each_word() -> None:
    model = make(crf=False)
    scores = model.scores(WORDS, PARTS, CHARACTERS, SPELLED, PLACES, LENGTHS)
    rows = torch.cat([scores[0, :4], scores[1, :2], scores[2, :1]])
    targets = torch.tensor([0, 1, 2, 0, 1, 1, 2])
    wanted = torch.nn.functional.cross_entropy(rows, targets, reduction="sum")
    found = model(WORDS, PARTS, CHARACTERS, SPELLED, PLACES, LENGTHS, TARGETS).nats
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("crf", [True, False])
def test_leaning_moves_the_choice_and_not_the_loss(crf: bool) -> None:
    model = make(crf=crf)
    inputs = (WORDS, PARTS, CHARACTERS, SPELLED, PLACES, LENGTHS)
    before = model(*inputs, TARGETS).nats
    model.leaning[2] = 100.0
    found = chosen(model, model.scores(*inputs))
    assert [row[:n].tolist() for row, n in zip(found, LENGTHS, strict=True)] == [
        [2] * 4,
        [2] * 2,
        [2],
    ]
    assert torch.equal(model(*inputs, TARGETS).nats, before)


def test_rare_words_become_unknown_more_often_and_only_in_training() -> None:
    drop = WordDropout(0.5, torch.tensor([0, 0, 100, 1]), unknown=1)
    ids = torch.tensor([[2, 3]]).expand(2_000, 2)
    dropped = (drop(ids) == 1).float().mean(0)
    assert float(dropped[0]) == pytest.approx(0.5 / 100.5, abs=0.01)
    assert float(dropped[1]) == pytest.approx(0.5 / 1.5, abs=0.05)
    assert torch.equal(drop.eval()(ids), ids)
    off = WordDropout(0.0, torch.tensor([0, 0, 100, 1]), unknown=1)
    assert torch.equal(off(ids), ids)


def test_tables_and_head_are_named_as_the_optimizer_knows_them() -> None:
    names = [name for name, _ in make().named_parameters()]
    assert {"embedding.words.weight", "embedding.characters.weight"} <= set(names)
    assert {"head.linear.weight", "head.crf.transitions"} <= set(names)
