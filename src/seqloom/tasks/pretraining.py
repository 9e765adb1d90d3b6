"""Learning the text before the labels: the classifier's embedding and first layer predict tokens.

The texts are those of the training part, or those of a file without labels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from seqloom_runtime.signal.series import SeriesScale
from seqloom_runtime.tasks.classify import text_ids
from seqloom_runtime.text.tokenizers import Tokenizer
from torch import nn

from seqloom.config import DataSettings, Settings
from seqloom.data.batching import Batch, ExampleStream, Sequences, Stream
from seqloom.data.records import ReadReport
from seqloom.data.schema import infer_text
from seqloom.data.source import open_source
from seqloom.data.store import Store, StoreWriter
from seqloom.data.texts import read_texts
from seqloom.errors import SettingsError
from seqloom.nn.cells import State
from seqloom.nn.embedding import LearnedEmbedding
from seqloom.nn.language_model import Loss
from seqloom.nn.recurrent import CELLS, Recurrent
from seqloom.nn.sequence_classifier import SequenceClassifier, TextPretraining
from seqloom.tasks.labelled import Labelled
from seqloom.tasks.prepared import open_or_build, prepared_folder
from seqloom.train.job import Stage, Validation, share_of
from seqloom.train.schedule import DEFAULT_MINUTES
from seqloom.watching import Units

SHARE = 0.35  # of the budget
UNLABELLED_SHARE = 0.5  # where there is a file for it
FEWEST_MINUTES = 3.0
FEWEST_TEXTS = 2_000
SCORED = 1_000  # validation texts, at each report


class PretrainJob:
    """The language model of both directions in training.

    Args:
        classifier: whose embedding and first layer are trained.
        store: ids of texts, each with its start and end.
        rows: which of them are learnt.
        valid_store, valid: ids to validate on, and which of them.
        vocab_size: ids run from 0 to vocab_size - 1.
        tokens: in a batch at most, padding counted.
        autocast: makes the context of validation, as it does that of training.
    """

    units = Units()

    def __init__(
        self,
        classifier: SequenceClassifier,
        store: Sequences,
        rows: npt.NDArray[np.int64],
        valid_store: Sequences,
        valid: npt.NDArray[np.int64],
        *,
        vocab_size: int,
        tokens: int,
        seed: int,
        device: torch.device,
        autocast: Any,
    ) -> None:
        self.device, self.autocast = device, autocast
        ranks = torch.from_numpy(frequency_ranks(store, rows, vocab_size))
        assert isinstance(classifier.embedding, LearnedEmbedding)
        assert isinstance(classifier.encoder, Recurrent)
        model = TextPretraining(classifier.embedding, classifier.encoder, ranks)
        self.model: nn.Module = model.to(device)
        self.directions = len(model.cells)
        self.stream: Stream = ExampleStream(
            store, np.zeros(len(store), np.int64), tokens, seed, rows
        )
        held = ExampleStream(valid_store, np.zeros(len(valid_store), np.int64), tokens, 0, valid)
        self.valid = [held.batch(0, index) for index in range(len(held))] if len(valid) else []

    def count(self, batch: Batch) -> int:
        """Tokens that are predicted, in all directions together."""
        return int((batch.lengths - 1).sum()) * self.directions

    def loss(self, model: nn.Module, batch: Batch, states: Sequence[State] | None) -> Loss:
        """Nats of the tokens after, and before, each step."""
        ids, lengths = (torch.from_numpy(array) for array in (batch.inputs, batch.lengths))
        result: Loss = model(ids.to(self.device), lengths.to(self.device))
        return result

    @torch.inference_mode()
    def validate(self) -> Validation:
        """Nats a token on some validation texts."""
        self.model.eval()
        nats, targets = 0.0, 0
        with self.autocast():
            for batch in self.valid:
                loss = self.loss(self.model, batch, None)
                nats, targets = nats + float(loss.nats), targets + loss.targets
        return Validation(nats / max(targets, 1))

    def pictures(self) -> dict[str, bytes]:
        """None."""
        return {}

    def samples(self) -> list[dict[str, Any]]:
        """Nothing to show: it reads from both ends and writes from none."""
        return []


def frequency_ranks(
    store: Sequences, rows: npt.NDArray[np.int64], vocab_size: int
) -> npt.NDArray[np.int64]:
    """The place of each id among all when sorted by falling frequency (vocab_size,)."""
    counts = np.zeros(vocab_size, np.int64)
    for start in range(0, len(rows), 1_000):
        ids = np.concatenate([store[int(row)] for row in rows[start : start + 1_000]])
        counts += np.bincount(ids, minlength=vocab_size)
    ranks = np.empty(vocab_size, np.int64)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(vocab_size)
    return ranks


def check_pretraining(settings: Settings) -> None:
    """See that learning the text first is asked of a recurrence only.

    Raises:
        SettingsError: attention that sees a whole text has nothing left to predict there.
    """
    train, encoder = settings.train, settings.model.encoder
    if encoder in CELLS or not (train.pretrain or train.unlabelled):
        return
    flag = "--pretrain" if train.pretrain else "--unlabelled"
    raise SettingsError(
        f"{flag} teaches a recurrence the text first, and {encoder} has none. Leave it out, or "
        f"train seqloom on the text with --encoder {encoder} and start from that run with --from."
    )


def pretraining_stage(
    labelled: Labelled, classifier: SequenceClassifier, device: torch.device, autocast: Any
) -> Stage | None:
    """The stage that learns the text, where the settings give it a share of the budget."""
    settings = labelled.settings
    share = pretraining_share(labelled)
    front = labelled.front
    if not share or isinstance(front, SeriesScale) or settings.model.embedding != "learned":
        return None
    if settings.model.encoder not in CELLS:
        return None
    store, rows = labelled.store(), labelled.rows("train")
    source, words = store, "the training texts"
    if settings.train.unlabelled:
        source, words = unlabelled_store(labelled, front), settings.train.unlabelled
        rows = np.arange(len(source))
    job = PretrainJob(
        classifier,
        source,
        rows,
        store,
        labelled.rows("valid")[:SCORED],
        vocab_size=front.vocabulary_size,
        tokens=settings.train.batch_size * settings.train.sequence_length,
        seed=settings.train.seed,
        device=device,
        autocast=autocast,
    )
    train = share_of(settings.train, share).model_copy(update={"patience": 0, "tensorboard": False})
    said = f"First, for {share:.0%} of the budget, the network learns to predict {words}."
    return Stage(job, train, name="pretrain", share=share, words=said)


def pretraining_share(labelled: Labelled) -> float:
    """Share of the budget for learning the text first: as set, or what a long budget allows."""
    train = labelled.settings.train
    if train.pretrain is not None:
        return train.pretrain
    if train.unlabelled:
        return UNLABELLED_SHARE
    by_minutes = train.epochs is None and train.updates is None
    minutes = (train.minutes or DEFAULT_MINUTES) if by_minutes else 0.0
    enough = labelled.facts.examples["train"] >= FEWEST_TEXTS
    return SHARE if minutes >= FEWEST_MINUTES and enough and not train.from_run else 0.0


def unlabelled_store(labelled: Labelled, tokenizer: Tokenizer) -> Store:
    """Ids of the texts without labels, cut as those with labels are."""
    settings = labelled.settings
    assert settings.train.unlabelled is not None
    source = open_source(settings.train.unlabelled)
    cut = json.dumps(tokenizer.to_dict(), ensure_ascii=False, sort_keys=True)
    key = hashlib.sha256(cut.encode()).hexdigest()
    folder = prepared_folder(["unlabelled", 1, source.digest(), key, settings.text.model_dump()])

    def write(beside: Path) -> None:
        plan = infer_text(source, DataSettings())
        with StoreWriter(beside / "ids.arrow", tokenizer.vocabulary_size) as writer:
            for text in read_texts(source, plan, DataSettings(), ReadReport()):
                writer.add(text_ids(text, settings, tokenizer))

    return open_or_build(folder, lambda found: Store(found / "ids.arrow"), write)
