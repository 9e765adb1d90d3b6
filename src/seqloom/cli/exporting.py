"""The verb that takes a model elsewhere: a folder that is used without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from seqloom import api
from seqloom.cli.frame import Json, Quiet, app, make_console, print_json


@app.command
def export(
    run: Path,
    /,
    *,
    out: Path | None = None,
    int8: Annotated[bool, Parameter(negative="")] = False,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Write a model as a folder that is used without torch: ONNX, vocabulary, settings, digests.

    Parameters
    ----------
    run
        Folder of the run.
    out
        Folder to write; exports/<name of the run> when not given.
    int8
        Keep weights in eight bits, and say what that costs and saves.
    overwrite
        Replace an export that is there.
    """
    from seqloom.terminal import show_export

    done = api.export(run, out, int8=int8, overwrite=overwrite)
    if json:
        print_json(done.about())
    else:
        show_export(make_console(quiet), done)
    return 0
