"""Predictions for the rows of a file, as lines: read, answered and written as ``seqloom`` does.

file ─ rows ─ model ─→ lines, on standard output or in a file
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from seqloom_runtime.data.tables import as_table
from seqloom_runtime.data.word_columns import LOOKED_AT, columns_to_tag
from seqloom_runtime.errors import DataError, SettingsError
from seqloom_runtime.exported.options import chosen
from seqloom_runtime.reading import (
    JSON,
    Reading,
    input_lines,
    is_table,
    read_cells,
    read_records,
    read_rows,
    stop,
    suffix_of,
)
from seqloom_runtime.rows import Record, as_csv, as_json, check_form, form_of_file, form_of_rows
from seqloom_runtime.tasks.remarks import with_left_out

COLUMNS = (".conll", ".conllu")  # words and tags in columns, which training alone reads


@dataclass
class Predicting:
    """What is asked for.

    Args:
        model: opened.
        file: with the rows; - reads lines of standard input; None follows the series of a forecast.
        options: of the model, those that were passed.
        text: column or template that is read; None takes that of the training.
        form: auto, text, csv or jsonl.
        encoding: of the file; auto finds it.
        skip_bad_rows: leave out rows that cannot be read.
        say: told of what is worth a line.
    """

    model: Any
    file: str | None
    options: dict[str, Any]
    text: str | None = None
    form: str = "auto"
    encoding: str = "auto"
    skip_bad_rows: bool = False
    say: Callable[[str], None] = print
    left_out: int = 0

    def lines(self, out: Path | None = None) -> Iterator[str]:
        """The predictions; how many rows were left out is said behind the last.

        Args:
            out: file that they are for, whose name may say how they are written.

        Raises:
            DataError: the file, or a row, cannot be read.
            SettingsError: options that do not go together.
        """
        form = form_of_file(self.model.task, self.form, out)
        check_form(self.model.task, form)
        lines = self._forecast(out) if self.model.task == "forecast" else self._rows(form)
        return with_left_out(lines, lambda: self.left_out, self.say)

    def _rows(self, form: str) -> Iterator[str]:
        model, file = self.model, self.file
        if file is None:
            raise SettingsError("predict needs a FILE, or - for lines of standard input.")
        if model.task == "tag" and suffix_of(file) in COLUMNS:
            raise DataError(
                f"{file}: columns of words and tags are read by seqloom predict alone. Pass plain "
                'text, a sentence a line, or JSON lines such as {"tokens": ["The", "cat"]}.'
            )
        bare = file == "-" or not is_table(file, self.encoding)
        if model.task == "tag" and not bare:
            return self._tagged_rows(file, form)
        pairs = self._pairs(file, bare=bare)
        form = form_of_rows(model.task, form, bare=bare)
        return iter(model.lines(pairs, chosen(model.task, self.options), form, self.say))

    def _pairs(self, file: str, *, bare: bool) -> Iterator[tuple[Any, Record]]:
        """What the model reads of each row, and the row.

        Raises:
            SettingsError: a text is named that lines do not have.
        """
        model, column = self.model, self.text or self.model.column
        translating = model.task == "translate"
        numbered = translating and bool(column) and column.isdecimal()
        if numbered and not int(column):
            raise SettingsError(f"--text {column}: columns without names are counted from 1.")
        if bare and self.text and not (numbered and file != "-"):
            where = "standard input" if file == "-" else file
            raise SettingsError(
                f"--text {self.text}: {where} has no columns with names. Leave it out."
            )
        if not translating:
            how = Reading(self.encoding, self._bad, model.settings["data"]["drop"])
            return read_rows(file, column, how)
        # What training dropped as missing is translated like any other text.
        how = Reading(self.encoding, self._bad)
        if file == "-":
            return ((line, {"source": line}) for line in input_lines())
        if bare and numbered:
            return read_cells(file, int(column) - 1, how)
        return read_rows(file, "source" if numbered or not column else column, how)

    def _tagged_rows(self, file: str, form: str) -> Iterator[str]:
        """A table once more with the tags, in the form that it has where no other is asked for."""
        records = read_records(file, Reading(self.encoding, self._bad))
        first = list(islice(records, LOOKED_AT))
        named = dict(self.model.settings["data"])
        tokens, tags = columns_to_tag(
            first, {**named, "tokens": self.text or named["tokens"]}, file
        )
        pairs = ((record.get(tokens), record) for record in chain(first, records))
        if form == "text":
            return iter(self.model.lines(pairs, None, form, self.say))
        rows = self.model.rows(pairs, tags)
        if form == "jsonl" or (form == "auto" and suffix_of(file) in JSON):
            return as_json(rows)
        return as_csv(rows) if form == "csv" else as_table(rows, Path(file), self.encoding)

    def _forecast(self, out: Path | None) -> Iterator[str]:
        from seqloom_runtime.exported.forecast import series_in

        model = self.model
        if self.text:
            raise SettingsError("--text has no meaning for forecast.")
        rows: list[Record] = [{"id": name} for name in model.known]
        if self.file is not None:
            records = read_records(self.file, Reading(self.encoding, self._bad))
            rows = series_in(records, model.forecaster.scales, self.file, self._bad)
        found = model.table(rows, chosen("forecast", self.options), self.say)
        return as_json(found) if self.forecast_form(out) == "jsonl" else as_csv(found)

    def forecast_form(self, out: Path | None) -> str:
        """How a forecast is written: as asked for, or as the name of the file says.

        Raises:
            SettingsError: Parquet.
        """
        form = form_of_file("forecast", self.form, out)
        if form == "parquet":
            raise SettingsError(f"--out {out}: Parquet is written by seqloom predict alone.")
        return "csv" if form == "auto" else form

    def _bad(self, message: str) -> None:
        if not self.skip_bad_rows:
            stop(message)
        self.left_out += 1
