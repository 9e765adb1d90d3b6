"""What was composed, with its picture and its measures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from seqloom_runtime.signal.music import INSTRUMENT, Piece
from seqloom_runtime.tasks import composition
from seqloom_runtime.tasks.composition import pitch_name

from seqloom.evaluate.music import Bars, music_measures
from seqloom.evaluate.piano_roll import piano_roll


@dataclass(frozen=True)
class Composition(composition.Composition):
    """A piece that a model wrote; see ``seqloom_runtime.tasks.composition``."""

    def picture(self, title: str = "") -> bytes:
        """A piano roll as PNG."""
        piece = self.piece
        names = [
            "drums" if one.label == "drums" else f"programme {one.label}"
            for one in piece.instruments
        ]
        starts = [bar.start for bar in piece.bars()]
        return piano_roll(
            piece.notes, starts, names, end=piece.end, written_from=self.prompt_end, title=title
        )

    def measures(self) -> dict[str, float]:
        """Share of its notes in one key, and of its bars that repeat an earlier one."""
        return music_measures([measured(self.piece)])


def measured(piece: Piece) -> Bars:
    """A piece as the measures take it: without drums."""
    starts = np.array([bar.start for bar in piece.bars()], np.int64)
    return Bars(piece.notes[piece.pitched], starts)


def instruments_used(piece: Piece) -> int:
    """How many instruments have a note."""
    return len(np.unique(piece.notes[:, INSTRUMENT]))


__all__ = ["Composition", "instruments_used", "measured", "pitch_name"]
