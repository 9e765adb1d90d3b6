"""An exported composer, of events or of piano rolls: a prompt in, a piece out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.decode.frames import Joint
from seqloom_runtime.errors import DataError
from seqloom_runtime.exported.folder import Folder
from seqloom_runtime.exported.model import ExportedModel
from seqloom_runtime.exported.session import OnnxStep, Session, State
from seqloom_runtime.signal.events import EventVocabulary
from seqloom_runtime.signal.midi import read_midi
from seqloom_runtime.signal.music import Piece
from seqloom_runtime.tasks.compose import Composer, EventComposer, Frames, RollComposer
from seqloom_runtime.tasks.composition import Composition

NOTES = "notes.safetensors"  # how keys of a frame depend on each other


class OnnxRollComposer(RollComposer[Composition]):
    """The composer of a folder of piano rolls, its network in onnxruntime."""

    def __init__(self, folder: Folder, grid: int, threads: int) -> None:
        joint = Joint(**folder.arrays(NOTES)) if folder.has(NOTES) else None
        super().__init__(grid, joint, Composition)
        self.session = Session(folder, "model", threads)

    def read(
        self, frames: Frames, states: State | None = None
    ) -> tuple[Frames, Frames | None, State]:
        """What the next frame starts from, after frames (time, keys), and the states."""
        given: dict[str, npt.NDArray[Any]] = {
            "frames": frames[None],
            "lengths": np.array([len(frames)], np.int64),
        }
        before = self.session.zero_state(1) if states is None else states
        found, after = self.session.carried(given, before)
        start = found["start"][0, -1] if "start" in found else None
        return found["bias"][0, -1], start, after


class ExportedComposer(ExportedModel):
    """Prompts in, pieces out."""

    def __init__(self, folder: Folder, threads: int = 1) -> None:
        super().__init__(folder, threads)
        saved = folder.json("vocabulary.json")
        self.composer: Composer[Composition]
        if saved.get("music") == "roll":
            self.composer = OnnxRollComposer(folder, self.held.data.grid, threads)
        else:
            step = OnnxStep(Session(folder, "model", threads))
            self.composer = EventComposer(step, EventVocabulary.from_dict(saved), Composition)

    def answers(self, rows: list[Any], options: Any) -> list[dict[str, Any]]:
        """A piece for each row, as a MIDI file."""
        answers = []
        for number, row in enumerate(rows):
            piece = self.composer.compose(options, self._prompt(row, number + 1), row=number)
            answers.append({"midi": piece.midi(), "bars": piece.bars, "melody": piece.melody()})
        return answers

    def _prompt(self, row: Any, number: int) -> Piece | None:
        if not isinstance(row, dict) or not set(row) <= {"prompt"}:
            raise DataError(f'Row {number:,}: expected {{}} or {{"prompt": a MIDI file}}.')
        prompt = row.get("prompt")
        if prompt is None:
            return None
        if isinstance(prompt, bytes):
            return read_midi(prompt, "prompt", self.composer.grid)
        path = Path(prompt)
        try:
            return read_midi(path.read_bytes(), path.name, self.composer.grid)
        except OSError as error:
            raise DataError(
                f"{path}: cannot be read ({error.strerror}). Pass a .mid file."
            ) from None
