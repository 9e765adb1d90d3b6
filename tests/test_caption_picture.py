"""Pictures of captions: files of the right kind, in which what was looked at is brighter."""

import io

import numpy as np

from seqloom.evaluate.caption_picture import captioned_picture, look_picture

GREY = np.full((16, 16, 3), 90, np.uint8)


def read(content: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(content)).convert("L"), np.int64)


def test_the_cell_that_mattered_is_lit() -> None:
    weights = np.zeros((2, 16))
    weights[0, 0] = weights[1, 15] = 1  # upper left, then lower right
    found = read(look_picture(GREY, weights, ["a", "(end)"]))
    width = found.shape[1]
    first, second = found[:, width // 3 : 2 * width // 3], found[:, 2 * width // 3 :]
    for looked, place in ((first, "first"), (second, "last")):
        dark = np.where(looked > 250, 0, looked)  # without paper
        rows = dark.sum(1)
        top, bottom = rows[: len(rows) // 2].sum(), rows[len(rows) // 2 :].sum()
        assert (top > bottom) == (place == "first")


def test_kinds_and_many_pictures() -> None:
    weights = np.full((40, 4), 0.25)
    assert look_picture(GREY, weights, ["w"] * 40, "svg").lstrip().startswith(b"<?xml")
    few, many = (captioned_picture([GREY] * n, ["세 개 $x$ long " * 9] * n) for n in (2, 8))
    assert few.startswith(b"\x89PNG") and read(many).shape[0] > read(few).shape[0]
    assert captioned_picture([GREY], [""]).startswith(b"\x89PNG")
