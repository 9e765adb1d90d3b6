"""Reads the body of a request: never more than a limit, never longer than a time.

A body is counted while it comes, so that one in chunks, or one that is longer than it said, is
given up at the limit too.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from typing import Any

from starlette.requests import ClientDisconnect, Request

from seqloom_runtime.serve.refused import RefusedError

JSON = "application/json"
PASSED_OVER = (
    33_554_432  # bytes read and dropped, so that a client that still sends gets its answer
)
DEEPEST = 8  # lists and objects within each other


def content_type(request: Request, known: Collection[str]) -> str:
    """What a body says it is.

    Raises:
        RefusedError: it is none of what is known.
    """
    name, _, rest = request.headers.get("content-type", "").partition(";")
    kind = name.strip().lower()
    if kind not in known:
        said = f'is "{kind[:60]}"' if kind else "has no Content-Type"
        raise RefusedError(415, f"The body {said}; expected {' or '.join(known)}.", closes=True)
    charset = rest.lower().partition("charset=")[2].strip().strip('"')
    if charset and charset not in ("utf-8", "utf8"):
        raise RefusedError(415, f'The body is in "{charset[:40]}"; expected UTF-8.', closes=True)
    return kind


async def read_body(request: Request, most: int, seconds: float) -> bytes:
    """The bytes of a body.

    Raises:
        RefusedError: they are too many, or come too slowly.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, most)
    except TimeoutError:
        raise RefusedError(
            *(408, f"The request was not sent within {seconds:g} seconds."),
            closes=True,
            code="not_sent",
            values=[seconds],
        ) from None
    except ClientDisconnect:
        raise RefusedError(400, "The request broke off.", closes=True) from None


async def _read(request: Request, most: int) -> bytes:
    length = request.headers.get("content-length", "")
    too_large = length.isdecimal() and int(length[:20]) > most
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if too_large or size > most:
            too_large, parts = True, []
            if size > most + PASSED_OVER:
                break
            continue
        parts.append(part)
    if too_large:
        raise RefusedError(
            *(413, f"The request is larger than {most:,} bytes."),
            closes=True,
            code="too_large",
            values=[most],
        )
    return b"".join(parts)


def parse(body: bytes) -> dict[str, Any]:
    """The object that a body holds.

    Raises:
        RefusedError: it is no JSON, or something else than an object.
    """
    try:
        found = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise RefusedError(400, "The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise RefusedError(
            400, f"The body is no JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        ) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:  # a number that is none, or one of thousands of digits
        raise RefusedError(400, f"The body is no JSON: {str(error).split(';')[0]}.") from None
    if not isinstance(found, dict):
        raise RefusedError(422, "The body is JSON, but no object: expected {…}.")
    _check_depth(found, DEEPEST)
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _too_deep() -> RefusedError:
    return RefusedError(422, "The body holds lists or objects too deep within each other.")


def _check_depth(value: Any, left: int) -> None:
    if not left:
        raise _too_deep()
    inner = value.values() if isinstance(value, dict) else value
    for one in inner:
        if isinstance(one, dict | list):
            _check_depth(one, left - 1)
