"""Runs a server until it is told to stop; what is being answered then is finished first."""

from __future__ import annotations

import logging
import math
import socket
from collections.abc import Callable, Sequence

import uvicorn

from seqloom_runtime.errors import SettingsError
from seqloom_runtime.serve.app import guarded, make_app
from seqloom_runtime.serve.guards import Guards
from seqloom_runtime.serve.limits import Limits
from seqloom_runtime.serve.protocol import TimedProtocol
from seqloom_runtime.serve.served import Served

LOOPBACK = ("127.0.0.1", "localhost", "::1")
BACKLOG = 2_048


def serve(
    models: Sequence[Served],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    api_key: str = "",
    limits: Limits = Limits(),
    version: str = "",
    say: Callable[[str], None] | None = None,
) -> None:
    """Serve models until a signal stops it.

    Args:
        models: what is served.
        host: address to listen at; by default only this computer can ask.
        port: to listen at; 0 takes one that is free.
        api_key: that requests must hold; none where it is empty.
        limits: of sizes, numbers and times.
        version: told by OpenAPI.
        say: told the address, and what should be known of it.

    Raises:
        SettingsError: two models have one name, or nobody can listen there.
    """
    app = make_app(models, limits, version=version)
    listening = listen(host, port)
    local = host in LOOPBACK
    # A page of elsewhere whose name was made to mean this computer is not answered.
    hosts = ("127.0.0.1", "localhost", "[::1]", host) if local else ()
    if say is not None:
        own = listening.getsockname()
        shown = f"[{own[0]}]" if ":" in own[0] else own[0]
        say(f"Serving {', '.join(one.name for one in models)} at http://{shown}:{own[1]}")
        if not local and not api_key:
            say(f"Everyone who reaches {host} can ask: there is no --api-key.")
    server = make_server(guarded(app, api_key=api_key, hosts=hosts), limits)
    server.run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        SettingsError: nobody can listen there.
    """
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(kind, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except (OSError, OverflowError, UnicodeError) as error:
        found.close()
        why = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            f"Cannot listen at {host}:{port} ({why}). Pass another --port or --host."
        ) from None
    return found


def make_server(app: Guards, limits: Limits) -> uvicorn.Server:
    """What speaks HTTP for an app."""

    class Protocol(TimedProtocol):
        most_connections = limits.connections

    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=math.ceil(limits.stop_seconds),
    )
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    return uvicorn.Server(config)
