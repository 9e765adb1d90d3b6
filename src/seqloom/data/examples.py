"""Examples of a source, as its plan says: a text or a series with its labels, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from seqloom_runtime.data.template import Template, as_text
from seqloom_runtime.text.markup import plain_text

from seqloom.config import DataSettings
from seqloom.data.label_columns import split_labels
from seqloom.data.labels import LabelPlan
from seqloom.data.records import ReadReport, read_records
from seqloom.data.series_rows import Series, gather_series, read_series
from seqloom.data.source import Source
from seqloom.errors import DataError

Record = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """A labelled input.

    Args:
        text: the text; None where the input is a series.
        series: numbers (time, channels); None where it is a text.
        labels: one, or several, or none where a row may have several.
        row: where it stands in its source, from 1; of series in long form, among the series.
    """

    text: str | None
    series: Series | None
    labels: tuple[str, ...]
    row: int

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

    A row that may have several labels is without a label only where the field is missing.

    Raises:
        DataError: a row that cannot be read, numbers that are none, or nothing is left.
    """
    assert plan.label is not None
    records = read_records(
        source, encoding=plan.encoding, skip_bad_rows=settings.skip_bad_rows, report=report
    )
    before = report.records
    read = _text_reader(plan) if plan.text is not None else None
    for row, record in enumerate(_whole_records(source, records, plan), start=1):
        labels = split_labels(record.get(plan.label), plan.separator)
        labels = tuple(label for label in labels if label not in plan.drop)
        if not labels and (not plan.multi or record.get(plan.label) is None):
            report.drop("no label")
            continue
        text = read(record) if read else None
        series = None if read else _series(source, record, plan, row)
        if text is not None and not text.strip():
            report.drop("no text")
        elif series is not None and not len(series):
            report.drop("no numbers")
        else:
            report.records += 1
            report.characters += len(text or "")
            yield Example(text, series, labels, row)
    if report.records == before:
        why = report.reasons() or "there are no rows"
        raise DataError(f"{source.name}: no labelled example is left; dropped: {why}.")


def read_inputs(
    source: Source, plan: LabelPlan, settings: DataSettings, report: ReadReport
) -> Iterator[tuple[str | None, Series | None, Record]]:
    """Every input in order with the record it stood in; an empty text stays an empty text.

    Raises:
        DataError: a row that cannot be read, or a series without numbers.
    """
    skip = settings.skip_bad_rows
    records = read_records(
        source, encoding=plan.encoding, skip_bad_rows=skip, report=report, complete=True
    )
    read = _text_reader(plan) if plan.text is not None else None
    for row, record in enumerate(_whole_records(source, records, plan), start=1):
        report.records += 1
        if read is not None:
            yield read(record), None, record
            continue
        series = _series(source, record, plan, row)
        if not len(series):
            raise DataError(f'{source.name}, row {row}: column "{plan.series}" holds no numbers.')
        yield None, series, record


def _whole_records(source: Source, records: Iterator[Record], plan: LabelPlan) -> Iterator[Record]:
    """Records of one input each."""
    if plan.series is None or plan.id is None:
        return records
    return _gathered(source, records, plan, plan.series, plan.id)


def _gathered(
    source: Source, records: Iterator[Record], plan: LabelPlan, series: str, own: str
) -> Iterator[Record]:
    try:
        yield from gather_series(records, series, own, plan.time, plan.label)
    except DataError as error:
        where = "" if str(error).startswith(source.name) else f"{source.name}: "
        raise DataError(f"{where}{error}") from None


def _text_reader(plan: LabelPlan) -> Callable[[Record], str]:
    """What makes the text of a record; made once, used for each."""
    assert plan.text is not None
    template, drop = Template(plan.text), frozenset(plan.drop)

    def read(record: Record) -> str:
        text = template.filled(record, drop)
        return plain_text(text) if plan.markup else text

    return read


def _series(source: Source, record: Record, plan: LabelPlan, row: int) -> Series:
    column = plan.series
    assert column is not None
    if plan.id:
        where = f'{source.name}: column "{column}" of "{plan.id}" {as_text(record.get(plan.id))}'
    else:
        where = f'{source.name}, row {row}: column "{column}"'
    return read_series(record.get(column), where)
