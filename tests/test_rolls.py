import numpy as np
import pytest
from music_examples import tune
from seqloom_runtime.signal.music import KEYS, frames_of_piece, piece_of_frames
from seqloom_runtime.signal.rolls import frames_of_ids, ids_of_frames, moved_frames


def some_frames(seed: int, time: int = 30) -> np.ndarray:
    return (np.random.default_rng(seed).random((time, KEYS)) < 0.06).astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_frames_become_ids_and_come_back(seed: int) -> None:
    frames = some_frames(seed)
    frames[[0, 7, -1]] = 0  # silence at the ends and within stays
    np.testing.assert_array_equal(frames_of_ids(ids_of_frames(frames)), frames)


@pytest.mark.parametrize("seed", range(5))
def test_frames_become_a_piece_and_come_back(seed: int) -> None:
    frames = some_frames(seed) > 0
    frames[-1] = False
    np.testing.assert_array_equal(frames_of_piece(piece_of_frames("x", frames, 2)), frames)


def test_a_key_held_is_one_note() -> None:
    frames = np.zeros((4, KEYS), np.bool_)
    frames[1:3, 39] = True
    assert piece_of_frames("x", frames, 1).notes[:, :3].tolist() == [[1, 2, 60]]


def test_frames_move_as_far_as_the_keys_go() -> None:
    frames = np.zeros((2, KEYS), np.float32)
    frames[0, 85], frames[1, 4] = 1, 1
    assert np.argwhere(moved_frames(frames, 9)).tolist() == [[0, 87], [1, 6]]
    assert np.argwhere(moved_frames(frames, -9)).tolist() == [[0, 81], [1, 0]]
    assert moved_frames(frames, 0) is frames


def test_a_tune_as_a_roll_has_its_pitches() -> None:
    piece = tune(0)
    frames = frames_of_piece(piece)
    assert len(frames) == piece.end
    assert set(np.flatnonzero(frames[0]) + 21) == set(piece.notes[piece.notes[:, 0] == 0][:, 2])
