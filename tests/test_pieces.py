from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from seqloom_runtime.signal.rolls import frames_of_ids, ids_of_frames

from seqloom.data.pieces import LONGEST, PieceStream, RollStream, roll_batch, shifts_of
from seqloom.data.store import Store, write_store


def moved(ids: np.ndarray, semitones: int) -> np.ndarray:
    """Ids from 100 up stand for pitches."""
    return np.where(ids >= 100, ids.astype(np.int64) + semitones, ids)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    random = np.random.default_rng(0)
    pieces = [random.integers(100, 120, n).astype(np.int32) for n in (40, 7, 93, 22, 61)]
    for number, piece in enumerate(pieces):
        piece[0] = number
    return write_store(tmp_path / "a.arrow", pieces, 200)


def stream(store: Store, transpose: int = 0, rows: int = 4, time: int = 10) -> PieceStream:
    return PieceStream(store, rows, time, 3, transpose, moved)


def columns(found: PieceStream, epoch: int) -> list[np.ndarray]:
    batches = [found.batch(epoch, index) for index in range(len(found))]
    return [np.concatenate([batch.inputs[row] for batch in batches]) for row in range(found.rows)]


def test_a_row_goes_on_where_it_ended_and_targets_come_next(store: Store) -> None:
    found = stream(store)
    first, second = found.batch(0, 0), found.batch(0, 1)
    np.testing.assert_array_equal(first.inputs[:, 1:], first.targets[:, :-1])
    np.testing.assert_array_equal(first.targets[:, -1], second.inputs[:, 0])
    assert (first.lengths == 10).all() and found.carried


def test_an_epoch_reads_whole_pieces_in_an_order_of_its_own(store: Store) -> None:
    orders = []
    for epoch in range(4):
        found = stream(store, rows=1, time=223)
        order = np.random.default_rng((3, epoch)).permutation(5)
        expected = np.concatenate([store[int(piece)] for piece in order])[:111]
        found = stream(store, rows=1, time=111)
        np.testing.assert_array_equal(found.batch(epoch, 0).inputs[0], expected)
        orders.append(tuple(order))
    assert len(set(orders)) > 1


def test_each_piece_is_moved_as_a_whole_anew_in_each_epoch(store: Store) -> None:
    plain, other = stream(store), stream(store, transpose=5)
    for epoch in range(3):
        shifts = shifts_of(5, 5, 3, epoch)
        for a, b in zip(columns(plain, epoch), columns(other, epoch), strict=True):
            starts = np.flatnonzero(a < 100)
            for start, stop in pairwise([*starts, len(a)]):
                np.testing.assert_array_equal(
                    b[start + 1 : stop], a[start + 1 : stop] + shifts[a[start]]
                )
    assert len({tuple(shifts_of(5, 5, 3, epoch)) for epoch in range(9)}) == 9
    assert np.abs(shifts_of(500, 2, 0, 1)).max() == 2


def test_a_batch_is_a_function_of_its_place(store: Store) -> None:
    one, two = stream(store, 5), stream(store, 5)
    two.batch(7, 2)
    np.testing.assert_array_equal(one.batch(1, 3).inputs, two.batch(1, 3).inputs)


@pytest.fixture
def rolls(tmp_path: Path) -> Store:
    random = np.random.default_rng(1)
    pieces = [random.random((n, 88)) < 0.05 for n in (9, 30, 31, 12, LONGEST + 20)]
    for piece in pieces:
        piece[:, :20] = piece[:, 60:] = False
    return write_store(tmp_path / "b.arrow", map(ids_of_frames, pieces), 89)


def test_rolls_are_read_one_frame_behind(rolls: Store) -> None:
    found = RollStream(rolls, 64, 0, 0)
    frames = 0
    for index in range(len(found)):
        batch = found.batch(0, index)
        for row, length in enumerate(batch.lengths):
            np.testing.assert_array_equal(
                batch.inputs[row, 1:length], batch.targets[row, : length - 1]
            )
        assert not batch.targets[np.arange(batch.targets.shape[1]) >= batch.lengths[:, None]].any()
        frames += int(batch.lengths.sum())
    assert frames == 9 + 30 + 31 + 12 + LONGEST + 20


def test_a_long_roll_goes_on_from_the_frame_before() -> None:
    roll = (np.random.default_rng(2).random((LONGEST + 5, 88)) < 0.1).astype(np.float32)
    batch = roll_batch([roll, roll], [0, LONGEST])
    assert batch.lengths.tolist() == [LONGEST, 5]
    np.testing.assert_array_equal(batch.inputs[1, 0], roll[LONGEST - 1])
    assert not batch.inputs[0, 0].any()


def test_rolls_move_in_each_epoch(rolls: Store) -> None:
    found = RollStream(rolls, 10**6, 0, 4)
    seen = {found.batch(epoch, 0).targets.tobytes() for epoch in range(5)}
    assert len(seen) == 5
    notes = sum(int(frames_of_ids(rolls[n]).sum()) for n in range(5))
    assert found.batch(0, 0).targets.sum() == notes
    assert partial(found.batch, 2, 0)().targets.tobytes() in seen
