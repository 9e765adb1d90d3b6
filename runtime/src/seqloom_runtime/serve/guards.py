"""What stands before every request: who may ask, how many at once, what every answer says.

Plain ASGI, as each request passes through it.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seqloom_runtime.serve.limits import Limits
from seqloom_runtime.serve.metrics import Metrics
from seqloom_runtime.serve.refused import RefusedError

OPEN = ("/", "/health")  # and the files of the page: they hold nothing of a model
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
BEGUN = ("/v1/", "/page/", "/looks/")


class Guards:
    """Checks each request before anything of it is read, and times it.

    Args:
        app: what answers.
        api_key: that requests must hold; none where it is empty.
        hosts: names by which a browser may call this server; any where there are none.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Limits,
        metrics: Metrics,
        api_key: str = "",
        hosts: Collection[str] = (),
    ) -> None:
        self.app, self.limits, self.metrics, self.hosts = app, limits, metrics, hosts
        self._key = _digest(api_key.encode()) if api_key else b""
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500
        path = label_of(scope["path"])

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        self._count(1)
        try:
            self._check(scope)
            await self.app(scope, receive, sending)
        except RefusedError as refusal:
            await refused(refusal)(scope, receive, sending)
        finally:
            self._count(-1)
            self.metrics.requests.labels(path, str(status)).inc()
            self.metrics.seconds.labels(path).observe(time.perf_counter() - started)

    def _count(self, by: int) -> None:
        self._running += by
        self.metrics.running.set(self._running)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if self.hosts and host_of(headers.get("host", "")) not in self.hosts:
            raise RefusedError(421, "This server is called by another name.", closes=True)
        if self._running > self.limits.requests and scope["path"] != "/health":
            raise RefusedError(
                *(503, f"{self.limits.requests:,} requests are answered just now."),
                retry_after=1,
                closes=True,
                code="busy_requests",
                values=[self.limits.requests],
            )
        if self._key and needs_key(scope["path"]):
            given = headers.get("x-api-key", "")
            kind, _, token = headers.get("authorization", "").partition(" ")
            given = token.strip() if kind.lower() == "bearer" else given
            # Digests are compared, of one length whatever was sent, and in constant time.
            if not hmac.compare_digest(_digest(given.encode("latin-1")), self._key):
                raise RefusedError(
                    *(401, "Pass the API key: Authorization: Bearer KEY, or X-API-Key."),
                    closes=True,
                    code="key_asked",
                )


def refused(refusal: RefusedError) -> JSONResponse:
    """A refusal as an answer."""
    return JSONResponse(refusal.body, refusal.status, headers=refusal.headers)


def needs_key(path: str) -> bool:
    """Whether a path answers only with the API key; the name of a look is a secret itself."""
    return path not in OPEN and not path.startswith(("/page/", "/looks/"))


def host_of(header: str) -> str:
    """The name in a Host header.

    >>> host_of("localhost:8000"), host_of("[::1]:8000")
    ('localhost', '[::1]')
    """
    name = header.rpartition(":")[0] if header.rpartition(":")[2].isdecimal() else header
    return name.lower()


def label_of(path: str) -> str:
    """A path as metrics name it: of these there are few, whatever is asked for."""
    if path in ("/", "/health", "/metrics", "/openapi.json"):
        return path
    begun = next((begin for begin in BEGUN if path.startswith(begin)), "")
    if begun != "/v1/":
        return begun or "other"
    words = path.split("/")[2:4]
    known = all(word.isascii() and word.isalpha() and len(word) <= 12 for word in words)
    return "/v1/" + "/".join(words) if known else "other"


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
