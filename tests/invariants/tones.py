"""Recordings for tests: a tone for each letter, in files that say so by their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

RATE = 4_000
HERTZ = {"a": 300.0, "b": 700.0, "c": 1_400.0, "d": 1_000.0}
PATTERN = "{text}_{speaker}_{take}"


def tones(text: str, seed: int = 0) -> Any:
    """A tone for each letter, a little quiet around each: (time,)."""
    random = np.random.default_rng(seed)
    parts = [random.normal(size=200) * 0.001]
    for letter in text.lower().strip("!"):
        time = np.arange(int(RATE * random.uniform(0.06, 0.1))) / RATE
        parts += [0.5 * np.sin(2 * np.pi * HERTZ[letter] * time), random.normal(size=99) * 0.001]
    return np.concatenate(parts).astype(np.float32)


def write_tones(folder: Path, count: int, first: int = 0) -> Path:
    """Files of one to three letters by three speakers."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(first, first + count):
        text = "".join("abc"[(n * k) % 3] for k in range(1, 2 + n % 3))
        text = text.upper() if n % 5 == 0 else text + "!" * (n % 7 == 0)
        name = f"{text}_{('anna', 'bob', 'cleo')[n % 3]}_{n}.wav"
        soundfile.write(str(folder / name), tones(text, n), RATE)
    return folder


def rows_of(folder: Path) -> list[dict[str, str]]:
    """The same as rows of a table."""
    rows = []
    for path in sorted(folder.glob("*.wav")):
        text, speaker, _ = path.stem.split("_")
        rows.append({"audio": str(path), "transcript": text, "speaker": speaker})
    return rows
