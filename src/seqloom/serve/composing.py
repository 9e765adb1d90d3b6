"""Composers, served."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from seqloom_runtime.serve.pieces import piece_told
from seqloom_runtime.serve.served import Answer, Field, Options, Row
from seqloom_runtime.signal.midi import check_mido, read_midi
from seqloom_runtime.signal.music import Piece

from seqloom.config import ComposeSettings
from seqloom.errors import DataError
from seqloom.run import Run
from seqloom.serve.base import Seen, fields_of
from seqloom.tasks.composer import load_composer

MOST_BARS = 64
MIDI = ("audio/midi", "audio/x-midi")
INPUTS = {"prompt": Field("media", "A MIDI file to go on from, as base64.", media=MIDI)}
OPTIONS = {
    **fields_of(
        *(ComposeSettings, "temperature", "top_k", "top_p", "bars", "key", "tempo", "seed"),
        bars=MOST_BARS,
        seed=2**31,
    ),
    "prompt_bars": fields_of(ComposeSettings, "prompt_bars")["prompt_bars"],
}


class ServedComposer(Seen):
    """A beginning in, or nothing, and music out."""

    task = "compose"
    inputs = INPUTS
    options = OPTIONS

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        check_mido()
        self.composer = load_composer(run)

    def about(self) -> dict[str, Any]:
        """Steps of a quarter note."""
        return {"grid": self.composer.grid}

    def given(self, row: Row) -> Piece:
        """The piece that the model reads.

        Raises:
            DataError: there is none.
        """
        if row["prompt"] is None:
            raise DataError("Pass a MIDI file to look into.", code="midi_wanted")
        return read_midi(row["prompt"], "The piece", self.composer.grid)

    def answer(self, rows: Sequence[Row], options: Options) -> list[Answer]:
        """A piece each: its notes, and as a MIDI file."""
        asked = ComposeSettings(**options)
        return [self._answer(row, asked) for row in rows]

    def _answer(self, row: Row, asked: ComposeSettings) -> Answer:
        prompt = None
        if row["prompt"] is not None:
            prompt = read_midi(row["prompt"], "The prompt", self.composer.grid)
        found = self.composer.compose(asked, prompt)
        return {
            **piece_told(found.piece),
            "bars": found.bars,
            "melody": found.melody(),
            "prompt_end": found.prompt_end,
            "midi": base64.b64encode(found.midi()).decode(),
        }
