"""Scoring of a part: every target once, whatever stands beside it, as one long pass would."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from seqloom_runtime.evaluate.ngram import NGramModel

from seqloom.config import Settings, override
from seqloom.data.store import Store, StoreWriter
from seqloom.tasks import generate
from seqloom.tasks.generate import (
    build_model,
    score,
    score_store,
    scored_batches,
    scored_sequences,
)

VOCABULARY = 11
CPU = torch.device("cpu")


def settings(**values: object) -> Settings:
    records, window = values.get("records", "row"), values.get("window", 0)
    changes = {
        "data": {"records": records},
        "text": {"window": window, "tokenizer": "char"},
        "model": {"hidden_size": 6, "embedding_size": 5},
    }
    return override(Settings(), changes, "test")


def store(folder: Path, lengths: list[int]) -> Store:
    random = np.random.default_rng(0)
    with StoreWriter(folder / "part.arrow", VOCABULARY) as writer:
        for length in lengths:
            writer.add(random.integers(0, VOCABULARY, length).astype(np.int32))
    return Store(folder / "part.arrow")


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return build_model(settings().model, VOCABULARY).double().eval()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments short enough for a test."""
    monkeypatch.setattr(generate, "SEGMENT", 16)
    monkeypatch.setattr(generate, "WARM_START", 4)


@pytest.mark.parametrize("tokens", [2, 3, 5, 16, 17, 18, 19, 32, 33, 34, 47, 49, 50, 97, 1100])
@pytest.mark.parametrize("limit", [10_000, 40])
def test_every_target_of_one_text_is_scored_once(
    tmp_path: Path, small: None, tokens: int, limit: int
) -> None:
    part = store(tmp_path, [tokens])
    scored = []
    for batch, skipped in scored_batches(part, settings(records="continuous"), limit):
        assert (batch.lengths == batch.inputs.shape[1]).all()
        scored += batch.targets[:, skipped:].ravel().tolist()
    assert scored == part.slice(1, min(tokens, limit + 1)).tolist()


@pytest.mark.parametrize("tokens", [2, 17, 33, 50, 97])
def test_the_score_is_that_of_a_long_pass_with_the_same_starts(
    tmp_path: Path, small: None, model: torch.nn.Module, tokens: int
) -> None:
    part = store(tmp_path, [tokens])
    nats, count = score(model, scored_batches(part, settings(records="continuous"), 10**6), CPU)
    assert count == tokens - 1
    ids = torch.tensor(part.slice(0, tokens).astype(np.int64))[None]
    expected = 0.0
    borders = [*range(0, tokens - 1, 16), tokens - 1]
    with torch.inference_mode():
        for first, last in pairwise(borders):
            start = max(0, first - 4)  # the tokens before are read, not scored
            states = model.encode(ids[:, start:first])[1] if first else None
            lengths = torch.tensor([last - first])
            target = ids[:, first + 1 : last + 1]
            expected += float(model(ids[:, first:last], lengths, target, states).nats)
    assert nats == pytest.approx(expected, rel=1e-9)


def test_the_score_of_records_does_not_depend_on_their_grouping(
    tmp_path: Path, model: torch.nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = [2, 9, 3, 30, 7, 7, 2, 15]
    part = store(tmp_path, lengths)
    together = score(model, scored_batches(part, settings(), 10**6), CPU)
    monkeypatch.setattr(
        generate, "group_by_length", lambda order, lengths, tokens: [[int(i)] for i in order]
    )
    apart = score(model, scored_batches(part, settings(), 10**6), CPU)
    assert together[1] == apart[1] == sum(lengths) - len(lengths)
    assert together[0] == pytest.approx(apart[0], rel=1e-9)


def test_windows_score_every_token_that_has_one_before_it(
    tmp_path: Path, model: torch.nn.Module
) -> None:
    part = store(tmp_path, [2, 9, 3, 30])
    asked = settings(window=3)
    targets = [t for batch, _ in scored_batches(part, asked, 10**6) for t in batch.targets]
    expected = [int(t) for record in range(4) for t in part[record][3:]]
    assert targets == expected
    assert score(model, scored_batches(part, asked, 10**6), CPU)[1] == len(expected)


@pytest.mark.parametrize(
    ("records", "window", "limit"),
    [
        *[("row", 0, 10**6), ("row", 3, 10**6), ("row", 0, 20), ("row", 3, 20), ("row", 3, 8)],
        *[("continuous", 0, 10**6), ("continuous", 0, 50), ("continuous", 3, 10**6)],
        *[("continuous", 3, 50), ("continuous", 3, 20)],
    ],
)
def test_the_baseline_is_scored_on_the_same_targets(
    tmp_path: Path, small: None, records: str, window: int, limit: int
) -> None:
    part = store(tmp_path, [40, 24] if records == "continuous" else [2, 9, 3, 30, 7])
    asked = settings(records=records, window=window)
    model_s = []
    for batch, skipped in scored_batches(part, asked, limit):
        rows = zip(batch.targets, batch.lengths, strict=True)
        for row, length in rows:
            model_s += [int(row)] if np.ndim(row) == 0 else row[skipped:length].tolist()
    baseline_s = [
        int(i) for ids, first in scored_sequences(part, asked, limit) for i in ids[1 + first :]
    ]
    assert sorted(model_s) == sorted(baseline_s)
    assert 0 < len(model_s) <= max(limit, 1)


@pytest.mark.parametrize("records", ["row", "continuous"])
def test_bits_are_those_of_every_character(
    tmp_path: Path, model: torch.nn.Module, records: str
) -> None:
    """A record's start is never predicted, and so takes no characters with it."""
    part = store(tmp_path, [9, 3, 30])
    asked = settings(records=records)
    sequences = [part[record] for record in range(3)]
    ngram = NGramModel.fit(sequences, vocab_size=VOCABULARY, order=2)
    scores, plain = score_store(model, ngram, part, asked, 420, CPU)
    nats, count = score(model, scored_batches(part, asked, 10**6), CPU)
    characters = 420 if records == "row" else 410  # nothing stands before the first token
    for found, total in ((scores, nats), (plain, plain["nll"] * count)):
        assert found["bits_per_character"] * characters * math.log(2) == pytest.approx(total)
