"""The page's files, and pages that show what happens inside a model, kept for a while.

Such a page holds a text that somebody typed: it is kept in memory, under a name that cannot be
guessed, until others come. It is shown in a frame that may run its own scripts and nothing else:
no network, no cookies, nothing of the page around it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any, TypeVar

from seqloom_runtime.serve.refused import RefusedError

Result = TypeVar("Result")
MOST_ASIDE = 6  # calls beside the queues that may wait
MOST_LOOKS = 24  # pages of up to 2 MB
KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
}
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data: blob:; media-src blob:; frame-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cache-Control": "no-cache",
}
FRAME_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
        "sandbox allow-scripts"
    ),
}


def page_files() -> dict[str, tuple[bytes, str]]:
    """The files of the page with their content types, by name."""
    folder = files("seqloom_runtime.serve").joinpath("page")
    found = {}
    for file in folder.iterdir():
        suffix = "." + file.name.rpartition(".")[2]
        if suffix in KINDS:
            found[file.name] = (file.read_bytes(), KINDS[suffix])
    return found


class Aside:
    """One thread for what takes long and is beside the queues: looks inside, attributions."""

    def __init__(self, most: int = MOST_ASIDE) -> None:
        self.most = most
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="serve-aside")
        self._waiting = 0

    async def __call__(self, call: Callable[..., Result], *given: Any) -> Result:
        """Call something there.

        Raises:
            RefusedError: enough waits already.
        """
        if self._waiting >= self.most:
            raise RefusedError(
                429, "Others look inside just now.", retry_after=2, code="busy_looks"
            )
        self._waiting += 1
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._thread, call, *given)
        # Whoever gives up waiting does not end the work, which keeps its place until it is done.
        work.add_done_callback(self._done)
        return await asyncio.shield(work)

    def _done(self, work: asyncio.Future[Any]) -> None:
        self._waiting -= 1
        if not work.cancelled():
            work.exception()

    def stop(self) -> None:
        """No more calls."""
        self._thread.shutdown(wait=False, cancel_futures=True)


class LookStore:
    """The latest pages."""

    def __init__(self, most: int = MOST_LOOKS) -> None:
        self.most = most
        self._pages: OrderedDict[str, str] = OrderedDict()

    def keep(self, page: str) -> str:
        """Keep a page; its name."""
        name = secrets.token_urlsafe(18)
        self._pages[name] = page
        while len(self._pages) > self.most:
            self._pages.popitem(last=False)
        return name

    def page(self, name: str) -> str:
        """A page that was kept.

        Raises:
            RefusedError: there is none, or others have come since.
        """
        if name not in self._pages:
            raise RefusedError(404, "This view is gone. Ask for it again.", code="look_gone")
        return self._pages[name]
