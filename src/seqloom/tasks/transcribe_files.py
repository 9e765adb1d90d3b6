"""Sound files in, transcripts out: a row a file; what is heard as a picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from seqloom_runtime.atomic import write_atomically
from seqloom_runtime.decode.ctc import align, search, steps_needed
from seqloom_runtime.rows import Record, as_csv, as_json
from seqloom_runtime.signal.audio import Floats, log_mel
from seqloom_runtime.signal.sound_files import is_sound, read_pieces

from seqloom.config import PredictSettings
from seqloom.data.recordings import AUDIO, open_recordings
from seqloom.data.records import ReadReport, read_records
from seqloom.errors import DataError, SettingsError
from seqloom.evaluate.hearing import Hearing, hearing_picture
from seqloom.run import Run
from seqloom.tasks.transcriber import (
    Decoders,
    Heard,
    Rows,
    Transcriber,
    load_transcriber,
    stretches,
)
from seqloom.watching import unheard

PICTURES = (".png", ".svg")


def predict_lines(
    run: Run, data: Any, options: PredictSettings, say: Callable[[str], None] = unheard
) -> Iterator[str]:
    """A row for each recording: its file, what is said, and how long it is.

    Args:
        data: a sound file, a folder or glob of them, a table that names them.
        say: told of files that cannot be heard, and of the picture.

    Raises:
        DataError: a file that was named alone cannot be heard.
    """
    if isinstance(data, Iterator):
        raise SettingsError("predict reads sound files here, no text. Pass a file or a folder.")
    transcriber = load_transcriber(run)
    decoders = transcriber.decoders(options)
    report = ReadReport()
    files = list(sound_of(data, transcriber.settings.data.audio, options, report))
    for line in report.lines()[1:]:
        say(line)
    if options.plot:
        draw(transcriber, files[0], decoders, options.plot)
        say(f"What is heard in {files[0]} is drawn in {options.plot}")
    rows = transcribed(transcriber, files, decoders, say)
    if options.format == "text":
        return (str(row["transcript"]) for row in rows)
    return as_json(rows) if options.format == "jsonl" else as_csv(rows)


def hear_files(transcriber: Transcriber, data: Any, decoders: Decoders) -> Iterator[Heard]:
    """What is said in each file of some data.

    Raises:
        DataError: a file cannot be heard.
    """
    for path in sound_of(data, transcriber.settings.data.audio):
        yield transcriber.hear(read_pieces(path, transcriber.rate), decoders)


def transcribed(
    transcriber: Transcriber,
    files: list[Path],
    decoders: Decoders,
    say: Callable[[str], None] = unheard,
) -> Iterator[Record]:
    """A row for each file; of several those that cannot be heard are named and passed over."""
    for path in files:
        try:
            heard = transcriber.hear(read_pieces(path, transcriber.rate), decoders)
        except DataError as error:
            if len(files) == 1:
                raise
            say(f"left out: {error}")
            continue
        yield {
            "audio": str(path),
            "transcript": heard.text,
            "seconds": round(heard.seconds, 2),
            "score": round(heard.score, 3),
        }


def sound_of(
    data: Any,
    column: str | None,
    options: PredictSettings = PredictSettings(),
    report: ReadReport | None = None,
) -> Iterator[Path]:
    """The files of a folder, of a glob, of a table, or in a list of names.

    Args:
        report: counts rows of a table that were dropped.

    Raises:
        DataError: there is none.
    """
    if isinstance(data, list | tuple) and all(isinstance(d, str | os.PathLike) for d in data):
        yield from map(Path, data)
        return
    source = open_recordings(data)
    if source.format == "sound":
        yield from source.files
        return
    folder = source.files[0].parent if source.files else Path()
    for number, record in enumerate(read_records(source, **options.reading(), report=report), 1):
        name = _file_in(record, column)
        if name is None:
            raise DataError(f"{source.name}, row {number:,}: names no sound file.")
        yield folder / Path(name).expanduser()


def _file_in(record: Record, column: str | None) -> str | None:
    if column and record.get(column):
        return str(record[column])
    named = [str(record[name]) for name in record if name.lower() in AUDIO and record[name]]
    return next(
        (value for value in [*named, *map(str, record.values())] if is_sound(Path(value))), None
    )


def draw(transcriber: Transcriber, path: Path, decoders: Decoders, picture: str) -> None:
    """What is heard in a file, or in the first stretch of a long one.

    Raises:
        SettingsError: the picture's name is none of a picture.
    """
    kind = check_plot(picture)
    samples = next(stretches(read_pieces(path, transcriber.rate), transcriber.rate))
    (rows,) = transcriber.rows([transcriber.frames(samples)])
    hearing = hearing_of(transcriber, samples, rows, path.name, decoders)
    content = hearing_picture(hearing, kind)
    write_atomically(Path(picture), content, advice="Choose another file for --plot.")


def check_plot(picture: str) -> str:
    """The kind of a picture by its name.

    Raises:
        SettingsError: it is none.
    """
    suffix = Path(picture).suffix.lower()
    if suffix not in PICTURES:
        raise SettingsError(f"--plot {picture}: expected a file that ends in .png or .svg.")
    return suffix[1:]


def hearing_of(
    transcriber: Transcriber,
    samples: Floats,
    rows: Rows,
    title: str,
    decoders: Decoders | None = None,
) -> Hearing:
    """A recording with its probabilities, its transcript and where each token is said."""
    decoders = decoders or transcriber.decoders(PredictSettings(beam=1))
    ids = list(search(rows, decoders.make())[0].ids)
    fits = 0 < steps_needed(ids) <= len(rows)
    places = align(rows, ids) if fits else np.zeros(0, np.int64)
    tokenizer, frames = transcriber.tokenizer, transcriber.frames
    names = [tokenizer.token(number) for number in range(tokenizer.vocabulary_size)]
    text = tokenizer.decode(ids)
    return Hearing(
        f'heard: "{text}"; {title}',
        log_mel(samples, frames.mel),
        frames.mel.hop_size / frames.mel.rate,
        np.exp(rows),
        frames.times(len(rows)),
        names,
        ids if fits else [],
        places,
    )


def microphone(rate: int, seconds: float) -> Iterable[Floats]:
    """Sound of this computer's microphone in pieces, until it is stopped.

    Raises:
        SettingsError: the package sounddevice is not installed, or there is no microphone.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # without the system's library too
        raise SettingsError(
            f"--microphone needs the package sounddevice ({error}). Run: "
            'pip install "seqloom[microphone]"'
        ) from None
    try:
        stream = sounddevice.InputStream(samplerate=rate, channels=1, dtype="float32")
    except (sounddevice.PortAudioError, ValueError) as error:
        raise SettingsError(f"--microphone: there is none to listen to ({error}).") from None
    return _pieces_of(stream, max(1, round(rate * seconds)))


def _pieces_of(stream: Any, size: int) -> Iterator[Floats]:
    with stream:
        while True:
            block, _ = stream.read(size)
            yield block[:, 0].astype(np.float32)
