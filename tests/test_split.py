"""Parts have exact shares, and a seed decides who is where."""

import numpy as np
import pytest

from seqloom.data.audit import DuplicateAudit
from seqloom.data.split import assign_records, parse_split, part_borders
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


def test_repeats_across_parts_are_counted() -> None:
    audit = DuplicateAudit()
    for text in ("a", "b", "b", "c"):
        audit.add("train", text)
    for text in ("b", "x", "c", "c"):
        audit.add("valid", text)
    assert audit.repeats() == {"valid": 3}
