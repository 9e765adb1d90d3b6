"""Verbs that answer: predictions for data, transcripts of recordings, scores."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from seqloom_runtime.atomic import write_lines
from seqloom_runtime.reading import input_lines

from seqloom import api
from seqloom.cli.frame import (
    Json,
    PredictFlags,
    Quiet,
    app,
    make_console,
    make_output,
    make_watcher,
    print_json,
)
from seqloom.config import PredictSettings
from seqloom.errors import SettingsError

if TYPE_CHECKING:
    from rich.console import Console


@app.command
def predict(
    run: Path,
    source: Annotated[str | None, Parameter(name="DATA", allow_leading_hyphen=True)] = None,
    /,
    *,
    out: Path | None = None,
    options: PredictFlags = PredictSettings(),
    quiet: Quiet = False,
) -> int:
    """Give rows labels, words tags, texts translations, or series what follows them.

    Parameters
    ----------
    run
        Folder of the run.
    source
        File, folder, glob or data set; - reads lines of text from standard input, and answers
        them when the next one comes. A forecast without it follows the end of the training data.
    out
        File to write; standard output when not given. Rows are written as its name says: .csv,
        .jsonl or, of a forecast, .parquet; a tagged file keeps its form.
    """
    from seqloom.terminal import show_tagged

    task = api.task_of(run)
    if task == "forecast":
        return _forecast(run, source, out, options, make_console(quiet))
    if source is None:
        raise SettingsError("predict needs DATA, or - for lines of text: seqloom predict --help")
    given = input_lines() if source == "-" else source
    watcher = make_watcher(make_console(quiet), verbose=False)
    lines = api.predict(run, given, options, out=out, watcher=watcher)
    if out is None:
        if sys.stdout.isatty() and task == "tag":
            show_tagged(make_output(), lines)
            return 0
        for line in lines:
            print(line, flush=True)  # whoever reads a pipe has it at once
        return 0
    count = write_lines(out, lines)
    make_console(quiet).print(f"{count:,} lines in {out}", highlight=False, soft_wrap=True)
    return 0


def _forecast(
    run: Path, source: str | None, out: Path | None, options: PredictSettings, console: Console
) -> int:
    """Write what follows some series, and say what should be known of it."""
    form = api.forecast_format(options, out)
    future = api.forecast(run, source, options)
    for remark in future.remarks:
        console.print(f"· {remark}", markup=False, highlight=False, soft_wrap=True)
    if out is not None:
        console.print(f"{future.write(out, form):,} rows in {out}", highlight=False, soft_wrap=True)
        return 0
    for line in future.lines(form):
        print(line)
    return 0


@app.command
def transcribe(
    run: Path,
    file: Annotated[Path | None, Parameter(name="FILE")] = None,
    /,
    *,
    stream: Annotated[bool, Parameter(negative="")] = False,
    microphone: Annotated[bool, Parameter(negative="")] = False,
    chunk_seconds: float = 0.25,
    options: PredictFlags = PredictSettings(),
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Write down what is said in a recording, at once or word by word as it comes.

    Parameters
    ----------
    run
        Folder of the run.
    file
        A .wav, .flac or .ogg file.
    stream
        Hear the file piece by piece, write as soon as something is certain, and say how long it
        took; the network must read one way (--no-bidirectional).
    microphone
        Hear this computer's microphone until Ctrl-C.
    chunk_seconds
        Seconds of a piece.
    """
    from seqloom.terminal import show_hearing

    if chunk_seconds <= 0:
        raise SettingsError(f"--chunk-seconds {chunk_seconds:g}: expected a number above 0.")
    if (file is None) != microphone:
        raise SettingsError("transcribe takes a FILE or --microphone, one of them.")
    console = make_console(quiet)
    heard = api.transcribe(run, file, options, stream=stream, chunk_seconds=chunk_seconds)
    for piece in heard:
        if not json:
            sys.stdout.write(piece)
            sys.stdout.flush()
    if json:
        print_json(heard.about())
        return 0
    sys.stdout.write("\n")
    show_hearing(console, heard.about())
    return 0


@app.command
def evaluate(
    run: Path,
    source: Annotated[str | None, Parameter(name="FILE")] = None,
    /,
    *,
    encoding: str | None = None,
    gaps: Literal["error", "fill", "interpolate"] | None = None,
    skip_bad_rows: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Score a model beside its baseline on a file, or repeat the scores of its training.

    Parameters
    ----------
    run
        Folder of the run.
    source
        Data to score, read as those of the training were; the run's own parts when not given.
    encoding
        Encoding of the file, such as utf-8, cp949 or cp1252; found when not given.
    gaps
        What to do with steps of a series without a value; as in training when not given.
    skip_bad_rows
        Drop rows that cannot be read instead of stopping at the first.
    """
    from seqloom.terminal import show_details, show_evaluation

    result = api.evaluate(run, source, encoding=encoding, gaps=gaps, skip_bad_rows=skip_bad_rows)
    if json:
        print_json(result)
    else:
        show_evaluation(make_output(), result)
        show_details(make_output(), result, None if source else api.details(run))
    return 0
