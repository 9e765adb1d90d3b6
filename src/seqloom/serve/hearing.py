"""Recognizers of speech, served."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from seqloom_runtime.rows import PROBABILITY_DIGITS
from seqloom_runtime.serve.served import Answer, Field, Options, Row
from seqloom_runtime.signal.audio import Floats
from seqloom_runtime.signal.resampling import Resampler
from seqloom_runtime.signal.sound_files import check_soundfile, mixed

from seqloom.config import PredictSettings
from seqloom.errors import DataError
from seqloom.run import Run
from seqloom.serve.base import Seen, fields_of, search_of
from seqloom.tasks.transcriber import load_transcriber

WIDEST = 32  # beam
LONGEST = 120.0  # seconds of a recording
BLOCK = 65_536  # samples read at once
SOUND = ("audio/wav", "audio/x-wav", "audio/flac", "audio/ogg")
INPUTS = {
    "audio": Field("media", "A WAV, FLAC or OGG file, as base64.", required=True, media=SOUND)
}
OPTIONS = fields_of(PredictSettings, "beam", "lm_weight", beam=WIDEST)


class ServedTranscriber(Seen):
    """Recordings in, what is said out."""

    task = "transcribe"
    inputs = INPUTS
    options = OPTIONS

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        check_soundfile()
        self.transcriber = load_transcriber(run)

    def about(self) -> dict[str, Any]:
        """The rate that it hears, and how long a recording may be."""
        return {"rate": self.transcriber.rate, "seconds": LONGEST}

    def given(self, row: Row) -> Floats:
        """The samples of a recording."""
        return np.concatenate(list(samples_of(row["audio"], self.transcriber.rate)))

    def answer(self, rows: Sequence[Row], options: Options) -> list[Answer]:
        """The transcripts."""
        asked = search_of(options)
        if asked.beam == 1:
            asked = asked.model_copy(update={"lm_weight": None})
        decoders = self.transcriber.decoders(asked)
        found = (
            self.transcriber.hear(samples_of(row["audio"], self.transcriber.rate), decoders)
            for row in rows
        )
        return [
            {
                "text": heard.text,
                "score": round(heard.score, PROBABILITY_DIGITS),
                "seconds": round(heard.seconds, 3),
                "others": list(heard.others),
            }
            for heard in found
        ]


def samples_of(content: bytes, rate: int) -> Iterator[Floats]:
    """Samples (time,) of a sound file that is in memory, in pieces.

    Raises:
        DataError: it is no sound, too long, or holds no sample.
    """
    import soundfile

    try:
        with soundfile.SoundFile(BytesIO(content)) as file:
            seconds = file.frames / file.samplerate
            if not file.frames:
                raise DataError("The recording holds no sample.", code="sound_empty")
            if seconds > LONGEST:
                raise DataError(
                    f"The recording has {seconds:,.0f} seconds; at most {LONGEST:.0f} are heard.",
                    code="sound_long",
                    values=[round(seconds), round(LONGEST)],
                )
            resampler = Resampler(file.samplerate, rate)
            while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
                yield resampler.feed(mixed(block))
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        why = str(error).rpartition(": ")[2].strip().rstrip(".") or type(error).__name__
        raise DataError(
            f"The recording cannot be read as sound ({why}).", code="sound_unreadable"
        ) from None
    yield resampler.finish()
