"""Answers that come piece by piece: server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from seqloom_runtime.errors import SeqloomError
from seqloom_runtime.serve.limits import Limits
from seqloom_runtime.serve.metrics import Metrics
from seqloom_runtime.serve.refused import RefusedError, told

EVENT_STREAM = "text/event-stream"


class Streaming:
    """Runs several streams side by side, each piece in a thread."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self.limits, self.metrics = limits, metrics
        self._threads = ThreadPoolExecutor(limits.streams, thread_name_prefix="serve-stream")
        self._running = 0

    def begin(self) -> None:
        """Take a place.

        Raises:
            RefusedError: all are taken.
        """
        if self._running >= self.limits.streams:
            raise RefusedError(
                *(503, f"{self.limits.streams} texts are streamed just now."),
                retry_after=2,
                code="busy_streams",
                values=[self.limits.streams],
            )
        self._running += 1
        self.metrics.streams.set(self._running)

    def end(self) -> None:
        """Give the place back."""
        self._running -= 1
        self.metrics.streams.set(self._running)

    async def events(self, pieces: Iterator[dict[str, Any]]) -> AsyncIterator[bytes]:
        """Each piece as an event; the last is ``done``, or ``error`` with a line.

        The place that ``begin`` took is given back at the end, also when the client has gone.
        """
        try:
            async with asyncio.timeout(self.limits.stream_seconds):
                while (piece := await self._next(pieces)) is not None:
                    yield event(piece)
            yield event({}, "done")
        except TimeoutError:
            seconds = self.limits.stream_seconds
            message = f"The text was not finished within {seconds:g} s."
            yield event(told(SeqloomError(message, code="unfinished", values=[seconds])), "error")
        except SeqloomError as error:
            yield event(told(error), "error")
        finally:
            self.end()

    async def _next(self, pieces: Iterator[dict[str, Any]]) -> dict[str, Any] | None:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, next, pieces, None)

    def stop(self) -> None:
        """No more pieces."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def event(data: dict[str, Any], name: str = "") -> bytes:
    r"""One server-sent event.

    >>> event({"text": "a"})
    b'data: {"text":"a"}\n\n'
    """
    head = f"event: {name}\n" if name else ""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f"{head}data: {body}\n\n".encode()
