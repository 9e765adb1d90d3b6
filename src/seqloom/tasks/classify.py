"""Classify: one label, or several, for a sequence.

text → ids → embedding → encoder → pooling → scores of the labels             (network)
text → n-grams → linear model → scores of the labels                          (wide part)
both → scales fitted on validation → probabilities                            (use)
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from seqloom_runtime.signal.series import SeriesScale
from seqloom_runtime.text.tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F

from seqloom.config import ModelSettings, Settings
from seqloom.data.batching import Batch, ExampleStream, Stream, group_by_length, pad
from seqloom.data.source import Source
from seqloom.evaluate.calibration import probabilities_of
from seqloom.evaluate.classification import mistake_of
from seqloom.nn.cells import State
from seqloom.nn.embedding import LearnedEmbedding, OneHot
from seqloom.nn.language_model import Loss
from seqloom.nn.sequence_classifier import SequenceClassifier
from seqloom.run import Run
from seqloom.tasks.classify_scores import beginning_of, score_all, score_file
from seqloom.tasks.encoder import build_encoder
from seqloom.tasks.label_files import predict_lines
from seqloom.tasks.labelled import UNKNOWN, Labelled, prepare_labelled, reopen_labelled
from seqloom.tasks.pretraining import check_pretraining, pretraining_stage
from seqloom.tasks.starting import open_start, take_weights
from seqloom.train.job import Stage, Validation
from seqloom.train.loop import LARGEST_SEED
from seqloom.train.optim import make_optimizers, set_rate
from seqloom.watching import Units

SCORED_IN_TRAINING = 10_000  # validation examples at most, at each report
SCORED_TOKENS = 16_384  # of a batch that is scored, padding counted
PROBE_SHARE = 0.02  # of a run's updates, with each start, to see whether pre-training pays
FEWEST_PROBES, MOST_PROBES = 5, 60
SHOWN = 3  # validation examples, after each epoch
SHOWN_CHARACTERS = 120


def build_classifier(
    settings: ModelSettings, front: Tokenizer | SeriesScale, labels: int
) -> SequenceClassifier:
    """The network the settings describe, with fresh weights."""
    embedding: LearnedEmbedding | OneHot | nn.Linear
    if isinstance(front, SeriesScale):
        embedding = nn.Linear(front.channels, settings.embedding_size)
        size = settings.embedding_size
    elif settings.embedding == "learned":
        embedding = LearnedEmbedding(front.vocabulary_size, settings.embedding_size)
        size = settings.embedding_size
    else:
        embedding = OneHot(front.vocabulary_size)
        size = front.vocabulary_size
    # What one layer puts out is pooled, and dropped there; a transformer drops what layers add.
    inside = settings.num_layers > 1 or settings.encoder == "transformer"
    encoder = build_encoder(settings, size, dropout=settings.dropout if inside else 0.0)
    return SequenceClassifier(
        embedding,
        encoder,
        tuple(settings.pooling.split("+")),
        labels,
        embedding_dropout=settings.embedding_dropout,
        dropout=settings.dropout,
    )


class ClassifyJob:
    """A classifier in training.

    Args:
        labelled: stored examples.
        device: where the model is.
        autocast: makes the context of validation, as it does that of training.
    """

    def __init__(
        self,
        labelled: Labelled,
        device: torch.device,
        autocast: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self.labelled, self.device, self.autocast = labelled, device, autocast
        settings = labelled.settings
        torch.manual_seed(settings.train.seed % LARGEST_SEED)
        self.store, self.targets = labelled.store(), labelled.targets()
        self.units = Units("example", "tokens" if labelled.is_text else "steps")
        model = build_classifier(settings.model, labelled.front, len(labelled.labels))
        self.model = model.to(device)
        tokens = settings.train.batch_size * settings.train.sequence_length
        rows = labelled.rows("train")
        self.stream: Stream = ExampleStream(
            self.store, self.targets, tokens, settings.train.seed, rows
        )
        self.valid = labelled.rows("valid")[:SCORED_IN_TRAINING]
        self.weights = self._label_weights(self.targets[rows])

    def _label_weights(self, targets: npt.NDArray[Any]) -> torch.Tensor | None:
        """What an example of each label counts, 1 on average; None where all count alike."""
        settings = self.labelled.settings.train
        if settings.class_weights == "none":
            return None
        multi = self.labelled.multi
        counts = targets.sum(0) if multi else np.bincount(targets)
        # For several labels: the weight of a label that is there, against one that is not.
        raw = (len(targets) - counts) / counts if multi else len(targets) / (len(counts) * counts)
        return torch.tensor(raw, dtype=torch.float32, device=self.device)

    def count(self, batch: Batch) -> int:
        """Examples of a batch."""
        return len(batch.lengths)

    def loss(self, model: nn.Module, batch: Batch, states: Sequence[State] | None) -> Loss:
        """Nats of the labels of a batch."""
        inputs, lengths, targets = (
            torch.from_numpy(np.ascontiguousarray(array)).to(self.device)
            for array in (batch.inputs, batch.lengths, batch.targets)
        )
        logits = model(inputs, lengths.clamp(min=1))
        # A row without a real step only fills up one process's part of a batch.
        each = self._nats(logits, targets) * (lengths > 0)
        return Loss(each.sum(), len(batch.lengths), [])

    def _nats(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Nats of each example: (batch, labels), targets → (batch,)."""
        smoothing = self.labelled.settings.train.label_smoothing
        if self.labelled.multi:
            soft = targets * (1 - smoothing) + smoothing / 2
            nats = F.binary_cross_entropy_with_logits(
                logits, soft, pos_weight=self.weights, reduction="none"
            )
            return nats.sum(1)
        return F.cross_entropy(
            logits, targets, weight=self.weights, label_smoothing=smoothing, reduction="none"
        )

    def validate(self) -> Validation:
        """Loss and scores on (the first 10,000 examples of) the validation part."""
        with self.autocast():
            logits = score_rows(self.model, self.store, self.valid, self.device)
        targets = self.targets[self.valid]
        if self.labelled.multi:
            nats = _binary_nats(logits, targets)
            right = float(((logits > 0) == targets).all(1).mean())
        else:
            nats = _label_nats(logits, targets)
            right = float((logits.argmax(1) == targets).mean())
        return Validation(nats, {"accuracy": right}, rank=-right + 1e-4 * nats)

    def loss_after(self, updates: int) -> float:
        """Nats on validation after a few updates from the weights as they are."""
        settings = self.labelled.settings.train
        optimizers = make_optimizers(self.model, settings)
        self.model.train()
        for update in range(min(updates, self.stream.batches(0))):
            torch.manual_seed(update)
            batch = self.stream.batch(0, update)
            with self.autocast():
                loss = self.loss(self.model, batch, None)
            (loss.nats / loss.targets).backward()
            set_rate(optimizers, min(1.0, (update + 1) / (0.2 * updates)))
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
        return self.validate().loss

    def pictures(self) -> dict[str, bytes]:
        """None."""
        return {}

    def samples(self) -> list[dict[str, Any]]:
        """The first validation examples, with the label that the model gives by now."""
        places = np.linspace(0, len(self.valid) - 1, min(SHOWN, len(self.valid)) + 2, dtype=int)
        places = np.unique(places[1:-1])  # files are often sorted by label
        rows = self.valid[places]
        with self.autocast():
            logits = score_rows(self.model, self.store, rows, self.device)
        probabilities = probabilities_of(logits, self.labelled.multi)
        texts = self.labelled.texts("valid") if self.labelled.is_text else None
        names = self.labelled.labels
        shown = []
        for place, row, share in zip(places, rows, probabilities, strict=True):
            said = mistake_of(share, self.targets[row], names)
            given = self.store[int(row)] if texts is None else texts[int(place)]
            sample = {
                "series" if texts is None else "text": (
                    " ".join(beginning_of(given).split())[:SHOWN_CHARACTERS]
                ),
                "label": said["guessed"] or "(none)",
                "probability": round(said["probability"], 4),
                "true": said["true"] or "(none)",
            }
            shown.append(sample)
        return shown


def _label_nats(logits: npt.NDArray[Any], targets: npt.NDArray[Any]) -> float:
    known = targets != UNKNOWN
    shares = probabilities_of(logits[known], multi=False)
    chosen = shares[np.arange(len(shares)), targets[known]]
    return float(-np.log(np.maximum(chosen, 1e-300)).mean()) if len(chosen) else 0.0


def _binary_nats(logits: npt.NDArray[Any], targets: npt.NDArray[Any]) -> float:
    signed = np.where(targets > 0, logits, -logits).astype(np.float64)
    return float(np.logaddexp(0, -signed).sum(1).mean())


@torch.inference_mode()
def score_rows(
    model: SequenceClassifier,
    store: Any,
    rows: npt.NDArray[np.int64],
    device: torch.device,
) -> npt.NDArray[np.float32]:
    """Logits of stored examples in the order of ``rows``: (rows, labels)."""
    model.eval()
    lengths = store.lengths[rows]
    result = np.zeros((len(rows), model.head.out_features), np.float32)
    order = np.argsort(lengths, kind="stable")
    for group in group_by_length(order, lengths, SCORED_TOKENS):
        inputs, real = pad([store[int(row)] for row in rows[group]])
        logits = model(torch.from_numpy(inputs).to(device), torch.from_numpy(real).to(device))
        result[group] = logits.cpu().numpy()
    return result


def prepare(source: Source, settings: Settings) -> Labelled:
    """Read the examples, split, fit the tokenizer on the training part, store the ids."""
    tokenizer = open_start(settings).tokenizer if settings.train.from_run else None
    return prepare_labelled(source, settings, tokenizer)


def reopen(folder: str, settings: Settings) -> Labelled | None:
    """Examples prepared before, if the cache still has them, with the settings of one run."""
    labelled = reopen_labelled(Path(folder))
    return None if labelled is None else replace(labelled, settings=settings)


def sealed_files(labelled: Labelled) -> dict[str, bytes]:
    """What prediction needs beside the weights and the settings."""
    name = "tokenizer.json" if labelled.is_text else "scale.json"
    labels = {
        "labels": labelled.labels,
        "multi": labelled.multi,
        "markup": labelled.markup,
    }
    return {
        name: json.dumps(labelled.front.to_dict(), ensure_ascii=False).encode(),
        "labels.json": json.dumps(labels, ensure_ascii=False).encode(),
    }


def make_job(
    labelled: Labelled, device: torch.device, autocast: Callable[[], AbstractContextManager[Any]]
) -> ClassifyJob:
    """A model with fresh weights, and its data.

    Raises:
        SettingsError: two settings do not go together.
    """
    check_pretraining(labelled.settings)
    job = ClassifyJob(labelled, device, autocast)
    start = labelled.settings.train.from_run
    if start and Path(start).exists():  # a run that is resumed has its weights of its own
        take_weights(open_start(labelled.settings), job.model)
    return job


def stages(labelled: Labelled, job: ClassifyJob) -> list[Stage]:
    """The text itself is learnt first, where the settings give it a share of the budget.

    What was asked for is kept: a few updates do not tell what it is worth at the end.
    """
    stage = pretraining_stage(labelled, job.model, job.device, job.autocast)
    train = labelled.settings.train
    if stage is None or train.pretrain is not None or train.unlabelled:
        return [stage] if stage else []
    fresh = copy.deepcopy(job.model.state_dict())
    share = stage.share

    def after(updates: int) -> str:
        probes = min(MOST_PROBES, max(FEWEST_PROBES, round(PROBE_SHARE * updates / share)))
        return keep_what_pays(job, fresh, probes)

    return [replace(stage, after=after)]


def keep_what_pays(job: ClassifyJob, fresh: dict[str, torch.Tensor], updates: int) -> str:
    """Give the job the weights that learn the labels faster: those pre-trained, or fresh ones.

    Args:
        job: whose model is pre-trained.
        fresh: the weights it began with.
        updates: with each start.

    Returns:
        What was found, as a sentence.
    """
    trained = copy.deepcopy(job.model.state_dict())
    losses = {}
    for name, weights in (("pre-trained", trained), ("fresh", fresh)):
        job.model.load_state_dict(weights)
        losses[name] = job.loss_after(updates)
    pays = losses["pre-trained"] < losses["fresh"]
    job.model.load_state_dict(trained if pays else fresh)
    verdict = "It pays" if pays else "It does not pay, so training starts anew"
    return (
        f"{verdict}: after {updates} updates on labels the validation loss is "
        f"{losses['pre-trained']:.3f} with what was learnt, {losses['fresh']:.3f} without."
    )


def score_run(labelled: Labelled, job: ClassifyJob, run: Run) -> dict[str, Any]:
    """Metrics of network and wide part together, and of the baseline."""
    network = {}
    for part in filter(labelled.has, ("valid", "test")):
        with job.autocast():
            logits = score_rows(job.model, job.store, labelled.rows(part), job.device)
        network[part] = logits.astype(np.float64)
    return score_all(labelled, network, run)


def evaluate_run(run: Run, settings: Settings, data: Any) -> dict[str, Any]:
    """Scores on other labelled data beside the baseline's."""
    return score_file(run, settings, data)


__all__ = [
    "ClassifyJob",
    "build_classifier",
    "evaluate_run",
    "make_job",
    "predict_lines",
    "prepare",
    "reopen",
    "score_run",
    "sealed_files",
    "stages",
]
