"""The verb that serves models to programs and to a page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter
from seqloom_runtime.serve.limits import Limits

from seqloom import api
from seqloom.cli.frame import Quiet, app, make_console
from seqloom.errors import SettingsError

LimitFlags = Annotated[Limits, Parameter(name="*", group=Group("Limits", sort_key=2))]
KEY = "SEQLOOM_API_KEY"


@app.command
def serve(
    *runs: Annotated[Path, Parameter(name="RUN")],
    host: str = "127.0.0.1",
    port: int = 8000,
    api_key: str = "",
    limits: LimitFlags = Limits(),
    quiet: Quiet = False,
) -> int:
    """Serve models over HTTP: an endpoint a task, and a page to play with, until Ctrl-C.

    Parameters
    ----------
    runs
        Folders of runs, one or several, of any tasks.
    host
        Address to listen at; by default only this computer can ask.
    port
        Port to listen at; 0 takes one that is free.
    api_key
        Key that requests must hold; $SEQLOOM_API_KEY, which no list of processes shows, without.
    """
    if not runs:
        raise SettingsError("serve needs at least one RUN: seqloom serve runs/mine")
    console = make_console(quiet)
    api.serve(
        runs,
        host=host,
        port=port,
        api_key=api_key or os.environ.get(KEY, ""),
        limits=limits,
        say=lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True),
    )
    return 0
