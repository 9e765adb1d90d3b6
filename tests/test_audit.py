"""Repeats and conflicts are counted exactly, whatever the order of the examples."""

import random
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data import audit as module
from seqloom.data.audit import LabelAudit

Examples = list[tuple[str, str, tuple[str, ...]]]


def audited(examples: Examples) -> LabelAudit:
    audit = LabelAudit()
    for part, text, labels in examples:
        audit.add(part, text, labels)
    return audit


def counted(examples: Examples) -> dict[str, int]:
    """The same counts from all texts held in memory."""
    labels: dict[str, dict[str, list[frozenset[str]]]] = defaultdict(lambda: defaultdict(list))
    for part, text, own in examples:
        labels[part][text].append(frozenset(own))
    found = {}
    for part, texts in labels.items():
        found[f"repeats in {part}"] = sum(len(own) - 1 for own in texts.values())
        found[f"conflicts in {part}"] = sum(len(set(own)) > 1 for own in texts.values())
        if part != "train":
            known = [(text, one) for text, own in texts.items() for one in own]
            known = [(text, one) for text, one in known if text in labels.get("train", {})]
            wrong = [one not in labels["train"][text] for text, one in known]
            found[f"repeats of train in {part}"] = len(known)
            found[f"conflicts with train in {part}"] = sum(wrong)
    return found


PARTS = st.sampled_from(["train", "valid", "test"])
LABEL_SETS = st.sampled_from([("a",), ("b",), ("a", "b"), ("b", "a"), ()])


@given(st.lists(st.tuples(PARTS, st.sampled_from("pqrst"), LABEL_SETS), max_size=30))
def test_counts_are_those_of_all_texts(examples: Examples) -> None:
    assert audited(examples).counts() == counted(examples)


def test_white_space_and_case_make_no_difference() -> None:
    counts = audited([("train", "Very  good\n", ("a",)), ("train", "very good", ("a",))]).counts()
    assert counts == {"repeats in train": 1, "conflicts in train": 0}


def test_the_counts_in_words() -> None:
    examples: Examples = [
        ("train", "good", ("a",)),
        ("train", "Good", ("b",)),
        ("train", "fine", ("a",)),
        ("train", "bad", ("b",)),
        ("test", "fine", ("a",)),
        ("test", "bad", ("a",)),
        ("test", "new", ("a",)),
        ("test", "new", ("a",)),
    ]
    assert audited(examples).lines() == [
        "1 of 4 training texts repeat others of them; 1 text stands under several labels.",
        "1 of 4 test texts repeat others of them.",
        "2 of 4 test texts stand in the training part too (1 under another label only): the score "
        "is that much easier.",
        '"Good" stands under "a" (train) and "b" (train).',
        '"bad" stands under "b" (train) and "a" (test).',
    ]
    assert audited(examples[2:4]).lines() == []


def test_three_conflicts_are_shown_each_once_and_short() -> None:
    examples: Examples = [
        ("train", f"text {number % 5} " + "word " * 40, ("a" if turn else "b",))
        for turn in range(3)
        for number in range(50)
    ]
    found = audited(examples)
    assert len(found.examples) == 3
    assert len({example["text"] for example in found.examples}) == 3
    assert all(len(example["text"]) <= 60 for example in found.examples)
    assert found.counts()["conflicts in train"] == 5


def test_the_table_of_examples_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLOTS", 64)
    audit = audited([("train", f"text {n}", (str(n % 7),)) for n in range(1_000)])
    assert len(audit._seen) <= 64
    audit.add("train", "text 999", ("other",))  # the last one is surely still there
    assert [example["text"] for example in audit.examples] == ["text 999"]


def test_texts_that_cannot_be_written_are_counted() -> None:
    audit = audited([("train", "half \ud83d", ("a",)), ("train", "half \ud83d", ("b",))])
    assert audit.counts()["conflicts in train"] == 1


def test_many_examples_are_quick_and_exact() -> None:
    chance = random.Random(0)
    examples: Examples = [
        (chance.choice(["train", "test"]), str(chance.randrange(3_000)), (chance.choice("ab"),))
        for _ in range(20_000)
    ]
    assert audited(examples).counts() == counted(examples)
