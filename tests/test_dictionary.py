import gzip
import json
from itertools import islice, pairwise, permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom.evaluate import dictionary
from seqloom.evaluate.dictionary import DictionaryBaseline, best_targets, thinned

Pairs = list[tuple[list[str], list[str]]]
PAIRS: Pairs = [
    ("das Haus".split(), "the house".split()),
    ("das Buch".split(), "the book".split()),
    ("ein Buch".split(), "a book".split()),
    ("Nein !".split(), "no !".split()),
    ("Danke !".split(), "thanks !".split()),
]


def by_hand(pairs: Pairs, rounds: int) -> dict[str, dict[str, float]]:
    """t(target | source) of IBM model 1, in plain Python; None stands in every source."""
    t = {(s, w): 1.0 for source, target in pairs for s in (None, *source) for w in target}
    for _ in range(rounds):
        counts = dict.fromkeys(t, 0.0)
        for source, target in pairs:
            for word in target:
                total = sum(t[s, word] for s in (None, *source))
                for s in (None, *source):
                    counts[s, word] += t[s, word] / total
        sums: dict[str | None, float] = {}
        for (s, _), count in counts.items():
            sums[s] = sums.get(s, 0.0) + count
        t = {(s, w): count / sums[s] for (s, w), count in counts.items()}
    found: dict[str, dict[str, float]] = {}
    for (s, w), likelihood in t.items():
        if s is not None:
            found.setdefault(s, {})[w] = likelihood
    return found


def test_words_find_their_translations() -> None:
    learnt = DictionaryBaseline.fit(PAIRS)
    assert learnt.translate("ein Haus".split()) == ["a", "house"]
    assert learnt.translate("Danke Buch !".split()) == ["thanks", "book", "!"]


def test_what_was_never_seen_stays_as_it_is() -> None:
    learnt = DictionaryBaseline.fit(PAIRS)
    assert learnt.translate(["Katze", "das", ""]) == ["Katze", "the", ""]
    assert learnt.translate([]) == []
    assert "!" not in learnt.table  # it stays as it is, so that the table need not hold it


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 12))
def test_it_equals_model_1_written_out(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)

    def words(letters: str) -> list[str]:
        return [letters[i] for i in random.integers(0, len(letters), random.integers(1, 5))]

    pairs = [(words("abcd"), words("wxyz")) for _ in range(count)]
    learnt, true = DictionaryBaseline.fit(pairs), by_hand(pairs, dictionary.ROUNDS)
    assert set(learnt.table) == set(true)
    for source, likelihoods in true.items():
        chosen = likelihoods[learnt.table[source]]
        assert chosen == pytest.approx(max(likelihoods.values()), rel=1e-9)


def test_letters_find_their_sounds() -> None:
    sounds = dict(zip("abcdef", "UVWXYZ", strict=True))
    pairs = [
        (list(letters), [sounds[letter] for letter in letters])
        for letters in permutations("abcdef", 3)
    ]
    learnt = DictionaryBaseline.fit(pairs)
    assert learnt.table == sounds


def test_pairs_with_an_empty_side_teach_nothing() -> None:
    empty: Pairs = [([], ["x"]), (["y"], []), ([], [])]
    assert DictionaryBaseline.fit(empty).table == {}
    assert DictionaryBaseline.fit([]).translate(["as", "is"]) == ["as", "is"]
    assert DictionaryBaseline.fit([*empty, *PAIRS]).translate(["Haus"]) == ["house"]


def test_it_comes_back_from_json() -> None:
    learnt = DictionaryBaseline.fit([*PAIRS, (["책"], ["book"])])
    saved = json.loads(json.dumps(learnt.to_dict(), ensure_ascii=False))
    assert set(saved) == {"table"}
    assert DictionaryBaseline.from_dict(saved) == learnt


def test_it_is_learnt_alike_every_time() -> None:
    assert DictionaryBaseline.fit(PAIRS) == DictionaryBaseline.fit(iter(PAIRS))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=60), st.integers(1, 100))
def test_pairs_are_thinned_evenly(sizes: list[tuple[int, int]], most: int) -> None:
    pairs = [(np.full(s, n), np.full(t, n)) for n, (s, t) in enumerate(sizes)]
    kept = thinned(iter(pairs), most)
    links = sum(len(source) * len(target) for source, target in kept)
    assert links <= most or len(kept) == 1
    places = [next(n for n, p in enumerate(pairs) if p is pair) for pair in kept]
    assert len({second - first for first, second in pairwise(places)}) <= 1
    if sum(s * t for s, t in sizes) <= most:
        assert len(kept) == len(pairs)


def test_more_pairs_than_fit_still_teach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dictionary, "MOST_LINKS", 100)
    assert DictionaryBaseline.fit(PAIRS * 50).translate("ein Haus".split()) == ["a", "house"]


def test_texts_without_end_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dictionary, "LONGEST", 3)
    learnt = DictionaryBaseline.fit([("a b c d".split(), "A B C D".split())])
    assert set(learnt.table) == {"a", "b", "c"}
    assert set(learnt.table.values()) <= {"A", "B", "C"}


def test_of_equals_the_first_seen_counts() -> None:
    pair = np.array([0, 1]), np.array([0, 1, 2])
    assert best_targets([pair], 2, 3) == [(0, 0), (1, 0)]


def test_german_becomes_english_word_by_word(data_folder: Path) -> None:
    """A twentieth of Multi30k is enough for the commonest words."""

    def read(name: str) -> list[list[str]]:
        with gzip.open(data_folder / "multi30k" / name, "rt", encoding="utf-8") as file:
            return [line.lower().replace(".", " .").split() for line in islice(file, 1_500)]

    pairs = zip(read("train.de.gz"), read("train.en.gz"), strict=True)
    learnt = DictionaryBaseline.fit(pairs)
    assert learnt.translate("ein mann und zwei hunde .".split()) == "a man and two dogs .".split()
