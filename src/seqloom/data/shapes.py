"""Pictures drawn by the program, each with its caption: coloured shapes, how many, and where.

    "three red circles at the top left and one blue star at the bottom right"

A group is a number, a colour and a shape, and stands in a quarter of the picture. The 96 groups
are dealt out once: most may come in training, some come in validation only, some in the test part
only. So a model that has met "three" and "red circles" and "three stars", but never three red
circles, must put together what it has seen. Drawn with numpy alone, from fixed seeds.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.data.split import PARTS

COUNTS = ("one", "two", "three", "four")
COLOURS = {
    "red": (215, 40, 40),
    "green": (40, 160, 60),
    "blue": (45, 80, 215),
    "yellow": (235, 200, 40),
    "purple": (150, 60, 180),
    "black": (30, 30, 30),
}
SHAPES = ("circle", "square", "triangle", "star")
PLACES = ("top left", "top right", "bottom left", "bottom right")
SIZE = 64  # pixels of a side
FINER = 3  # points a pixel and direction, for smooth edges
RADII = (4.2, 5.6)  # of a shape, in pixels
REACH = 8  # pixels that a shape reaches from its middle at most
ROOM = (6.5, 25.5)  # of a shape's middle, from the edge of its quarter, in pixels
APART = 2.15  # middles of two shapes, in radii of the larger
TRIES = 200  # to place a shape, before its group is placed anew
SIZES = {"train": 6_000, "valid": 400, "test": 1_000}
HELD_OUT = {"valid": 10, "test": 16}  # of the 96 groups
FEWEST = 2  # groups of training in which two words stand together
SEED = 20_240_501

Group = tuple[str, str, str]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """What is to be drawn: groups and their places."""

    groups: tuple[tuple[Group, str], ...]

    @property
    def caption(self) -> str:
        """The scene in words.

        >>> Scene(((("two", "red", "star"), "top left"),)).caption
        'two red stars at the top left'
        """
        return " and ".join(
            f"{count} {colour} {shape}{'' if count == 'one' else 's'} at the {place}"
            for (count, colour, shape), place in self.groups
        )


@cache
def dealt_groups() -> dict[str, list[Group]]:
    """The groups that each part may show beside those of training, and those of training."""
    every = list(product(COUNTS, COLOURS, SHAPES))
    left = Counter(pair for group in every for pair in combinations(group, 2))
    dealt: dict[str, list[Group]] = {"valid": [], "test": []}
    for number in np.random.default_rng(SEED).permutation(len(every)):
        group = every[number]
        part = next((part for part, own in dealt.items() if len(own) < HELD_OUT[part]), None)
        # Each two words of a group go on standing together in training.
        if part and all(left[pair] > FEWEST for pair in combinations(group, 2)):
            dealt[part].append(group)
            left.subtract(combinations(group, 2))
    held = {group for groups in dealt.values() for group in groups}
    return {"train": [group for group in every if group not in held], **dealt}


def scenes(part: str, count: int) -> Iterator[tuple[Scene, Pixels]]:
    """Scenes of a part and their pictures, always the same.

    Outside training each scene holds a group that training never shows.
    """
    dealt = dealt_groups()
    random = np.random.default_rng((SEED, PARTS.index(part)))
    for _ in range(count):
        scene = _scene(dealt["train"], dealt[part], random)
        yield scene, draw(scene, random)


def _scene(known: Sequence[Group], own: Sequence[Group], random: np.random.Generator) -> Scene:
    """One group or two, in different quarters; one of them is the part's own."""
    number = int(random.integers(1, 3))
    places = random.permutation(len(PLACES))[:number]
    groups = [known[int(random.integers(len(known)))] for _ in range(number)]
    groups[int(random.integers(number))] = own[int(random.integers(len(own)))]
    # Named as they are read: the upper and left ones first.
    return Scene(tuple((g, PLACES[p]) for g, p in zip(groups, sorted(places), strict=True)))


def draw(scene: Scene, random: np.random.Generator) -> Pixels:
    """A scene as pixels (SIZE, SIZE, 3): light grey ground, colours a little uneven."""
    ground = random.uniform(205, 245)
    picture = np.full((SIZE, SIZE, 3), ground) + random.normal(0, 3, (SIZE, SIZE, 1))
    for (count, colour, shape), place in scene.groups:
        number = COUNTS.index(count) + 1
        corner = np.array(divmod(PLACES.index(place), 2)) * (SIZE // 2)  # row, column
        for middle, radius in _placed(number, random):
            tint = np.array(COLOURS[colour]) + random.normal(0, 9, 3)
            first = (middle + corner).astype(int) - REACH
            cover = _cover(shape, middle + corner - first, radius, random)[:, :, None]
            window = tuple(slice(max(0, f), f + 2 * REACH + 1) for f in first)
            cover = cover[tuple(slice(max(0, -f), SIZE - f) for f in first)]
            picture[window] = picture[window] * (1 - cover) + tint * cover
    return picture.round().clip(0, 255).astype(np.uint8)


def _placed(number: int, random: np.random.Generator) -> list[tuple[Any, float]]:
    """Middles and radii of some shapes in a quarter that do not touch."""
    while True:
        found: list[tuple[Any, float]] = []
        for _ in range(TRIES):
            middle, radius = random.uniform(*ROOM, 2), float(random.uniform(*RADII))
            far = (np.hypot(*(middle - m)) > APART * max(radius, r) for m, r in found)
            if all(far):
                found.append((middle, radius))
            if len(found) == number:
                return found


def _cover(shape: str, middle: Any, radius: float, random: np.random.Generator) -> Any:
    """Share of each pixel of a window that a shape covers (2 REACH + 1, 2 REACH + 1)."""
    side = 2 * REACH + 1
    points = (np.arange(side * FINER) + 0.5) / FINER
    y, x = np.meshgrid(points - middle[0], points - middle[1], indexing="ij")
    turn = random.uniform(-0.15, 0.15)
    x, y = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
    inside = _inside(shape, x / radius, y / radius)
    return inside.reshape(side, FINER, side, FINER).mean((1, 3))


def _inside(shape: str, x: Any, y: Any) -> Any:
    """Whether points lie in a shape of radius 1 around 0; y grows downwards."""
    if shape == "circle":
        return x**2 + y**2 <= 1
    if shape == "square":
        return np.maximum(abs(x), abs(y)) <= 0.86
    if shape == "triangle":
        return (y <= 0.75) & (2 * abs(x) <= y + 1.1)
    angle = np.arctan2(x, -y)
    fold = abs((angle + np.pi / 5) % (2 * np.pi / 5) - np.pi / 5)  # from the nearest tip
    # Each side of a tip is a straight line from radius 1.2 at the tip to 0.5 between two tips.
    outer, inner, half = 1.2, 0.5, np.pi / 5
    edge = outer * inner * np.sin(half)
    edge = edge / (outer * np.sin(fold) + inner * np.sin(half - fold))
    return np.hypot(x, y) <= edge


def make_shapes(folder: Path, sizes: dict[str, int] | None = None) -> tuple[Path, ...]:
    """Draw all pictures into a folder with a table for each part; what is there is kept.

    Returns:
        The tables, train.csv first.
    """
    from seqloom_runtime.signal.images import check_pillow

    check_pillow()
    tables = tuple(folder / f"{part}.csv" for part in PARTS)
    if not all(table.exists() for table in tables):
        # Under a name of its own first: a stopped or a second process must leave nothing half.
        own = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
        shutil.rmtree(own, ignore_errors=True)
        for part in PARTS:
            _make_part(own, part, (sizes or SIZES)[part])
        _put_in_place(own, folder)
    return tables


def _put_in_place(own: Path, folder: Path) -> None:
    try:
        own.rename(folder)
    except OSError:  # another process was first
        shutil.rmtree(own, ignore_errors=True)


def _make_part(folder: Path, part: str, count: int) -> None:
    from PIL import Image

    (folder / part).mkdir(parents=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("image", "caption"))
    for number, (scene, pixels) in enumerate(scenes(part, count)):
        name = f"{part}/{number:05d}.png"
        Image.fromarray(pixels).save(folder / name, compress_level=1)
        writer.writerow((name, scene.caption))
    (folder / f"{part}.csv").write_text(text.getvalue(), encoding="utf-8")
