"""CTC: the search beside every alignment, the loss beside its equations, alignments, streaming."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from seqloom_runtime.decode.ctc import (
    Greedy,
    PrefixBeam,
    align,
    greedy_path,
    search,
    steps_needed,
)
from torch import nn

from seqloom.nn.ctc_model import CTCModel, ctc_nats
from seqloom.nn.encoders import make_encoder


def random_rows(steps: int, vocab: int, seed: int) -> Any:
    logits = np.random.default_rng(seed).normal(size=(steps, vocab)) * 2
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(token for token, _ in itertools.groupby(path) if token)


def every_transcript(rows: Any) -> dict[tuple[int, ...], float]:
    """Log probability of each transcript, over all paths that spell it."""
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(rows.shape[1]), repeat=len(rows)):
        nats = sum(rows[step, token] for step, token in enumerate(path))
        text = collapsed(path)
        found[text] = np.logaddexp(found.get(text, -np.inf), nats)
    return found


class Grammar:
    """A language model that hates repeats and loves long texts; its state is the last token."""

    def start(self) -> int:
        return 0

    def extend(self, state: int, token: int) -> tuple[float, int]:
        return (-3.0 if token == state else -0.5 * token), token

    def end(self, state: int) -> float:
        return -1.0 - state

    def of(self, text: tuple[int, ...]) -> float:
        nats, state = 0.0, self.start()
        for token in text:
            more, state = self.extend(state, token)
            nats += more
        return nats + self.end(state)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("weight", [0.0, 0.7])
def test_a_wide_beam_finds_every_transcript_with_its_probability(seed: int, weight: float) -> None:
    rows = random_rows(5, 3, seed)
    grammar, bonus = Grammar(), 0.3 if weight else 0.0
    true = {
        text: nats + weight * grammar.of(text) + bonus * len(text)
        for text, nats in every_transcript(rows).items()
    }
    beam = PrefixBeam(10_000, grammar, weight=weight, bonus=bonus, cut=math.inf)
    found = {one.ids: one.score for one in search(rows, beam)}
    assert set(found) == set(true)
    for text, score in true.items():
        assert found[text] == pytest.approx(score, abs=1e-9)
    assert search(rows, PrefixBeam(10_000, cut=math.inf))[0].score == pytest.approx(
        max(every_transcript(rows).values())
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_narrow_beam_is_about_as_good(seed: int) -> None:
    rows = random_rows(6, 4, seed)
    true = every_transcript(rows)
    best = search(rows, PrefixBeam(8))[0]
    assert true[best.ids] >= max(true.values()) - 0.3
    assert best.score <= true[best.ids] + 1e-9


def test_paths_that_spell_the_same_are_added_up() -> None:
    rows = np.log([[0.4, 0.3, 0.3], [0.4, 0.3, 0.3]])
    assert greedy_path(rows) == []  # the likeliest path is silent: 0.16
    assert search(rows, PrefixBeam(5))[0].ids == (1,)  # 0.3·0.4 + 0.4·0.3 + 0.3·0.3


def test_greedy_step_by_step_is_the_likeliest_path() -> None:
    rows = random_rows(40, 6, 0)
    (found,) = search(rows, Greedy())
    assert list(found.ids) == greedy_path(rows)
    assert found.score == pytest.approx(rows.max(1).sum())


@pytest.mark.parametrize("decoder", [Greedy, lambda: PrefixBeam(6)])
def test_what_is_certain_is_never_taken_back(decoder: Any) -> None:
    hearing, certain = decoder(), ()
    for row in random_rows(60, 5, 3) * 3:
        hearing.step(row)
        now = hearing.certain()
        assert now[: len(certain)] == certain
        certain = now
    assert hearing.finish()[0].ids[: len(certain)] == certain
    assert len(certain) > 3


@pytest.mark.parametrize("seed", range(5))
def test_the_alignment_is_the_likeliest_path_of_a_transcript(seed: int) -> None:
    rows, text = random_rows(6, 3, seed), (1, 1, 2)
    paths = [path for path in itertools.product(range(3), repeat=6) if collapsed(path) == text]
    best = max(paths, key=lambda path: sum(rows[t, token] for t, token in enumerate(path)))
    first = [t for t, token in enumerate(best) if token and (t == 0 or best[t - 1] != token)]
    assert align(rows, text).tolist() == first


def test_an_alignment_of_nothing_is_empty() -> None:
    assert align(random_rows(3, 3, 0), []).tolist() == []


def reference(rows: Any, ids: list[int]) -> float:
    """Graves et al. 2006, equations 5 to 8, in float64."""
    states = [0]
    for token in ids:
        states += [token, 0]
    alpha = np.zeros((len(rows), len(states)))
    alpha[0, :2] = np.exp(rows[0, states[:2]])
    for t in range(1, len(rows)):
        for s, token in enumerate(states):
            total = alpha[t - 1, s] + (alpha[t - 1, s - 1] if s else 0)
            if s > 1 and token and states[s - 2] != token:
                total += alpha[t - 1, s - 2]
            alpha[t, s] = total * np.exp(rows[t, token])
    return -math.log(alpha[-1, -1] + (alpha[-1, -2] if ids else 0))


def test_the_loss_is_that_of_the_equations() -> None:
    texts = [[4, 5, 5], [6], [4, 5, 6, 4]]
    lengths = torch.tensor([9, 4, 12])
    rows = np.stack([random_rows(12, 7, seed) for seed in range(3)])
    targets = torch.zeros(3, 4, dtype=torch.long)
    for row, text in zip(targets, texts, strict=True):
        row[: len(text)] = torch.tensor(text)
    sizes = torch.tensor([len(text) for text in texts])
    found = ctc_nats(torch.from_numpy(rows), lengths, targets, sizes)
    true = [
        reference(row[:length], text)
        for row, length, text in zip(rows, lengths.tolist(), texts, strict=True)
    ]
    np.testing.assert_allclose(found.numpy(), true, rtol=1e-9)
    every = every_transcript(rows[1][:4])
    assert true[1] == pytest.approx(-every[6,])


def test_a_transcript_without_room_costs_nothing() -> None:
    rows = torch.from_numpy(random_rows(3, 6, 0))[None].requires_grad_()
    assert steps_needed([4, 4]) == 3 and steps_needed([4, 4, 4]) == 5
    targets = torch.tensor([[4, 4, 4]])
    nats = ctc_nats(rows, torch.tensor([3]), targets, torch.tensor([3]))
    nats.sum().backward()
    assert nats.tolist() == [0.0]
    assert rows.grad is not None and bool((rows.grad == 0).all())


def small_model(encoder: str, bidirectional: bool) -> CTCModel:
    torch.manual_seed(0)
    layers = make_encoder(encoder, 8, 6, num_layers=2, bidirectional=bidirectional)
    return CTCModel(nn.Linear(5, 8), layers, 9).eval()


@pytest.mark.parametrize("encoder", ["lstm", "gru", "elman", "mingru", "transformer"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_no_row_depends_on_padding_or_on_other_rows(encoder: str, bidirectional: bool) -> None:
    model = small_model(encoder, bidirectional)
    x, lengths = torch.randn(3, 10, 5), torch.tensor([10, 3, 7])
    targets = torch.tensor([[4, 5, 0], [6, 0, 0], [7, 8, 4]])
    with torch.inference_mode():
        together = model(x, lengths, targets)
        x[1, 3:] = 99.0
        alone = [
            model(x[n : n + 1, :length], lengths[n : n + 1], targets[n : n + 1])
            for n, length in enumerate(lengths.tolist())
        ]
    assert together.targets == 6
    assert float(together.nats) == pytest.approx(float(sum(one.nats for one in alone)), abs=1e-4)


def test_a_row_without_steps_costs_nothing() -> None:
    """Where rows do not divide evenly among processes, the last stands in again with no steps."""
    model = small_model("lstm", True)
    x, targets = torch.randn(2, 6, 5), torch.tensor([[4, 5], [4, 5]])
    with torch.inference_mode():
        whole = model(x[:1], torch.tensor([6]), targets[:1])
        padded = model(x, torch.tensor([6, 0]), targets)
    assert padded.targets == whole.targets
    assert float(padded.nats) == pytest.approx(float(whole.nats), abs=1e-5)


def test_what_no_transcript_holds_is_never_said() -> None:
    scores, _ = small_model("gru", False).log_probabilities(torch.randn(1, 4, 5))
    assert bool((scores[..., 1:4] < -1_000).all())
