"""What was composed: a piece, where its prompt ends, and the files that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from seqloom_runtime.signal.midi import write_midi
from seqloom_runtime.signal.music import INSTRUMENT, PITCH, START, Piece, Tempo
from seqloom_runtime.signal.synthesis import LONGEST_SECONDS, seconds_of, wav_bytes

from seqloom.evaluate.music import Bars, music_measures
from seqloom.evaluate.piano_roll import piano_roll

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


@dataclass(frozen=True)
class Composition:
    """A piece that a model wrote.

    Args:
        piece: all of it, the prompt too.
        prompt_end: the step at which the prompt ends; 0 without one.
        misread: events of the prompt that the model does not know, read as their nearest.
    """

    piece: Piece
    prompt_end: int = 0
    misread: int = 0

    @property
    def bars(self) -> int:
        """Bars of the whole."""
        return sum(1 for _ in self.piece.bars())

    def remarks(self) -> list[str]:
        """What is worth a line, in sentences."""
        lines = []
        if self.misread:
            lines.append(
                f"{self.misread:,} events of the prompt do not occur in the training part and were "
                "read as the nearest of their kind."
            )
        if (seconds := self.seconds) > LONGEST_SECONDS:
            lines.append(f"The sound would take {seconds:,.0f} s; it ends after an hour.")
        return lines

    @property
    def seconds(self) -> float:
        """How long it sounds."""
        return float(seconds_of(self.piece, np.array([self.piece.end]))[0])

    def at_tempo(self, rate: float) -> Composition:
        """The same at one tempo throughout; 0 leaves it."""
        if not rate:
            return self
        return replace(self, piece=replace(self.piece, tempos=(Tempo(0, rate),)))

    def midi(self) -> bytes:
        """A MIDI file."""
        return write_midi(self.piece)

    def wav(self) -> bytes:
        """A WAV file, as the built-in synthesizer plays it."""
        return wav_bytes(self.piece)

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

    def melody(self, most: int = 24) -> str:
        """The notes of the highest instrument in order, with bar lines; at most so many notes."""
        notes = self.piece.notes[self.piece.pitched]
        players = np.unique(notes[:, INSTRUMENT])
        if not len(players):
            return ""
        heights = [notes[notes[:, INSTRUMENT] == player, PITCH].mean() for player in players]
        own = notes[notes[:, INSTRUMENT] == players[int(np.argmax(heights))]]
        _, firsts = np.unique(own[:, START], return_index=True)  # of a chord the highest note
        words: list[str] = []
        left = own[firsts][:, [START, PITCH]].tolist()
        for bar in self.piece.bars():
            while left and left[0][0] < bar.end:
                if most == 0:
                    return " ".join([*words, "…"])
                words.append(pitch_name(left.pop(0)[1]))
                most -= 1
            words.append("|")
        return " ".join(words)


def pitch_name(pitch: int) -> str:
    """A pitch as musicians write it.

    >>> pitch_name(60), pitch_name(69)
    ('C4', 'A4')
    """
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def measured(piece: Piece) -> Bars:
    """A piece as the measures take it: without drums."""
    starts = np.array([bar.start for bar in piece.bars()], np.int64)
    return Bars(piece.notes[piece.pitched], starts)


def instruments_used(piece: Piece) -> int:
    """How many instruments have a note."""
    return len(np.unique(piece.notes[:, INSTRUMENT]))
