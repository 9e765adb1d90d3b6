"""What the served models of all tasks share: a name, fields made of the settings, views inside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from seqloom_runtime.serve.served import Answer, Field, Kind, Options, Row

from seqloom.config import PredictSettings, Section
from seqloom.run import Run

if TYPE_CHECKING:
    from seqloom.explain.subject import Subject

DIGITS = 6  # of what is told of a probability


class ServedRun:
    """A run that is served.

    Args:
        run: its folder.
    """

    task: str
    inputs: Mapping[str, Field]
    options: Mapping[str, Field]

    def __init__(self, run: Run) -> None:
        self.run = run
        self.name = Path(run.path).resolve().name
        self.place = str(run.path)


class Seen(ServedRun):
    """A run that can be looked into; the model for that is loaded when somebody first asks."""

    _subject: Subject | None = None

    @property
    def subject(self) -> Subject:
        """The model, to be looked into."""
        from seqloom.explain.subject import open_subject

        if self._subject is None:
            self._subject = open_subject(self.run)
        return self._subject

    def given(self, row: Row) -> Any:
        """What the model reads of a row."""
        return row["text"]

    def look(self, row: Row, language: str) -> str:
        """The page of ``seqloom inspect``, without the search of units."""
        from seqloom.explain.inspect_run import inspect

        return inspect(self.subject, [self.given(row)], language=language, search=False)

    def weigh(self, row: Row) -> Answer:
        """How much each token mattered to each result of the network, in nats."""
        from seqloom.explain.attribution import attribute
        from seqloom.explain.page import check_length

        read = self.subject.read(self.given(row))
        check_length(read.tokens)
        found = attribute(self.subject, read)
        return {
            "tokens": list(read.tokens),
            "pieces": list(read.pieces),
            "targets": list(found.targets),
            "gradients": found.gradients.round(DIGITS).tolist(),
            "occlusion": found.occlusion.round(DIGITS).tolist(),
        }


def fields_of(section: type[Section], *names: str, **highest: float) -> dict[str, Field]:
    """Settings as a request may hold them: names, defaults, limits and meanings stay the same.

    Args:
        section: whose settings they are.
        names: which of them.
        highest: the largest value of some, where a request may not ask for any.
    """
    found = {}
    for name in names:
        info = section.model_fields[name]
        low = next((m.ge for m in info.metadata if hasattr(m, "ge")), None)
        above = next((m.gt for m in info.metadata if hasattr(m, "gt")), None)
        ends = [m.le for m in info.metadata if hasattr(m, "le")]
        ends += [m.lt - 1e-9 for m in info.metadata if hasattr(m, "lt")]
        ends += [highest[name]] if name in highest else []
        kind, choices = kind_of(info.annotation)
        found[name] = Field(
            kind,
            info.description or "",
            default=info.default,
            low=above if low is None else low,
            above=above is not None,
            high=min(ends) if ends else None,
            choices=choices,
        )
    return found


def search_of(options: Options) -> PredictSettings:
    """How is searched, of options that were checked one by one."""
    names = set(PredictSettings.model_fields)
    return PredictSettings(**{name: one for name, one in options.items() if name in names})


def kind_of(annotation: Any) -> tuple[Kind, tuple[str, ...]]:
    """The kind of a setting, and what it may be where that is a list of words.

    >>> kind_of(int), kind_of(float | None), kind_of(Literal["a", "b"])
    (('integer', ()), ('number', ()), ('choice', ('a', 'b')))
    """
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    if get_origin(annotation) is Literal:
        return "choice", get_args(annotation)
    kinds: dict[Any, Kind] = {int: "integer", float: "number", bool: "boolean"}
    return kinds.get(annotation, "text"), ()
