"""Composing piano rolls: frames of 88 keys, as the published tables of polyphonic music have them.

rolls → frames → encoder → chances of each key in the next frame → loss in nats a frame
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save as save_arrays
from seqloom_runtime.decode.frames import Joint
from seqloom_runtime.signal.music import (
    KEYS,
    Piece,
    frames_of_piece,
    piece_of_frames,
)
from seqloom_runtime.signal.rolls import frames_of_ids
from seqloom_runtime.tasks import compose
from torch import nn

from seqloom.config import ComposeSettings, ModelSettings, Settings
from seqloom.data.batching import Batch
from seqloom.data.pieces import RollStream, roll_batch
from seqloom.data.store import Store
from seqloom.evaluate.music import copied_runs, music_measures
from seqloom.evaluate.roll_baseline import NoteChain, frame_scores
from seqloom.nn.cells import State
from seqloom.nn.language_model import Loss
from seqloom.nn.roll_model import IndependentNotes, JointNotes, RollModel
from seqloom.run import Run
from seqloom.tasks.composition import Composition, measured
from seqloom.tasks.encoder import build_encoder
from seqloom.tasks.music_corpus import MusicCorpus
from seqloom.tasks.writer import read_weights
from seqloom.train.checkpoint import load_into, read_tensors
from seqloom.train.job import Validation
from seqloom.train.loop import LARGEST_SEED
from seqloom.watching import Units

SCORED_AT_ONCE = 16  # pieces
MEASURED = 20
MEASURED_BARS = 16
SAMPLE_BARS = 16

Frames = npt.NDArray[np.float32]


def build_roll_model(settings: ModelSettings) -> RollModel:
    """The network the settings describe, with fresh weights."""
    size = settings.embedding_size if settings.embedding == "learned" else 0
    encoder = build_encoder(settings, size or KEYS, window=settings.attention_window)
    head: IndependentNotes | JointNotes
    if settings.notes == "independent":
        head = IndependentNotes(encoder.output_size, KEYS)
    else:
        head = JointNotes(encoder.output_size, KEYS, settings.note_size)
    return RollModel(KEYS, size, encoder, head, embedding_dropout=settings.embedding_dropout)


class RollJob:
    """A model of piano rolls in training.

    Args:
        corpus: stored rolls.
        device: where the model is.
        autocast: makes the context of validation, as it does that of training.
    """

    units = Units("frame", "frames")

    def __init__(
        self,
        corpus: MusicCorpus,
        device: torch.device,
        autocast: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self.corpus, self.device, self.autocast = corpus, device, autocast
        settings, train = corpus.settings, corpus.settings.train
        torch.manual_seed(train.seed % LARGEST_SEED)
        self.model = build_roll_model(settings.model).to(device)
        frames = train.batch_size * train.sequence_length
        transpose = settings.data.transpose
        self.stream = RollStream(corpus.store("train"), frames, train.seed, transpose)
        self.valid = rolls_of(corpus.store("valid"))
        self._shown: Composition | None = None

    def loss(self, model: nn.Module, batch: Batch, states: Sequence[State] | None) -> Loss:
        """Nats of a batch."""
        result: Loss = model(*_tensors(batch, self.device), None)
        return result

    def count(self, batch: Batch) -> int:
        """Frames to be predicted."""
        return int(batch.lengths.sum())

    def validate(self) -> Validation:
        """Nats a frame on the validation part."""
        with self.autocast():
            scores = frame_scores(score_rolls(self.model, self.valid, self.device))
        return Validation(scores["nll_per_frame"])

    def pictures(self) -> dict[str, bytes]:
        """A piece that the model writes by now: as MIDI, and as a picture."""
        from seqloom.tasks.compose import sample_files

        self._shown = self._composed()
        return sample_files(self._shown)

    def samples(self) -> list[dict[str, Any]]:
        """The same in words."""
        from seqloom.tasks.compose import sample_words

        shown, self._shown = self._shown or self._composed(), None
        return [sample_words(shown)]

    def _composed(self) -> Composition:
        settings = self.corpus.settings
        composer = RollComposer(self.model, settings.data.grid)
        return composer.compose(ComposeSettings(bars=SAMPLE_BARS, seed=settings.train.seed))


def _tensors(batch: Batch, device: torch.device) -> tuple[torch.Tensor, ...]:
    arrays = (batch.inputs, batch.lengths, batch.targets)
    return tuple(torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays)


def rolls_of(store: Store) -> list[Frames]:
    """All rolls of a part."""
    return [frames_of_ids(store[piece]) for piece in range(len(store))]


@torch.inference_mode()
def score_rolls(model: RollModel, rolls: list[Frames], device: torch.device) -> list[Any]:
    """Nats of each frame of each roll, read from its own beginning."""
    model.eval()
    result: list[Any] = [np.zeros(0)] * len(rolls)
    order = np.argsort([len(roll) for roll in rolls], kind="stable")
    for first in range(0, len(order), SCORED_AT_ONCE):
        rows = order[first : first + SCORED_AT_ONCE]
        batch = roll_batch([rolls[row] for row in rows], longest=None)
        nats = model.frame_nats(*_tensors(batch, device)).double().cpu().numpy()
        for row, each, length in zip(rows, nats, batch.lengths, strict=True):
            result[row] = each[:length]
    return result


class RollComposer(compose.RollComposer[Composition]):
    """A model of piano rolls that writes, its network in torch.

    Args:
        model: the network.
        grid: frames of a quarter note.
    """

    def __init__(self, model: RollModel, grid: int) -> None:
        joint = None
        if isinstance(model.head, JointNotes):
            weights = (model.head.seen, model.head.out)
            joint = Joint(*(weight.detach().float().cpu().numpy() for weight in weights))
        super().__init__(grid, joint, Composition)
        self.model = model

    @torch.inference_mode()
    def read(self, frames: Frames, states: Any = None) -> tuple[Frames, Frames | None, Any]:
        """What the next frame starts from, after frames (time, keys), and the states."""
        self.model.eval()
        hidden, states = self.model.encode(torch.from_numpy(frames)[None], None, states)
        last, head = hidden[:, -1], self.model.head
        if isinstance(head, JointNotes):
            return head.bias(last)[0].numpy(), head.start(last)[0].numpy(), states
        return head.linear(last)[0].numpy(), None, states


def load_roll_composer(run: Run, settings: Settings) -> RollComposer:
    """The composer of a run of piano rolls.

    Raises:
        RunError: the run has no weights yet, or they are damaged.
    """
    return RollComposer(_load(run, settings), settings.data.grid)


def _load(run: Run, settings: Settings) -> RollModel:
    model = build_roll_model(settings.model)
    load_into(model, read_tensors(run.read("model.safetensors"), run.path), run.path)
    return model.eval()


def score_run(corpus: MusicCorpus, job: RollJob, run: Run) -> dict[str, Any]:
    """Metrics of the model and of a chain for each key, and what its music is like."""
    train = rolls_of(corpus.store("train"))
    chain = NoteChain.fit(train, job.valid)
    run.seal("baseline.safetensors", save_arrays(chain.arrays()))
    result: dict[str, Any] = {"valid": {}, "test": {}, "baseline": {"valid": {}, "test": {}}}
    for part in ("valid", "test"):
        if corpus.has(part):
            rolls = rolls_of(corpus.store(part))
            result[part] = frame_scores(score_rolls(job.model, rolls, job.device))
            result["baseline"][part] = frame_scores([chain.nats(roll) for roll in rolls])
    composer = RollComposer(job.model.cpu(), corpus.settings.data.grid)
    result["music"] = _measure(composer, corpus.settings, train, job.valid)
    return result


def _measure(
    composer: RollComposer, settings: Settings, train: list[Frames], valid: list[Frames]
) -> dict[str, dict[str, float]]:
    options = ComposeSettings(bars=MEASURED_BARS, seed=settings.train.seed)
    grid = settings.data.grid
    known = [piece_of_frames("", roll > 0, grid) for roll in train]
    pieces = {
        "validation": [piece_of_frames("", roll > 0, grid) for roll in valid],
        "model": [composer.compose(options, row=row).piece for row in range(MEASURED)],
    }
    found = {"training": music_measures([measured(piece) for piece in known])}
    for name, own in pieces.items():
        copied = copied_runs([piece.notes for piece in own], [piece.notes for piece in known])
        found[name] = {**music_measures([measured(p) for p in own]), "copied_runs": copied}
    return found


def evaluate_pieces(run: Run, settings: Settings, pieces: list[Piece]) -> dict[str, Any]:
    """Scores of some pieces beside the baseline's."""
    model = _load(run, settings)
    chain = NoteChain.from_arrays(read_weights(run, "baseline.safetensors"))
    rolls = [frames_of_piece(piece).astype(np.float32) for piece in pieces]
    scores = frame_scores(score_rolls(model, rolls, torch.device("cpu")))
    plain = frame_scores([chain.nats(roll) for roll in rolls])
    return {"scores": scores, "baseline": {"scores": plain}}
