"""What is asked for: a request's model, rows and options, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from seqloom_runtime.errors import SettingsError, nearest
from seqloom_runtime.serve.body import JSON, content_type, parse, read_body
from seqloom_runtime.serve.checking import checked
from seqloom_runtime.serve.limits import Limits
from seqloom_runtime.serve.refused import RefusedError
from seqloom_runtime.serve.served import Field, Options, Row, Served

LANGUAGES = ("en", "ko")
Models = Mapping[str, Served]  # of a task, by name


@dataclass(frozen=True)
class Asked:
    """A request that was read.

    Args:
        model: that is to answer.
        rows: its inputs.
        options: beside them.
        single: whether it was one input rather than a list of them.
        language: of pages.
    """

    model: Served
    rows: list[Row]
    options: Options
    single: bool
    language: str = "en"

    def only_row(self) -> Row:
        """The one row.

        Raises:
            RefusedError: there are several.
        """
        if not self.single:
            raise RefusedError(422, '"rows" has no meaning here: pass one input.')
        return self.rows[0]


def models_by_task(models: Sequence[Served]) -> dict[str, dict[str, Served]]:
    """Models by their task and name.

    Raises:
        SettingsError: two have one name, or there is none.
    """
    if not models:
        raise SettingsError("There is nothing to serve: pass at least one run.")
    found: dict[str, dict[str, Served]] = {}
    places: dict[str, str] = {}
    for one in models:
        if one.name in places:
            raise SettingsError(
                f'{places[one.name]} and {one.place} are both called "{one.name}". '
                "Rename one of the folders: requests ask for a model by its name."
            )
        places[one.name] = one.place
        found.setdefault(one.task, {})[one.name] = one
    return found


async def ask(request: Request, models: Models, limits: Limits) -> Asked:
    """Read a request of a task.

    Raises:
        RefusedError: it is too large or too slow, no JSON, or not what the model takes.
    """
    media = media_of(models)
    kind = content_type(request, (JSON, *media))
    most = limits.media if media else limits.body
    body = await read_body(request, most, limits.body_seconds)
    given: dict[str, Any] = {media[kind]: body} if kind in media else parse(body)
    return read(given, models, limits)


def media_of(models: Models) -> dict[str, str]:
    """The content types that may be the body itself, and the input that each is."""
    return {
        kind: name
        for model in models.values()
        for name, field in model.inputs.items()
        for kind in field.media
    }


def read(given: Mapping[str, Any], models: Models, limits: Limits) -> Asked:
    """A request's model, rows and options.

    Raises:
        RefusedError: something is wrong with one of them.
    """
    values = dict(given)
    model = _model(values.pop("model", None), models)
    language = values.pop("language", "en")
    if language not in LANGUAGES:
        raise RefusedError(422, f'"language": expected one of {", ".join(LANGUAGES)}.')
    if "rows" not in values:
        row, options = _parted(values, model, limits)
        return Asked(model, [row], options, True, language)
    rows = values.pop("rows")
    if not isinstance(rows, list) or not rows:
        raise RefusedError(422, '"rows": expected a list of objects that is not empty.')
    if len(rows) > limits.request_rows:
        raise RefusedError(
            422, f'"rows": received {len(rows):,}; at most {limits.request_rows:,} are answered.'
        )
    known: dict[str, Field] = {**model.options}
    options = checked(values, known, limits)
    found = [_row(row, n, model, limits) for n, row in enumerate(rows, 1)]
    return Asked(model, found, options, False, language)


def _parted(values: dict[str, Any], model: Served, limits: Limits) -> tuple[Row, Row]:
    both = {**model.inputs, **model.options}
    row = checked(values, both, limits)
    return (
        {name: row[name] for name in model.inputs},
        {name: row[name] for name in model.options},
    )


def _row(given: Any, number: int, model: Served, limits: Limits) -> Row:
    if not isinstance(given, dict):
        raise RefusedError(422, f"Row {number}: expected an object with {', '.join(model.inputs)}.")
    return checked(given, model.inputs, limits, f"Row {number}: ")


def _model(name: Any, models: Models) -> Served:
    if name is None:
        if len(models) == 1:
            return next(iter(models.values()))
        known = ", ".join(models)
        raise RefusedError(422, f'"model" is missing; expected one of {known}.')
    if not isinstance(name, str) or name not in models:
        shown = name[:60] if isinstance(name, str) else "something else than a text"
        raise RefusedError(
            *(404, f'There is no model "{shown}" here. {nearest(str(name)[:60], models)}'),
            code="no_model",
            values=[shown],
        )
    return models[name]
