"""Small pictures for tests: squares of a colour at a side, with captions that say so."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 190, 30)}
SIDES = ("left", "right")
SIDE = 16


def picture(number: int, *, strange: bool = False) -> npt.NDArray[np.uint8]:
    """Pixels of a number; no two are the same. Strange ones are dark all over."""
    random = np.random.default_rng(number)
    pixels = random.integers(0 if strange else 180, 20 if strange else 240, (SIDE, SIDE, 3))
    left = 1 if number % 2 == 0 else SIDE // 2 + 1
    pixels[4:12, left : left + 6] = tuple(COLOURS.values())[number % 3]
    return pixels.astype(np.uint8)


def captions(number: int, *, strange: bool = False) -> list[str]:
    """Two captions of a number; strange ones have words that no other has."""
    if strange:
        return [f"이상한 글 ※ {number} " * 5, "QQQ"]
    colour, side = tuple(COLOURS)[number % 3], SIDES[number % 2]
    return [f"a {colour} square at the {side}", f"The {side} is {colour}, number {number}."]


def rows(count: int, strange: Iterable[int] = ()) -> list[dict[str, Any]]:
    """Pictures and captions in memory."""
    odd = set(strange)
    return [
        {"image": picture(n, strange=n in odd), "caption": captions(n, strange=n in odd)}
        for n in range(count)
    ]


def write(path: Path, count: int, strange: Iterable[int] = ()) -> Path:
    """A table of JSON lines with its pictures beside it."""
    from PIL import Image

    folder = path.parent / f"{path.stem}-pictures"
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, row in enumerate(rows(count, strange)):
        name = f"{folder.name}/{number}.png"
        Image.fromarray(row["image"]).save(path.parent / name)
        lines.append(json.dumps({"image": name, "caption": row["caption"]}) + "\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path
