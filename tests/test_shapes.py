"""Drawn shapes: captions of the grammar, pictures that show them, combinations held out."""

import csv
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from seqloom.data.shapes import (
    COLOURS,
    COUNTS,
    PLACES,
    SHAPES,
    SIZE,
    Scene,
    dealt_groups,
    draw,
    make_shapes,
    scenes,
)

WORDS = ["|".join(words) for words in (COUNTS, COLOURS, SHAPES, PLACES)]
ONE = re.compile("({}) ({}) ({})s? at the ({})".format(*WORDS))


def test_groups_are_dealt_out_once_and_every_word_is_seen_in_training() -> None:
    dealt = dealt_groups()
    every = [group for groups in dealt.values() for group in groups]
    assert len(every) == len(set(every)) == len(COUNTS) * len(COLOURS) * len(SHAPES)
    assert {part: len(groups) for part, groups in dealt.items()} == {
        "train": 70, "valid": 10, "test": 16,
    }  # fmt: skip
    # Every two words stand together in training, so that a model can know all but the three.
    pairs = {pair for group in every for pair in combinations(group, 2)}
    assert {pair for group in dealt["train"] for pair in combinations(group, 2)} == pairs


@pytest.mark.parametrize("part", ["valid", "test"])
def test_every_scene_beside_training_holds_an_unseen_group(part: str) -> None:
    dealt = dealt_groups()
    trained, own = set(dealt["train"]), set(dealt[part])
    for scene, _ in scenes(part, 40):
        groups = {group for group, _ in scene.groups}
        assert groups & own and groups <= own | trained
    assert all(g in trained for scene, _ in scenes("train", 40) for g, _ in scene.groups)


def test_captions_follow_the_grammar_and_say_what_is_drawn() -> None:
    for scene, _ in scenes("train", 40):
        found = [ONE.fullmatch(words) for words in scene.caption.split(" and ")]
        assert all(found)
        said = [((m[1], m[2], m[3]), m[4]) for m in found if m]
        assert tuple(said) == scene.groups
        places = [PLACES.index(place) for _, place in scene.groups]
        assert places == sorted(set(places))


def test_pictures_are_the_same_every_time_and_differ_between_parts() -> None:
    first, again = list(scenes("test", 3)), list(scenes("test", 3))
    for (scene, pixels), (other, same) in zip(first, again, strict=True):
        assert scene == other
        np.testing.assert_array_equal(pixels, same)
    assert first[0][0] != next(scenes("valid", 1))[0]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_quarter_holds_as_many_spots_of_the_colour_as_the_caption_says(
    count: str, shape: str
) -> None:
    from scipy.ndimage import label

    scene = Scene((((count, "red", shape), "bottom left"),))
    pixels = draw(scene, np.random.default_rng(3)).astype(int)
    red = (pixels[:, :, 0] - pixels[:, :, 1:].max(2)) > 30
    half = SIZE // 2
    assert red[half:, :half].sum() == red.sum() > 0
    assert label(red)[1] == COUNTS.index(count) + 1


def test_the_folder_is_made_once_with_a_table_a_part(tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    sizes = {"train": 5, "valid": 2, "test": 3}
    tables = make_shapes(folder, sizes)
    assert [table.name for table in tables] == ["train.csv", "valid.csv", "test.csv"]
    rows = list(csv.DictReader(tables[2].read_text(encoding="utf-8").splitlines()))
    assert [row["caption"] for row in rows] == [scene.caption for scene, _ in scenes("test", 3)]
    assert all((folder / row["image"]).stat().st_size for row in rows)
    before = tables[0].stat().st_mtime_ns
    assert make_shapes(folder, sizes) == tables
    assert tables[0].stat().st_mtime_ns == before
    assert [path.name for path in tmp_path.iterdir()] == ["shapes"]
