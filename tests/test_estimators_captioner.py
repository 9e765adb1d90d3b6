"""The estimator of captions: lists of pictures, several captions, options, where it looked."""

import drawn
import numpy as np
import pytest

from seqloom import ImageCaptioner
from seqloom.errors import DataError, SettingsError

SMALL = {
    **{"image_size": 16, "channels": 4, "hidden_size": 8, "embedding_size": 8, "updates": 3},
    **{"threads": 1, "tokenizer": "word"},
}
ROWS = drawn.rows(24)
PICTURES = [row["image"] for row in ROWS]


@pytest.fixture(scope="module")
def model() -> ImageCaptioner:
    return ImageCaptioner(**SMALL).fit(PICTURES, [row["caption"] for row in ROWS])


def test_pictures_and_captions_in_two_lists(model: ImageCaptioner) -> None:
    found = model.predict(PICTURES[:3])
    assert len(found) == 3 and all(isinstance(text, str) for text in found)
    assert model.score(PICTURES[:9], [row["caption"] for row in ROWS[:9]]) >= 0
    assert model.metrics_["task"] == "caption"


def test_pictures_of_pillow_and_arrays_are_alike(model: ImageCaptioner) -> None:
    from PIL import Image

    assert model.predict([Image.fromarray(PICTURES[0])]) == model.predict([PICTURES[0]])
    assert model.predict(np.stack(PICTURES[:2])) == model.predict(PICTURES[:2])


def test_where_it_looked(model: ImageCaptioner) -> None:
    (best,) = model.attention_maps(PICTURES[:1])
    assert best.attention is not None
    assert best.attention.shape == (len(best.tokens) + 1, 8, 8)
    np.testing.assert_allclose(best.attention.sum((1, 2)), 1, rtol=1e-4)


def test_the_best_come_first(model: ImageCaptioner) -> None:
    (found,) = model.n_best(PICTURES[:1], 3)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert model.predict(PICTURES[:1], temperature=1.0, seed=1)


def test_what_is_wrong_is_said(model: ImageCaptioner) -> None:
    with pytest.raises(DataError, match="Received 2 pictures and the captions of 1"):
        ImageCaptioner(**SMALL).fit(PICTURES[:2], ["one"])
    with pytest.raises(SettingsError, match=r'There is no option "beams". Did you mean "beam"'):
        model.predict(PICTURES[:1], beams=2)
    with pytest.raises(DataError, match="Received one name"):
        model.predict("dog.jpg")
    with pytest.raises(DataError, match=r"nowhere.jpg: cannot be read"):
        model.predict(["nowhere.jpg"])
