"""Verbs that look into a model: a page of what happens inside, and lessons."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from seqloom_runtime.atomic import write_atomically

from seqloom import api
from seqloom.cli.frame import Json, Quiet, app, make_console, make_output, print_json
from seqloom.config import PredictSettings
from seqloom.errors import SettingsError


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ReadingFlags:
    """How a FILE is read that is looked into."""

    encoding: str | None = None
    """Encoding of FILE, such as utf-8, cp949 or cp1252; found when not given."""
    gaps: Literal["error", "fill", "interpolate"] | None = None
    """What to do with steps of a series without a value; as in training when not given."""
    skip_bad_rows: Annotated[bool, Parameter(negative="")] = False
    """Leave out rows that cannot be read; --row counts the others."""

    @property
    def given(self) -> PredictSettings:
        """Those that were passed."""
        return PredictSettings(**{name: one for name, one in vars(self).items() if one})


lesson_app = App(name="lesson", result_action="return_value")
app.command(lesson_app)


@app.command
def inspect(
    run: Path,
    source: Annotated[str | None, Parameter(name="FILE")] = None,
    /,
    *,
    text: str | None = None,
    text2: str | None = None,
    file2: str | None = None,
    row: int | None = None,
    reading: ReadingFlags = ReadingFlags(),
    language: Literal["en", "ko"] = "en",
    out: Path | None = None,
    quiet: Quiet = False,
) -> int:
    """Show what a model does inside with what it reads: one HTML page that works offline.

    Parameters
    ----------
    run
        Folder of the run.
    source
        A file to read instead of a text: rows, a recording, a MIDI file, a picture; of forecast,
        series to look back on.
    text
        What the model reads.
    text2
        A second text, shown beside the first.
    file2
        A second FILE, shown beside the first.
    row
        Which row of FILE, or which of its series, counted from 1.
    language
        Of the page.
    out
        File to write; inspect.html in the run when not given.
    """
    page = api.inspect(
        *(run, text, text2),
        data=source,
        data2=file2,
        row=row,
        language=language,
        reading=reading.given,
    )
    path = out or run / "inspect.html"
    write_atomically(path, page.encode(), advice="Choose another --out.")
    make_console(quiet).print(f"Written: {path}", markup=False, highlight=False, soft_wrap=True)
    return 0


@lesson_app.default
def lesson(
    run: Path,
    source: Annotated[str | None, Parameter(name="FILE")] = None,
    /,
    *,
    text: str | None = None,
    row: int | None = None,
    reading: ReadingFlags = ReadingFlags(),
    step: int = 1,
    unit: int = 0,
    layer: int = 1,
    direction: Literal["forward", "backward"] = "forward",
    language: Literal["en", "ko"] = "en",
    json: Json = False,
) -> int:
    """Put a model's own numbers into its equations, line by line: one unit at one step.

    Parameters
    ----------
    run
        Folder of the run.
    source
        A file to read instead of a text, as for inspect.
    text
        What the model reads.
    row
        Which row of FILE, or which of its series, counted from 1.
    step
        Which token, counted from 1.
    unit
        Which unit, counted from 0.
    layer
        Which layer, counted from 1.
    direction
        From which side the cell reads.
    language
        Of the words around the equations.
    """
    from seqloom.terminal import show_lesson

    found = api.lesson(
        *(run, text),
        data=source,
        row=row,
        step=step,
        unit=unit,
        layer=layer,
        direction=direction,
        reading=reading.given,
    )
    if json:
        print_json(found.as_dict())
    else:
        show_lesson(make_output(), found, language)
    return 0


@lesson_app.command(name="gradients")
def lesson_gradients(
    source: Annotated[str, Parameter(name="FILE")],
    /,
    *,
    cells: str = "elman,gru,lstm",
    updates: int = 150,
    steps: int = 100,
    seed: int = 0,
    out: Path = Path("gradients.png"),
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show how far back a gradient reaches on your text: Elman beside GRU beside LSTM.

    Parameters
    ----------
    source
        Text to read, or a data set of the catalogue.
    cells
        Recurrent encoders, with commas between.
    updates
        Of the short training, before and after which is measured.
    steps
        How far back is looked, in characters.
    seed
        Of the weights and the passages.
    out
        PNG to draw.
    """
    from seqloom.terminal import show_reach

    console = make_console(quiet)
    found = api.gradient_reach(
        *(source, cells.split(",")),
        updates=updates,
        steps=steps,
        seed=seed,
        out=out,
        say=lambda line: console.print(f"· {line}", markup=False, highlight=False),
    )
    if json:
        print_json({"cells": [one.as_dict() for one in found], "picture": str(out)})
    else:
        show_reach(make_output(), found, updates)
        console.print(f"Written: {out}", markup=False, highlight=False, soft_wrap=True)
    return 0


@lesson_app.command(name="memory")
def lesson_memory(
    *,
    cells: str = "elman,gru,lstm,lstm:5,mingru",
    lengths: str = "5,10,20,50,100",
    updates: int = 300,
    seed: int = 0,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Show which cells remember a symbol over how many steps.

    Parameters
    ----------
    cells
        Recurrent encoders, with commas between; lstm:5 is one whose forget bias begins at 5.
    lengths
        Steps between the symbol and the question, with commas between.
    updates
        At most, for each cell and length.
    seed
        Of the weights and the sequences.
    """
    from seqloom.terminal import show_recall

    console = make_console(quiet)
    found = api.recall_table(
        *(cells.split(","), _numbers("--lengths", lengths)),
        updates=updates,
        seed=seed,
        say=lambda line: console.print(f"· {line}", markup=False, highlight=False),
    )
    if json:
        print_json({"recall": [one.as_dict() for one in found]})
    else:
        show_recall(make_output(), found)
    return 0


def _numbers(flag: str, given: str) -> list[int]:
    """Whole numbers with commas between.

    Raises:
        SettingsError: something else.
    """
    parts = [part.strip() for part in given.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise SettingsError(f"{flag} {given}: expected whole numbers with commas between.")
    return [int(part) for part in parts]
