"""Verbs that write: text and music, from a model that was trained on such."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from seqloom_runtime.atomic import write_atomically

from seqloom import api
from seqloom.cli.frame import (
    ComposeFlags,
    GenerateFlags,
    Json,
    Quiet,
    app,
    make_console,
    make_output,
    print_json,
)
from seqloom.config import ComposeSettings, GenerateSettings
from seqloom.errors import SettingsError

MIDI = (".mid", ".midi")  # how the files end that compose writes


@app.command
def generate(
    run: Path,
    /,
    *,
    prompt: str = "",
    probabilities: int = 0,
    options: GenerateFlags = GenerateSettings(),
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Write text with a trained model, token by token as it comes.

    Parameters
    ----------
    run
        Folder of the run.
    prompt
        How the text begins.
    probabilities
        Show this many of the likeliest tokens at each step.
    """
    if probabilities < 0:
        raise SettingsError(f"--probabilities {probabilities}: expected a number from 0 up.")
    writer = api.open_writer(run)
    unknown = writer.tokenizer.unknown_words(prompt)
    for remark in writer.remarks(prompt):
        make_console(quiet).print(remark, highlight=False, markup=False, soft_wrap=True)
    about = {"prompt": prompt, "unknown": unknown, **options.model_dump()}
    rows = range(options.samples)
    shown = not json
    with api.sharing_cores():
        if probabilities:
            steps = [_show_steps(writer, prompt, probabilities, options, n, shown) for n in rows]
            about["steps"] = [step for of_text in steps for step in of_text]
        else:
            about["texts"] = [_show_text(writer, prompt, options, row, shown) for row in rows]
    if json:
        print_json(about)
    return 0


@app.command
def compose(
    run: Path,
    /,
    *,
    out: Path,
    prompt: Path | None = None,
    wav: Annotated[bool, Parameter(negative="")] = False,
    picture: Annotated[bool, Parameter(negative="")] = False,
    options: ComposeFlags = ComposeSettings(),
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Write music with a trained model, as a MIDI file; or continue one.

    Parameters
    ----------
    run
        Folder of the run.
    out
        MIDI file to write, such as piece.mid.
    prompt
        MIDI file that the music goes on from.
    wav
        Write it as sound too, played by a small synthesizer: a .wav file beside the other.
    picture
        Draw it too, as a piano roll: a .png file beside the other.
    """
    if out.suffix.lower() not in MIDI:
        raise SettingsError(
            f"--out {out}: expected a MIDI file, which ends in .mid; --wav and --picture write "
            "sound and a picture beside it."
        )
    written = api.compose(run, options, prompt=prompt)
    files = {out: written.midi()}
    if wav:
        files[out.with_suffix(".wav")] = written.wav()
    if picture:
        files[out.with_suffix(".png")] = written.picture()
    for path, content in files.items():
        write_atomically(path, content)
    names = [str(path) for path in files]
    notes = len(written.piece.notes)
    if json:
        about = {"files": names, "bars": written.bars, "notes": notes, **written.measures()}
        print_json({**about, "melody": written.melody(), "remarks": written.remarks()})
        return 0
    console = make_console(quiet)
    for remark in written.remarks():
        console.print(remark, highlight=False)
    console.print(f"{written.bars} bars, {notes} notes: {written.melody()}", highlight=False)
    console.print(", ".join(names), highlight=False, soft_wrap=True)
    return 0


def _show_text(
    writer: api.Writer, prompt: str, options: GenerateSettings, row: int, shown: bool
) -> str:
    """Write one text, on standard output as it comes where it is to be shown."""
    if shown:
        if row:
            sys.stdout.write("\n")
        dim = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        sys.stdout.write(f"\x1b[2m{prompt}\x1b[22m" if dim and prompt else prompt)
    pieces = []
    for piece in writer.stream(prompt, api.make_sampler(options), options.length, row=row):
        pieces.append(piece)
        if shown:
            sys.stdout.write(piece)
            sys.stdout.flush()
    if shown:
        sys.stdout.write("\n")
    return "".join(pieces)


def _show_steps(
    writer: api.Writer, prompt: str, count: int, options: GenerateSettings, row: int, shown: bool
) -> list[dict[str, Any]]:
    """Write one text with the likeliest tokens of each step."""
    from seqloom.terminal import show_candidates

    steps: list[dict[str, Any]] = []
    console = make_output()
    if shown and options.samples > 1:
        space = "\n" if row else ""
        console.print(f"{space}text {row + 1}", style="bold", highlight=False)
    sampler = api.make_sampler(options)
    for token, candidates in writer.steps(prompt, sampler, options.length, count, row=row):
        pairs = [(candidate.token, candidate.probability) for candidate in candidates]
        steps.append({"sample": row + 1, "token": token, "candidates": pairs})
        if shown:
            show_candidates(console, len(steps), token, pairs)
    return steps
