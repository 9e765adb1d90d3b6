"""A piece of music as a page draws and plays it."""

from __future__ import annotations

from seqloom_runtime.serve.served import Answer
from seqloom_runtime.signal.music import DURATION, INSTRUMENT, PITCH, START, VELOCITY, Piece


def piece_told(piece: Piece) -> Answer:
    """A piece as a page draws and plays it; notes are start, duration, pitch, velocity, player."""
    columns = [START, DURATION, PITCH, VELOCITY, INSTRUMENT]
    return {
        "grid": piece.grid,
        "end": piece.end,
        "bar_starts": [bar.start for bar in piece.bars()],
        "tempo": float(piece.tempos[0].rate) if piece.tempos else 120.0,
        "instruments": [one.label for one in piece.instruments],
        "notes": piece.notes[:, columns].tolist(),
    }
