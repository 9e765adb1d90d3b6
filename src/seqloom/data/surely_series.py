"""Whether a table surely holds series of numbers: a column of times and numbers, and no text."""

from __future__ import annotations

from seqloom_runtime.data.template import as_text

from seqloom.config import DataSettings
from seqloom.data.sample import Sample, read_sample
from seqloom.data.source import Source
from seqloom.data.time_columns import SeriesOptions, TimeLayout, find_time_layout
from seqloom.errors import DataError, SettingsError

LOOKED_AT = 2_000  # rows
FEWEST = 10  # rows
REPEATED = 0.5  # of different values, below which a column of words names things


def surely_series(source: Source, settings: DataSettings) -> str | None:
    """Why the rows are steps of series of numbers; None where that is not certain."""
    if source.format == "text":
        return None
    try:
        sample = read_sample(source, settings.encoding, LOOKED_AT)
        layout = find_time_layout(sample, SeriesOptions(time=settings.time, id=settings.id))
    except (DataError, SettingsError):
        return None
    if len(sample.records) < FEWEST or _holds_text(sample, layout):
        return None
    if layout.times:
        shown = ", ".join(f'"{name}"' for name in layout.times.values())
        count = len(layout.values)
        noun = "a column of numbers" if count == 1 else f"{count:,} columns of numbers"
        return f"the table holds times ({shown}) and {noun}, and no text"
    return "the table is one column of numbers" if len(sample.columns) == 1 else None


def _holds_text(sample: Sample, layout: TimeLayout) -> bool:
    """Whether some column is neither time, number nor a few words that repeat."""
    numbers = {*layout.times.values(), *layout.values}
    for name in sample.columns:
        if name in numbers or name == layout.id:
            continue
        words = [as_text(record.get(name)).strip() for record in sample.records]
        real = [word for word in words if word]
        if not real or all(layout.forms[name].read(word) is not None for word in real):
            continue
        if len(set(real)) > REPEATED * len(real) or any(" " in word for word in real):
            return True
    return False
