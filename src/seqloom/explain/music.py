"""Looking into composers: events one by one, or frames of a piano roll."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from seqloom_runtime.decode.frames import draw_frame
from seqloom_runtime.signal.events import BEGIN, EventVocabulary, Reading
from seqloom_runtime.signal.music import LOWEST_KEY, Piece, frames_of_piece
from seqloom_runtime.signal.rolls import Frames, frames_of_ids
from torch import Tensor, nn

from seqloom.config import Settings
from seqloom.data.music import read_prompt
from seqloom.errors import DataError
from seqloom.explain.cell_equations import Array
from seqloom.explain.next_tokens import PIECE, SHOWN_TARGETS, NextToken, as_ids
from seqloom.explain.remarks import Remark
from seqloom.explain.subject import Read, Subject, repeated
from seqloom.explain.texts import prepared_of
from seqloom.explain.trace import Steps, Trace
from seqloom.nn.encoders import Encoder
from seqloom.nn.language_model import LanguageModel
from seqloom.nn.roll_model import RollModel
from seqloom.run import Run
from seqloom.tasks.compose_roll import RollComposer, build_roll_model
from seqloom.tasks.composition import pitch_name
from seqloom.tasks.generate import build_model
from seqloom.tasks.music_corpus import vocabulary_of
from seqloom.toml import read_settings
from seqloom.train.checkpoint import load_into, read_tensors

MOST_STEPS = 400  # that a page shows
REST = "–"  # a frame in which no key is down


class Composing(NextToken):
    """A model of the next event of music."""

    task = "compose"

    def __init__(
        self, run: Run, settings: Settings, model: LanguageModel, vocabulary: EventVocabulary
    ) -> None:
        super().__init__(run, settings, model, vocabulary.token)
        self.vocabulary = vocabulary

    @classmethod
    def of(cls, run: Run) -> Subject:
        """The model of a run, of events or of piano rolls."""
        settings = read_settings(run.path / "config.toml")
        vocabulary = vocabulary_of(run.read_json("vocabulary.json"))
        tensors = read_tensors(run.read("model.safetensors"), run.path)
        if vocabulary is None:
            roll = build_roll_model(settings.model)
            load_into(roll, tensors, run.path)
            return ComposingRolls(run, settings, roll)
        model = build_model(settings.model, len(vocabulary))
        load_into(model, tensors, run.path)
        return cls(run, settings, model, vocabulary)

    def read(self, given: Any) -> Read:
        """A piece: a MIDI file, or one that was read."""
        piece = piece_of(given, self.vocabulary.grid)
        ids = np.array([BEGIN, *self.vocabulary.encode(piece)])
        remarks = []
        if misread := self.vocabulary.misread(piece):
            remarks.append(Remark("misread", misread, len(ids) - 1))
        if len(ids) > MOST_STEPS:
            remarks.append(Remark("events", len(ids), MOST_STEPS))
            ids = ids[:MOST_STEPS]
        return self.read_ids(piece.name, ids, self.names(ids), tuple(remarks))

    def examples(self, part: str) -> Iterator[Read]:
        """Stretches of the pieces of a part, with what stands written of each event."""
        corpus = prepared_of(self.run, self.settings)
        if corpus is None or not corpus.has(part):
            return
        store = corpus.store(part)
        for number in np.random.default_rng(0).permutation(len(store)):
            ids = np.asarray(store[int(number)])
            measures, kinds = measured_events(ids, self.vocabulary)
            for first in range(0, len(ids), PIECE):
                here = slice(first, first + PIECE)
                names = self.names(ids[here])
                yield Read(
                    *("", names, names, (as_ids(ids[here]),)),
                    classes=kinds[here],
                    class_kind="event",
                    measures={name: values[here] for name, values in measures.items()},
                )


def piece_of(given: Any, grid: int) -> Piece:
    """A piece from what the user gave.

    Raises:
        DataError: it is no MIDI file, or has no note.
    """
    if isinstance(given, str | Path):
        given = read_prompt(Path(given), grid)
    if not isinstance(given, Piece):
        raise DataError(f"Expected a MIDI file, received {type(given).__name__}.")
    if not len(given.notes):
        raise DataError(f"{given.name}: holds no note. Pass another file.")
    return given


def measured_events(
    ids: Any, vocabulary: EventVocabulary
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Of each event: place in the bar in quarter notes, last pitch, bars so far; and its kind."""
    reading = Reading(vocabulary)
    rows, kinds = [], []
    for number in ids:
        reading.push(int(number))
        rows.append((max(0, reading.at) / vocabulary.grid, max(0, reading.pitch), reading.bars))
        kinds.append(reading.kind)
    table = np.array(rows, np.float64)
    return dict(zip(("beat", "pitch", "bars"), table.T, strict=True)), tuple(kinds)


class ComposingRolls(Subject):
    """A model of the next frame of a piano roll."""

    task = "compose"

    def encoder_of(self, model: nn.Module) -> Encoder:
        """The encoder of a model of rolls."""
        assert isinstance(model, RollModel)
        return model.encoder

    def read(self, given: Any) -> Read:
        """A piece in frames; before the first stands one in which no key is down."""
        piece = piece_of(given, self.settings.data.grid)
        frames, remarks = frames_of_piece(piece).astype(np.float32), []
        if not frames.any():
            raise DataError(f"{piece.name}: holds no note of a piano. Pass another file.")
        if len(frames) >= MOST_STEPS:
            kept = MOST_STEPS - 1
            remarks.append(Remark("frames", len(frames), kept))
            frames = frames[:kept]
        return self._framed(piece.name, frames, tuple(remarks))

    def _framed(self, name: str, frames: Frames, remarks: tuple[str, ...] = ()) -> Read:
        read_frames = np.concatenate([np.zeros_like(frames[:1]), frames])
        tokens = tuple(map(chord, read_frames))
        inputs = torch.from_numpy(read_frames)[None]
        ahead = self._likeliest(read_frames)
        best = ahead.argsort()[::-1][:SHOWN_TARGETS].copy()
        due = np.concatenate([frames, (ahead > 0.5)[None].astype(np.float32)])
        tensors = (inputs, torch.from_numpy(due)[None])
        targets = tuple(key_name(int(key)) for key in best)
        return Read(name, tokens, tokens, tensors, targets, best, remarks=remarks)

    @torch.inference_mode()
    def _likeliest(self, frames: Frames) -> Array:
        """How likely each key is after the last frame: (keys,); drawn from below, if jointly."""
        assert isinstance(self.model, RollModel)
        composer = RollComposer(self.model, 1)
        bias, start, _ = composer.read(frames.astype(np.float32))
        half, every = np.full(len(bias), 0.5, np.float32), np.ones(len(bias), np.float32)
        frame = torch.from_numpy(draw_frame(bias, start, composer.joint, half, 0, every))
        hidden, _ = self.model.encode(torch.from_numpy(frames.astype(np.float32))[None])
        found = torch.sigmoid(self.model.head.logits(hidden[0, -1:], frame[None]))[0]
        chances: Array = found.double().numpy()
        return chances

    def say(self, model: nn.Module, read: Read, rows: int = 1) -> Tensor:
        """Of each key in the frame after each: (rows, time, keys)."""
        return self._chances(model, *repeated(read.tensors, rows))

    def _chances(self, model: nn.Module, frames: Tensor, due: Tensor) -> Tensor:
        assert isinstance(model, RollModel)
        hidden, _ = model.encode(frames)
        logits = model.head.logits(hidden.flatten(0, 1), due.to(hidden.dtype).flatten(0, 1))
        return torch.nn.functional.logsigmoid(logits).view(*frames.shape[:2], -1)

    def ends(self, read: Read) -> tuple[Tensor, Tensor]:
        """The frames, and as many in which no key is down."""
        x = read.tensors[0].float()
        return x, torch.zeros_like(x)

    def scores_at(self, read: Read, x: Tensor) -> Tensor:
        """Of the likeliest keys after the last frame."""
        (due,) = repeated(read.tensors[1:], len(x))
        return self._chances(self.model, x, due)[:, -1, read.extra.tolist()]

    def scores(self, read: Read, rows: int) -> Tensor:
        """The same of the frames themselves."""
        return self.scores_at(read, self.ends(read)[0].expand(rows, -1, -1))

    def finish(self, read: Read, said: Array, found: dict[str, Array], deviation: float) -> Trace:
        """With the likeliest keys of the next frame, and the roll itself."""
        rows = tuple(likeliest_keys(row) for row in np.exp(said[0]))
        chosen = tuple(map(chord, read.tensors[1][0].numpy()))
        roll = read.tensors[0][0].double().numpy().T
        remarks = list(read.remarks)
        if self.settings.model.notes != "independent":
            remarks.append(Remark("keys_below"))
        return Trace(
            *(self.task, self.name, read.given, read.tokens, read.pieces),
            {**found, "roll": roll},
            *(Steps("keys", rows, (*chosen[:-1], "")), deviation),
            remarks=tuple(remarks),
        )

    def examples(self, part: str) -> Iterator[Read]:
        """Stretches of the rolls of a part: keys down, the highest of them, place in the bar."""
        corpus = prepared_of(self.run, self.settings)
        if corpus is None or not corpus.has(part):
            return
        store, grid = corpus.store(part), self.settings.data.grid
        for number in np.random.default_rng(0).permutation(len(store)):
            frames = frames_of_ids(store[int(number)])
            for first in range(0, len(frames), PIECE):
                own = frames[first : first + PIECE]
                tokens = tuple(map(chord, own))
                down = own > 0
                highest = np.where(down.any(1), 87 - down[:, ::-1].argmax(1) + LOWEST_KEY, 0)
                place = np.arange(first, first + len(own))
                yield Read(
                    *("", tokens, tokens, (torch.from_numpy(own)[None],) * 2),
                    measures={
                        "keys": down.sum(1).astype(np.float64),
                        "highest": highest.astype(np.float64),
                        "beat": place % (4 * grid) / grid,
                    },
                )


def key_name(key: int) -> str:
    """A key of the piano, counted from 0, as musicians write it."""
    return pitch_name(key + LOWEST_KEY)


def chord(frame: Any) -> str:
    """The keys of a frame that are down, from below.

    >>> chord(np.eye(88)[39]), chord(np.zeros(88))
    ('C4', '–')
    """
    return " ".join(key_name(int(key)) for key in np.flatnonzero(frame)) or REST


def likeliest_keys(chances: Array, count: int = 8) -> tuple[tuple[str, float], ...]:
    """Keys with the greatest chances (keys,)."""
    best = islice(np.argsort(-chances, kind="stable"), count)
    return tuple((key_name(int(key)), float(chances[key])) for key in best)
