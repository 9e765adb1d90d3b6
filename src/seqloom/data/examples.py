"""Examples of a source, as its plan says: a text or a series with its labels, one at a time."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom.config import DataSettings
from seqloom.data.labels import LabelPlan, split_labels
from seqloom.data.records import ReadReport, read_records
from seqloom.data.source import Source
from seqloom.data.template import Template, as_text
from seqloom.errors import DataError

Series = npt.NDArray[np.float32]
Record = dict[str, Any]

_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


@dataclass(frozen=True)
class Example:
    """A labelled input.

    Args:
        text: the text; None where the input is a series.
        series: numbers (time, channels); None where it is a text.
        labels: one, or several, or none where a row may have several.
    """

    text: str | None
    series: Series | None
    labels: tuple[str, ...]

    @property
    def given(self) -> str | Series:
        """The input, whichever it is."""
        if self.text is not None:
            return self.text
        assert self.series is not None
        return self.series


def read_examples(
    source: Source, plan: LabelPlan, settings: DataSettings, report: ReadReport
) -> Iterator[Example]:
    """Labelled examples; rows without a label or an input are dropped and counted.

    Raises:
        DataError: a row that cannot be read, or numbers that are none.
    """
    assert plan.label is not None
    records = _records(source, plan, settings, report)
    for record in _series_records(records, plan) if plan.id else records:
        labels = split_labels(record.get(plan.label), plan.separator)
        labels = tuple(label for label in labels if label not in plan.drop)
        if not labels and not plan.multi:
            report.drop("no label")
            continue
        text, series = _input(source, record, plan)
        if text is not None and not text.strip():
            report.drop("no text")
        elif series is not None and not len(series):
            report.drop("no numbers")
        else:
            report.records += 1
            yield Example(text, series, labels)


def read_inputs(
    source: Source, plan: LabelPlan, settings: DataSettings, report: ReadReport
) -> Iterator[tuple[str | None, Series | None, Record]]:
    """Every input in order with the record it stood in; an empty text stays an empty text.

    Raises:
        DataError: a row that cannot be read.
    """
    records = _records(source, plan, settings, report)
    for record in _series_records(records, plan) if plan.id else records:
        text, series = _input(source, record, plan)
        if series is not None and not len(series):
            raise DataError(f'{source.name}: column "{plan.series}" is empty in a row.')
        yield text, series, record


def _records(
    source: Source, plan: LabelPlan, settings: DataSettings, report: ReadReport
) -> Iterator[Record]:
    return read_records(
        source, encoding=plan.encoding, skip_bad_rows=settings.skip_bad_rows, report=report
    )


def _input(source: Source, record: Record, plan: LabelPlan) -> tuple[str | None, Series | None]:
    if plan.series is not None:
        return None, _numbers(source, record.get(plan.series), plan.series)
    assert plan.text is not None
    parts = Template(plan.text).parts
    text = "".join(as_text(record.get(part)) if column else part for part, column in parts)
    if all(not as_text(record.get(part)).strip() for part, column in parts if column):
        text = ""  # only the template's own words are left
    if plan.markup:
        text = html.unescape(_BREAK.sub("\n", text))
    return ("" if text in plan.drop else text), None


def _numbers(source: Source, value: Any, column: str) -> Series:
    """A list of numbers, or of lists of them, as (time, channels).

    Raises:
        DataError: something is no number.
    """
    if isinstance(value, str):
        value = re.split(r"[\s,;]+", value.strip().strip("[]")) if value.strip() else []
    try:
        numbers = np.asarray(value if value is not None else [], dtype=np.float32)
    except (TypeError, ValueError):
        shown = str(value)[:40]
        raise DataError(
            f'{source.name}: column "{column}" holds "{shown}", which is no list of numbers.'
        ) from None
    numbers = numbers[:, None] if numbers.ndim == 1 else numbers
    if numbers.ndim != 2 or not np.isfinite(numbers).all():
        raise DataError(
            f'{source.name}: column "{column}" holds a series with a value that is no number. '
            "Fill or drop it first."
        )
    return numbers


def _series_records(records: Iterator[Record], plan: LabelPlan) -> Iterator[Record]:
    """Rows of one number each, those of an id put together in the order of time.

    Rows of one id stand together, as they do in files in long form.
    """
    assert plan.id is not None and plan.series is not None
    for _, group in groupby(records, key=lambda record: as_text(record.get(plan.id or ""))):
        rows = list(group)
        if plan.time:
            rows.sort(key=lambda row: _time_key(row.get(plan.time or "")))
        values = [row.get(plan.series) for row in rows]
        yield {**rows[0], plan.series: [float("nan") if v in ("", None) else v for v in values]}


def _time_key(value: Any) -> tuple[float, str]:
    """Numbers by size, other times by their letters."""
    text = as_text(value)
    try:
        return float(text), ""
    except ValueError:
        return math.inf, text
