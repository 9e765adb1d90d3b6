"""What the served models of all tasks share: a name, fields made of the settings, views inside."""

from __future__ import annotations

import copy
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin

from seqloom_runtime.rows import PROBABILITY_DIGITS
from seqloom_runtime.serve.served import Answer, Field, Kind, Options, Row

from seqloom.config import PredictSettings, Section
from seqloom.run import Run

if TYPE_CHECKING:
    from seqloom.explain.attribution import Attribution
    from seqloom.explain.subject import Read, Subject
    from seqloom.tasks.classifier import Classifier
    from seqloom.tasks.forecast_use import SeriesForecaster
    from seqloom.tasks.tagging import SentenceTagger

REMEMBERED = 8  # attributions of a model


Used = TypeVar("Used", "Classifier", "SentenceTagger", "SeriesForecaster")


class ServedRun:
    """A run that is served.

    Args:
        run: its folder.
    """

    task: str
    workers = 1
    inputs: Mapping[str, Field]
    options: Mapping[str, Field]

    def __init__(self, run: Run) -> None:
        self.run = run
        self.name = Path(run.path).resolve().name
        self.place = str(run.path)


class Seen(ServedRun):
    """A run that can be looked into, from when somebody first asks.

    That is done with a copy of the network, beside the one that answers: it takes seconds, and it
    hangs its eyes into the layers.
    """

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._subject: Subject | None = None
        self._attributed: OrderedDict[str, tuple[Read, Attribution]] = OrderedDict()

    @property
    def subject(self) -> Subject:
        """The model, to be looked into."""
        if self._subject is None:
            self._subject = self.open_subject()
        return self._subject

    def open_subject(self) -> Subject:
        """The model of the run; a task that has it already gives a copy of that."""
        from seqloom.explain.subject import open_subject

        return open_subject(self.run)

    def given(self, row: Row) -> Any:
        """What the model reads of a row."""
        return row["text"]

    def look(self, row: Row, language: str) -> str:
        """The page of ``seqloom inspect``, without the search of units."""
        from seqloom.explain.page import page_of

        _, found = self._attribution(row)
        trace = self.subject.trace(self.given(row))
        return page_of([trace], attributions=[found], language=language, run=self.name)

    def weigh(self, row: Row) -> Answer:
        """How much each token mattered to each result of the network, in nats."""
        read, found = self._attribution(row)
        return {
            "tokens": list(read.tokens),
            "pieces": list(read.pieces),
            "targets": list(found.targets),
            "gradients": found.gradients.round(PROBABILITY_DIGITS).tolist(),
            "occlusion": found.occlusion.round(PROBABILITY_DIGITS).tolist(),
        }

    def _attribution(self, row: Row) -> tuple[Read, Attribution]:
        """What mattered in a row; of the latest ones it is remembered."""
        from seqloom.explain.attribution import attribute
        from seqloom.explain.page import check_length

        name = digest_of(row)
        if name not in self._attributed:
            read = self.subject.read(self.given(row))
            check_length(read.tokens, read.whole)
            self._attributed[name] = read, attribute(self.subject, read)
            while len(self._attributed) > REMEMBERED:
                self._attributed.popitem(last=False)
        return self._attributed[name]


def digest_of(row: Row) -> str:
    """A short name for what a row holds."""
    found = hashlib.sha256()
    for name, value in sorted(row.items()):
        found.update(name.encode())
        found.update(value if isinstance(value, bytes) else repr(value).encode())
    return found.hexdigest()


def with_own_network(used: Used) -> Used:
    """The same in use, with a copy of its network on the processor."""
    import torch

    copied = copy.copy(used)
    copied.model = copy.deepcopy(used.model).cpu()
    copied.device = torch.device("cpu")
    return copied


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
