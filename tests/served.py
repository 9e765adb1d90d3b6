"""What the tests of the server share: models without weights, and a server that really listens."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from seqloom_runtime.errors import DataError
from seqloom_runtime.serve.app import guarded, make_app
from seqloom_runtime.serve.limits import Limits
from seqloom_runtime.serve.running import listen, make_server
from seqloom_runtime.serve.served import Field, Served


def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something holds; on a busy machine nothing happens at once."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.02)


class Loud:
    """Says everything louder; notes what it was asked together."""

    task, place, workers = "translate", "runs/loud", 1
    inputs: Mapping[str, Field] = {"text": Field("text", "What is said louder.", required=True)}
    options: Mapping[str, Field] = {
        "times": Field("integer", "How often.", default=1, low=1, high=3)
    }

    def __init__(self, name: str = "loud", seconds: float = 0.0) -> None:
        self.name, self.seconds = name, seconds
        self.batches: list[list[str]] = []

    def about(self) -> dict[str, Any]:
        return {}

    def answer(self, rows: Sequence[Any], options: Mapping[str, Any]) -> list[dict[str, Any]]:
        self.batches.append([row["text"] for row in rows])
        time.sleep(self.seconds)
        if any(row["text"] == "bad" for row in rows):
            raise DataError("bad cannot be said.")
        if any(row["text"] == "fault" for row in rows):
            raise ZeroDivisionError
        return [{"text": row["text"].upper() * options["times"]} for row in rows]


class Dripping(Loud):
    """Streams letters."""

    def stream(self, row: Any, options: Any) -> Iterator[dict[str, Any]]:
        for letter in row["text"]:
            time.sleep(self.seconds)
            if letter == "!":
                raise DataError("no shouting.")
            yield {"text": letter}


@contextmanager
def listening(
    models: Sequence[Served], limits: Limits = Limits(), **guards: Any
) -> Iterator[tuple[str, Any]]:
    """The address of a server that runs in a thread, and the server."""
    taken = listen("127.0.0.1", 0)
    server = make_server(guarded(make_app(models, limits), **guards), limits)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
            assert thread.is_alive()
        host, port = taken.getsockname()[:2]
        yield f"http://{host}:{port}", server
    finally:
        server.should_exit = True
        thread.join(20)
        taken.close()
    assert not thread.is_alive()


def dial(address: str) -> socket.socket:
    """A bare connection to a server."""
    host, _, port = address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)
