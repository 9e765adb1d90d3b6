"""The store gives back what was put in, across its batches, and appears whole or not at all."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data import store
from seqloom.data.store import Store, StoreWriter, write_store

RECORDS = st.lists(st.lists(st.integers(0, 99), max_size=9), min_size=1, max_size=30)


@given(
    records=RECORDS,
    batch=st.integers(1, 20),
    cut=st.tuples(st.integers(0, 270), st.integers(0, 270)),
)
def test_round_trip(tmp_path_factory, records, batch, cut) -> None:
    path = tmp_path_factory.mktemp("store") / "ids.arrow"
    before, store.BATCH_TOKENS = store.BATCH_TOKENS, batch
    try:
        opened = write_store(path, (np.array(ids, np.int64) for ids in records), 100)
    finally:
        store.BATCH_TOKENS = before
    flat = [i for ids in records for i in ids]
    assert len(opened) == len(records)
    assert opened.tokens == len(flat)
    assert [opened[i].tolist() for i in range(len(records))] == records
    start, stop = min(cut), min(max(cut), len(flat))
    assert opened.slice(start, stop).tolist() == flat[start:stop]


def test_ids_above_sixteen_bits_survive(tmp_path: Path) -> None:
    opened = write_store(tmp_path / "ids.arrow", [np.array([70_000, 3])], 100_000)
    assert opened[0].tolist() == [70_000, 3]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), StoreWriter(tmp_path / "ids.arrow", 100) as writer:
        writer.add(np.array([1, 2]))
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_an_empty_store_opens(tmp_path: Path) -> None:
    write_store(tmp_path / "ids.arrow", [], 100)
    assert len(Store(tmp_path / "ids.arrow")) == 0
