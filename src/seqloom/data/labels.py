"""Which column is the label of a classifier's examples, and what is read beside it.

Every answer comes with its reason, and every answer can be overridden by a setting. The label is
looked for in a sample of the whole file, since files are often sorted by it.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from seqloom.config import DataSettings
from seqloom.data.column_names import words_of
from seqloom.data.records import read_records
from seqloom.data.schema import find_encoding
from seqloom.data.source import Source
from seqloom.data.template import Template, as_text
from seqloom.data.text_columns import look_at
from seqloom.errors import DataError, SettingsError, nearest

LABEL_NAMES = (
    "label class category sentiment emotion target polarity intent topic genre spam toxic hate "
    "rating stars score y 라벨 레이블 분류 감정 감성 카테고리 주제 평점"
).split()
"""Names of a column that is the label, the surest first."""

MOST_READ = 300_000  # rows looked at
SAMPLE = 4_000  # of them, kept
MOST_CLASSES = 200
MOST_NUMBERS = 20  # different numbers of a column that is a label all the same
LONGEST_LABEL = 60  # characters
GIVES_AWAY = 0.98  # share of labels that another column tells
LETTERS = 10  # columns of one letter each that are a text together

_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?")
_MARKUP = re.compile(r"<br\s*/?>|&(?:amp|quot|lt|gt|nbsp|#\d+);", re.IGNORECASE)


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


def infer_labels(source: Source, settings: DataSettings, *, classes: int = 2) -> LabelPlan:
    """The plan for labelled examples: settings where they say something, else the data.

    Args:
        source: what ``open_source`` found.
        settings: columns that are known, and the encoding.
        classes: different labels that must be there.

    Raises:
        SettingsError: a named column does not exist.
        DataError: there is no label, or what looks like one is free text, numbers or one class.
    """
    plan, records = _inputs(source, settings)
    columns = _columns(records)
    suggested = source.entry.label if source.entry else None
    name, reasons = _label(source, settings.label or suggested, plan, records, columns)
    several = any(isinstance(record.get(name), list | tuple) for record in records)
    separator = settings.label_separator
    multi = several or bool(separator)
    _check_label(
        source, name, [split_labels(r.get(name), separator) for r in records], multi, classes
    )
    leaks = _leaks(name, plan, records, columns)
    return replace(
        plan,
        label=name,
        separator=separator,
        multi=multi,
        reasons=(*plan.reasons, *reasons, *leaks),
    )


def infer_inputs(source: Source, settings: DataSettings) -> LabelPlan:
    """The plan for inputs alone, whose labels are wanted.

    Raises:
        SettingsError: a named column does not exist; the nearest is offered.
    """
    return _inputs(source, settings)[0]


def surely_labelled(source: Source, settings: DataSettings) -> str | None:
    """Why the rows of a table are labelled texts or series; None where that is not certain."""
    if source.format == "text":
        return None
    try:
        plan = infer_labels(source, settings)
    except (DataError, SettingsError):
        return None
    known = set(words_of(plan.label or "")) & set(LABEL_NAMES)
    return f'column "{plan.label}" looks like the label of the rows' if known else None


def split_labels(value: Any, separator: str) -> tuple[str, ...]:
    """The labels in a field, each once, without those that are empty."""
    if isinstance(value, list | tuple):
        parts = [as_text(part) for part in value]
    else:
        text = as_text(value)
        parts = text.split(separator) if separator else [text]
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _inputs(source: Source, settings: DataSettings) -> tuple[LabelPlan, list[dict[str, Any]]]:
    """What is read, and a sample of the records."""
    encoding, reasons = find_encoding(source, settings)
    records = _sample(source, encoding)
    if not records:
        raise DataError(f"{source.name}: holds no rows, only a header or nothing readable.")
    columns = _columns(records)
    entry = source.entry
    drop = settings.drop or (entry.drop if entry else ())
    plan = LabelPlan(None, None, encoding=encoding, drop=drop)
    series = settings.series or ("series" if _holds_lists(records, "series") else None)
    if series:
        for name in filter(None, (series, settings.id, settings.time)):
            _check_column(source, name, columns)
        why: tuple[str, ...] = (f'the numbers are in column "{series}"',)
        plan = replace(plan, series=series, id=settings.id, time=settings.time)
        return replace(plan, reasons=(*source.reasons, *reasons, *why)), records
    text, why = _text(source, settings, records, columns)
    sample = [as_text(record.get(name)) for record in records for name in Template(text).columns]
    markup = sum(bool(_MARKUP.search(value)) for value in sample) > 0.005 * len(sample)
    if markup:
        why = (*why, "the text holds <br /> or HTML entities: they are read as what they stand for")
    reasons = (*source.reasons, *reasons, *why)
    return replace(plan, text=text, markup=markup, reasons=reasons), records


def _sample(source: Source, encoding: str) -> list[dict[str, Any]]:
    """Rows from all over the file, the same ones each time."""
    chance = random.Random(0)
    kept: list[dict[str, Any]] = []
    rows = read_records(source, encoding=encoding, skip_bad_rows=True)
    for number, record in enumerate(rows):
        if len(kept) < SAMPLE:
            kept.append(record)
        elif (place := chance.randrange(number + 1)) < SAMPLE:
            kept[place] = record
        if number >= MOST_READ:
            break
    return kept


def _columns(records: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for record in records for key in record))


def _holds_lists(records: list[dict[str, Any]], name: str) -> bool:
    return any(isinstance(record.get(name), list | tuple) for record in records)


def _check_column(source: Source, name: str, columns: list[str]) -> None:
    if name not in columns:
        raise SettingsError(f'{source.name}: no column "{name}". {nearest(name, columns)}')


def _text(
    source: Source, settings: DataSettings, records: list[dict[str, Any]], columns: list[str]
) -> tuple[str, tuple[str, ...]]:
    """The template of the text, and why."""
    suggested = source.entry.text if source.entry else None
    setting = settings.text or suggested
    if setting is not None:
        template = Template.of(setting)
        template.check(columns, source.name)
        why = "as in the catalogue" if setting == suggested else "as set"
        return template.text, (f'the text is "{_short(template.text)}": {why}',)
    single = [name for name in columns if _one_letter(records, name)]
    if len(single) >= LETTERS:
        joined = "".join(f"{{{name}}}" for name in single)
        words = f'columns "{single[0]}" to "{single[-1]}" hold one letter each: joined they are the'
        return joined, (f"{words} text",)
    others = [name for name in columns if name != settings.label]
    seen = sorted((look_at(name, records) for name in others), key=lambda column: -column.score)
    if not seen or seen[0].score == 0:
        raise DataError(
            f"{source.name}: no column looks like text ({', '.join(columns)}). Name it with --text."
        )
    best = seen[0]
    return f"{{{best.name}}}", (f'column "{best.name}" is the text: {best.describe()}',)


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _one_letter(records: list[dict[str, Any]], name: str) -> bool:
    values = [as_text(record.get(name)).strip() for record in records]
    return all(len(v) == 1 and v.isalpha() for v in values) and len(set(values)) <= 30


def _label(
    source: Source,
    setting: str | None,
    plan: LabelPlan,
    records: list[dict[str, Any]],
    columns: list[str],
) -> tuple[str, tuple[str, ...]]:
    """The label's column, and why."""
    if setting is not None:
        _check_column(source, setting, columns)
        return setting, (f'the label is column "{setting}"',)
    taken = {*(Template(plan.text).columns if plan.text else ()), plan.series, plan.id, plan.time}
    fit = [name for name in columns if name not in taken and _fits(records, name)]
    if not fit:
        listed = ", ".join(name for name in columns if name not in taken)
        raise DataError(
            f"{source.name}: no column looks like a label (a few different short values); there "
            f"are: {listed or 'no others'}. Name it with --label, or pass --task generate."
        )
    fit.sort(key=lambda name: _name_rank(name))
    others = ", ".join(f'"{name}"' for name in fit[1:4])
    counts = Counter(v for r in records for v in split_labels(r.get(fit[0]), ""))
    shown = ", ".join(value for value, _ in counts.most_common(4))
    reasons = [f'column "{fit[0]}" is the label: {len(counts)} different values ({_short(shown)})']
    if others:
        reasons.append(f"other columns could be: {others}; choose with --label")
    return fit[0], tuple(reasons)


def _name_rank(name: str) -> int:
    """Small for a column that is named as labels are."""
    places = [LABEL_NAMES.index(word) for word in words_of(name) if word in LABEL_NAMES]
    return min(places, default=len(LABEL_NAMES))


def _fits(records: list[dict[str, Any]], name: str) -> bool:
    """Whether the values are few, short and each seen more than once."""
    values = [split_labels(record.get(name), "") for record in records]
    given = [value for several in values for value in several]
    if len(given) < len(records) / 2 or any(len(value) > LONGEST_LABEL for value in given):
        return False
    counts = Counter(given)
    numbers = all(map(_NUMBER.fullmatch, counts))
    most = MOST_NUMBERS if numbers else MOST_CLASSES
    repeated = len(given) >= 3 * len(counts) or (_name_rank(name) < 5 and len(given) > len(counts))
    return 2 <= len(counts) <= most and repeated


def _check_label(
    source: Source, name: str, given: list[tuple[str, ...]], multi: bool, classes: int
) -> None:
    """See that a column can be learnt as a label.

    Raises:
        DataError: free text, numbers without end, one class.
    """
    values = [value for several in given for value in several]
    counts = Counter(values)
    where = f'{source.name}: column "{name}"'
    if not values:
        raise DataError(f"{where} is empty in every row looked at. Name another with --label.")
    if len(counts) < classes:
        raise DataError(
            f'{where} has one label, "{values[0]}", in every row looked at; at least two are '
            "needed. Name another with --label."
        )
    numbers = all(map(_NUMBER.fullmatch, counts))
    if numbers and len(counts) > MOST_CLASSES:
        raise DataError(
            f"{where} holds {len(counts):,} different numbers: that is a quantity, not a label, "
            "and predicting it is regression. Put it into classes, or name another with --label."
        )
    distinct = len(counts) > max(50, 0.5 * len(values))
    if classes > 1 and (distinct or sum(map(len, counts)) / len(counts) > LONGEST_LABEL):
        shown = next(iter(counts))
        raise DataError(
            f'{where} holds {len(counts):,} different values in {len(values):,} rows, such as "'
            f'{_short(shown)}": free text or ids, not labels. Name the right one with --label.'
        )


def _leaks(
    label: str, plan: LabelPlan, records: list[dict[str, Any]], columns: list[str]
) -> tuple[str, ...]:
    """Sentences on columns that give the label away; they are not used."""
    used = {*(Template(plan.text).columns if plan.text else ()), label, plan.series}
    labels = [as_text(record.get(label)) for record in records]
    found = [
        f'"{name}"'
        for name in columns
        if name not in used and _tells(_hints(records, name), labels)
    ]
    if not found:
        return ()
    noun = "column" if len(found) == 1 else "columns"
    verb = "gives" if len(found) == 1 else "give"
    return (f"{noun} {', '.join(found)} {verb} the label away, and no part of them is used",)


def _hints(records: list[dict[str, Any]], name: str) -> list[str]:
    """Values of a column; of ids, what stands before the first number or mark."""
    values = [as_text(record.get(name)).strip() for record in records]
    if len(set(values)) > 0.9 * len(values):
        return [re.split(r"[\W\d_]", value, maxsplit=1)[0] for value in values]
    return values


def _tells(hints: list[str], labels: list[str]) -> bool:
    """Whether a value seen in one half of the rows tells the label in the other half."""
    known: dict[str, Counter[str]] = {}
    for hint, label in zip(hints[::2], labels[::2], strict=True):
        known.setdefault(hint, Counter())[label] += 1
    tests = [
        (known[h], label) for h, label in zip(hints[1::2], labels[1::2], strict=True) if h in known
    ]
    if len(known) < 2 or len(tests) < 0.5 * len(labels[1::2]):
        return False
    right = sum(counts.most_common(1)[0][0] == label for counts, label in tests)
    usual = Counter(labels).most_common(1)[0][1] / len(labels)
    return right / len(tests) >= max(GIVES_AWAY, usual + 0.5 * (1 - usual))
