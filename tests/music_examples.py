"""Small pieces of music for tests."""

from pathlib import Path

import numpy as np
from seqloom_runtime.signal.midi import write_midi
from seqloom_runtime.signal.music import Instrument, Metre, Piece, Tempo, ordered

LINE = (60, 62, 64, 65, 67, 65, 64, 62)


def tune(number: int = 0, bars: int = 4, grid: int = 4) -> Piece:
    """A melody in quarter notes over a bass in whole notes; another for each number."""
    rows = []
    for bar in range(bars):
        start = bar * 4 * grid
        rows.append([start, 4 * grid, 36 + (bar * 5 + number) % 12, 60, 1])
        for beat in range(4):
            pitch = LINE[(bar * 3 + beat + number) % 8] + number % 3
            rows.append([start + beat * grid, grid, pitch, 40 + 20 * (beat % 3), 0])
    return Piece(
        f"tune {number}",
        grid,
        ordered(rows),
        (Instrument(0), Instrument(32)),
        (Metre(0, 4, 4),),
        (Tempo(0, 96.0 + 8 * (number % 2)),),
    )


def write_tunes(folder: Path, numbers: range, bars: int = 4) -> Path:
    """A folder of MIDI files, one a tune."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"tune{number:02}.mid").write_bytes(write_midi(tune(number, bars)))
    return folder


def random_piece(seed: int, grid: int = 12) -> Piece:
    """Any notes of several instruments, drums among them, in changing metres and tempos."""
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 60))
    rows = np.stack(
        [
            random.integers(0, 40 * grid, count),
            random.integers(1, 5 * grid, count),
            random.integers(20, 100, count),
            random.integers(1, 128, count),
            random.integers(0, 4, count),
        ],
        1,
    )
    rows = _apart(ordered(rows))
    used = sorted(set(rows[:, 4].tolist()))
    rows[:, 4] = [used.index(number) for number in rows[:, 4]]
    players = [Instrument(0), Instrument(0, 2), Instrument(40), Instrument(128)]
    kept = [players[number] for number in used]
    if Instrument(0) not in kept:  # the second of a kind is the first where that plays nothing
        kept = [Instrument(0) if player == Instrument(0, 2) else player for player in kept]
    metres = (Metre(0, 3, 4), Metre(9 * grid, 6, 8), Metre(24 * grid, 2, 2))
    tempos = (Tempo(0, 100.0), Tempo(int(random.integers(1, 20 * grid)), 60.0))
    return Piece("random", grid, rows, tuple(kept), metres, tempos)


def _apart(rows: np.ndarray) -> np.ndarray:
    """Without notes that begin while the same key of the same instrument is down."""
    kept: list[np.ndarray] = []
    until: dict[tuple[int, int], int] = {}
    for row in rows:
        key = (int(row[4]), int(row[2]))
        if row[0] >= until.get(key, 0):
            until[key] = int(row[0] + row[1])
            kept.append(row)
    return np.array(kept, np.int32)
