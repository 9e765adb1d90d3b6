"""Generate: learn to write from text, and write.

records or one text → ids → embedding → encoder → next token → loss          (train)
prompt → ids → one step at a time, state carried → tokens → text             (use)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from seqloom_runtime.decode.sampling import Sampler
from seqloom_runtime.evaluate.ngram import NGramModel, choose_order
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict
from threadpoolctl import threadpool_limits
from torch import nn

from seqloom.config import ModelSettings, Settings
from seqloom.data.batching import (
    Batch,
    ColumnStream,
    RecordStream,
    Stream,
    WindowStream,
    group_by_length,
    pad_records,
)
from seqloom.data.source import Source, open_source
from seqloom.data.store import Store
from seqloom.errors import DataError
from seqloom.evaluate.copying import copied_share
from seqloom.evaluate.metrics import language_metrics
from seqloom.nn.cells import State
from seqloom.nn.language_model import LanguageModel, Loss
from seqloom.run import Run
from seqloom.tasks.corpus import Corpus, encode_source, open_whole, prepare_corpus
from seqloom.tasks.encoder import build_encoder
from seqloom.tasks.writer import Writer
from seqloom.train.checkpoint import load_into, read_tensors
from seqloom.train.job import Validation
from seqloom.train.loop import LARGEST_SEED
from seqloom.watching import Units

SAMPLE_TEMPERATURES = (0.2, 0.5, 1.0)
SEGMENT = 512  # targets of a continuous text that are scored from one state
WARM_START = 256  # tokens read, not scored, before each segment
SCORED_IN_TRAINING = 60_000  # targets at most, at each report
SCORED_AT_THE_END = 2_000_000
NGRAM_TOKENS = 5_000_000  # of the training part, at most, that the n-gram baseline is fitted on
NGRAM_CHOICE = 200_000  # of the validation part that its order is chosen on


def build_model(settings: ModelSettings, vocab_size: int) -> LanguageModel:
    """The network the settings describe, with fresh weights."""
    size = settings.embedding_size if settings.embedding == "learned" else 0
    encoder = build_encoder(settings, size or vocab_size, window=settings.attention_window)
    return LanguageModel(
        vocab_size,
        size,
        encoder,
        embedding_dropout=settings.embedding_dropout,
        tie_embeddings=settings.tie_embeddings,
    )


def make_stream(store: Store, settings: Settings) -> Stream:
    """Batches of the training part, in the way the settings ask for."""
    train = settings.train
    shape = (train.batch_size, train.sequence_length, train.seed)
    if settings.text.window:
        stream = WindowStream(store, settings.text.window, *shape)
        if not stream.windows:
            raise _no_window("training", settings)
        return stream
    if settings.data.records == "continuous":
        return ColumnStream(store, *shape)
    return RecordStream(store, *shape)


def _no_window(part: str, settings: Settings) -> DataError:
    return DataError(
        f"No record of the {part} part is longer than the window of {settings.text.window} tokens. "
        "Pass a smaller --window."
    )


class GenerateJob:
    """A language model in training.

    Args:
        corpus: stored ids.
        device: where the model is.
        autocast: makes the context of validation, as it does that of training.
    """

    units = Units()

    def __init__(
        self,
        corpus: Corpus,
        device: torch.device,
        autocast: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self.corpus, self.device, self.autocast = corpus, device, autocast
        settings = corpus.settings
        torch.manual_seed(settings.train.seed % LARGEST_SEED)
        self.model = build_model(settings.model, corpus.tokenizer.vocabulary_size).to(device)
        self.stream = make_stream(corpus.store("train"), settings)
        self.valid = list(scored_batches(corpus.store("valid"), settings, SCORED_IN_TRAINING))
        if not self.valid:
            raise _no_window("validation", settings)
        self.prompt = sample_prompt(corpus)

    def loss(self, model: nn.Module, batch: Batch, states: Sequence[State] | None) -> Loss:
        """Nats of a batch."""
        result: Loss = model(*to_tensors(batch, self.device), states)
        return result

    def count(self, batch: Batch) -> int:
        """Tokens to be predicted: one a step, or one a window."""
        return int(batch.lengths.sum()) if batch.targets.ndim == 2 else len(batch.lengths)

    def validate(self) -> Validation:
        """Nats a token on (the first 60,000 tokens of) the validation part."""
        with self.autocast():
            nats, targets = score(self.model, self.valid, self.device)
        return Validation(nats / targets)

    def pictures(self) -> dict[str, bytes]:
        """None."""
        return {}

    def samples(self) -> list[dict[str, Any]]:
        """The same prompt continued at three temperatures."""
        writer = Writer.of_model(self.model, self.corpus.settings, self.corpus.tokenizer)
        # Torch's threads still turn when numpy's want to start; two teams on two cores wait for
        # each other a hundred times longer than the work takes.
        with threadpool_limits(1, user_api="blas"):
            return [self._sample(writer, temperature) for temperature in SAMPLE_TEMPERATURES]

    def _sample(self, writer: Writer, temperature: float) -> dict[str, Any]:
        train = self.corpus.settings.train
        sampler = Sampler(temperature=temperature, seed=train.seed)
        text = writer.write(self.prompt, sampler, train.sample_length)
        return {"temperature": temperature, "prompt": self.prompt, "text": text}


def to_tensors(batch: Batch, device: torch.device) -> tuple[torch.Tensor, ...]:
    """Inputs, lengths and targets on the device."""
    arrays = (batch.inputs, batch.lengths, batch.targets)
    return tuple(torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in arrays)


def scored_batches(store: Store, settings: Settings, limit: int) -> Iterator[tuple[Batch, int]]:
    """Batches that score a part of a corpus, and how many first steps of each are not scored.

    A continuous text is scored in segments, each read from a zero state that first sees the 256
    tokens before it: a definition that no batch size enters into.
    """
    if settings.text.window:
        stream = WindowStream(store, settings.text.window, 1, 4096 * settings.text.window, 0)
        last = min(stream.windows, limit)
        for start in range(0, last, 4096):
            yield stream.windows_at(np.arange(start, min(start + 4096, last))), 0
    elif settings.data.records == "continuous":
        yield from _segments(store, limit)
    else:
        lengths = store.lengths
        chosen = np.flatnonzero(np.cumsum(lengths) <= max(limit, int(lengths[0])))
        order = chosen[np.argsort(lengths[chosen], kind="stable")]
        for group in group_by_length(order, lengths, 16_384):
            yield pad_records([store[record] for record in group]), 0


def _segments(store: Store, limit: int) -> Iterator[tuple[Batch, int]]:
    """The first segment (nothing stands before it), full segments in batches, the last one."""
    last = min(store.tokens - 1, limit)  # targets
    head = min(SEGMENT, last)
    yield _rows(store, [0], head), 0
    starts = list(range(head, last - SEGMENT + 1, SEGMENT))
    for first in range(0, len(starts), 64):
        rows = [start - WARM_START for start in starts[first : first + 64]]
        yield _rows(store, rows, SEGMENT + WARM_START), WARM_START
    done = starts[-1] + SEGMENT if starts else head
    if done < last:
        yield _rows(store, [done - WARM_START], last - done + WARM_START), WARM_START


def _rows(store: Store, starts: list[int], time: int) -> Batch:
    ids = np.stack([store.slice(start, start + time + 1) for start in starts]).astype(np.int64)
    return Batch(ids[:, :-1], np.full(len(ids), time), ids[:, 1:])


@torch.inference_mode()
def score(
    model: LanguageModel, batches: Iterable[tuple[Batch, int]], device: torch.device
) -> tuple[float, int]:
    """Nats of all targets, and how many there are."""
    model.eval()
    nats, count = 0.0, 0
    for batch, skipped in batches:
        ids, lengths, targets = to_tensors(batch, device)
        states = None
        if skipped:
            _, states = model.encode(ids[:, :skipped])
        loss = model(ids[:, skipped:], lengths - skipped, targets[..., skipped:], states)
        nats += float(loss.nats)
        count += loss.targets
    return nats, count


def scored_sequences(
    store: Store, settings: Settings, limit: int
) -> Iterator[tuple[npt.NDArray[np.int32], int]]:
    """The same targets for the n-gram model: sequences, and how many first targets do not count."""
    if settings.text.window:
        yield from _windowed(store, settings.text.window, limit)
    elif settings.data.records == "continuous":
        yield store.slice(0, min(store.tokens - 1, limit) + 1).astype(np.int32), 0
    else:
        lengths = store.lengths
        for record in np.flatnonzero(np.cumsum(lengths) <= max(limit, int(lengths[0]))):
            yield store[int(record)].astype(np.int32), 0


def _windowed(store: Store, window: int, limit: int) -> Iterator[tuple[npt.NDArray[np.int32], int]]:
    """Records, whose first window is never a target, up to ``limit`` targets in all."""
    for record in range(len(store)):
        ids = store[record][: window + limit].astype(np.int32)
        yield ids, window - 1
        limit -= max(0, len(ids) - window)
        if limit <= 0:
            return


def sample_prompt(corpus: Corpus) -> str:
    """What the texts shown after each epoch start with.

    The user's own start, or the first words of the validation part: never of the training part,
    whose continuation the model may know by heart.
    """
    given = corpus.settings.train.sample_prompt
    if given is not None:
        return given
    store = corpus.store("valid")
    ids = store.slice(0, min(200, store.tokens)) if corpus.continuous else store[0][1:]
    words = first_words(ids, corpus.tokenizer)
    return words


def first_words(ids: npt.NDArray[Any], tokenizer: Tokenizer, count: int = 3) -> str:
    """The first few words of a text, from its ids."""
    known = (int(i) for i in ids[:200] if i not in (tokenizer.end, tokenizer.unknown))
    text = tokenizer.decode(list(known)).lstrip()
    words = text.split()[: count + 1]
    # The last word may be cut in two by the end of the text, or by that of the 200 ids.
    return " ".join(words[:count])


def prepare(source: Source, settings: Settings) -> Corpus:
    """Read, split, fit the tokenizer on the training part, store the ids."""
    return prepare_corpus(source, settings)


def reopen(folder: str, settings: Settings) -> Corpus | None:
    """A corpus prepared before, if the cache still has it, with the settings of one run."""
    corpus = open_whole(Path(folder))
    # Runs with other networks share a corpus: whose settings it was made for does not matter.
    return None if corpus is None else replace(corpus, settings=settings)


def sealed_files(corpus: Corpus) -> dict[str, bytes]:
    """What generation needs beside the weights and the settings."""
    return {"tokenizer.json": json.dumps(corpus.tokenizer.to_dict(), ensure_ascii=False).encode()}


def make_job(
    corpus: Corpus, device: torch.device, autocast: Callable[[], AbstractContextManager[Any]]
) -> GenerateJob:
    """A model with fresh weights, and its data."""
    return GenerateJob(corpus, device, autocast)


def score_run(corpus: Corpus, job: GenerateJob, run: Run) -> dict[str, Any]:
    """Metrics of the model and of the n-gram model on validation and test."""
    ngram = fit_ngram(corpus)
    run.seal("baseline.safetensors", save_arrays(ngram.arrays()))
    result: dict[str, Any] = {"valid": {}, "test": {}, "baseline": {"valid": {}, "test": {}}}
    for part in ("valid", "test"):
        if corpus.has(part):
            store = corpus.store(part)
            characters = corpus.facts.characters[part]
            result[part], result["baseline"][part] = score_store(
                job.model, ngram, store, corpus.settings, characters, job.device
            )
    return result


def fit_ngram(corpus: Corpus) -> NGramModel:
    """The baseline: Kneser-Ney n-grams of the training part, their order chosen on validation."""
    settings = corpus.settings
    train = (ids for ids, _ in scored_sequences(corpus.store("train"), settings, NGRAM_TOKENS))
    valid = [ids for ids, _ in scored_sequences(corpus.store("valid"), settings, NGRAM_CHOICE)]
    longest = 7 if settings.text.tokenizer in ("char", "jamo") else 4
    return choose_order(train, valid, corpus.tokenizer.vocabulary_size, range(1, longest + 1))


def score_store(
    model: LanguageModel,
    ngram: NGramModel,
    store: Store,
    settings: Settings,
    characters: int,
    device: torch.device,
) -> tuple[dict[str, float], dict[str, float]]:
    """Metrics of the model and of the baseline on the same targets, in float32.

    ``characters`` are those of the whole store. Where not all of it is scored, a target stands for
    as many as on average; a record's start, which is never a target, stands for none.
    """
    batches = scored_batches(store, settings, SCORED_AT_THE_END)
    nats, count = score(model, batches, device)
    sequences = scored_sequences(store, settings, SCORED_AT_THE_END)
    texts, firsts = zip(*sequences, strict=True)
    scored = zip(ngram.nll_each(texts), firsts, strict=True)
    parts = [nats[1 + first :] for nats, first in scored]
    plain = float(sum(part.sum() for part in parts))
    starts = 0 if settings.data.records == "continuous" else len(store)
    scored_characters = characters * count / (store.tokens - starts)
    return (
        language_metrics(nats, count, scored_characters),
        language_metrics(plain, sum(len(part) for part in parts), scored_characters),
    )


def evaluate_run(run: Run, settings: Settings, data: Any) -> dict[str, Any]:
    """Scores on other data beside the baseline's."""
    tokenizer, model = _opened(run, settings)
    ngram = NGramModel.from_arrays(load_arrays(run.read("baseline.safetensors")))
    remarks: list[str] = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scored.arrow"
        store, characters = encode_source(open_source(data), settings, tokenizer, path, remarks)
        device = torch.device("cpu")
        scores, plain = score_store(model, ngram, store, settings, characters, device)
    return {"scores": scores, "baseline": {"scores": plain}, "remarks": remarks}


def measure_run(run: Run, settings: Settings) -> dict[str, Any]:
    """How much of what is generated is copied, where the training part is still in the cache."""
    corpus = reopen(run.read_json("run.json")["prepared"], settings)
    if corpus is None:
        return {}
    tokenizer, model = _opened(run, settings)
    return {"copied_8grams": copied(Writer.of_model(model, settings, tokenizer), corpus)}


def _opened(run: Run, settings: Settings) -> tuple[Tokenizer, LanguageModel]:
    tokenizer = tokenizer_from_dict(run.read_json("tokenizer.json"))
    model = build_model(settings.model, tokenizer.vocabulary_size)
    load_into(model, read_tensors(run.read("model.safetensors"), run.path), run.path)
    return tokenizer, model


def copied(writer: Writer, corpus: Corpus) -> float:
    """Share of the 8-grams in ten generated texts that stand in the training part."""
    store = corpus.store("train")
    columns = list(writer.ids([""] * 10, Sampler(temperature=0.8, seed=0), 200))
    rows = np.stack(columns, axis=1)
    training = (store[record] for record in range(len(store)))
    texts = [row[row >= 0] for row in rows]
    return copied_share(texts, training, 8, continuous=corpus.continuous)
