"""Translate: learn to turn one sequence into another: languages, spellings into sounds, answers.

pairs → ids of both → encoder → decoder with attention → the next token of the translation
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from seqloom.config import PredictSettings, Settings
from seqloom.data.batching import Batch, IntArray, group_by_length, pad
from seqloom.data.source import Source
from seqloom.data.store import Store
from seqloom.evaluate.attention_map import attention_picture
from seqloom.nn.cells import State
from seqloom.nn.language_model import Loss
from seqloom.run import Run
from seqloom.tasks.pairs import (
    SCORED_IN_TRAINING,
    PairCorpus,
    prepare_pairs,
    reopen_pairs,
    with_settings,
)
from seqloom.tasks.translation_files import predict_lines
from seqloom.tasks.translation_model import build_translator
from seqloom.tasks.translation_scores import (
    TranslationScorer,
    evaluate_run,
    kind_of_targets,
    signatures_of,
)
from seqloom.tasks.translator import TextTranslator
from seqloom.train.job import Validation
from seqloom.train.loop import LARGEST_SEED
from seqloom.watching import Units

SCORED_TOKENS = 4_096  # padded places of a batch that is only scored
SCORED_AT_THE_END = 10_000
TIE_BREAK = 1e-3  # of the loss in what the best spellings have least of: scores are often equal
POINTS_A_NAT = 25  # of chrF that weigh as much as a nat of the loss in which weights are kept
SHOWN = 5  # sources of the validation part, after each epoch
RATIO_QUANTILE = 0.999  # of target tokens a source token, beyond which a pair is a misprint
GREEDY = PredictSettings(beam=1)


class PairStream:
    """Pairs of about equal lengths together: sources and, row for row, targets.

    Args:
        source: ids of each source.
        target: ids of each target, with start and end.
        tokens: in a batch at most, of the longer side, padding counted.
    """

    carried = False

    def __init__(self, source: Store, target: Store, tokens: int, seed: int) -> None:
        self.source, self.target, self.tokens, self.seed = source, target, tokens, seed
        self._plan = lru_cache(maxsize=1)(self._make_plan)

    def __len__(self) -> int:
        return self.batches(0)

    def batches(self, epoch: int) -> int:
        """Batches in an epoch; shuffling moves the count a little."""
        return len(self._plan(epoch))

    def batch(self, epoch: int, index: int) -> Batch:
        """Padded rows of both sides."""
        return pad_pairs(self.source, self.target, self._plan(epoch)[index])

    def _make_plan(self, epoch: int) -> list[IntArray]:
        random = np.random.default_rng((self.seed, epoch))
        source, target = self.source.lengths, self.target.lengths
        shaken = (source + target) * random.uniform(0.9, 1.1, len(source))
        order = np.argsort(shaken, kind="stable")
        groups = group_by_length(order, np.maximum(source, target), self.tokens)
        return [groups[place] for place in random.permutation(len(groups))]


def pad_pairs(source: Store, target: Store, chosen: IntArray) -> Batch:
    """Some pairs as one padded batch; padding is 0."""
    inputs, lengths = pad([source[int(n)] for n in chosen])
    targets, _ = pad([target[int(n)] for n in chosen])
    return Batch(inputs, lengths, targets)


class TranslateJob:
    """A translator in training.

    Args:
        corpus: stored pairs.
        device: where the model is.
        autocast: makes the context of validation, as it does that of training.
    """

    units = Units()

    def __init__(
        self,
        corpus: PairCorpus,
        device: torch.device,
        autocast: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self.corpus, self.device, self.autocast = corpus, device, autocast
        settings = corpus.settings
        train = settings.train
        torch.manual_seed(train.seed % LARGEST_SEED)
        tokenizers = corpus.source_tokenizer, corpus.target_tokenizer
        self.model = build_translator(settings, *tokenizers).to(device)
        translator = TextTranslator(self.model, *tokenizers, settings, target_ratio(corpus))
        targets = (target for _, target in corpus.pairs("train"))
        kind = kind_of_targets(targets, corpus.target_tokenizer.kind)
        self.translator, self.scorer = translator, TranslationScorer(translator, kind)
        self.stream = PairStream(
            corpus.source_store("train"),
            corpus.target_store("train"),
            train.batch_size * train.sequence_length,
            train.seed,
        )
        self.valid = list(scored_batches(corpus, "valid"))
        self.references = evenly(list(corpus.references("valid")), SCORED_IN_TRAINING)
        self.shown = evenly(self.references, SHOWN)

    def loss(self, model: nn.Module, batch: Batch, states: Sequence[State] | None) -> Loss:
        """Nats of a batch's targets."""
        arrays = (batch.inputs, batch.lengths, batch.targets)
        result: Loss = model(*(torch.from_numpy(array).to(self.device) for array in arrays))
        return result

    def count(self, batch: Batch) -> int:
        """Target tokens to be predicted, the end among them."""
        return int((batch.targets[:, 1:] != 0).sum())

    def validate(self) -> Validation:
        """Nats a token, and scores of the likeliest translations of the validation part."""
        with self.autocast():
            loss = self.nll()
        scores = self.scorer.of_model(self.references, GREEDY)
        return Validation(loss, scores, self._rank(loss, scores))

    def _rank(self, loss: float, scores: dict[str, float]) -> float:
        """What the best weights have least of.

        Neither alone will do. Before anything is learnt, frequent letters over and over have a
        better chrF than what comes next; where few pairs are read often, the loss rises while
        translations still get better. Of short texts BLEU is 0 most of the time.
        """
        if self.scorer.spelling:
            return scores["per"] + TIE_BREAK * loss
        return loss - scores["chrf"] / POINTS_A_NAT

    @torch.inference_mode()
    def nll(self) -> float:
        """Nats a token of the validation part, the true tokens given."""
        self.model.eval()
        nats, targets = 0.0, 0
        for batch in self.valid:
            loss = self.loss(self.model, batch, None)
            nats, targets = nats + float(loss.nats), targets + loss.targets
        return nats / targets

    def samples(self) -> list[dict[str, Any]]:
        """The same few sources of the validation part, with what the model makes of them."""
        found = self.translator.translate((source for source, _ in self.shown), GREEDY)
        return [
            {"source": source, "translation": best.text, "true": true[0]}
            for (source, true), (best, *_) in zip(self.shown, found, strict=True)
        ]

    def pictures(self) -> dict[str, bytes]:
        """Where the model looks while it translates the first of them."""
        source = self.shown[0][0]
        ((best, *_),) = self.translator.translate([source], GREEDY, attention=True)
        if best.attention is None:
            return {}
        pieces = self.translator.pieces(source)
        return {"attention.png": attention_picture(best.attention, pieces, [*best.tokens, "(end)"])}


def evenly(things: list[Any], most: int) -> list[Any]:
    """Some from all over a list, which may be sorted; all of them where there are few.

    >>> evenly([0, 1, 2, 3, 4, 5, 6], 3)
    [0, 3, 6]
    """
    if len(things) <= most:
        return things
    return [things[place] for place in np.linspace(0, len(things) - 1, most).round().astype(int)]


def scored_batches(corpus: PairCorpus, part: str) -> Iterator[Batch]:
    """Batches of a part, shortest pairs first."""
    source, target = corpus.source_store(part), corpus.target_store(part)
    longer = np.maximum(source.lengths, target.lengths)
    for group in group_by_length(np.argsort(longer, kind="stable"), longer, SCORED_TOKENS):
        yield pad_pairs(source, target, group)


def target_ratio(corpus: PairCorpus) -> float:
    """Target tokens that a source token becomes at most, in all but odd training pairs."""
    source, target = corpus.source_store("train"), corpus.target_store("train")
    return float(max(1.0, np.quantile(target.lengths / source.lengths, RATIO_QUANTILE)))


def prepare(source: Source, settings: Settings) -> PairCorpus:
    """Read, split, fit both tokenizers on the training part, store the ids."""
    return prepare_pairs(source, settings)


def reopen(folder: str, settings: Settings) -> PairCorpus | None:
    """A corpus prepared before, if the cache still has it, with the settings of one run."""
    corpus = reopen_pairs(Path(folder))
    return None if corpus is None else replace(with_settings(corpus, settings), settings=settings)


def sealed_files(corpus: PairCorpus) -> dict[str, bytes]:
    """What translation needs beside the weights and the settings."""
    contents = {
        "tokenizer.json": corpus.source_tokenizer.to_dict(),
        "lengths.json": {"target_per_source": target_ratio(corpus)},
    }
    if not corpus.settings.model.shared_embeddings:
        contents["target_tokenizer.json"] = corpus.target_tokenizer.to_dict()
    return {
        name: json.dumps(content, ensure_ascii=False).encode() for name, content in contents.items()
    }


def make_job(
    corpus: PairCorpus, device: torch.device, autocast: Callable[[], AbstractContextManager[Any]]
) -> TranslateJob:
    """A model with fresh weights, and its data."""
    return TranslateJob(corpus, device, autocast)


def score_run(corpus: PairCorpus, job: TranslateJob, run: Run) -> dict[str, Any]:
    """Metrics of the model, of a dictionary learnt from the pairs, and of copying the source."""
    dictionary = job.scorer.fit_dictionary(corpus.pairs("train"))
    run.seal("baseline.json", json.dumps(dictionary.to_dict(), ensure_ascii=False).encode())
    result: dict[str, Any] = {"valid": {}, "test": {}, "baseline": {"valid": {}, "test": {}}}
    result |= {"copy": {"valid": {}, "test": {}}, "targets": job.scorer.targets}
    for part in filter(corpus.has, ("valid", "test")):
        references = evenly(list(corpus.references(part)), SCORED_AT_THE_END)
        scores = job.scorer.beside(dictionary, references)
        result[part], result["baseline"][part], result["copy"][part] = scores
        if not job.scorer.spelling:
            result["signatures"] = signatures_of(references, corpus.settings)
    result["valid"]["nll"] = job.nll()
    return result


__all__ = [
    "TranslateJob",
    "evaluate_run",
    "make_job",
    "predict_lines",
    "prepare",
    "reopen",
    "score_run",
    "sealed_files",
]
