"""Caption: learn to say in words what is in a picture.

pictures and captions → pixels, ids → convolutions → decoder with attention → the next token
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from seqloom_runtime.signal.images import shifted
from torch import nn

from seqloom.config import PredictSettings, Settings
from seqloom.data.batching import Batch, IntArray, pad
from seqloom.data.source import Source
from seqloom.evaluate.caption_picture import captioned_picture, look_picture
from seqloom.nn.cells import State
from seqloom.nn.language_model import Loss
from seqloom.run import Run
from seqloom.tasks.backbone import MEAN, SPREAD, Backbone, check_backbone
from seqloom.tasks.caption_files import predict_lines
from seqloom.tasks.caption_model import build_captioner
from seqloom.tasks.caption_scores import (
    CaptionScorer,
    evaluate_run,
    fit_baselines,
    references_of,
    seal_baselines,
    signatures_of,
)
from seqloom.tasks.captioner import PictureDescriber
from seqloom.tasks.picture_corpus import PictureCorpus, prepare_pictures, reopen_pictures
from seqloom.tasks.picture_corpus import with_settings as corpus_with_settings
from seqloom.tasks.translate import evenly
from seqloom.train.job import Validation
from seqloom.train.loop import LARGEST_SEED
from seqloom.watching import Units

SCORED_AT_ONCE = 64  # pictures of a batch that is only scored
SCORED_IN_TRAINING = 500  # validation pictures at most that are captioned at each report
POINTS_A_NAT = 25  # of chrF that weigh as much as a nat of the loss in which weights are kept
SHOWN = 6  # pictures of the validation part, after each epoch
GREEDY = PredictSettings(beam=1)


@dataclass(frozen=True)
class PictureBatch(Batch):
    """Captions with their pictures, each picture once.

    Args:
        owners: place of each row's picture among ``inputs``; -1 of a row that only fills up.

    Shape:
        inputs (pictures, size, size, 3) uint8; lengths, owners (rows,); targets (rows, time).
    """

    owners: IntArray

    def rows(self, part: int, parts: int) -> PictureBatch:
        """The part of the rows that one of several processes takes, with their pictures."""
        count = -(-len(self.owners) // parts)
        index = np.arange(part * count, (part + 1) * count)
        idle = index >= len(self.owners)
        index = index.clip(max=len(self.owners) - 1)
        pictures, owners = np.unique(self.owners[index], return_inverse=True)
        lengths = np.where(idle, 0, self.lengths[index])
        owners = np.where(idle, -1, owners)
        return PictureBatch(self.inputs[pictures], lengths, self.targets[index], owners)


class PictureStream:
    """Some pictures at a time with all their captions.

    Args:
        corpus: stored pictures and captions.
        part: of the corpus.
        batch_size: pictures in a batch.
        seed: of order and changes; None keeps the order and changes nothing.
    """

    carried = False

    def __init__(self, corpus: PictureCorpus, part: str, batch_size: int, seed: int | None) -> None:
        self.pixels, self.store = corpus.pixels, corpus.store(part)
        self.batch_size, self.seed = batch_size, seed
        train, owners = corpus.settings.train, corpus.owners(part)
        self.reach = round(train.shift * corpus.settings.data.image_size)
        self.flip = train.flip
        self.numbers = np.unique(owners)
        self.captions = {int(n): np.flatnonzero(owners == n) for n in self.numbers}
        self._plan = lru_cache(maxsize=1)(self._make_plan)

    def __len__(self) -> int:
        return self.batches(0)

    def batches(self, epoch: int) -> int:
        """Batches in an epoch."""
        return -(-len(self.numbers) // self.batch_size)

    def batch(self, epoch: int, index: int) -> PictureBatch:
        """Pictures, moved a little, and the captions of each."""
        place = index * self.batch_size
        chosen = self._plan(epoch)[place : place + self.batch_size]
        pixels = np.stack([self.pixels[n] for n in chosen])
        if self.seed is not None:
            pixels = self._changed(pixels, np.random.default_rng((self.seed, epoch, index)))
        rows = [self.captions[int(n)] for n in chosen]
        owners = np.repeat(np.arange(len(chosen)), [len(own) for own in rows])
        targets, lengths = pad([self.store[int(row)] for own in rows for row in own])
        return PictureBatch(pixels, lengths, targets, owners)

    def _changed(self, pixels: Any, random: np.random.Generator) -> Any:
        moves = random.integers(-self.reach, self.reach + 1, (len(pixels), 2))
        mirrored = self.flip & (random.random(len(pixels)) < 0.5)
        changed = [
            shifted(one[:, ::-1] if other else one, int(down), int(right))
            for one, other, (down, right) in zip(pixels, mirrored, moves, strict=True)
        ]
        return np.stack(changed)

    def _make_plan(self, epoch: int) -> IntArray:
        if self.seed is None:
            return self.numbers
        return np.random.default_rng((self.seed, epoch)).permutation(self.numbers)


class CaptionJob:
    """A captioner in training.

    Args:
        corpus: stored pictures and captions.
        device: where the model is.
        autocast: makes the context of validation, as it does that of training.
    """

    units = Units()

    def __init__(
        self,
        corpus: PictureCorpus,
        device: torch.device,
        autocast: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self.corpus, self.device, self.autocast = corpus, device, autocast
        settings = corpus.settings
        train = settings.train
        torch.manual_seed(train.seed % LARGEST_SEED)
        self.model = build_captioner(settings, corpus.tokenizer)
        self._start()
        self.model.to(device)
        self.describer = PictureDescriber(
            self.model, corpus.tokenizer, settings, corpus.facts.longest
        )
        self.scorer = CaptionScorer(self.describer, *fit_baselines(corpus))
        self.stream = PictureStream(corpus, "train", train.batch_size, train.seed)
        self.valid = PictureStream(corpus, "valid", SCORED_AT_ONCE, None)
        self.references = evenly(list(references_of(corpus, "valid")), SCORED_IN_TRAINING)
        self.shown = evenly(self.references, SHOWN)
        names = [corpus.names[number] for number, _ in corpus.references("valid")]
        self.names = evenly(evenly(names, SCORED_IN_TRAINING), SHOWN)

    def _start(self) -> None:
        """Colours as the training part has them; a backbone has weights and colours of its own."""
        encoder: Any = self.model.encoder
        if not isinstance(encoder, Backbone):
            self.model.pixels.fit(self.corpus.mean, self.corpus.spread)
            return
        weights = self.corpus.settings.model.backbone_weights
        check_backbone(encoder.name, weights)
        encoder.load(str(weights))
        self.model.pixels.fit(MEAN, SPREAD)

    def loss(self, model: nn.Module, batch: Batch, states: Sequence[State] | None) -> Loss:
        """Nats of a batch's captions."""
        assert isinstance(batch, PictureBatch)
        arrays = (batch.inputs, batch.owners, batch.targets)
        result: Loss = model(*(torch.from_numpy(array).to(self.device) for array in arrays))
        return result

    def count(self, batch: Batch) -> int:
        """Tokens to be predicted, the ends among them."""
        return int((batch.targets[:, 1:] != 0).sum())

    def validate(self) -> Validation:
        """Nats a token, and scores of the likeliest captions of the validation part.

        Kept are weights that are good in both: the loss alone rises, where captions are few, while
        they still get better.
        """
        with self.autocast():
            loss = self.nll()
        scores = self.scorer.of_model(self.references, GREEDY)
        return Validation(loss, scores, loss - scores["chrf"] / POINTS_A_NAT)

    @torch.inference_mode()
    def nll(self) -> float:
        """Nats a token of the validation part, the true tokens given."""
        self.model.eval()
        nats, targets = 0.0, 0
        for index in range(len(self.valid)):
            loss = self.loss(self.model, self.valid.batch(0, index), None)
            nats, targets = nats + float(loss.nats), targets + loss.targets
        return nats / targets

    def samples(self) -> list[dict[str, Any]]:
        """The same few pictures of the validation part, with what the model says of them."""
        found = self.describer.describe((pixels for pixels, _ in self.shown), GREEDY)
        return [
            {"image": name, "caption": best.text, "true": true}
            for name, (_, true), (best, *_) in zip(self.names, self.shown, found, strict=True)
        ]

    def pictures(self) -> dict[str, bytes]:
        """They as pictures, and where the model looks in the first at each word."""
        pixels = [pixels for pixels, _ in self.shown]
        found = [best for best, *_ in self.describer.describe(pixels, GREEDY, attention=True)]
        drawn = {"captions.png": captioned_picture(pixels, [one.text for one in found])}
        if found[0].attention is not None:
            looks = found[0].attention.reshape(len(found[0].tokens) + 1, -1)
            drawn["attention.png"] = look_picture(pixels[0], looks, [*found[0].tokens, "(end)"])
        return drawn


def prepare(source: Source, settings: Settings) -> PictureCorpus:
    """Read, split by picture, fit on the training part, store pixels and ids."""
    check_backbone(settings.model.backbone, settings.model.backbone_weights)
    return prepare_pictures(source, settings)


def reopen(folder: str, settings: Settings) -> PictureCorpus | None:
    """A corpus prepared before, if the cache still has it, with the settings of one run."""
    corpus = reopen_pictures(Path(folder))
    if corpus is None:
        return None
    return replace(corpus_with_settings(corpus, settings), settings=settings)


def sealed_files(corpus: PictureCorpus) -> dict[str, bytes]:
    """What captioning needs beside the weights and the settings."""
    contents = {
        "tokenizer.json": corpus.tokenizer.to_dict(),
        "lengths.json": {"longest_caption": corpus.facts.longest},
    }
    return {
        name: json.dumps(content, ensure_ascii=False).encode() for name, content in contents.items()
    }


def make_job(
    corpus: PictureCorpus, device: torch.device, autocast: Callable[[], AbstractContextManager[Any]]
) -> CaptionJob:
    """A model with fresh weights, and its data."""
    return CaptionJob(corpus, device, autocast)


def score_run(corpus: PictureCorpus, job: CaptionJob, run: Run) -> dict[str, Any]:
    """Metrics of the model, of the commonest caption and of that of the nearest picture."""
    scorer = job.scorer
    seal_baselines(run, scorer.common, scorer.nearest)
    result: dict[str, Any] = {"valid": {}, "test": {}}
    result |= {name: {"valid": {}, "test": {}} for name in ("baseline", "nearest")}
    for part in filter(corpus.has, ("valid", "test")):
        references = references_of(corpus, part)
        scores = scorer.beside(references)
        result[part] = scores.pop("model")
        for name, own in scores.items():
            result[name][part] = own
        result["signatures"] = signatures_of(references, corpus.settings)
    result["valid"]["nll"] = job.nll()
    return result


__all__ = [
    "CaptionJob",
    "evaluate_run",
    "make_job",
    "predict_lines",
    "prepare",
    "reopen",
    "score_run",
    "sealed_files",
]
