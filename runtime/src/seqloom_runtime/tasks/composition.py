"""What was composed: a piece, where its prompt ends, and the files that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from seqloom_runtime.signal.midi import write_midi
from seqloom_runtime.signal.music import INSTRUMENT, PITCH, START, Piece, Tempo
from seqloom_runtime.signal.synthesis import LONGEST_SECONDS, seconds_of, wav_bytes

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

    def at_tempo(self, rate: float) -> Self:
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
