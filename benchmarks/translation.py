"""An encoder–decoder with attention on Multi30k, timed: training, and beam search.

    python benchmarks/translation.py            # a table; needs the sentence pairs
    python benchmarks/translation.py --json     # the same numbers as one JSON object

German and English words seen twice or more, lower case; embeddings 256, a bidirectional GRU of 512
units a direction, a GRU of 512 that writes, additive attention, Adam. Training, real source and
target tokens a second:

- as a well-known tutorial does it: batches of 128 pairs, packed encoder, a Python loop over the
  target's steps in which attention, recurrence and output layer wait for each other, fp32;
- Seqloom: ``EncoderDecoder`` as ``seqloom train`` makes it, all steps at once, batches of about
  equal length with as many tokens, bfloat16 where the processor has it.

Beam search, beam 5, sentences a second, on the same weights: a loop over sentences that reads each
hypothesis again from its start at every step, as examples without a cache do, and Seqloom's, which
carries states and keeps many sentences in a batch. Both must find the same translations.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqloom.checked import with_sizes
from seqloom.config import PredictSettings, TrainSettings, default_settings, override
from seqloom.data.pairs import open_pairs
from seqloom.tasks.pairs import PairCorpus, prepare_pairs
from seqloom.tasks.translate import PairStream, pad_pairs, target_ratio
from seqloom.tasks.translation_model import build_translator
from seqloom.tasks.translator import TextTranslator
from seqloom.train.device import choose_autocast
from seqloom.train.optim import make_optimizers

EMBEDDING, UNITS, PAIRS = 256, 512, 128
STEPS, WARM_UP, ROUNDS = 6, 2, 5
SENTENCES, SEARCHED_ALONE, BEAM = 256, 16, 5
SETTINGS = {
    "text": {"tokenizer": "word", "lowercase": True, "min_frequency": 2},
    "model": {
        "encoder": "gru",
        "attention": "additive",
        "embedding_size": EMBEDDING,
        "hidden_size": UNITS,
        "dropout": 0.0,
        "embedding_dropout": 0.0,
    },
    "train": {"optimizer": "adam", "learning_rate": 1e-3, "label_smoothing": 0.0},
}


class TutorialModel(nn.Module):
    """Packed encoder, decoder step by step, attention over the encoder's outputs at each."""

    def __init__(self, source: int, target: int) -> None:
        super().__init__()
        self.source = nn.Embedding(source, EMBEDDING)
        self.encoder = nn.GRU(EMBEDDING, UNITS, bidirectional=True)
        self.bridge = nn.Linear(2 * UNITS, UNITS)
        self.target = nn.Embedding(target, EMBEDDING)
        self.score = nn.Linear(3 * UNITS, UNITS)
        self.v = nn.Linear(UNITS, 1, bias=False)
        self.decoder = nn.GRU(2 * UNITS + EMBEDDING, UNITS)
        self.output = nn.Linear(3 * UNITS + EMBEDDING, target)

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        """Scores of target[1:]: ids (time, batch) → (time - 1, batch, vocabulary)."""
        packed = pack_padded_sequence(self.source(source), lengths, enforce_sorted=False)
        packed, last = self.encoder(packed)
        steps, _ = pad_packed_sequence(packed)
        hidden = torch.tanh(self.bridge(torch.cat([last[0], last[1]], 1)))
        memory = steps.permute(1, 0, 2)
        mask = (source != 0).permute(1, 0)[:, : memory.shape[1]]
        found = []
        for ids in target[:-1]:
            queries = hidden.unsqueeze(1).expand(-1, memory.shape[1], -1)
            energy = torch.tanh(self.score(torch.cat([queries, memory], 2)))
            weights = self.v(energy).squeeze(2).masked_fill(~mask, -1e10).softmax(1)
            context = torch.bmm(weights.unsqueeze(1), memory).permute(1, 0, 2)
            embedded = self.target(ids).unsqueeze(0)
            out, after = self.decoder(torch.cat([embedded, context], 2), hidden.unsqueeze(0))
            hidden = after.squeeze(0)
            found.append(self.output(torch.cat([out, context, embedded], 2).squeeze(0)))
        return torch.stack(found)


def tokens_of(corpus: PairCorpus, batches: list[npt.NDArray[np.int64]]) -> int:
    """Real source and target tokens of all batches."""
    source, target = corpus.source_store("train"), corpus.target_store("train")
    chosen = np.concatenate(batches)
    return int(source.lengths[chosen].sum() + target.lengths[chosen].sum() - len(chosen))


Trainer = Callable[[list[npt.NDArray[np.int64]]], None]


def train_tutorial(corpus: PairCorpus) -> Trainer:
    """A function that trains the tutorial's model on batches."""
    sizes = [t.vocabulary_size for t in (corpus.source_tokenizer, corpus.target_tokenizer)]
    model = TutorialModel(*sizes)
    optimizer = torch.optim.Adam(model.parameters())

    def run(batches: list[npt.NDArray[np.int64]]) -> None:
        for chosen in batches:
            batch = pad_pairs(corpus.source_store("train"), corpus.target_store("train"), chosen)
            source, target = (torch.from_numpy(a).T for a in (batch.inputs, batch.targets))
            logits = model(source, torch.from_numpy(batch.lengths), target)
            loss = F.cross_entropy(logits.flatten(0, 1), target[1:].flatten(), ignore_index=0)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    return run


def train_ours(corpus: PairCorpus) -> Trainer:
    """A function that trains Seqloom's model on batches."""
    settings = corpus.settings
    tokenizers = corpus.source_tokenizer, corpus.target_tokenizer
    model = build_translator(settings, *tokenizers)
    optimizers = make_optimizers(model, settings.train)
    autocast = choose_autocast(TrainSettings(), torch.device("cpu"))

    def run(batches: list[npt.NDArray[np.int64]]) -> None:
        for chosen in batches:
            batch = pad_pairs(corpus.source_store("train"), corpus.target_store("train"), chosen)
            arrays = (batch.inputs, batch.lengths, batch.targets)
            with autocast():
                loss = model(*map(torch.from_numpy, arrays))
            (loss.nats / loss.targets).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()

    return run


def time_training(corpus: PairCorpus) -> dict[str, float]:
    """Tokens a second of both, taking turns."""
    source, target = corpus.source_store("train"), corpus.target_store("train")
    rng = np.random.default_rng(0)
    tokens = round(PAIRS * float(np.maximum(source.lengths, target.lengths).mean()))
    plan = PairStream(source, target, tokens, 0)._plan(0)
    peers = {"tutorial": train_tutorial(corpus), "seqloom": train_ours(corpus)}
    found: dict[str, list[float]] = {name: [] for name in peers}
    for turn in range(ROUNDS + 1):
        for name, run in peers.items():
            steps = STEPS if turn else WARM_UP
            if name == "seqloom":
                batches = [plan[int(n)] for n in rng.integers(len(plan), size=steps)]
            else:
                batches = [rng.integers(len(source), size=PAIRS) for _ in range(steps)]
            began = time.perf_counter()
            run(batches)
            if turn:
                found[name].append(tokens_of(corpus, batches) / (time.perf_counter() - began))
    return {name: median(speeds) for name, speeds in found.items()}


@torch.inference_mode()
def search_alone(translator: TextTranslator, text: str) -> list[int]:
    """Beam search for one sentence that reads every hypothesis from its start at every step."""
    model, end = translator.model, translator.target.end
    ids = torch.from_numpy(np.asarray(translator.encode(text), np.int64))[None]
    lengths = torch.tensor([ids.shape[1]])
    beams: list[tuple[list[int], float]] = [([translator.target.start], 0.0)]
    done: list[tuple[float, list[int]]] = []
    for _ in range(translator.limit(ids.shape[1])):
        candidates = []
        for written, nats in beams:
            state = model.start(model.encode(ids, lengths))
            for token in written:
                logits, state = model.step(torch.tensor([token]), state)
            logits[:, list(translator.searching.banned)] = -torch.inf
            shares = logits[0].double().log_softmax(0)
            best = shares.topk(BEAM)
            pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
            candidates += [([*written, token], nats + value) for token, value in pairs]
        candidates.sort(key=lambda pair: -pair[1])
        beams = []
        for written, nats in candidates[: 2 * BEAM]:
            if written[-1] == end:
                done.append((nats / (len(written) - 1), written[1:-1]))
            elif len(beams) < BEAM:
                beams.append((written, nats))
        if len(done) >= BEAM:
            break
    return max(done or [(beams[0][1], beams[0][0][1:])])[1]


def time_search(corpus: PairCorpus, minutes: float) -> dict[str, float]:
    """Sentences a second of both on a model trained for a while."""
    settings = corpus.settings
    tokenizers = corpus.source_tokenizer, corpus.target_tokenizer
    torch.manual_seed(0)
    model = build_translator(settings, *tokenizers)
    _train_a_while(model, corpus, minutes)
    translator = TextTranslator(model, *tokenizers, settings, target_ratio(corpus))
    texts = [source for source, _ in corpus.references("valid")]
    random.Random(0).shuffle(texts)
    options = PredictSettings(beam=BEAM)
    model.eval()
    list(translator.translate(texts[:SENTENCES], options))
    began = time.perf_counter()
    list(translator.translate(texts[:SENTENCES], options))
    ours = SENTENCES / (time.perf_counter() - began)
    began = time.perf_counter()
    for text in texts[:SEARCHED_ALONE]:
        search_alone(translator, text)
    return {"loop": SEARCHED_ALONE / (time.perf_counter() - began), "seqloom": ours}


def _train_a_while(model: nn.Module, corpus: PairCorpus, minutes: float) -> None:
    settings = TrainSettings(optimizer="muon")
    optimizers = make_optimizers(model, settings)
    source, target = corpus.source_store("train"), corpus.target_store("train")
    stream = PairStream(source, target, 2_048, 0)
    autocast = choose_autocast(TrainSettings(), torch.device("cpu"))
    end, place = time.monotonic() + 60 * minutes, 0
    while time.monotonic() < end:
        batch = stream.batch(place // len(stream), place % len(stream))
        with autocast():
            loss = model(*map(torch.from_numpy, (batch.inputs, batch.lengths, batch.targets)))
        (loss.nats / loss.targets).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        place += 1


def measure(minutes: float) -> dict[str, Any]:
    """All figures."""
    settings = override(default_settings("translate"), SETTINGS, "benchmark")
    settings = with_sizes("translate", settings)
    corpus = prepare_pairs(open_pairs("multi30k-de-en"), settings)
    training, search = time_training(corpus), time_search(corpus, minutes)
    return {
        "training_tokens_per_second": training,
        "training_ratio": training["seqloom"] / training["tutorial"],
        "beam_sentences_per_second": search,
        "beam_ratio": search["seqloom"] / search["loop"],
    }


def main() -> None:
    """Print the table or the JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--minutes", type=float, default=2.0, help="of training before the search")
    asked = parser.parse_args()
    found = measure(asked.minutes)
    if asked.json:
        json.dump(found, sys.stdout, indent=1)
        return
    for title in ("training_tokens_per_second", "beam_sentences_per_second"):
        print(title.replace("_", " "))
        for name, speed in found[title].items():
            print(f"  {name:10} {speed:12,.1f}")
    print(f"ratios: training {found['training_ratio']:.1f}, search {found['beam_ratio']:.1f}")


if __name__ == "__main__":
    main()
