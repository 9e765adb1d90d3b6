import numpy as np
import pytest

from seqloom.errors import RunError
from seqloom.evaluate.roll_baseline import NoteChain, frame_scores


def held(seed: int, stay: float) -> np.ndarray:
    """Keys that stay as they are with a chance."""
    random = np.random.default_rng(seed)
    frames = np.zeros((200, 5), np.float32)
    for t in range(1, 200):
        change = random.random(5) > stay
        frames[t] = np.where(change, 1 - frames[t - 1], frames[t - 1])
    return frames


def test_chances_are_those_of_staying() -> None:
    chain = NoteChain.fit([held(n, 0.9) for n in range(4)], [held(9, 0.9)])
    np.testing.assert_allclose(chain.chances[0], 0.1, atol=0.05)
    np.testing.assert_allclose(chain.chances[1], 0.9, atol=0.05)


def test_nats_of_a_frame_are_the_sum_over_keys() -> None:
    chain = NoteChain(np.array([[0.25, 0.5], [0.75, 0.5]]))
    nats = chain.nats(np.array([[1, 0], [1, 1]], np.float32))
    np.testing.assert_allclose(nats, [-np.log(0.25 * 0.5), -np.log(0.75 * 0.5)])


def test_a_key_never_seen_is_not_impossible() -> None:
    silent = np.zeros((50, 3), np.float32)
    silent[::2, 0] = 1
    chain = NoteChain.fit([silent], [silent])
    assert np.isfinite(chain.nats(np.ones((4, 3), np.float32))).all()


def test_a_chain_comes_back_from_its_arrays() -> None:
    chain = NoteChain.fit([held(1, 0.8)], [held(2, 0.8)])
    again = NoteChain.from_arrays(chain.arrays())
    np.testing.assert_array_equal(again.nats(held(3, 0.8)), chain.nats(held(3, 0.8)))
    with pytest.raises(RunError, match="Train the run again"):
        NoteChain.from_arrays({})


def test_means_over_frames_and_over_pieces() -> None:
    scores = frame_scores([np.array([9.0, 1.0]), np.array([3.0, 4.0, 4.0, 7.0]), np.array([5.0])])
    assert scores["nll_per_frame"] == pytest.approx((1 + 4 + 4 + 7) / 4)
    assert scores["nll_per_frame_by_piece"] == pytest.approx((1 + 5) / 2)
    assert scores["nll_per_frame_from_first"] == pytest.approx(33 / 7)
    assert np.isnan(frame_scores([])["nll_per_frame"])
