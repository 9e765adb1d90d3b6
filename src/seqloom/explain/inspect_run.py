"""From a run and a text, or two, to the page that shows what happened inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqloom.explain.attribution import attribute
from seqloom.explain.page import check_length, page_of
from seqloom.explain.subject import Subject, open_subject
from seqloom.explain.trace import Trace
from seqloom.explain.units import search_units
from seqloom.run import Run


def trace_with(subject: Subject, given: Any) -> Trace:
    """The trace of an input, which can show itself in Jupyter with what mattered."""
    from dataclasses import replace

    trace = subject.trace(given)
    return replace(trace, page=lambda: inspect(subject, [given], search=False))


def inspect(
    subject: Subject, given: Sequence[Any], *, language: str = "en", search: bool = True
) -> str:
    """The page of one input or of two, with their attributions and the units found.

    Raises:
        DataError: an input cannot be read, or is too long for a page.
    """
    reads = [subject.read(one) for one in given]
    for read in reads:
        check_length(read.tokens, read.whole)
    traces = [subject.trace(one) for one in given]
    attributions = [attribute(subject, read) for read in reads]
    return page_of(
        traces,
        attributions=attributions,
        search=search_units(subject) if search else None,
        language=language,
        run=subject.run.path.name,
    )


def inspect_run(run: Run, given: Sequence[Any], *, language: str = "en") -> str:
    """The page of a run's model reading one input or two."""
    return inspect(open_subject(run), given, language=language)
