"""HTTP as uvicorn speaks it, with a clock and a limit of connections.

Whoever sends no whole head in time is hung up on: a thousand clients that send a letter a minute
would otherwise take all places. Of a body ``body.py`` keeps the time.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from seqloom_runtime.serve.guards import refused
from seqloom_runtime.serve.refused import RefusedError

HEAD_SECONDS = 10.0  # in which the head of a request has to be there


async def full(scope: Scope, receive: Receive, send: Send) -> None:
    """What a connection too many is told."""
    refusal = RefusedError(
        *(503, "Too many connections are open."), retry_after=2, closes=True, code="connections"
    )
    await refused(refusal)(scope, receive, send)


class TimedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """A connection that is closed where a head does not come, or not to its end."""

    head_seconds = HEAD_SECONDS
    most_connections = 2_000
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client is there."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            self.app = full
        self._wind()

    def data_received(self, data: bytes) -> None:
        """Something came: while a head is not complete the clock runs on."""
        super().data_received(data)
        if self._between_requests():
            self._wind()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._stop()
        super().connection_lost(exc)

    def _between_requests(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def _wind(self) -> None:
        if self._clock is None:
            self._clock = self.loop.call_later(self.head_seconds, self._late)

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _late(self) -> None:
        self._clock = None
        if self._between_requests() and not self.transport.is_closing():
            self.transport.close()
