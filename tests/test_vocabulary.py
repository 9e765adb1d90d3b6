"""Tokens and ids."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.text.vocabulary import (
    END,
    PAD,
    SPECIALS,
    START,
    UNKNOWN,
    TokenCounter,
    Vocabulary,
)

from seqloom.errors import RunError

COUNTS = st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 5), max_size=20)


def test_special_ids_are_fixed() -> None:
    assert (PAD, UNKNOWN, START, END) == (0, 1, 2, 3)
    assert [Vocabulary([]).token(number) for number in range(4)] == list(SPECIALS)


@given(COUNTS, st.integers(1, 4), st.integers(5, 12))
def test_most_frequent_are_kept(counts: dict[str, int], least: int, size: int) -> None:
    vocabulary = Vocabulary.from_counts(counts, min_frequency=least, max_size=size)
    assert len(vocabulary) <= size
    kept = [counts[token] for token in vocabulary.tokens]
    assert kept == sorted(kept, reverse=True)
    assert min(kept, default=least) >= least
    left_out = [count for token, count in counts.items() if token not in vocabulary]
    if len(vocabulary) == size:
        assert max(left_out, default=0) <= min(kept)
    else:
        assert all(count < least for count in left_out)


@given(COUNTS, st.randoms(use_true_random=False))
def test_order_of_counting_does_not_matter(counts: dict[str, int], chance: random.Random) -> None:
    shuffled = list(counts.items())
    chance.shuffle(shuffled)
    assert Vocabulary.from_counts(dict(shuffled)).tokens == Vocabulary.from_counts(counts).tokens


@given(st.lists(st.text(min_size=1, max_size=3), unique=True))
def test_ids_and_tokens_are_each_others_inverse(tokens: list[str]) -> None:
    vocabulary = Vocabulary(tokens)
    assert [vocabulary.token(vocabulary.id(token)) for token in tokens] == tokens
    assert vocabulary.ids(tokens).tolist() == list(range(4, 4 + len(tokens)))


def test_a_special_token_typed_by_a_user_is_ordinary() -> None:
    assert Vocabulary(["a"]).ids(list(SPECIALS)).tolist() == [UNKNOWN] * 4
    assert Vocabulary(["<start>"]).ids(["<start>"]).tolist() == [4]


@given(st.lists(st.text(min_size=1, max_size=3), unique=True), st.integers(0, 9))
def test_saved_and_restored(tokens: list[str], forgotten: int) -> None:
    vocabulary = Vocabulary(tokens, forgotten)
    restored = Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
    assert restored.tokens == tokens
    assert restored.forgotten == forgotten


@pytest.mark.parametrize(
    "change",
    [
        {"specials": ["<pad>"]},
        {"tokens": "abc"},
        {"tokens": ["a", 3]},
        {"tokens": ["a", "a"]},
        {"tokens": [""]},
        {"forgotten": "many"},
    ],
)
def test_damage_is_named(change: dict[str, Any]) -> None:
    with pytest.raises(RunError, match="vocabulary is damaged"):
        Vocabulary.from_dict({**Vocabulary(["a"]).to_dict(), **change})


def test_counter_stays_bounded_and_keeps_what_is_frequent() -> None:
    counter = TokenCounter(limit=100)
    for number in range(5_000):
        counter.add(["often", "sometimes" if number % 5 == 0 else "often", f"once {number}"])
        assert len(counter.counts) <= 100
    vocabulary = counter.vocabulary(min_frequency=1, max_size=6)
    assert vocabulary.tokens == ["often", "sometimes"]
    assert counter.counts["often"] == 9_000
    assert vocabulary.forgotten == 1


@given(st.lists(st.text(max_size=2)))
def test_counts_are_exact_below_the_limit(tokens: list[str]) -> None:
    counter = TokenCounter()
    counter.add(tokens)
    assert counter.counts == Counter(tokens)
    assert counter.forgotten == 0
