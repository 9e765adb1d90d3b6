"""Streams: every target once, shifted by one, never across records, the same for a place."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from seqloom_runtime.batching import arriving

from seqloom.data.batching import (
    ColumnStream,
    RecordStream,
    Store,
    WindowStream,
    group_by_length,
    pad_records,
)
from seqloom.data.store import write_store


@pytest.fixture
def text(tmp_path: Path) -> Store:
    return write_store(tmp_path / "text.arrow", [np.arange(4, 104), np.arange(104, 204)], 300)


@pytest.fixture
def records(tmp_path: Path) -> Store:
    lengths = [3, 9, 4, 2, 12, 5, 5, 7]
    made = [np.array([2, *range(10 * n, 10 * n + k), 3]) for n, k in enumerate(lengths, 1)]
    return write_store(tmp_path / "records.arrow", made, 300)


def test_columns_go_on_where_they_ended(text: Store) -> None:
    stream = ColumnStream(text, batch_size=3, sequence_length=8, seed=0)
    for epoch in (0, 1, 2):
        batches = [stream.batch(epoch, i) for i in range(len(stream))]
        for batch in batches:
            assert np.array_equal(batch.inputs[:, 1:], batch.targets[:, :-1])
        for a, b in pairwise(batches):
            assert np.array_equal(a.targets[:, -1], b.inputs[:, 0])
        seen = np.concatenate([batch.targets.ravel() for batch in batches])
        assert len(seen) == len(set(seen)) == 3 * 8 * len(stream)
    assert len(stream) == (200 - 8 - 1) // 3 // 8


def test_a_text_shorter_than_a_batch_still_gives_one(tmp_path: Path) -> None:
    short = write_store(tmp_path / "short.arrow", [np.arange(4, 34)], 300)
    stream = ColumnStream(short, batch_size=32, sequence_length=64, seed=0)
    batch = stream.batch(0, 0)
    assert batch.inputs.size > 0
    assert len(stream) >= 1
    assert stream.batch(5, len(stream) - 1).targets.max() < 34


def test_records_are_each_seen_once_and_whole(records: Store) -> None:
    stream = RecordStream(records, batch_size=4, sequence_length=8, seed=0)
    for epoch in (0, 1):
        rows = []
        for index in range(stream.batches(epoch)):
            batch = stream.batch(epoch, index)
            assert batch.inputs.size <= 32 or len(batch.lengths) == 1
            for ids, length, due in zip(batch.inputs, batch.lengths, batch.targets, strict=True):
                rows.append([*ids[:length].tolist(), int(due[length - 1])])
        assert sorted(rows) == sorted(records[i].tolist() for i in range(len(records)))


def test_a_place_is_always_the_same_batch(records: Store) -> None:
    one = RecordStream(records, 4, 8, seed=5)
    two = RecordStream(records, 4, 8, seed=5)
    one.batch(0, 0)
    assert np.array_equal(one.batch(3, 1).inputs, two.batch(3, 1).inputs)


def test_windows_never_cross_records(records: Store) -> None:
    stream = WindowStream(records, window=2, batch_size=4, sequence_length=8, seed=0)
    rows = []
    for index in range(len(stream)):
        batch = stream.batch(0, index)
        rows += [
            [*ids.tolist(), int(due)] for ids, due in zip(batch.inputs, batch.targets, strict=True)
        ]
    wanted = [
        records[i][k : k + 3].tolist()
        for i in range(len(records))
        for k in range(len(records[i]) - 2)
    ]
    assert sorted(rows) == sorted(wanted)


def test_rows_for_several_processes_cover_the_batch(records: Store) -> None:
    batch = pad_records([records[i] for i in range(5)])
    parts = [batch.rows(rank, 2) for rank in range(2)]
    assert [len(part.lengths) for part in parts] == [3, 3]
    assert np.concatenate([p.lengths for p in parts]).tolist() == [*batch.lengths.tolist(), 0]
    assert np.array_equal(np.concatenate([p.inputs for p in parts])[:5], batch.inputs)


def test_groups_keep_to_the_budget() -> None:
    lengths = np.array([5, 1, 9, 3, 3, 30])
    groups = group_by_length(np.argsort(lengths), lengths, tokens=12)
    assert np.concatenate(groups).tolist() == np.argsort(lengths).tolist()
    for group in groups:
        assert len(group) == 1 or lengths[group].max() * len(group) <= 12


def test_what_comes_slowly_is_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now, came = [0.0], []
    monkeypatch.setattr("seqloom_runtime.batching.monotonic", lambda: now[0])

    def slow() -> Iterator[int]:
        for number in range(6):
            now[0] += 1.0 if number in (1, 4) else 0.0
            came.append(number)
            yield number

    found = [(chunk, came[-1]) for chunk in arriving(slow(), 100, patience=0.5)]
    assert found == [([0, 1], 1), ([2, 3, 4], 4), ([5], 5)]  # each before what comes next
    assert list(arriving(slow(), 2, patience=5)) == [[0, 1], [2, 3], [4, 5]]


def test_what_comes_fast_comes_in_whole_chunks() -> None:
    assert list(arriving(range(7), 3, patience=60)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(arriving([], 3)) == []
