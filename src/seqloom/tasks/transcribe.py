"""Transcribe: learn to write down what is said.

recordings → log-mel steps → encoder → tokens and silence at each step (CTC) → search → text
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from seqloom_runtime.decode.ctc import greedy_path
from torch import nn

from seqloom.config import Settings
from seqloom.data.batching import Batch, pad
from seqloom.data.source import Source
from seqloom.evaluate.hearing import hearing_picture
from seqloom.evaluate.speech import check_jiwer, transcript_metrics
from seqloom.nn.cells import State
from seqloom.nn.language_model import Loss
from seqloom.run import Run
from seqloom.tasks.speech_corpus import (
    SpeechCorpus,
    prepare_speech,
    reopen_speech,
    with_settings,
)
from seqloom.tasks.speech_language import seal_language
from seqloom.tasks.speech_model import SpeechStream, build_recognizer
from seqloom.tasks.speech_scores import (
    choose_language,
    evaluate_run,
    fit_baselines,
    score_part,
)
from seqloom.tasks.transcribe_files import hearing_of, predict_lines
from seqloom.tasks.transcriber import Transcriber
from seqloom.train.job import Validation
from seqloom.train.loop import LARGEST_SEED
from seqloom.watching import Units

SCORED_IN_TRAINING = 500  # validation recordings at most, at each report
SHOWN = 3  # transcripts beside the truth, at each report
LOSS_IN_RANK = 0.01  # of the loss in what the best weights have least of: errors are often equal
LUCK = 0.5  # share of wrong characters above which, without a right word, right ones are luck


class TranscribeJob:
    """A recognizer in training.

    Args:
        corpus: stored recordings.
        device: where the model is.
        autocast: makes the context of validation, as it does that of training.
    """

    units = Units("token", "steps", names={"wer": "wrong words"})

    def __init__(
        self,
        corpus: SpeechCorpus,
        device: torch.device,
        autocast: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self.corpus, self.device, self.autocast = corpus, device, autocast
        settings = corpus.settings
        train = settings.train
        torch.manual_seed(train.seed % LARGEST_SEED)
        self.model = build_recognizer(settings, corpus.tokenizer).to(device)
        self.transcriber = Transcriber(
            self.model, corpus.tokenizer, corpus.frames(), settings, device
        )
        self.stream = SpeechStream(corpus, train.batch_size * train.sequence_length, train.seed)
        self.valid = corpus.utterances("valid") if corpus.has("valid") else None
        frames, count = self.transcriber.frames, min(SCORED_IN_TRAINING, len(self.valid or ()))
        self.steps = [frames(self.valid.samples(n)) for n in range(count) if self.valid]
        self.true = list(self.valid.texts[:count]) if self.valid else []

    def loss(self, model: nn.Module, batch: Batch, states: Sequence[State] | None) -> Loss:
        """Nats of a batch's transcripts over all their alignments."""
        arrays = (batch.inputs, batch.lengths, batch.targets)
        result: Loss = model(*(torch.from_numpy(array).to(self.device) for array in arrays))
        return result

    def count(self, batch: Batch) -> int:
        """Tokens of the transcripts."""
        return max(1, int((batch.targets != 0).sum()))

    def validate(self) -> Validation:
        """Nats a token, and wrong words and characters of the likeliest paths."""
        with self.autocast():
            loss, rows = self._nats(), self.transcriber.rows(self.steps)
        texts = [self.corpus.tokenizer.decode(greedy_path(row)) for row in rows]
        scores = transcript_metrics(texts, self.true)
        names: tuple[str, ...] = ("wer", "cer")
        kept = {name: scores[name] for name in names if name in scores}
        return Validation(loss, kept, rank_of(loss, kept))

    @torch.inference_mode()
    def _nats(self) -> float:
        """Nats a token of the validation part."""
        self.model.eval()
        nats, tokens = 0.0, 0
        for first in range(0, len(self.steps), 32):
            inputs, lengths = pad(self.steps[first : first + 32])
            texts = self.true[first : first + 32]
            targets, _ = pad([self.corpus.tokenizer.encode(text) for text in texts])
            batch = Batch(inputs, lengths, targets)
            loss = self.loss(self.model, batch, None)
            nats, tokens = nats + float(loss.nats), tokens + loss.targets
        return nats / max(1, tokens)

    def samples(self) -> list[dict[str, Any]]:
        """The same three validation recordings, with what the model makes of them."""
        numbers = self._shown()
        rows = self.transcriber.rows([self.steps[n] for n in numbers])
        texts = [self.corpus.tokenizer.decode(greedy_path(row)) for row in rows]
        return [
            {"transcript": text, "true": self.true[n], "speaker": self.valid.speakers[n]}
            for n, text in zip(numbers, texts, strict=True)
            if self.valid
        ]

    def pictures(self) -> dict[str, bytes]:
        """What is heard in the longest of them."""
        if self.valid is None:
            return {}
        number = max(self._shown(), key=lambda n: len(self.steps[n]))
        samples = self.valid.samples(number)
        (rows,) = self.transcriber.rows([self.steps[number]])
        hearing = hearing_of(self.transcriber, samples, rows, f"true: {self.true[number]}")
        return {"hearing.png": hearing_picture(hearing)}

    def _shown(self) -> list[int]:
        count = min(SHOWN, len(self.steps))
        return [int(n) for n in np.linspace(0, len(self.steps) - 1, count).round()]


def rank_of(loss: float, scores: dict[str, float]) -> float:
    """What the best weights have least of: wrong characters, and at the beginning the loss.

    CTC stammers, is silent for a while, and only then speaks. What stammering got right by chance
    must not outrank all silence, or a run stops before the first word.
    """
    wrong = scores.get("cer", 0.0)
    mute = scores.get("wer", 0.0) >= 1.0 and wrong > LUCK
    return (1.0 if mute else wrong) + LOSS_IN_RANK * loss


def prepare(source: Source, settings: Settings) -> SpeechCorpus:
    """Read and resample the recordings, split them, fit tokens and scale on the training part."""
    check_jiwer()
    return prepare_speech(source, settings)


def reopen(folder: str, settings: Settings) -> SpeechCorpus | None:
    """A corpus prepared before, if the cache still has it, with the settings of one run."""
    corpus = reopen_speech(Path(folder))
    return None if corpus is None else replace(with_settings(corpus, settings), settings=settings)


def sealed_files(corpus: SpeechCorpus) -> dict[str, bytes]:
    """What use needs beside the weights and the settings."""
    contents = {"tokenizer.json": corpus.tokenizer.to_dict(), "scale.json": corpus.scale.to_dict()}
    return {
        name: json.dumps(content, ensure_ascii=False).encode() for name, content in contents.items()
    }


def make_job(
    corpus: SpeechCorpus, device: torch.device, autocast: Callable[[], AbstractContextManager[Any]]
) -> TranscribeJob:
    """A model with fresh weights, and its data."""
    return TranscribeJob(corpus, device, autocast)


def score_run(corpus: SpeechCorpus, job: TranscribeJob, run: Run) -> dict[str, Any]:
    """Choose the language model's weight on validation, then score each part beside baselines."""
    train = corpus.utterances("train")
    if job.valid is not None:
        language = choose_language(train, job.valid, job.transcriber)
        job.transcriber.language = language
        seal_language(run, language)
    baselines = fit_baselines(train, job.transcriber)
    baselines.seal(run)
    empty: dict[str, Any] = {"valid": {}, "test": {}}
    result: dict[str, Any] = {**empty, "baseline": {**empty}, "commonest": {**empty}}
    details: dict[str, Any] = {}
    for part in filter(corpus.has, ("valid", "test")):
        scores = score_part(corpus.utterances(part), job.transcriber, baselines)
        result[part] = scores["model"]
        result["baseline"][part] = scores["baseline"]
        result["commonest"][part] = scores["commonest"]
        details[part] = {"speakers": scores["speakers"], "mistakes": scores["mistakes"]}
    if job.valid is not None:
        result["valid"]["nll"] = job.validate().loss
    run.write_json("details.json", details)
    return result


__all__ = [
    "TranscribeJob",
    "evaluate_run",
    "make_job",
    "predict_lines",
    "prepare",
    "reopen",
    "score_run",
    "sealed_files",
]
