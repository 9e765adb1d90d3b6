"""Which column is the label of a classifier's examples, and what is read beside it.

Every answer comes with its reason, and every answer can be overridden by a setting. The label is
looked for in a sample of the whole file, since files are often sorted by it.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from seqloom_runtime.data.column_names import NO_TEXT, words_of
from seqloom_runtime.data.template import Template

from seqloom.config import DataSettings
from seqloom.data.inputs import Reasons, find_inputs
from seqloom.data.label_columns import LabelColumn, look_at_label, named_as_label, split_labels
from seqloom.data.leaks import find_leaks
from seqloom.data.sample import SIZE, Sample, read_sample
from seqloom.data.schema import find_encoding
from seqloom.data.source import Source
from seqloom.errors import DataError, SettingsError

MOST_READ = 300_000  # rows looked at, unless these show no label
MOST_SHOWN = 8  # columns listed where none fits


@dataclass(frozen=True)
class LabelPlan:
    """How ``read_examples`` makes examples of a source.

    Args:
        text: template over the columns; None where the inputs are series.
        label: column of the label or labels; None where only inputs are wanted.
        separator: what stands between several labels of a row; "" for one label, or lists.
        multi: whether a row may have several labels.
        series: column of the numbers; id and time: of a series in long form.
        encoding: of the files.
        drop: values that count as missing.
        markup: turn <br /> and HTML's entities into what they stand for.
        reasons: why, as sentences for the user.
    """

    text: str | None
    label: str | None
    separator: str = ""
    multi: bool = False
    series: str | None = None
    id: str | None = None
    time: str | None = None
    encoding: str = "auto"
    drop: tuple[str, ...] = ()
    markup: bool = False
    reasons: tuple[str, ...] = ()

    @property
    def inputs(self) -> frozenset[str]:
        """The columns that the inputs are made of."""
        text = Template(self.text).columns if self.text is not None else ()
        return frozenset(filter(None, (*text, self.series, self.id, self.time)))


def infer_labels(source: Source, settings: DataSettings, *, classes: int = 2) -> LabelPlan:
    """The plan for labelled examples: settings where they say something, else the data.

    Args:
        source: what ``open_source`` found.
        settings: columns that are known, and the encoding.
        classes: different labels that must be there.

    Raises:
        SettingsError: a named column does not exist, or a text names the label.
        DataError: there is no label, or what looks like one is free text, numbers or one class.
    """
    if source.format == "text":
        raise DataError(
            f"{source.name}: is plain text without columns. Labelled examples stand in a table "
            "(CSV, TSV, JSON lines, Parquet) with a column for the text and one for the label."
        )
    encoding, reasons = find_encoding(source, settings)
    reasons = (*source.reasons, *reasons)
    sample = read_sample(source, encoding, MOST_READ)
    try:
        plan = _labelled(source, settings, sample, classes)
    except DataError:
        if sample.whole:
            raise
        # A large file may be sorted by its label.
        plan = _labelled(source, settings, read_sample(source, encoding, None), classes)
    return replace(plan, encoding=encoding, reasons=(*reasons, *plan.reasons))


def infer_inputs(source: Source, settings: DataSettings) -> LabelPlan:
    """The plan for inputs alone, whose labels are wanted.

    Raises:
        SettingsError: a named column does not exist; the nearest is offered.
    """
    encoding, reasons = find_encoding(source, settings)
    # What stands later in a file to predict is not waited for. Its markup is always read as what
    # it stands for: texts without any lose nothing, and texts with it were learnt from so.
    plan = _inputs(source, settings, read_sample(source, encoding, SIZE))
    reasons = (*source.reasons, *reasons, *plan.reasons)
    return replace(plan, encoding=encoding, markup=plan.text is not None, reasons=reasons)


def surely_labelled(source: Source, settings: DataSettings) -> str | None:
    """Why the rows of a table are labelled texts or series; None where that is not certain.

    It is where a column is called as labels are, or where just one beside the text has a few words
    that come again and again, and is not called as what a text is about or comes from.
    """
    if source.format == "text":
        return None
    try:
        plan, fit = _candidates(source, settings)
    except (DataError, SettingsError):
        return None
    if named_as_label(plan.label or ""):
        return f'column "{plan.label}" looks like the label of the rows'
    telling = [column for column in fit if column.tells]
    if len(telling) == 1 and telling[0].name == plan.label:
        found = telling[0]
        return f'column "{found.name}" looks like the label of the rows: {found.values()}'
    return None


def doubtful_label(source: Source, settings: DataSettings) -> str | None:
    """What could be a label, or is called one, and is not taken for one; None without any."""
    if source.format == "text":
        return None
    encoding, _ = find_encoding(source, settings)
    columns = read_sample(source, encoding, SIZE).columns
    named = next(filter(named_as_label, columns), None)
    try:
        if named is not None:
            infer_labels(source, settings.model_copy(update={"label": named}))
        _, fit = _candidates(source, settings)
    except (DataError, SettingsError) as error:
        return f"{error} To learn labels all the same, pass --task classify." if named else None
    if could := [column for column in fit if not set(NO_TEXT).intersection(words_of(column.name))]:
        best = could[0]
        return (
            f'column "{best.name}" could be a label, with {best.values()}. To learn it, pass '
            f"--label {shlex.quote(best.name)}."
        )
    return None


def _candidates(source: Source, settings: DataSettings) -> tuple[LabelPlan, list[LabelColumn]]:
    """The plan, and the columns that could be the label, the likeliest first."""
    plan = infer_labels(source, settings)
    sample = read_sample(source, plan.encoding, MOST_READ)
    return plan, _fitting(plan, sample, settings.label_separator)[1]


def _labelled(source: Source, settings: DataSettings, sample: Sample, classes: int) -> LabelPlan:
    plan = _inputs(source, settings, sample)
    suggested = source.entry.label if source.entry else None
    name = settings.label or suggested
    if name is not None:
        sample.check(name)
        column = look_at_label(name, sample.records, settings.label_separator)
        why = "as in the catalogue" if name == suggested else "as set"
        reasons = [f'the label is column "{name}": {why}; {column.values()}']
    else:
        column, reasons = _find_label(source, plan, sample, settings.label_separator)
    _check_label(source, plan, column, classes)
    if not settings.label_separator:
        reasons += column.remarks()
    multi = column.several or bool(settings.label_separator)
    if multi:
        reasons.append("a row may have several labels, or none of them")
    plan = replace(plan, label=column.name, separator=settings.label_separator, multi=multi)
    return replace(plan, reasons=(*plan.reasons, *reasons, *_leaks(plan, sample)))


def _inputs(source: Source, settings: DataSettings, sample: Sample) -> LabelPlan:
    """What is read beside the label."""
    drop = settings.drop or (source.entry.drop if source.entry else ())
    found = find_inputs(source, settings, sample)
    long = settings if found.series else DataSettings()
    return LabelPlan(
        found.text, None, series=found.series, id=long.id, time=long.time, drop=drop,
        markup=found.markup, reasons=found.reasons,
    )  # fmt: skip


def _find_label(
    source: Source, plan: LabelPlan, sample: Sample, separator: str
) -> tuple[LabelColumn, list[str]]:
    """The column that looks most like a label, and why."""
    seen, fit = _fitting(plan, sample, separator)
    if not fit:
        raise DataError(_none_fits(source, seen))
    best = fit[0]
    if best.name in best.counts and not best.is_named and any(map(_is_no_name, sample.columns)):
        raise DataError(
            f'{source.name}: the first row should name the columns, but "{best.name}" in it is '
            "also a value of its column. Put names above it, such as text and label."
        )
    reasons = [f'column "{best.name}" is the label: {best.values()}']
    if others := ", ".join(f'"{column.name}"' for column in fit[1:4]):
        reasons.append(f"other columns could be the label: {others}; choose with --label")
    return best, reasons


def _fitting(
    plan: LabelPlan, sample: Sample, separator: str
) -> tuple[list[LabelColumn], list[LabelColumn]]:
    """The columns beside the input; those of them that could be the label, the likeliest first."""
    seen = [
        look_at_label(name, sample.records, separator)
        for name in sample.columns
        if name not in plan.inputs
    ]
    return seen, sorted((column for column in seen if column.fits), key=lambda column: column.rank)


def _is_no_name(column: str) -> bool:
    """Whether nobody would call a column so: a sentence, or a number."""
    return len(column.split()) > 4 or len(column) > 40 or column.strip().isdecimal()


def _none_fits(source: Source, seen: list[LabelColumn]) -> str:
    shown = ", ".join(column.describe() for column in seen[:MOST_SHOWN])
    more = f", {len(seen) - MOST_SHOWN} more" if len(seen) > MOST_SHOWN else ""
    advice = "Name it with --label"
    if any(column.is_quantity for column in seen):
        advice += "; a quantity is no label, predicting it is regression"
    elif separator := next(filter(None, (column.separator() for column in seen)), ""):
        advice += f'; where a row has several labels, pass --label-separator "{separator}" too'
    return (
        f"{source.name}: no column looks like a label, which is a few short values, each seen "
        f"again and again; beside the text there is {shown or 'no column'}{more}. {advice}."
    )


def _check_label(source: Source, plan: LabelPlan, column: LabelColumn, classes: int) -> None:
    """See that a column can be learnt as a label.

    Raises:
        SettingsError: it is part of the text.
        DataError: free text, numbers without end, one class.
    """
    where = f'{source.name}: column "{column.name}"'
    if column.name in plan.inputs:
        raise SettingsError(f"{where} is the label and part of the input. Name another for one.")
    if not column.counts:
        raise DataError(f"{where} is empty in every row looked at. Name another with --label.")
    if classes <= 1:
        return
    if len(column.counts) < classes:
        raise DataError(
            f'{where} has one label, "{next(iter(column.counts))[:30]}", in every row; at least '
            "two are needed. Name another with --label."
        )
    if column.is_quantity:
        raise DataError(
            f"{where} holds {column.values()}: a quantity, not a label, and predicting it is "
            "regression. Put it into classes, or name another with --label."
        )
    if column.is_free:
        raise DataError(
            f"{where} holds {column.values()} in {column.given:,} rows: free text or ids, not "
            "labels. Name the right one with --label."
        )


def _leaks(plan: LabelPlan, sample: Sample) -> Reasons:
    """A sentence on the columns that give the label away."""
    assert plan.label is not None
    others = [name for name in sample.columns if name != plan.label]
    found = find_leaks(sample.records, plan.label, others)
    beside = plan.inputs - {plan.id, plan.time}  # a text of one column may well tell its label
    used = [f'"{name}"' for name in found if name in beside and len(beside) > 1]
    unused = [f'"{name}"' for name in found if name not in plan.inputs]
    sentences = []
    if unused:
        if len(unused) == 1:
            sentences.append(f"column {unused[0]} gives the label away and is not used")
        else:
            sentences.append(f"columns {', '.join(unused)} give the label away and are not used")
    if used:
        sentences.append(f"the text holds {', '.join(used)}, which alone gives the label away")
    return tuple(sentences)


__all__ = ["LabelPlan", "infer_inputs", "infer_labels", "split_labels", "surely_labelled"]
