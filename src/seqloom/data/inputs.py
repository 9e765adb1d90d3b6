"""What the inputs of a classifier are: a text made of which columns, or series of numbers."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from seqloom_runtime.data.template import Template, as_text

from seqloom.config import DataSettings
from seqloom.data.label_columns import named_as_label
from seqloom.data.sample import Sample
from seqloom.data.schema import likeliest_text
from seqloom.data.series_rows import count_numbers, is_series
from seqloom.data.source import Source
from seqloom.errors import SettingsError

LETTERS = 10  # columns of one letter each that are a text together
MARKUP_SHARE = 0.005  # of the texts, from which on <br /> is no accident

_MARKUP = re.compile(r"<br\s*/?>|&(?:[a-z]{2,8}|#\d+|#x[0-9a-f]+);", re.IGNORECASE)

Reasons = tuple[str, ...]


@dataclass(frozen=True)
class Inputs:
    """What was found.

    Args:
        text: template over the columns; None where the inputs are series.
        series: column of the numbers; None where they are texts.
        markup: whether the text holds <br /> or HTML's entities.
        reasons: why, as sentences for the user.
    """

    text: str | None
    series: str | None
    markup: bool
    reasons: Reasons


def find_inputs(source: Source, settings: DataSettings, sample: Sample) -> Inputs:
    """The text or series in a source.

    Raises:
        SettingsError: a named column does not exist, or holds no series.
        DataError: nothing is named, and no column looks like text.
    """
    series, reasons = _series(source, settings, sample)
    if series is not None:
        return Inputs(None, series, False, reasons)
    text, reasons = _text(source, settings, sample)
    values = [as_text(r.get(name)) for r in sample.records for name in Template(text).columns]
    markup = sum(bool(_MARKUP.search(value)) for value in values) > MARKUP_SHARE * len(values)
    if markup:
        remark = "the text holds <br /> or HTML entities: they are read as what they stand for"
        reasons = (*reasons, remark)
    return Inputs(text, None, markup, reasons)


def _series(source: Source, settings: DataSettings, sample: Sample) -> tuple[str | None, Reasons]:
    """The column of numbers, if the inputs are series, and why."""
    name = settings.series
    if name is None:
        return _found_series(source, settings, sample)
    for column in filter(None, (name, settings.id, settings.time)):
        sample.check(column)
    if settings.id:
        order = f', in the order of "{settings.time}"' if settings.time else ""
        return name, (f'rows of the same "{settings.id}" are one series of "{name}"{order}',)
    if max(count_numbers(record.get(name)) for record in sample.records) == 1:
        raise SettingsError(
            f'{source.name}: column "{name}" holds one number a row. Pass --id with the column '
            "that says which series a row belongs to, and --time with the one that orders them."
        )
    return name, (f'the numbers are in column "{name}", a series a row',)


def _found_series(
    source: Source, settings: DataSettings, sample: Sample
) -> tuple[str | None, Reasons]:
    """A column of lists of numbers, where nothing is said of a text."""
    if settings.text is not None or (source.entry and source.entry.text):
        return None, ()
    for name in sample.columns:
        values = [record.get(name) for record in sample.records]
        if sum(map(is_series, values)) > 0.9 * len(values):
            return name, (f'column "{name}" holds lists of numbers: each is a series',)
    return None, ()


def _text(source: Source, settings: DataSettings, sample: Sample) -> tuple[str, Reasons]:
    """The template of the text, and why."""
    suggested = source.entry.text if source.entry else None
    setting = settings.text or suggested
    if setting is not None:
        template = Template.of(setting)
        if _is_bare(source) and len(template.columns) == 1:
            return "{text}", ("each line is a text",)
        template.check(sample.columns, source.name)
        why = "as in the catalogue" if setting == suggested else "as set"
        return template.text, (f'the text is "{_short(template.text)}": {why}',)
    named = (settings.label, settings.id)
    single = _letter_columns(sample, [name for name in sample.columns if name not in named])
    if len(single) >= LETTERS:
        joined = "".join(f"{{{name}}}" for name in single)
        return joined, (
            f'{len(single)} columns, "{single[0]}" to "{single[-1]}", hold one letter each: joined '
            "they are the text; choose others with --text",
        )
    others = [name for name in sample.columns if name not in named]
    return likeliest_text(source.name, others, sample.records)


def _is_bare(source: Source) -> bool:
    """Whether the source is texts without columns, so that a column's name says nothing."""
    in_memory = source.format == "rows" and isinstance(source.rows, list)
    return source.format == "text" or (in_memory and isinstance(source.rows[0], str))


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _letter_columns(sample: Sample, columns: list[str]) -> list[str]:
    """Columns of one letter each, of the letters that most of them hold; no label is among them."""
    letters: dict[str, Counter[str]] = {}
    for name in columns:
        values = [as_text(record.get(name)).strip() for record in sample.records]
        if all(len(v) == 1 and v.isalpha() for v in values) and not named_as_label(name):
            letters[name] = Counter(values)
    seen = Counter(letter for counts in letters.values() for letter in counts)
    common = {letter for letter, times in seen.items() if times >= len(letters) / 2}
    return [
        name
        for name, counts in letters.items()
        if sum(counts[letter] for letter in common) >= 0.9 * counts.total()
    ]
