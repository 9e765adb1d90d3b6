"""The network of a recognizer as the settings describe it, and the batches it learns from."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from seqloom_runtime.text.tokenizers import Tokenizer
from torch import nn

from seqloom.config import Settings
from seqloom.data.batching import Batch, IntArray, group_by_length, pad
from seqloom.nn.band_front import BandFront
from seqloom.nn.ctc_model import CTCModel
from seqloom.tasks.encoder import build_encoder
from seqloom.tasks.speech_corpus import SpeechCorpus
from seqloom.tasks.speech_strings import Utterances


def build_recognizer(settings: Settings, tokenizer: Tokenizer) -> CTCModel:
    """The network with fresh weights."""
    model, audio = settings.model, settings.audio
    layers = build_encoder(model, model.embedding_size)
    front: nn.Linear | BandFront
    if model.front == "bands":
        front = BandFront(audio.stack, audio.bands, model.embedding_size)
    else:
        front = nn.Linear(audio.stack * audio.bands, model.embedding_size)
    return CTCModel(
        front,
        layers,
        tokenizer.vocabulary_size,
        input_dropout=model.embedding_dropout,
    )


class SpeechStream:
    """Recordings of about equal length together, each varied anew whenever it is read.

    Args:
        corpus: stored recordings.
        tokens: steps in a batch at most, padding counted.
    """

    carried = False

    def __init__(self, corpus: SpeechCorpus, tokens: int, seed: int) -> None:
        self.corpus, self.tokens, self.seed = corpus, tokens, seed
        self.frames = corpus.frames()
        self._heard = lru_cache(maxsize=2)(self._make_heard)
        self._plan = lru_cache(maxsize=2)(self._make_plan)

    def __len__(self) -> int:
        return self.batches(0)

    def batches(self, epoch: int) -> int:
        """Batches in an epoch; shuffling moves the count a little."""
        return len(self._plan(epoch))

    def batch(self, epoch: int, index: int) -> Batch:
        """Steps of some recordings, and their tokens, padded with 0."""
        heard, random = self._heard(epoch), np.random.default_rng((self.seed, epoch, index))
        rows = [int(row) for row in self._plan(epoch)[index]]
        inputs, lengths = pad([self.frames.varied(heard.samples(row), random) for row in rows])
        targets, _ = pad([self.corpus.tokenizer.encode(heard.texts[row]) for row in rows])
        return Batch(inputs, lengths, targets)

    def _make_heard(self, epoch: int) -> Utterances:
        if not self.corpus.settings.data.join and epoch:
            return self._heard(0)
        return self.corpus.utterances("train", epoch)

    def _make_plan(self, epoch: int) -> list[IntArray]:
        random = np.random.default_rng((self.seed, epoch))
        sizes = self._heard(epoch).sizes()
        shaken = sizes * random.uniform(0.9, 1.1, len(sizes))
        steps = np.array([self.frames.steps(int(size)) for size in sizes], np.int64)
        groups = group_by_length(np.argsort(shaken, kind="stable"), steps, self.tokens)
        return [groups[place] for place in random.permutation(len(groups))]
