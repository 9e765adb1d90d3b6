"""Verbs that show: how tokenizers cut a text, which public data sets have a name."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from seqloom import api
from seqloom.cli.frame import DataFlags, Json, TextFlags, app, given, make_output, print_json
from seqloom.config import DataSettings, TextSettings

data_app = App(name="data", help="Public data sets: list them, fetch one.")
app.command(data_app)


@app.command
def tokens(
    source: Annotated[str, Parameter(name="DATA")],
    /,
    *,
    data: DataFlags = DataSettings(),
    text: TextFlags = TextSettings(),
    json: Json = False,
) -> int:
    """Show how each tokenizer cuts a text: an example, ids, vocabulary size, share unknown.

    Parameters
    ----------
    source
        File, folder, glob, or a name that `seqloom data list` shows.
    """
    from seqloom.terminal import show_token_reports

    chosen = api.choose(source, given(data=data, text=text))
    reports = api.describe_tokens(chosen.data, chosen.settings)
    if json:
        print_json({"tokenizers": reports})
    else:
        show_token_reports(make_output(), reports)
    return 0


@data_app.command(name="list")
def data_list(*, json: Json = False) -> int:
    """List the data sets that have a name."""
    from seqloom.terminal import show_catalogue

    entries = api.catalogue()
    if json:
        print_json({name: entry.as_dict() for name, entry in entries.items()})
    else:
        show_catalogue(make_output(), entries)
    return 0


@data_app.command(name="fetch")
def data_fetch(name: str, /, *, json: Json = False) -> int:
    """Fetch a data set: from SEQLOOM_DATA, the cache, or its source; checksums are checked.

    Parameters
    ----------
    name
        A name that `seqloom data list` shows.
    """
    paths = [str(path) for path in api.fetch(name)]
    if json:
        print_json({"name": name, "files": paths})
    else:
        print("\n".join(paths))
    return 0
