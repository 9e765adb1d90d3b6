"""A trained recognizer at work: samples in, transcripts out, of a whole recording or as it comes.

    samples ─ steps ─ network ─ log probabilities ─ search (+ language model) ─→ text

A network that reads one way carries its state from piece to piece, and what it writes of a
recording does not depend on how it was cut. One that reads both ways hears a long recording in
stretches, cut where it is quietest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from seqloom_runtime.decode.ctc import Decoder, Greedy, PrefixBeam, Scorer, align, search
from seqloom_runtime.signal.audio import Floats
from seqloom_runtime.text.stream import StreamDecoder
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict

from seqloom.config import PredictSettings, Settings
from seqloom.data.batching import group_by_length, pad
from seqloom.errors import RunError, SettingsError
from seqloom.nn.ctc_model import CTCModel
from seqloom.nn.recurrent import CELLS
from seqloom.run import Run
from seqloom.tasks.speech_frames import Scale, SpeechFrames, frames_of
from seqloom.tasks.speech_language import Language, Weighing, open_scorer, read_language
from seqloom.tasks.speech_model import build_recognizer
from seqloom.toml import read_settings
from seqloom.train.checkpoint import load_into, read_tensors
from seqloom.train.device import choose_device, set_threads

STEPS_AT_ONCE = 8_192  # padded steps of a batch that is only heard
STRETCH_SECONDS = 30.0  # of a long recording, heard at once by a network that reads both ways
QUIET_WITHIN = 10.0  # seconds before the end of a stretch, in which it is cut where it is quietest
PIECE_SECONDS = 10.0  # of a recording that a network reads one way

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Heard:
    """A transcript.

    Args:
        text: what was said.
        score: nats of it, with what the language model makes of it.
        seconds: how long the recording is.
        others: further transcripts, best first.
    """

    text: str
    score: float
    seconds: float
    others: tuple[str, ...] = field(default=())


class Transcriber:
    """The network with all that it needs.

    Args:
        model: trained, or in training.
        tokenizer: of the transcripts.
        frames: how samples become steps.
        language: n-grams of the training transcripts; None without.
    """

    def __init__(
        self,
        model: CTCModel,
        tokenizer: Tokenizer,
        frames: SpeechFrames,
        settings: Settings,
        device: torch.device,
        language: Language | None = None,
    ) -> None:
        self.model, self.tokenizer, self.frames = model, tokenizer, frames
        self.settings, self.device, self.language = settings, device, language

    @property
    def rate(self) -> int:
        """Samples a second that it hears."""
        return self.settings.audio.sample_rate

    @property
    def can_stream(self) -> bool:
        """Whether it can write while it listens."""
        model = self.settings.model
        one_way = model.encoder in CELLS and not model.bidirectional
        return one_way and self.settings.audio.standardise == "train"

    @torch.inference_mode()
    def rows(self, steps: Sequence[Floats]) -> list[Rows]:
        """Log probabilities (steps, vocab) of recordings, each its own."""
        self.model.eval()
        found: dict[int, Rows] = {}
        lengths = np.array([len(one) for one in steps], np.int64)
        for group in group_by_length(np.argsort(lengths, kind="stable"), lengths, STEPS_AT_ONCE):
            own = [int(n) for n in group if lengths[n]]
            if not own:
                continue
            inputs, sizes = pad([steps[n] for n in own])
            x, real = (torch.from_numpy(array).to(self.device) for array in (inputs, sizes))
            scores, _ = self.model.log_probabilities(x, real)
            for n, row, size in zip(own, scores.cpu().numpy(), sizes, strict=True):
                found[n] = row[:size]
        empty = np.zeros((0, self.tokenizer.vocabulary_size), np.float32)
        return [found.get(n, empty) for n in range(len(steps))]

    def decoders(self, options: PredictSettings) -> Decoders:
        """What searches transcripts, as asked for."""
        if options.beam == 1:
            if options.lm not in (None, "none") or options.lm_weight:
                raise SettingsError("--lm judges what a search finds. Pass --beam 2 or more.")
            return Decoders(1, None, Weighing())
        scorer, weighing = open_scorer(self.language, self.tokenizer, options)
        return Decoders(options.beam, scorer, weighing)

    def transcribe(
        self, recordings: Iterable[Floats], options: PredictSettings = PredictSettings()
    ) -> Iterator[Heard]:
        """Transcripts of whole recordings (time,), in their order."""
        decoders = self.decoders(options)
        for samples in recordings:
            yield self.hear([samples], decoders)

    def hear(self, pieces: Iterable[Floats], decoders: Decoders) -> Heard:
        """The transcript of a recording that comes in pieces, of which few are held at a time."""
        if self.can_stream:
            listener = self.listener(decoders)
            for piece in pieces:
                listener.feed(piece)
            listener.finish()
            return listener.heard()
        found: list[Heard] = []
        for stretch in stretches(pieces, self.rate):
            (rows,) = self.rows([self.frames(stretch)])
            found.append(self.read(rows, decoders, len(stretch) / self.rate))
        if len(found) == 1:
            return found[0]
        text = " ".join(one.text for one in found if one.text)
        return Heard(text, sum(one.score for one in found), sum(one.seconds for one in found))

    def read(self, rows: Rows, decoders: Decoders, seconds: float) -> Heard:
        """The transcript of a recording's log probabilities."""
        found = search(rows, decoders.make())
        texts = [self.tokenizer.decode(list(one.ids)) for one in found]
        return Heard(texts[0], found[0].score, seconds, tuple(texts[1:]))

    def listener(self, decoders: Decoders) -> Listener:
        """Writes while it listens.

        Raises:
            SettingsError: the network reads from the end too.
        """
        if not self.can_stream:
            raise SettingsError(
                "This model cannot write while it listens: it reads a recording whole "
                f"({self._why()}). Train one with --no-bidirectional --standardise train."
            )
        return Listener(self, decoders.make())

    def _why(self) -> str:
        model = self.settings.model
        if model.encoder not in CELLS:
            return f"its encoder is {model.encoder}"
        return "from both ends" if model.bidirectional else "its level is that of the recording"


@dataclass(frozen=True)
class Decoders:
    """Makes a fresh search for each recording."""

    beam: int
    scorer: Scorer | None
    weighing: Weighing

    def make(self) -> Decoder:
        """A search that heard nothing yet."""
        if self.beam == 1:
            return Greedy()
        return PrefixBeam(
            self.beam, self.scorer, weight=self.weighing.weight, bonus=self.weighing.bonus
        )


class Listener:
    """Writes while it listens: text as soon as nothing that follows can change it.

    Args:
        transcriber: whose network reads one way.
        decoder: a search that heard nothing yet.
    """

    def __init__(self, transcriber: Transcriber, decoder: Decoder) -> None:
        self.transcriber, self.decoder = transcriber, decoder
        self._steps = transcriber.frames.listener()
        self._states: list[tuple[torch.Tensor, ...]] | None = None
        self._text = StreamDecoder(transcriber.tokenizer)
        self._said = 0
        self._samples = 0
        self._heard: Heard | None = None

    def feed(self, samples: Floats) -> str:
        """The text that has become certain with these samples."""
        self._samples += len(samples)
        self._read(self._steps.feed(samples))
        return self._push(self.decoder.certain())

    def finish(self) -> str:
        """The rest of the text."""
        self._read(self._steps.finish())
        best, *others = self.decoder.finish()
        tokenizer = self.transcriber.tokenizer
        self._heard = Heard(
            tokenizer.decode(list(best.ids)),
            best.score,
            self._samples / self.transcriber.rate,
            tuple(tokenizer.decode(list(one.ids)) for one in others),
        )
        return self._push(best.ids) + self._text.finish()

    def heard(self) -> Heard:
        """The transcript, once it is finished."""
        assert self._heard is not None
        return self._heard

    def _push(self, ids: tuple[int, ...]) -> str:
        new = "".join(self._text.push(number) for number in ids[self._said :])
        self._said = max(self._said, len(ids))
        return new

    @torch.inference_mode()
    def _read(self, steps: Floats) -> None:
        model = self.transcriber.model
        model.eval()
        if not len(steps):
            return
        x = torch.from_numpy(np.ascontiguousarray(steps, np.float32))[None]
        x = x.to(self.transcriber.device)
        scores, self._states = model.log_probabilities(x, None, self._states)
        for row in scores[0].cpu().numpy():
            self.decoder.step(row)


def stretches(pieces: Iterable[Floats], rate: int) -> Iterator[Floats]:
    """A recording in stretches of bounded length, cut where it is quietest; one at least."""
    longest, within = int(STRETCH_SECONDS * rate), int(QUIET_WITHIN * rate)
    held: Floats = np.zeros(0, np.float32)
    for piece in pieces:
        held = np.concatenate([held, piece])
        while len(held) > longest:
            cut = longest - within + quietest(held[longest - within : longest], rate)
            yield held[:cut]
            held = held[cut:]
    yield held


def quietest(samples: Floats, rate: int) -> int:
    """The middle of the quietest fifth of a second.

    >>> quietest(np.concatenate([np.ones(50), np.zeros(50)]).astype(np.float32), 100)
    60
    """
    size = max(1, rate // 5)
    sums = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    loud = sums[size:] - sums[:-size]
    return int(loud.argmin()) + size // 2


def load_transcriber(run: Run) -> Transcriber:
    """The transcriber of a run folder.

    Raises:
        RunError: the run has no weights yet, or a file is damaged.
    """
    settings = read_settings(run.path / "config.toml")
    set_threads(settings.train)
    tokenizer = tokenizer_from_dict(run.read_json("tokenizer.json"))
    frames = frames_of(settings, read_scale(run, settings))
    model = build_recognizer(settings, tokenizer)
    load_into(model, read_tensors(run.read("model.safetensors"), run.path), run.path)
    device = choose_device(settings.train)
    language = read_language(run) if (run.path / "language.json").exists() else None
    return Transcriber(model.to(device), tokenizer, frames, settings, device, language)


def read_scale(run: Run, settings: Settings) -> Scale:
    """The scale of the bands.

    Raises:
        RunError: the file is damaged.
    """
    try:
        scale = Scale.from_dict(run.read_json("scale.json"))
    except RunError as error:
        raise RunError(f"{run.path / 'scale.json'}: is damaged: {error}") from None
    if len(scale.mean) != settings.audio.bands:
        raise RunError(f"{run.path / 'scale.json'}: is damaged: it is of other bands.")
    return scale


__all__ = ["Decoders", "Heard", "Listener", "Transcriber", "align", "load_transcriber"]
