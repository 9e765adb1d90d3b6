"""What is to be looked into: a text as it is, or a row of a file read as the training data was."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from seqloom.data.source import open_source
from seqloom.errors import DataError, SettingsError
from seqloom.run import Run
from seqloom.toml import read_settings


def inputs_of(
    run: Run, texts: tuple[str | None, ...], data: Any = None, row: int | None = None
) -> list[Any]:
    """The texts that were given; of series, or of a file, the row that is asked for.

    Raises:
        SettingsError: nothing is given, or a text and a row at once.
        DataError: the file has no such row.
    """
    task = str(run.read_json("run.json").get("task"))
    given = [text for text in texts if text is not None]
    if task == "forecast":
        from seqloom.explain.series import SeriesGiven

        if given:
            raise SettingsError(
                f"{run.path} is a run of forecast and reads series, no text: leave --text out, or "
                "pass a FILE of series."
            )
        return [SeriesGiven(data, row or 1)]
    if data is not None:
        if given:
            raise SettingsError("Received a FILE and --text; pass one of them.")
        return [row_of(run, task, data, row or 1)]
    if row is not None:
        raise SettingsError(f"--row {row} is a row of a FILE: pass the file too.")
    if not given:
        raise SettingsError('Nothing to look into: pass --text "…", or a FILE with --row.')
    return given


def row_of(run: Run, task: str, data: Any, row: int) -> Any:
    """An input by its number in a file, counted from 1.

    Raises:
        DataError: there are not as many.
    """
    if row < 1:
        raise SettingsError(f"--row {row}: rows are counted from 1.")
    found = list(islice(_rows(run, task, data), row - 1, row))
    if not found:
        raise DataError(f"{data}: has no row {row:,}. Pass a smaller --row.")
    return found[0]


def _rows(run: Run, task: str, data: Any) -> Iterator[Any]:
    settings = read_settings(run.path / "config.toml")
    if task == "generate":
        from seqloom.tasks.corpus import read_as

        return read_as(data, settings)
    if task == "classify":
        from seqloom.tasks.classifier import read_for_prediction

        source = open_source(data)
        return (given for given, _ in read_for_prediction(source, settings.data))
    raise SettingsError(
        f"Rows of a file are read for generate, classify and forecast; {run.path} is a run of "
        f"{task}. Pass --text."
    )
