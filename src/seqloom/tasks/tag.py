"""Tag: learn to give every word of a sentence its tag: parts of speech, names, anything aligned.

sentences with tags → words and their characters → both directions → scores → sequence of tags
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import chain, islice, tee
from pathlib import Path
from typing import Any

import numpy as np
import torch
from seqloom_runtime.text.lexicon import FormTable, Lexicon
from seqloom_runtime.text.vocabulary import UNKNOWN
from torch import nn

from seqloom.config import ModelSettings, Settings
from seqloom.data.batching import Batch, IntArray, RecordStream, group_by_length
from seqloom.data.source import Source
from seqloom.data.store import Store
from seqloom.data.tagged import TaggedReader, fitting, open_tagged
from seqloom.evaluate.tagging import MajorityTagger, TagScores
from seqloom.nn.cells import State
from seqloom.nn.language_model import Loss
from seqloom.nn.recurrent import CELLS
from seqloom.nn.tagger import CharacterEncoder, Tagger
from seqloom.run import Run
from seqloom.tasks.encoder import build_encoder
from seqloom.tasks.tag_files import check_columns, predict_lines
from seqloom.tasks.tagged import TaggedCorpus, TagSet, prepare_tagged, reopen_tagged, with_settings
from seqloom.tasks.tagging import Scored, SentenceTagger, load_tagger
from seqloom.train.job import Validation
from seqloom.train.loop import LARGEST_SEED
from seqloom.watching import Units

PART_SIZE = 32  # numbers in the embedding of a part of a word
CHARACTER_SIZE = 32  # numbers in a character's embedding
WORD_DROPOUT = 1.0  # see nn.tagger.WordDropout
SCORED_TOKENS = 8_192  # padded places of a batch that is only scored
SCORED_IN_TRAINING = 60_000  # words at most, at each report
LEANINGS = (0.0, 0.5, 1.0, 1.5, 2.0)  # nats to lean away from "O", tried on validation
SHOWN = 3  # sentences of the validation part, after each epoch
SHOWN_WORDS = 40  # of each


def build_model(settings: ModelSettings, lexicon: Lexicon, tags: TagSet) -> Tagger:
    """The network the settings describe, with fresh weights."""
    characters = None
    word_size = settings.embedding_size if settings.embedding == "learned" else 0
    size = word_size or len(lexicon.words)
    parts = (len(lexicon.parts), PART_SIZE) if PART_SIZE else None
    size += lexicon.part_kinds * PART_SIZE
    if settings.character_size:
        # Attention over the few characters of a word is slow to learn which ones stand together.
        kind = settings.encoder if settings.encoder in CELLS else "lstm"
        reader = CharacterEncoder(kind, CHARACTER_SIZE, settings.character_size)
        characters = (len(lexicon.characters), CHARACTER_SIZE, reader)
        size += reader.output_size
    encoder = build_encoder(settings, size)
    allowed = tags.allowed()
    return Tagger(
        torch.from_numpy(lexicon.word_counts()),
        UNKNOWN,
        word_size,
        parts,
        characters,
        encoder,
        len(tags.names),
        crf=settings.crf,
        allowed=None if allowed is None else torch.from_numpy(allowed),
        dropout=settings.embedding_dropout,
        word_dropout=WORD_DROPOUT,
    )


class TagStream(RecordStream):
    """Sentences of about equal length together: words and, at the same places, tags."""

    def __init__(self, words: Store, tags: Store, settings: Settings) -> None:
        train = settings.train
        super().__init__(words, train.batch_size, train.sequence_length, train.seed)
        self.tags = tags

    def batch(self, epoch: int, index: int) -> Batch:
        """Padded rows of words and tags."""
        return pad_tagged(self.store, self.tags, self._plan(epoch)[index])


def pad_tagged(words: Store, tags: Store, chosen: IntArray) -> Batch:
    """Some sentences as one padded batch; padding is 0."""
    lengths = words.lengths[chosen].astype(np.int64)
    inputs = np.zeros((len(chosen), int(lengths.max())), dtype=np.int64)
    targets = np.zeros_like(inputs)
    for row, number in enumerate(chosen):
        inputs[row, : lengths[row]] = words[int(number)]
        targets[row, : lengths[row]] = tags[int(number)]
    return Batch(inputs, lengths, targets)


class TagJob:
    """A tagger in training.

    Args:
        corpus: stored sentences.
        device: where the model is.
        autocast: makes the context of validation, as it does that of training.
    """

    units = Units("word", "words")

    def __init__(
        self,
        corpus: TaggedCorpus,
        device: torch.device,
        autocast: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self.corpus, self.device, self.autocast = corpus, device, autocast
        settings = corpus.settings
        torch.manual_seed(settings.train.seed % LARGEST_SEED)
        self.model = build_model(settings.model, corpus.lexicon, corpus.tags).to(device)
        self.table = FormTable(corpus.forms, corpus.lexicon)
        self.stream = TagStream(corpus.store("train"), corpus.tag_store("train"), settings)
        self.valid = list(scored_batches(corpus, "valid"))

    def loss(self, model: nn.Module, batch: Batch, states: Sequence[State] | None) -> Loss:
        """Nats of a batch's tags."""
        spelled = self.table.spelled(batch.inputs)
        arrays = (
            *(spelled.words, spelled.parts, spelled.characters, spelled.spelled, spelled.places),
            *(batch.lengths, batch.targets),
        )
        result: Loss = model(*(torch.from_numpy(array).to(self.device) for array in arrays))
        return result

    def count(self, batch: Batch) -> int:
        """Words to be tagged."""
        return int(batch.lengths.sum())

    def validate(self) -> Validation:
        """Nats a word and scores on the validation part; the best score makes the best weights.

        Rare spans are found too seldom by the likeliest tags: where tags mark spans, how far to
        lean away from "O" is chosen here too, and kept with the weights.
        """
        tagger, name = self.tagger(), "accuracy"
        leanings: tuple[float, ...] = (0.0,)
        pairs = list(self._validated())
        stream = chain.from_iterable((*tokens, None) for tokens, _ in pairs)
        scored = list(tagger.scored(stream))
        if self.corpus.tags.spans and "O" in self.corpus.tags.names:
            name, leanings = "span_f1", LEANINGS
        found = {leaning: self._scores(leaning, pairs, scored) for leaning in leanings}
        best = max(found, key=lambda leaning: found[leaning][name])
        self._lean(best)
        return Validation(self.nll(), found[best], -found[best][name])

    def _validated(self) -> Iterator[tuple[list[str], list[str]]]:
        """The validation sentences that are scored in training."""
        words = 0
        for tokens, tags in self.corpus.sentences("valid"):
            if words and words + len(tokens) > SCORED_IN_TRAINING:
                return
            words += len(tokens)
            yield tokens, tags

    def _scores(
        self, leaning: float, pairs: list[tuple[list[str], list[str]]], scored: list[Scored]
    ) -> dict[str, float]:
        self._lean(leaning)
        scores, guessed = TagScores(self.corpus.tags.spans), self.tagger().tags_of(scored)
        for _, tags in pairs:
            scores.add(tags, list(islice(guessed, len(tags))))
        return scores.metrics()

    def _lean(self, leaning: float) -> None:
        """Take this much from the score of "O" whenever tags are chosen."""
        if "O" in self.corpus.tags.names:
            self.model.leaning[self.corpus.tags.names.index("O")] = -leaning

    @torch.inference_mode()
    def nll(self) -> float:
        """Nats a word on the validation part; sentences that cannot be right are left out."""
        nats, targets = 0.0, 0
        with self.autocast():
            for batch in self.valid:
                loss = self.loss(self.model, batch, None)
                nats, targets = nats + float(loss.nats), targets + loss.targets
        return nats / max(targets, 1)

    def pictures(self) -> dict[str, bytes]:
        """None."""
        return {}

    def samples(self) -> list[dict[str, Any]]:
        """Sentences of the validation part with their true tags and those guessed."""
        tagger = self.tagger()
        shown = []
        for tokens, tags in self.corpus.sentences("valid"):
            tokens, tags = tokens[:SHOWN_WORDS], tags[:SHOWN_WORDS]
            shown.append({"tokens": tokens, "true": tags, "guessed": tagger.tag(tokens)})
            if len(shown) == SHOWN:
                break
        return shown

    def tagger(self) -> SentenceTagger:
        """The model as it is, for use."""
        return SentenceTagger(self.model, self.corpus.lexicon, self.corpus.tags, self.device)


def scored_batches(corpus: TaggedCorpus, part: str) -> Iterator[Batch]:
    """Batches of a part, shortest sentences first, without those that the model cannot give.

    A tag that training never saw has no probability, nor has a sequence that the tags' scheme
    forbids: such sentences have no finite loss. In the other scores they count.
    """
    words, tags = corpus.store(part), corpus.tag_store(part)
    allowed = corpus.tags.allowed()
    known = len(corpus.tags.names)

    def possible(number: int) -> bool:
        ids = tags[number].astype(np.int64)
        if ids.max() >= known:
            return False
        around = np.concatenate([[known], ids, [known]])
        return allowed is None or bool(allowed[around[:-1], around[1:]].all())

    chosen = np.array([n for n in range(len(words)) if possible(n)], dtype=np.int64)
    order = chosen[np.argsort(words.lengths[chosen], kind="stable")]
    for group in group_by_length(order, words.lengths, SCORED_TOKENS):
        yield pad_tagged(words, tags, group)


def prepare(source: Source, settings: Settings) -> TaggedCorpus:
    """Read, split, fit words and tags on the training part, store the ids."""
    return prepare_tagged(source, settings)


def reopen(folder: str, settings: Settings) -> TaggedCorpus | None:
    """A corpus prepared before, if the cache still has it, with the settings of one run."""
    corpus = reopen_tagged(Path(folder))
    return None if corpus is None else replace(with_settings(corpus, settings), settings=settings)


def sealed_files(corpus: TaggedCorpus) -> dict[str, bytes]:
    """What tagging needs beside the weights and the settings."""
    contents = {"tokenizer.json": corpus.lexicon.to_dict(), "labels.json": corpus.tags.to_dict()}
    return {
        name: json.dumps(content, ensure_ascii=False).encode() for name, content in contents.items()
    }


def make_job(
    corpus: TaggedCorpus, device: torch.device, autocast: Callable[[], AbstractContextManager[Any]]
) -> TagJob:
    """A model with fresh weights, and its data."""
    return TagJob(corpus, device, autocast)


def score_run(corpus: TaggedCorpus, job: TagJob, run: Run) -> dict[str, Any]:
    """Metrics of the model and of each word's most frequent tag, on validation and test."""
    baseline = MajorityTagger.fit(corpus.sentences("train"))
    run.seal("baseline.json", json.dumps(baseline.to_dict(), ensure_ascii=False).encode())
    job.model.eval()
    tagger = job.tagger()
    result: dict[str, Any] = {"valid": {}, "test": {}, "baseline": {"valid": {}, "test": {}}}
    result["per_tag"], result["per_span"] = {}, {}
    for part in filter(corpus.has, ("valid", "test")):
        scores, plain = score_sentences(tagger, baseline, corpus.sentences(part))
        result[part], result["baseline"][part] = scores.metrics(), plain.metrics()
        result["per_tag"][part] = scores.table()
        if scores.spans:
            result["per_span"][part] = scores.span_counts.table()
    result["valid"]["nll"] = job.nll()
    return result


def score_sentences(
    tagger: SentenceTagger,
    baseline: MajorityTagger,
    sentences: Iterator[tuple[list[str], list[str]]],
) -> tuple[TagScores, TagScores]:
    """Scores of the model and of the baseline on the same sentences."""
    scores, plain = TagScores(tagger.tags.spans), TagScores(tagger.tags.spans)
    asked, kept = tee(sentences)
    guesses = tagger.tag_sentences(tokens for tokens, _ in asked)
    for (tokens, tags), guessed in zip(kept, guesses, strict=True):
        scores.add(tags, guessed)
        plain.add(tags, baseline.tag([tagger.lexicon.form(token) for token in tokens]))
    return scores, plain


def evaluate_run(run: Run, settings: Settings, data: Any) -> dict[str, Any]:
    """Scores on other data beside the baseline's."""
    tagger = load_tagger(run)
    saved = run.read_fields("baseline.json", {"tags": dict, "otherwise": str})
    baseline = MajorityTagger.from_dict(saved)
    source = open_tagged(data)
    reader = TaggedReader(source, fitting(settings.data, source))
    reader.check_tagged()
    check_columns(tagger, reader)
    strange: Counter[str] = Counter()
    scores, plain = score_sentences(tagger, baseline, _noting(strange, tagger, reader))
    result: dict[str, Any] = {"scores": scores.metrics(), "per_tag": scores.table()}
    result["remarks"] = _remarks(strange, reader)
    if scores.spans:
        result["per_span"] = scores.span_counts.table()
    return result | {"baseline": {"scores": plain.metrics()}}


def _noting(
    strange: Counter[str], tagger: SentenceTagger, reader: TaggedReader
) -> Iterator[tuple[list[str], list[str]]]:
    """Words and tags of each sentence; tags that training never saw are counted."""
    known = set(tagger.tags.names)
    for sentence in reader.sentences():
        strange.update(tag for tag in sentence.tags if tag not in known)
        yield sentence.tokens, sentence.tags


def _remarks(strange: Counter[str], reader: TaggedReader) -> list[str]:
    """What was left out of the scores, and what counts as wrong in them."""
    lines = []
    if reader.report.dropped:
        lines.append(f"left out: {reader.report.reasons()}.")
    if strange:
        names = ", ".join(f"{name} ({count:,})" for name, count in strange.most_common(4))
        more = ", ..." if len(strange) > 4 else ""
        lines.append(f"Tags that training never saw count as wrong: {names}{more}")
    return lines


__all__ = [
    "TagJob",
    "build_model",
    "evaluate_run",
    "make_job",
    "predict_lines",
    "prepare",
    "reopen",
    "score_run",
    "sealed_files",
]
