"""Compose: learn from music, and write music.

pieces → events → ids → embedding → encoder → next event → loss                (events)
pieces → frames of 88 keys → encoder → chances of the keys of the next → loss  (piano roll)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save as save_arrays
from seqloom_runtime.evaluate.ngram import NGramModel, choose_order
from seqloom_runtime.signal.events import EventVocabulary, sequence_of, transposed
from seqloom_runtime.signal.music import KEYS, Piece
from threadpoolctl import threadpool_limits
from torch import nn

from seqloom.config import ComposeSettings, Settings
from seqloom.data.batching import Batch
from seqloom.data.pieces import PieceStream
from seqloom.data.source import Source, open_source
from seqloom.data.store import Store, write_store
from seqloom.evaluate.metrics import perplexity
from seqloom.evaluate.music import copied_runs, music_measures
from seqloom.nn.cells import State
from seqloom.nn.language_model import LanguageModel, Loss
from seqloom.run import Run
from seqloom.tasks import compose_roll
from seqloom.tasks.composer import EventComposer
from seqloom.tasks.composition import Composition, measured
from seqloom.tasks.generate import build_model, score, scored_batches, scored_sequences, to_tensors
from seqloom.tasks.music_corpus import (
    MusicCorpus,
    prepare_music,
    read_other,
    reopen_music,
    vocabulary_of,
)
from seqloom.tasks.writer import read_weights
from seqloom.train.checkpoint import load_into, read_tensors
from seqloom.train.job import Validation
from seqloom.train.loop import LARGEST_SEED
from seqloom.watching import Units

SCORED_IN_TRAINING = 60_000  # events at most, at each report
SCORED_AT_THE_END = 2_000_000
NGRAM_EVENTS = 5_000_000
ORDERS = range(1, 11)
MEASURED = 20  # pieces that are written to be measured
SAMPLE_BARS = 16
MEASURED_BARS = 16


class NGramStep:
    """The n-gram baseline as a step: its state is what was read."""

    def __init__(self, model: NGramModel) -> None:
        self.model = model

    def zero_state(self, batch: int) -> npt.NDArray[np.int64]:
        """Nothing read yet."""
        return np.zeros((batch, 0), np.int64)

    def __call__(
        self, ids: npt.NDArray[np.int64], state: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Logits of the id after each."""
        state = np.concatenate([state, ids[:, None]], axis=1)[:, -self.model.order :]
        rows = [np.log(np.maximum(self.model.distribution(row), 1e-30)) for row in state]
        return np.stack(rows).astype(np.float32), state


class EventJob:
    """A model of events in training.

    Args:
        corpus: stored ids.
        device: where the model is.
        autocast: makes the context of validation, as it does that of training.
    """

    units = Units("event", "events")

    def __init__(
        self,
        corpus: MusicCorpus,
        device: torch.device,
        autocast: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        assert corpus.vocabulary is not None
        self.corpus, self.vocabulary = corpus, corpus.vocabulary
        self.device, self.autocast = device, autocast
        settings, train = corpus.settings, corpus.settings.train
        torch.manual_seed(train.seed % LARGEST_SEED)
        self.model = build_model(settings.model, len(self.vocabulary)).to(device)
        move = partial(transposed_by, vocabulary=self.vocabulary)
        self.stream = PieceStream(
            corpus.store("train"),
            train.batch_size,
            train.sequence_length,
            train.seed,
            settings.data.transpose,
            move,
        )
        self.valid = list(scored_batches(corpus.store("valid"), settings, SCORED_IN_TRAINING))
        self._shown: Composition | None = None

    def loss(self, model: nn.Module, batch: Batch, states: Sequence[State] | None) -> Loss:
        """Nats of a batch."""
        result: Loss = model(*to_tensors(batch, self.device), states)
        return result

    def count(self, batch: Batch) -> int:
        """Events to be predicted: one a step."""
        return int(batch.lengths.sum())

    def validate(self) -> Validation:
        """Nats an event on (the first 60,000 events of) the validation part."""
        with self.autocast():
            nats, targets = score(self.model, self.valid, self.device)
        return Validation(nats / targets)

    def pictures(self) -> dict[str, bytes]:
        """A piece that the model writes by now: as MIDI, and as a picture."""
        self._shown = self._composed()
        return sample_files(self._shown)

    def samples(self) -> list[dict[str, Any]]:
        """The same in words."""
        shown, self._shown = self._shown or self._composed(), None
        return [sample_words(shown)]

    def _composed(self) -> Composition:
        composer = composer_of(self.model, self.corpus.settings, self.vocabulary)
        with threadpool_limits(1, user_api="blas"):
            return composer.compose(sample_options(self.corpus.settings))


def transposed_by(ids: Any, semitones: int, *, vocabulary: EventVocabulary) -> Any:
    """Ids moved by some semitones."""
    return transposed(ids, vocabulary, semitones)


def sample_options(settings: Settings) -> ComposeSettings:
    """How the piece shown after an epoch is written."""
    return ComposeSettings(bars=SAMPLE_BARS, seed=settings.train.seed)


def sample_files(shown: Composition) -> dict[str, bytes]:
    """A composition as the files of a run folder."""
    return {"sample.mid": shown.midi(), "sample.png": shown.picture()}


def sample_words(shown: Composition) -> dict[str, Any]:
    """A composition as a line of ``samples.jsonl``."""
    return {
        "melody": shown.melody(),
        "bars": shown.bars,
        "notes": len(shown.piece.notes),
        "music": shown.piece.notes.tolist(),
        "instruments": [one.label for one in shown.piece.instruments],
        "grid": shown.piece.grid,
    }


def composer_of(
    model: LanguageModel, settings: Settings, vocabulary: EventVocabulary
) -> EventComposer:
    """A composer with the weights of this moment."""
    weights = {name: w.detach().cpu().numpy() for name, w in model.state_dict().items()}
    return EventComposer.of_weights(weights, settings.model, vocabulary)


def prepare(source: Source, settings: Settings) -> MusicCorpus:
    """Read pieces, split them, fit the vocabulary on the training part, store the ids."""
    return prepare_music(source, settings)


def reopen(folder: str, settings: Settings) -> MusicCorpus | None:
    """A corpus prepared before, if the cache still has it, with the settings of one run."""
    corpus = reopen_music(Path(folder))
    return None if corpus is None else replace(corpus, settings=settings)


def sealed_files(corpus: MusicCorpus) -> dict[str, bytes]:
    """What composing needs beside the weights and the settings."""
    saved = corpus.vocabulary
    content = {"music": "roll", "keys": KEYS} if saved is None else saved.to_dict()
    return {"vocabulary.json": json.dumps(content).encode()}


def make_job(
    corpus: MusicCorpus, device: torch.device, autocast: Callable[[], AbstractContextManager[Any]]
) -> EventJob | compose_roll.RollJob:
    """A model with fresh weights, and its data."""
    if corpus.vocabulary is None:
        return compose_roll.RollJob(corpus, device, autocast)
    return EventJob(corpus, device, autocast)


def score_run(
    corpus: MusicCorpus, job: EventJob | compose_roll.RollJob, run: Run
) -> dict[str, Any]:
    """Metrics of the model and of its baseline, and what its music is like."""
    if isinstance(job, compose_roll.RollJob):
        return compose_roll.score_run(corpus, job, run)
    ngram = fit_ngram(corpus, job.vocabulary)
    run.seal("baseline.safetensors", save_arrays(ngram.arrays()))
    result: dict[str, Any] = {"valid": {}, "test": {}, "baseline": {"valid": {}, "test": {}}}
    for part in ("valid", "test"):
        if corpus.has(part):
            notes = corpus.facts.notes[part]
            result[part], result["baseline"][part] = score_store(
                job.model, ngram, corpus.store(part), corpus.settings, notes, job.device
            )
    composer = composer_of(job.model, corpus.settings, job.vocabulary)
    with threadpool_limits(1, user_api="blas"):
        result["music"] = measure(corpus, composer, ngram)
    return result


def fit_ngram(corpus: MusicCorpus, vocabulary: EventVocabulary) -> NGramModel:
    """The baseline: Kneser-Ney n-grams of the training part, their order chosen on validation.

    So is whether they are counted in all keys that the network learns from, or in the pieces' own.
    """
    train, valid = (_sequences(corpus.store(part)) for part in ("train", "valid"))
    most = corpus.settings.data.transpose
    keys = [0, *(k for n in range(1, most + 1) for k in (n, -n))]
    counted = [train, [transposed(ids, vocabulary, k) for k in keys for ids in train]]
    found = [
        choose_order(ids, valid, len(vocabulary), ORDERS, max_tokens=NGRAM_EVENTS)
        for ids in (counted if most else counted[:1])
    ]
    return min(found, key=lambda model: sum(n[1:].sum() for n in model.nll_each(valid)))


def _sequences(store: Store) -> list[Any]:
    return [store[piece].astype(np.int32) for piece in range(len(store))]


def score_store(
    model: LanguageModel,
    ngram: NGramModel,
    store: Store,
    settings: Settings,
    notes: int,
    device: torch.device,
) -> tuple[dict[str, float], dict[str, float]]:
    """Metrics of the model and of the baseline on the same events, in float32."""
    nats, count = score(model, scored_batches(store, settings, SCORED_AT_THE_END), device)
    scored = [ids for ids, _ in scored_sequences(store, settings, SCORED_AT_THE_END)]
    plain = float(sum(each[1:].sum() for each in ngram.nll_each(scored)))
    share = count / max(1, store.tokens - len(store))
    return _scores(nats, count, notes * share), _scores(plain, count, notes * share)


def _scores(nats: float, count: int, notes: float) -> dict[str, float]:
    nll = nats / count if count else float("nan")
    per_note = nats / notes if notes else float("nan")
    return {"nll": nll, "perplexity": perplexity(nll), "nll_per_note": per_note}


def measure(
    corpus: MusicCorpus, composer: EventComposer, ngram: NGramModel | None
) -> dict[str, dict[str, float]]:
    """What is written, by the model and by the baseline, beside what it learnt from."""
    parts = {part: _pieces(corpus, part) for part in ("train", "valid")}
    training = [piece.notes[piece.pitched] for piece in parts["train"]]
    found = {"training": music_measures([measured(piece) for piece in parts["train"]])}
    found["validation"] = _measured(parts["valid"], training)
    found["model"] = _measured(_written(composer, corpus.settings), training)
    if ngram is not None:
        plain = EventComposer(NGramStep(ngram), composer.vocabulary)
        found["baseline"] = _measured(_written(plain, corpus.settings), training)
    return found


def _written(composer: EventComposer, settings: Settings) -> list[Piece]:
    options = ComposeSettings(bars=MEASURED_BARS, seed=settings.train.seed)
    return [composer.compose(options, row=row).piece for row in range(MEASURED)]


def _measured(pieces: list[Piece], training: list[Any]) -> dict[str, float]:
    notes = [piece.notes[piece.pitched] for piece in pieces]
    return {
        **music_measures([measured(piece) for piece in pieces]),
        "copied_runs": copied_runs(notes, training),
    }


def _pieces(corpus: MusicCorpus, part: str) -> list[Piece]:
    assert corpus.vocabulary is not None
    decode = corpus.vocabulary.decode
    return [decode(ids) for ids in _sequences(corpus.store(part))]


def evaluate_run(run: Run, settings: Settings, data: Any) -> dict[str, Any]:
    """Scores on other music beside the baseline's."""
    vocabulary = vocabulary_of(run.read_json("vocabulary.json"))
    pieces, left_out = read_other(open_source(data), settings)
    result: dict[str, Any] = {"remarks": left_out}
    if vocabulary is None:
        return result | compose_roll.evaluate_pieces(run, settings, pieces)
    model = build_model(settings.model, len(vocabulary))
    load_into(model, read_tensors(run.read("model.safetensors"), run.path), run.path)
    ngram = NGramModel.from_arrays(read_weights(run, "baseline.safetensors"))
    with TemporaryDirectory() as folder:
        records = (sequence_of(vocabulary.encode(piece)) for piece in pieces)
        store = write_store(Path(folder) / "scored.arrow", records, len(vocabulary))
        notes = sum(len(piece.notes) for piece in pieces)
        if misread := sum(vocabulary.misread(piece) for piece in pieces):
            left_out.append(
                f"{misread:,} of {store.tokens:,} events do not occur in the training part and are "
                "read as the nearest of their kind."
            )
        scores, plain = score_store(model, ngram, store, settings, notes, torch.device("cpu"))
    return result | {"scores": scores, "baseline": {"scores": plain}}
