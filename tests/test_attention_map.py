"""The picture of attention: cells of one size, with room for whatever stands beside them."""

import struct

import numpy as np
import pytest

from seqloom.evaluate.attention_map import INCH, MOST_STEPS, attention_picture

CELL = INCH * 150  # pixels


def size(source: list[str], written: list[str]) -> tuple[int, int]:
    """Width and height in pixels, from the header of the PNG."""
    content = attention_picture(np.full((len(written), len(source)), 0.5), source, written)
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    return width, height


@pytest.mark.parametrize("tokens", [["a"], ["나는", "밥을"], [" ", "\n"], ["$x", "🙂", "_a"]])
def test_a_short_text_is_drawn_without_a_warning(tokens: list[str]) -> None:
    width, height = size(tokens, ["(end)"])
    assert CELL * len(tokens) < width < CELL * len(tokens) + 200
    assert CELL < height < CELL + 200


def test_cells_keep_their_size_and_long_tokens_get_room() -> None:
    plain = size(["x"], ["y", "(end)"])
    longer = size(["x"], ["Donaudampfschiff", "(end)"])
    higher = size(["Donaudampfschiff"], ["y", "(end)"])
    assert longer[0] > plain[0] + 100 and longer[1] == plain[1]
    assert higher[1] > plain[1] + 100 and higher[0] == plain[0]
    assert size(["x"], ["w" * 400, "(end)"])[0] < 800


def test_a_long_text_is_shown_by_its_beginning() -> None:
    width, height = size(["w"] * 90, ["w"] * 70)
    assert abs(width - height) < 60
    assert CELL * MOST_STEPS < width < CELL * (MOST_STEPS + 3)
