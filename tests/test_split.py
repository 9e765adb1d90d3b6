"""Parts have exact shares, and a seed decides who is where."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data.audit import DuplicateAudit
from seqloom.data.split import assign_records, assign_stratified, parse_split, part_borders
from seqloom.errors import DataError, SettingsError


def test_shares_are_exact_and_seeded() -> None:
    parts = assign_records(1000, (0.8, 0.1, 0.1), seed=3)
    assert np.bincount(parts).tolist() == [800, 100, 100]
    assert np.array_equal(parts, assign_records(1000, (0.8, 0.1, 0.1), seed=3))
    assert not np.array_equal(parts, assign_records(1000, (0.8, 0.1, 0.1), seed=4))


def test_borders_of_a_text_are_those_of_the_tutorials() -> None:
    assert part_borders(1_115_394, (0.9, 0.1)) == [int(0.9 * 1_115_394), 1_115_394]


@pytest.mark.parametrize(
    "split", ["", "1", "0.9", "0.5/0.6", "0.9/0.1/0", "a/b", "0.2/0.3/0.4/0.1"]
)
def test_a_wrong_split_is_refused(split: str) -> None:
    with pytest.raises(SettingsError, match="expected two or three shares"):
        parse_split(split)


def test_an_empty_part_is_refused() -> None:
    with pytest.raises(DataError, match="the train part would be empty"):
        assign_records(1, (0.9, 0.1), seed=0)


SHARES = st.sampled_from([(0.9, 0.1), (0.8, 0.1, 0.1), (0.5, 0.5), (0.7, 0.2, 0.1)])


@given(st.lists(st.integers(3, 60), min_size=1, max_size=12), SHARES, st.integers(0, 9))
def test_each_label_is_in_the_shares_and_totals_are_exact(
    counts: list[int], shares: tuple[float, ...], seed: int
) -> None:
    labels = np.repeat(np.arange(len(counts)) * 7, counts)
    np.random.default_rng(seed).shuffle(labels)
    sizes = np.diff([0, *part_borders(len(labels), shares)])
    if sizes.min() == 0:
        with pytest.raises(DataError, match="part would be empty"):
            assign_stratified(labels, shares, seed)
        return
    parts = assign_stratified(labels, shares, seed)
    assert np.bincount(parts).tolist() == sizes.tolist()
    assert np.array_equal(parts, assign_stratified(labels, shares, seed))
    for label, count in enumerate(counts):
        own = np.bincount(parts[labels == label * 7], minlength=len(shares))
        assert own[0] >= 1
        for part, share in enumerate(shares[1:], start=1):
            assert abs(own[part] - count * share) < 1 + 1e-6


@given(st.lists(st.integers(1, 3), min_size=1, max_size=20), SHARES)
def test_every_label_stays_in_training(counts: list[int], shares: tuple[float, ...]) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    try:
        parts = assign_stratified(labels, shares, seed=0)
    except DataError:
        return
    assert set(labels[parts == 0]) == set(labels)


def test_labels_seen_once_or_twice_go_to_train() -> None:
    labels = np.array([0] * 100 + [1] * 100 + [2, 3, 3, 4, 4])
    parts = assign_stratified(labels, (0.8, 0.2), seed=1)
    assert parts[200:].tolist() == [0] * 5
    assert np.bincount(parts).tolist() == [164, 41]
    only_rare = assign_stratified(np.repeat(np.arange(10), 2), (0.8, 0.2), seed=1)
    assert np.bincount(only_rare).tolist() == [16, 4]


def test_a_seed_decides_who_is_where_in_a_stratified_split() -> None:
    labels = np.arange(300) % 3
    assert not np.array_equal(
        assign_stratified(labels, (0.9, 0.1), seed=0), assign_stratified(labels, (0.9, 0.1), seed=1)
    )


@pytest.mark.parametrize("labels", [[0], [0, 1, 2, 3], []])
def test_what_cannot_be_stratified_is_refused(labels: list[int]) -> None:
    with pytest.raises(DataError, match=r"cannot be split into parts of 0.9/0.1: .* --valid FILE"):
        assign_stratified(np.array(labels, np.int64), (0.9, 0.1), seed=0)


def test_repeats_across_parts_are_counted() -> None:
    audit = DuplicateAudit()
    for text in ("a", "b", "b", "c"):
        audit.add("train", text)
    for text in ("b", "x", "c", "c"):
        audit.add("valid", text)
    assert audit.repeats() == {"valid": 3}
