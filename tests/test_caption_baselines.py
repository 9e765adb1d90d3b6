"""Captions without a network: the commonest, and that of the picture most alike."""

import numpy as np
import pytest

from seqloom.evaluate.caption_baselines import NearestPicture, common_caption, features


def test_the_commonest_caption() -> None:
    assert common_caption(["a cat", "a dog", "a cat"]) == "a cat"
    # All once: the words of the third are the commonest.
    assert common_caption(["a big cat", "one dog runs", "a dog", "the cat"]) == "a dog"


def picture(colour: tuple[int, int, int], row: int) -> np.ndarray:
    pixels = np.full((19, 19, 3), 230, np.uint8)
    pixels[row : row + 6, 4:10] = colour
    return pixels


def test_the_nearest_picture_has_the_colours_and_the_place() -> None:
    red, blue = (220, 20, 20), (20, 20, 220)
    known = np.stack([picture(red, 1), picture(red, 12), picture(blue, 1), picture(blue, 12)])
    captions = ["red up", "red down", "blue up", "blue down"]
    nearest = NearestPicture(features(known), captions)
    assert nearest.captions_of(known) == captions
    asked = np.stack([picture((200, 40, 30), 11), picture((30, 40, 200), 2)])
    assert nearest.captions_of(asked) == ["red down", "blue up"]


@pytest.mark.parametrize("side", [16, 19, 64])
def test_features_are_means_and_shares(side: int) -> None:
    found = features(np.full((3, side, side, 3), 51, np.uint8))
    assert found.shape == (3, 8 * 8 * 3 + 64) and found.dtype == np.float32
    np.testing.assert_allclose(found[:, :192], 0.2, rtol=1e-5)
    np.testing.assert_allclose((found[:, 192:] ** 2).sum(1), 64, rtol=1e-5)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (5, 16, 16, 3), np.uint8)
    whole = features(pixels)
    monkeypatch.setattr("seqloom.evaluate.caption_baselines.AT_ONCE", 2)
    np.testing.assert_array_equal(features(pixels), whole)
