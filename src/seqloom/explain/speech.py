"""Looking into recognizers: sound step by step, what the network holds, and what it hears when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from seqloom_runtime.decode.ctc import BLANK, align, search, steps_needed
from seqloom_runtime.signal.audio import Floats, log_mel
from seqloom_runtime.signal.sound_files import read_sound
from torch import Tensor, nn

from seqloom.config import PredictSettings
from seqloom.errors import DataError
from seqloom.explain.cell_equations import Array
from seqloom.explain.remarks import Remark
from seqloom.explain.subject import Read, Subject, repeated
from seqloom.explain.texts import prepared_of
from seqloom.explain.trace import Steps, Trace, likeliest
from seqloom.nn.ctc_model import CTCModel, ctc_nats
from seqloom.nn.encoders import Encoder
from seqloom.run import Run
from seqloom.tasks.transcriber import Transcriber, load_transcriber

MOST_STEPS = 400  # that a page shows
RECORDINGS = 16  # that are heard together in a search
SILENT = "·"  # how the blank of CTC is written: nothing is said at this step
QUIETEST = 0.05  # of the steps, by which it is told how quiet a recording can be


class Transcribing(Subject):
    """A model of what is said at each step of a recording."""

    task = "transcribe"

    def __init__(self, run: Run, transcriber: Transcriber) -> None:
        super().__init__(run, transcriber.settings, transcriber.model)
        self.transcriber = transcriber
        transcriber.device = torch.device("cpu")
        self.decoders = transcriber.decoders(PredictSettings())

    @classmethod
    def of(cls, run: Run) -> Transcribing:
        """The model of a run."""
        return cls(run, load_transcriber(run))

    def encoder_of(self, model: nn.Module) -> Encoder:
        """The encoder of a recognizer."""
        assert isinstance(model, CTCModel)
        return model.encoder

    def read(self, given: Any) -> Read:
        """A sound file, or samples at the model's rate, and what is heard in it."""
        if isinstance(given, np.ndarray):
            name, samples = "samples", np.asarray(given, np.float32)
            if samples.ndim != 1:
                raise DataError(f"Received samples {samples.shape}; expected (time,).")
        elif isinstance(given, str | Path):
            name, samples = Path(given).name, read_sound(Path(given), self.transcriber.rate)
        else:
            raise DataError(f"Expected a sound file, received {type(given).__name__}.")
        frames, remarks = self.transcriber.frames, []
        most = round(MOST_STEPS * frames.step_seconds * self.transcriber.rate) - frames.tail
        if frames.steps(len(samples)) > MOST_STEPS and most > 0:
            whole, kept = (size / self.transcriber.rate for size in (len(samples), most))
            remarks.append(Remark("seconds", whole, kept))
            samples = samples[:most]
        steps = frames(samples)[:MOST_STEPS]
        if not len(steps):
            raise DataError(f"{name}: is too short: it has not one step. Pass a longer recording.")
        (rows,) = self.transcriber.rows([steps])
        ids = list(search(rows, self.decoders.make())[0].ids)
        read = self._framed(name, rows, steps, ids)
        return replace(read, extra=(samples, *read.extra), remarks=tuple(remarks))

    def _framed(self, name: str, rows: Floats, steps: Floats, ids: list[int]) -> Read:
        """A recording by its steps, what is said at each (steps, tokens), and its transcript."""
        fits = 0 < steps_needed(ids) <= len(rows)
        places = align(rows, ids) if fits else np.zeros(0, np.int64)
        frames = self.transcriber.frames
        tokens = tuple(f"{time:.2f}" for time in frames.times(len(steps)) - frames.step_seconds / 2)
        said = [SILENT] * len(steps)
        names = self.names(ids)
        for place, spoken in zip(places, names, strict=False):
            said[int(place)] = spoken
        tensors = (torch.from_numpy(np.ascontiguousarray(steps, np.float32)[None]),)
        targets = (self.transcriber.tokenizer.decode(ids), *names) if fits else ()
        return Read(
            *(name, tokens, tuple(said), tensors, targets, (ids, places)),
            classes=last_said(said),
            class_kind="said",
        )

    def names(self, ids: list[int]) -> tuple[str, ...]:
        """How each token is written."""
        return tuple(
            SILENT if i == BLANK else self.transcriber.tokenizer.token(int(i)) for i in ids
        )

    def say(self, model: nn.Module, read: Read, rows: int = 1) -> Tensor:
        """Of each token at each step, and of silence: (rows, time, vocab_size)."""
        assert isinstance(model, CTCModel)
        (steps,) = repeated(read.tensors, rows)
        return model.log_probabilities(steps)[0]

    def ends(self, read: Read) -> tuple[Tensor, Tensor]:
        """The steps of the recording, and as many that are as quiet as its quietest."""
        x = read.tensors[0].float()
        quiet = torch.quantile(x, QUIETEST, dim=1, keepdim=True)
        return x, quiet.expand_as(x).clone()

    def scores_at(self, read: Read, x: Tensor) -> Tensor:
        """Of the whole transcript over all its paths, and of each token where it is said."""
        model, (_, ids, places) = self.model, read.extra
        assert isinstance(model, CTCModel)
        said = model.log_probabilities(x)[0]  # (rows, time, vocab)
        lengths = torch.full((len(x),), x.shape[1])
        targets = torch.tensor(ids).expand(len(x), -1)
        whole = -ctc_nats(said, lengths, targets, torch.full((len(x),), len(ids)))
        each = said[:, torch.from_numpy(places), targets[0]]  # (rows, tokens)
        return torch.cat([whole[:, None], each], 1)

    def scores(self, read: Read, rows: int) -> Tensor:
        """The same of the recording itself."""
        return self.scores_at(read, self.ends(read)[0].expand(rows, -1, -1))

    def finish(self, read: Read, said: Array, found: dict[str, Array], deviation: float) -> Trace:
        """With the bands that were heard, and the chance of each token at each step."""
        names = self.names(list(range(said.shape[-1])))
        chance = np.exp(said[0])
        rows = tuple(likeliest(row, names.__getitem__) for row in said[0])
        mel = self.bands(read.extra[0], len(read.tokens))
        return Trace(
            *(self.task, self.name, read.given, read.tokens, read.pieces),
            {**found, "mel": mel, "chance": chance},
            *(Steps("spoken", rows, read.pieces), deviation),
            written=self.names(read.extra[1]),
            answer=self.transcriber.tokenizer.decode(read.extra[1]),
            names=names,
            remarks=(*read.remarks, *self._remarks(read)),
        )

    def _remarks(self, read: Read) -> Iterator[str]:
        if not read.targets:
            yield Remark("silent")
        if read.extra[1] and self.decoders.scorer is not None:
            yield Remark("searched")

    def bands(self, samples: Floats, steps: int) -> Array:
        """Log-mel bands of a recording (bands, frames): those in the middle of each step."""
        frames = self.transcriber.frames
        first = (frames.settings.stack - frames.stride) // 2
        mel = log_mel(samples, frames.mel)
        end = first + steps * frames.stride
        held = np.pad(mel, ((0, max(0, end - len(mel))), (0, 0)), mode="minimum")[first:end]
        return held.T.astype(np.float64)

    def examples(self, part: str) -> Iterator[Read]:
        """Recordings of a part: how loud each step is, and what was said last there."""
        corpus = prepared_of(self.run, self.settings)
        if corpus is None or not corpus.has(part):
            return
        heard = corpus.utterances(part)
        order = np.random.default_rng(0).permutation(len(heard))
        for first in range(0, len(order), RECORDINGS):
            some = [int(row) for row in order[first : first + RECORDINGS]]
            sounds = [heard.samples(row) for row in some]
            steps = [self.transcriber.frames(samples)[:MOST_STEPS] for samples in sounds]
            rows = self.transcriber.rows(steps)
            for row, samples, own, said in zip(some, sounds, steps, rows, strict=True):
                ids = [int(i) for i in self.transcriber.tokenizer.encode(heard.texts[row])]
                if 0 < steps_needed(ids) <= len(own):
                    yield self._example(samples, said, own, ids)

    def _example(self, samples: Floats, rows: Floats, steps: Floats, ids: list[int]) -> Read:
        read = self._framed("", rows, steps, ids)
        loud = self.bands(samples, len(steps)).mean(0).reshape(len(steps), -1).mean(1)
        place = np.arange(len(steps), dtype=np.float64)
        return Read(
            *("", read.tokens, read.pieces, read.tensors),
            classes=read.classes,
            class_kind="said",
            measures={"loudness": loud, "place": place},
        )


def last_said(said: list[str]) -> tuple[str, ...]:
    """At each step the token that was said last; nothing before the first.

    >>> last_said([SILENT, "a", SILENT, "b"])
    ('', 'a', 'a', 'b')
    """
    found, last = [], ""
    for token in said:
        last = last if token == SILENT else token
        found.append(last)
    return tuple(found)
