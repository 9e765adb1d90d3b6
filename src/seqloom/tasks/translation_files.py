"""Texts in, translations out: bare lines, or the rows of a table with a column more; streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from seqloom_runtime.data.encoding import read_lines
from seqloom_runtime.data.template import as_text
from seqloom_runtime.reading import cell_of
from seqloom_runtime.rows import Record, form_of_rows
from seqloom_runtime.tasks.remarks import with_left_out
from seqloom_runtime.tasks.translation_rows import translated_lines

from seqloom.config import DataSettings, PredictSettings, Settings
from seqloom.data.pairs import open_pairs, other_pairs, read_pairs, source_place
from seqloom.data.records import ReadReport, read_records
from seqloom.data.source import Source
from seqloom.errors import DataError, SettingsError
from seqloom.run import Run
from seqloom.tasks.translator import load_translator
from seqloom.watching import unheard


def predict_lines(
    run: Run, data: Any, options: PredictSettings, say: Callable[[str], None] = unheard
) -> Iterator[str]:
    """The data's texts translated, in their order.

    Bare lines become bare lines; of several translations each line begins with its score and a
    tab, and an empty line follows. The rows of a table keep their columns.

    Args:
        data: what ``open_source`` takes, or an iterator of texts such as lines of standard input.
        say: told of what is worth a line.

    Raises:
        DataError: the data lack the column that the model reads.
    """
    translator, report = load_translator(run), ReadReport()
    bare = isinstance(data, Iterator)
    if bare:
        pairs: Iterable[tuple[str, Record]] = ((text, {"source": text}) for text in data)
    else:
        source = open_pairs(data)
        place = source_place(source, _asked(translator.settings.data, options))
        bare = source.format == "text" or place is not None
        if bare and options.text and not options.text.isdecimal():
            raise SettingsError(
                f"--text {options.text}: {source.name} has no columns with names. Leave it out."
            )
        asked = _asked(translator.settings.data, options)
        pairs = _texts(source, asked, report) if place is None else _cells(source, place, asked)
    form = form_of_rows("translate", options.format, bare=bare)
    lines = translated_lines(translator, pairs, options, form, say)
    return with_left_out(lines, report.dropped.total, say)


def sources_of(data: Any, settings: DataSettings) -> Iterator[str]:
    """The texts of some data that would be translated.

    Raises:
        DataError: the data lack the column that the model reads.
    """
    source, asked = open_pairs(data), _asked(settings, PredictSettings())
    place = source_place(source, asked)
    texts = _texts(source, asked) if place is None else _cells(source, place, asked)
    return (text for text, _ in texts)


def _asked(settings: DataSettings, options: PredictSettings) -> DataSettings:
    """Where the text stands: as asked for now, else as in training."""
    changes = {**options.reading(), **({"source": options.text} if options.text else {})}
    return settings.model_copy(update=changes)


def _texts(
    source: Source, settings: DataSettings, report: ReadReport | None = None
) -> Iterator[tuple[str, Record]]:
    records = read_records(
        source,
        encoding=settings.encoding,
        skip_bad_rows=settings.skip_bad_rows,
        report=report,
        complete=True,
    )
    column = settings.source or ""
    if source.format == "text" or not column or column.isdecimal():
        column = "text" if source.format == "text" else "source"
    for number, record in enumerate(records, start=1):
        if number == 1 and column not in record:
            known = ", ".join(f'"{name}"' for name in record)
            raise DataError(
                f'{source.name}: there is no column "{column}" to translate; the columns are '
                f"{known}. Name one with --text."
            )
        yield as_text(record.get(column)), record


def _cells(source: Source, place: int, settings: DataSettings) -> Iterator[tuple[str, Record]]:
    """One of the texts that tabs part in each line; of a line that has no such text all of it."""
    for path in source.files:
        for line in read_lines(path, settings.encoding):
            yield cell_of(line, place)


def read_references(
    run: Run, data: Any, settings: Settings, report: ReadReport
) -> list[tuple[str, list[str]]]:
    """Each distinct source of some pairs with all its translations; what is dropped is counted.

    Raises:
        DataError: the data hold no pairs.
    """
    source, plan = other_pairs(data, settings.data, run.read_json("run.json").get("data"))
    found: dict[str, list[str]] = {}
    for pair in read_pairs(source, plan, settings.data, report):
        found.setdefault(pair.source, []).append(pair.target)
    return list(found.items())
