"""What is served in words: for the page, and for OpenAPI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqloom_runtime.serve.body import JSON
from seqloom_runtime.serve.checking import schema_of
from seqloom_runtime.serve.served import Looks, Served, Streams, Weighs

SUMMARIES = {
    "": "Answer one input, or several.",
    "/stream": "Answer piece by piece, as server-sent events.",
    "/look": "Make a page that shows what happens inside with an input.",
    "/weigh": "Say how much each token mattered to the answer.",
}
REFUSALS = {
    400: "No JSON, or not UTF-8.",
    401: "The API key is missing or wrong.",
    404: "There is no such model.",
    408: "The request was sent too slowly.",
    413: "The request is too large.",
    415: "Another content type than expected.",
    422: "A value is missing, unknown or out of range.",
    429: "Too much waits for this model; see Retry-After.",
    503: "Too much is asked for at once, or the answer took too long; see Retry-After.",
}


def describe(model: Served) -> dict[str, Any]:
    """A model as the page gets to know it."""
    return {
        "name": model.name,
        "task": model.task,
        "inputs": {name: field.as_dict() for name, field in model.inputs.items()},
        "options": {name: field.as_dict() for name, field in model.options.items()},
        "streams": isinstance(model, Streams),
        "looks": isinstance(model, Looks),
        "weighs": isinstance(model, Weighs),
        "about": model.about(),
    }


def operation(task: str, path: str, models: Sequence[Served]) -> dict[str, Any]:
    """What OpenAPI says of an endpoint, as arguments of a route."""
    schemas = [_request(model, single=bool(path)) for model in models]
    content: dict[str, Any] = {JSON: {"schema": _any_of(schemas)}}
    for model in models:
        for field in model.inputs.values():
            binary = {"schema": {"type": "string", "format": "binary"}}
            content |= dict.fromkeys(field.media, binary)
    return {
        "summary": SUMMARIES[path],
        "tags": [task],
        "operation_id": f"{task}{path.replace('/', '_')}",
        "responses": {code: {"description": why} for code, why in REFUSALS.items()},
        "openapi_extra": {"requestBody": {"required": True, "content": content}},
    }


def _any_of(schemas: list[dict[str, Any]]) -> dict[str, Any]:
    return schemas[0] if len(schemas) == 1 else {"oneOf": schemas}


def _request(model: Served, *, single: bool) -> dict[str, Any]:
    """The schema of a request of a model: one input, or a list of them under ``rows``."""
    named = {"model": {"type": "string", "const": model.name}}
    one = schema_of({**model.inputs, **model.options})
    one["properties"] = {**named, **one["properties"]}
    if single:
        return one
    rows = {"type": "array", "items": schema_of(model.inputs)}
    many = schema_of(model.options)
    many["properties"] = {**named, "rows": rows, **many["properties"]}
    many["required"] = [*many.get("required", []), "rows"]
    return {"oneOf": [one, many]}
