"""A recognizer at work: samples in, transcripts out, of a whole recording or as it comes.

    samples ─ steps ─ network ─ log probabilities ─ search (+ language model) ─→ text

A network that reads one way carries its state from piece to piece, and what it writes of a
recording does not depend on how it was cut. One that reads both ways hears a long recording in
stretches, cut where it is quietest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.batching import group_by_length, pad
from seqloom_runtime.decode.ctc import Decoder, Greedy, PrefixBeam, Scorer, search
from seqloom_runtime.errors import SettingsError
from seqloom_runtime.signal.audio import Floats
from seqloom_runtime.stepping import STEPS
from seqloom_runtime.tasks.speech_frames import SpeechFrames
from seqloom_runtime.tasks.speech_language import Language, Weighing, open_own
from seqloom_runtime.text.stream import StreamDecoder
from seqloom_runtime.text.tokenizers import Tokenizer

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
    """All that a recognizer needs but its network, which is a subclass's.

    Args:
        tokenizer: of the transcripts.
        frames: how samples become steps.
        language: n-grams of the training transcripts; None without.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        frames: SpeechFrames,
        settings: Any,
        language: Language | None = None,
    ) -> None:
        self.tokenizer, self.frames = tokenizer, frames
        self.settings, self.language = settings, language

    def log_probabilities(
        self, steps: Rows, lengths: npt.NDArray[np.int64], states: Any = None
    ) -> tuple[Rows, Any]:
        """What the network makes of padded steps, and its states after them.

        Shape:
            steps (batch, time, size), lengths (batch,) → (batch, time, vocab_size).
        """
        raise NotImplementedError

    def scorer(self, options: Any) -> tuple[Scorer | None, Weighing]:
        """The language model that is asked for, and how much it counts."""
        return open_own(self.language, self.tokenizer, options)

    @property
    def rate(self) -> int:
        """Samples a second that it hears."""
        return int(self.settings.audio.sample_rate)

    @property
    def can_stream(self) -> bool:
        """Whether it can write while it listens."""
        model = self.settings.model
        one_way = model.encoder in STEPS and not model.bidirectional
        return one_way and self.settings.audio.standardise == "train"

    def rows(self, steps: Sequence[Floats]) -> list[Rows]:
        """Log probabilities (steps, vocab) of recordings, each its own."""
        found: dict[int, Rows] = {}
        lengths = np.array([len(one) for one in steps], np.int64)
        for group in group_by_length(np.argsort(lengths, kind="stable"), lengths, STEPS_AT_ONCE):
            own = [int(n) for n in group if lengths[n]]
            if not own:
                continue
            inputs, sizes = pad([steps[n] for n in own])
            scores, _ = self.log_probabilities(inputs, sizes)
            for n, row, size in zip(own, scores, sizes, strict=True):
                found[n] = row[:size]
        empty = np.zeros((0, self.tokenizer.vocabulary_size), np.float32)
        return [found.get(n, empty) for n in range(len(steps))]

    def decoders(self, options: Any) -> Decoders:
        """What searches transcripts, as asked for."""
        if options.beam == 1:
            if options.lm not in (None, "none") or options.lm_weight:
                raise SettingsError("--lm judges what a search finds. Pass --beam 2 or more.")
            return Decoders(1, None, Weighing())
        scorer, weighing = self.scorer(options)
        return Decoders(options.beam, scorer, weighing)

    def transcribe(self, recordings: Iterable[Floats], options: Any) -> Iterator[Heard]:
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
        if model.encoder not in STEPS:
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
        self._states: Any = None
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

    def _read(self, steps: Floats) -> None:
        if not len(steps):
            return
        x = np.ascontiguousarray(steps, np.float32)[None]
        length = np.array([len(steps)], np.int64)
        scores, self._states = self.transcriber.log_probabilities(x, length, self._states)
        for row in scores[0]:
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
