"""A recording, or a microphone, written down while it is heard; and how long that took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqloom_runtime.signal.sound_files import read_pieces

from seqloom.config import PredictSettings
from seqloom.tasks.transcribe_files import check_plot, draw, microphone
from seqloom.tasks.transcriber import Heard, Transcriber


class Listening:
    """Text as it comes, and figures when it is over.

    Args:
        transcriber: of a run.
        file: a sound file; None listens to the microphone.
        options: the search, the language model, a picture.
        stream: write as soon as something is certain.
        seconds: of a piece.
    """

    def __init__(
        self,
        transcriber: Transcriber,
        file: Path | None,
        options: PredictSettings,
        *,
        stream: bool,
        seconds: float,
    ) -> None:
        self.transcriber, self.file, self.seconds = transcriber, file, seconds
        self.decoders = transcriber.decoders(options)
        self.streaming = stream or file is None
        self._heard: Heard | None = None
        self._worked = 0.0
        self._latencies: list[float] = []
        if self.streaming:
            self._listener = transcriber.listener(self.decoders)
        if options.plot and file is not None:
            check_plot(options.plot)
            draw(transcriber, file, self.decoders, options.plot)

    def __iter__(self) -> Iterator[str]:
        """Text as soon as it is certain; of a file that is heard whole, all of it at once.

        Raises:
            DataError: the file cannot be heard.
        """
        rate = self.transcriber.rate
        if not self.streaming:
            assert self.file is not None
            started = time.perf_counter()
            self._heard = self.transcriber.hear(read_pieces(self.file, rate), self.decoders)
            self._worked = time.perf_counter() - started
            yield self._heard.text
            return
        if self.file is None:
            pieces = iter(microphone(rate, self.seconds))
        else:
            pieces = read_pieces(self.file, rate, self.seconds)
        try:
            for piece in pieces:
                started = time.perf_counter()
                text = self._listener.feed(piece)
                self._note(time.perf_counter() - started)
                if text:
                    yield text
        except KeyboardInterrupt:
            if self.file is not None:
                raise
        started = time.perf_counter()
        text = self._listener.finish()
        self._note(time.perf_counter() - started)
        self._heard = self._listener.heard()
        yield text

    def _note(self, seconds: float) -> None:
        self._worked += seconds
        self._latencies.append(seconds)

    def about(self) -> dict[str, Any]:
        """The transcript and how long it took, once it is over.

        ``real_time_factor`` is seconds of work a second of sound; ``latency`` how long after the
        end of a piece its text is there, in the mean and at most.
        """
        assert self._heard is not None
        heard, frames = self._heard, self.transcriber.frames
        found: dict[str, Any] = {
            "audio": "microphone" if self.file is None else str(self.file),
            "transcript": heard.text,
            "seconds": round(heard.seconds, 3),
            "work_seconds": round(self._worked, 4),
            "real_time_factor": round(self._worked / max(heard.seconds, 1e-9), 5),
        }
        if self.streaming:
            found["chunk_seconds"] = self.seconds
            found["latency_mean"] = round(sum(self._latencies) / len(self._latencies), 5)
            found["latency_most"] = round(max(self._latencies), 5)
            overlap = (frames.settings.stack - frames.stride) / frames.stride  # of steps
            ahead = frames.step_seconds * (1 + overlap) + frames.settings.window_seconds
            found["look_ahead"] = round(ahead, 4)
        return found
