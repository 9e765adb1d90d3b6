"""What is to be looked into: a text as it is, or a row of a file read as the training data was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from seqloom.config import PredictSettings, Settings, flag_of, override
from seqloom.data.source import open_source
from seqloom.errors import DataError, SettingsError
from seqloom.run import Run

FILES = {
    "forecast": "series",
    "transcribe": "sound",
    "compose": "music",
    "caption": "pictures",
}
"""What runs of these tasks read, which is no text."""
READING = {"encoding", "gaps", "skip_bad_rows"}
"""Settings that say how a file is read."""


def inputs_of(
    run: Run,
    texts: tuple[str | None, ...],
    files: tuple[Any, ...] = (),
    row: int | None = None,
    reading: PredictSettings = PredictSettings(),
) -> list[Any]:
    """The texts that were given; of series, or of a file, the row that is asked for.

    Args:
        run: that is looked into.
        texts, files, row: what is asked for.
        reading: how files are read, where it was said.

    Raises:
        SettingsError: nothing is given, or a text and a row at once.
        DataError: the file has no such row.
    """
    task = str(run.read_json("run.json").get("task"))
    given = [text for text in texts if text is not None]
    named = [file for file in files if file is not None]
    for flag, beside, values in (("--text2", "--text", texts), ("--file2", "a FILE", files)):
        if len(values) > 1 and values[0] is None and values[1] is not None:
            raise SettingsError(f"{flag} is shown beside {beside}: pass {beside} too.")
    if task in FILES and given:
        raise SettingsError(
            f"{run.path} is a run of {task} and reads {FILES[task]}, no text: leave --text out, "
            "and pass a FILE."
        )
    if task == "forecast":
        from seqloom.explain.series import SeriesGiven

        asked = 1 if row is None else row
        return [SeriesGiven(file, asked, reading) for file in named or [None]]
    if not named and (how := READING & reading.model_fields_set):
        raise SettingsError(f"--{flag_of(min(how))} says how a file is read: pass a FILE.")
    if named:
        if given:
            raise SettingsError("Received a FILE and --text; pass one of them.")
        return [row_of(run, task, file, 1 if row is None else row, reading) for file in named]
    if row is not None:
        raise SettingsError(f"--row {row} is a row of a FILE: pass the file too.")
    if not given:
        raise SettingsError(
            f"Nothing to look into: pass a FILE of {FILES[task]}."
            if task in FILES
            else 'Nothing to look into: pass --text "…", or a FILE with --row.'
        )
    return given


def row_of(
    run: Run, task: str, data: Any, row: int, reading: PredictSettings = PredictSettings()
) -> Any:
    """An input by its number in a file, counted from 1 among those that can be read.

    Raises:
        DataError: there are not as many.
    """
    from seqloom.tasks.training import settings_for_other_data

    if row < 1:
        raise SettingsError(f"--row {row}: rows are counted from 1.")
    if "gaps" in reading.model_fields_set:
        raise SettingsError(f"--gaps: {run.path} is a run of {task}, and reads no series of time.")
    changes = {"data": {name: getattr(reading, name) for name in reading.model_fields_set}}
    settings = override(settings_for_other_data(run), changes, "inspect")
    found = list(islice(ROWS[task](run, data, settings), row - 1, row))
    if not found:
        raise DataError(f"{data}: has no row {row:,}. Pass a smaller --row.")
    return found[0]


def _texts(run: Run, data: Any, settings: Settings) -> Iterator[Any]:
    from seqloom.tasks.corpus import read_as

    yield from read_as(data, settings)


def _inputs(run: Run, data: Any, settings: Settings) -> Iterator[Any]:
    from seqloom.tasks.classifier import read_for_prediction

    for given, _ in read_for_prediction(open_source(data), settings.data):
        yield given


def _sentences(run: Run, data: Any, settings: Settings) -> Iterator[Any]:
    from seqloom.tasks.tag_files import sentences_of
    from seqloom.tasks.tagging import load_tagger

    return sentences_of(load_tagger(run), data, settings.data)


def _sources(run: Run, data: Any, settings: Settings) -> Iterator[Any]:
    from seqloom.tasks.translation_files import sources_of

    return sources_of(data, settings.data)


def _sounds(run: Run, data: Any, settings: Settings) -> Iterator[Any]:
    from seqloom.tasks.transcribe_files import sound_of

    yield from sound_of(data, settings.data.audio)


def _pieces(run: Run, data: Any, settings: Settings) -> Iterator[Any]:
    from seqloom.tasks.music_corpus import read_other

    yield from read_other(open_source(data), settings)[0]


def _pictures(run: Run, data: Any, settings: Settings) -> Iterator[Any]:
    from seqloom.tasks.caption_files import pictures_of

    for one in pictures_of(data, settings):
        yield one.image


ROWS: dict[str, Callable[[Run, Any, Settings], Iterator[Any]]] = {
    "generate": _texts,
    "classify": _inputs,
    "tag": _sentences,
    "translate": _sources,
    "transcribe": _sounds,
    "compose": _pieces,
    "caption": _pictures,
}
"""The inputs in a file, in their order, for each task."""
