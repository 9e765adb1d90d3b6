"""What the text of a source is: which column or template, what one record is, which encoding.

Every answer comes with its reason, and every answer can be overridden by a setting. Looks at a
bounded beginning of the data.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from seqloom_runtime.data.column_names import words_of
from seqloom_runtime.data.encoding import decoder_for, detect_encoding, read_head
from seqloom_runtime.data.template import Template, as_text

from seqloom.config import DataSettings
from seqloom.data.records import read_records
from seqloom.data.source import Source
from seqloom.data.text_columns import look_at
from seqloom.data.text_layout import guess_layout
from seqloom.data.timestamps import looks_like_time
from seqloom.errors import DataError, SettingsError

Kind = Literal["continuous", "line", "paragraph", "file", "row"]
_ROWS = 2_000
"""Rows looked at."""
_FILES = 200
"""Files of a folder whose encoding is looked at."""
_ROWS_OF_TIMES = 200
"""Rows in which dates and numbers are looked for."""

_NUMBER = re.compile(r"[-+]?\d[\d,]*(\.\d+)?")


@dataclass(frozen=True)
class TextPlan:
    """How ``read_texts`` makes texts of a source.

    Args:
        kind: what one record is.
        text: template over the columns of a table; None for plain text.
        encoding: of the files; "auto" when they differ and each is read by its own.
        drop: field values that count as missing.
        reasons: why, as sentences for the user.
    """

    kind: Kind
    text: str | None
    encoding: str
    drop: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def infer_text(source: Source, settings: DataSettings) -> TextPlan:
    """The plan for a source: the settings where they say something, the data where they do not.

    Raises:
        SettingsError: a setting contradicts the data, such as a column that does not exist.
        DataError: no column holds text, or there are no rows.
    """
    encoding, reasons = find_encoding(source, settings)
    drop = settings.drop or (source.entry.drop if source.entry else ())
    if source.format == "text":
        if settings.text is not None:
            raise SettingsError(
                f'{source.name}: is plain text without columns, so text = "{settings.text}" '
                f"names nothing. Leave the setting out."
            )
        kind, kind_reason = _kind_of_text(source, settings, encoding)
        reasons = (*source.reasons, *reasons, kind_reason)
        return TextPlan(kind, None, encoding, drop, reasons)
    kind, kind_reason = _kind_of_rows(source, settings)
    text, text_reasons = _column(source, settings, encoding)
    reasons = (*source.reasons, *reasons, *text_reasons, kind_reason)
    return TextPlan(kind, text, encoding, drop, reasons)


def find_encoding(source: Source, settings: DataSettings) -> tuple[str, tuple[str, ...]]:
    """The encoding of a source's files, and why."""
    if source.format in ("rows", "parquet", "sgml"):
        return "utf-8", ()  # these say themselves what their bytes mean
    if settings.encoding != "auto":
        decoder_for(settings.encoding)  # an unknown name must not wait for the first read
        return settings.encoding, (f"the encoding is {settings.encoding}: as set",)
    step = max(len(source.files) // _FILES, 1)
    found = {detect_encoding(path) for path in source.files[::step]}
    names = {name.removesuffix("-sig") for name, _ in found}
    if len(names) == 1:
        name, reason = max(found, key=lambda pair: pair[1])
        return names.pop(), (f"the encoding is {name.removesuffix('-sig')}: {reason}",)
    return "auto", (f"the files differ in encoding ({', '.join(sorted(names))})",)


def _kind_of_text(source: Source, settings: DataSettings, encoding: str) -> tuple[Kind, str]:
    if settings.records == "row":
        raise SettingsError(
            f"{source.name}: is plain text, which has no rows. Pass --records line, paragraph, "
            f"file or continuous."
        )
    suggested = source.entry.records if source.entry else "auto"
    kind = suggested if settings.records == "auto" else settings.records
    if kind != "auto":
        why = "as in the catalogue" if kind == suggested else "as set"
        return kind, f"{_noun(kind)}: {why}"
    if len(source.files) > 1:
        return "file", f"each file is a record: there are {len(source.files):,} text files"
    return guess_layout(*read_head(source.files[0], encoding))


def _kind_of_rows(source: Source, settings: DataSettings) -> tuple[Kind, str]:
    if settings.records in ("auto", "row"):
        return "row", "each row is a record"
    if settings.records == "continuous":
        return "continuous", f"{_noun('continuous')}: as set"
    raise SettingsError(
        f'{source.name}: is a table, so records = "{settings.records}" has no meaning. '
        f"Pass --records row or continuous."
    )


def _noun(kind: str) -> str:
    return "everything is one text" if kind == "continuous" else f"each {kind} is a record"


def _column(source: Source, settings: DataSettings, encoding: str) -> tuple[str, tuple[str, ...]]:
    """Template over the columns, and why this one."""
    # A bad row is reported when the data is read, with the user's word on whether to skip it.
    rows = read_records(source, encoding=encoding, skip_bad_rows=True)
    records = list(islice(rows, _ROWS))
    if not records:
        raise DataError(f"{source.name}: holds no rows, only a header or nothing readable.")
    columns = list(dict.fromkeys(key for record in records for key in record))
    suggested = source.entry.text if source.entry else None
    setting = settings.text or suggested
    if setting is None:
        where = "" if len(records) < _ROWS else f", in the first {_ROWS:,} rows"
        return likeliest_text(source.name, columns, records, where)
    template = Template.of(setting)
    template.check(columns, source.name)
    why = "as in the catalogue" if setting == suggested else "as set"
    return template.text, (f'the text is "{template.text}": {why}',)


def likeliest_text(
    source_name: str, columns: list[str], records: list[dict[str, Any]], where: str = ""
) -> tuple[str, tuple[str, ...]]:
    """Template of the column that looks most like text, and why.

    Raises:
        DataError: none looks like text.
    """
    seen = sorted((look_at(name, records) for name in columns), key=lambda column: -column.score)
    if not seen or seen[0].score == 0:
        raise DataError(
            f"{source_name}: no column looks like text ({', '.join(columns)}). "
            + _emptiness(columns, records)
            + (
                _series_hint(columns, records)
                or "Name it with --text; lists of numbers with --series and --label, words and "
                "tags with --tokens and --tags."
            )
        )
    best = seen[0]
    reasons = [f'column "{best.name}" is the text: {best.describe()}{where}']
    others = [f'"{column.name}"' for column in seen[1:4] if column.score > 0]
    if others:
        reasons.append(f"other columns with text: {', '.join(others)}; choose with --text")
    return Template.of(best.name).text, tuple(reasons)


def _emptiness(columns: list[str], records: list[dict[str, Any]]) -> str:
    """Which columns hold nothing, as a sentence; "" where all hold something."""
    empty = [f'"{name}"' for name in columns if not any(_holds(r.get(name)) for r in records)]
    return f"{', '.join(empty)} {'holds' if len(empty) == 1 else 'hold'} no value. " * bool(empty)


def _holds(value: Any) -> bool:
    return as_text(value).strip().lower() not in ("", "nan", "na", "none", "null")


def _series_hint(columns: list[str], records: list[dict[str, Any]]) -> str:
    """What to do with numbers in the order of dates; "" where the columns are something else."""
    values = {
        name: [as_text(r.get(name)).strip() for r in records[:_ROWS_OF_TIMES]] for name in columns
    }
    times = [name for name in columns if _mostly(looks_like_time, values[name])]
    numbers = [name for name in columns if _mostly(_NUMBER.fullmatch, values[name])]
    series = next((name for name in numbers if "id" not in words_of(name)), None)
    if not times or series is None:
        return ""
    own = next((name for name in columns if name not in (series, times[0])), None)
    ids = f" --id {shlex.quote(own)}" if own else " --id COLUMN"
    value, time = shlex.quote(series), shlex.quote(times[0])
    return (
        f'Column "{series}" in the order of "{times[0]}" looks like a time series. To forecast it, '
        f"pass --task forecast --value {value}; to learn labels of series, pass --series {value}"
        f"{ids} --time {time} --label COLUMN."
    )


def _mostly(test: Callable[[str], Any], values: list[str]) -> bool:
    return sum(map(bool, map(test, values))) > 0.9 * len(values)
