"""Verbs that train: one model, the same on, several side by side, a search for settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from seqloom import api
from seqloom.cli.frame import (
    OutputFlags,
    SettingFlags,
    app,
    make_console,
    make_output,
    make_watcher,
    named,
    print_json,
)
from seqloom.config import TaskKind
from seqloom.stopping import StopOnSignal

if TYPE_CHECKING:
    from rich.console import Console


@app.command
def train(
    source: Annotated[str | None, Parameter(name="DATA")] = None,
    /,
    *,
    preset: str | None = None,
    config: Path | None = None,
    task: TaskKind = "auto",
    out: Path | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    flags: SettingFlags = SettingFlags(),
    output: OutputFlags = OutputFlags(),
) -> int:
    """Train a model on a file, folder, glob or data set of the catalogue.

    Parameters
    ----------
    source
        File, folder, glob, or a name that `seqloom data list` shows.
    preset
        A named set of settings, such as cooking-lstm; other flags change it.
    config
        A config.toml, such as a run wrote; other flags change it.
    task
        What to learn; auto looks at the flags and the data.
    out
        Folder of the run; runs/<name of the data> when not given.
    overwrite
        Replace a run that stands in the folder.
    """
    changes = flags.given
    chosen = api.choose(source, changes, task=task, preset=preset, config=config)
    folder = out or Path("runs") / chosen.name
    console = make_console(output.quiet)
    with make_watcher(console, output.verbose) as watcher, StopOnSignal() as stopping:
        for line in chosen.remarks:
            watcher.message(line)
        outcome = api.train(
            chosen.data,
            chosen.settings,
            folder,
            task=chosen.task,
            overwrite=overwrite,
            watcher=watcher,
            stopping=stopping,
        )
    return _show_outcome(outcome, output.json, console)


@app.command
def resume(run: Path, /, *, output: OutputFlags = OutputFlags()) -> int:
    """Go on with a run that was stopped or killed, as if it never had been.

    Parameters
    ----------
    run
        Folder of the run.
    """
    console = make_console(output.quiet)
    with make_watcher(console, output.verbose) as watcher, StopOnSignal() as stopping:
        outcome = api.resume(run, watcher=watcher, stopping=stopping)
    return _show_outcome(outcome, output.json, console)


@app.command
def compare(
    source: Annotated[str | None, Parameter(name="DATA")] = None,
    /,
    *,
    encoders: tuple[str, ...] = (),
    preset: tuple[str, ...] = (),
    seeds: int = 3,
    config: Path | None = None,
    task: TaskKind = "auto",
    out: Path | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    flags: SettingFlags = SettingFlags(),
    output: OutputFlags = OutputFlags(),
) -> int:
    """Train several models on the same data and put them side by side; typed again, it goes on.

    Parameters
    ----------
    source
        File, folder, glob, or a name that `seqloom data list` shows; a preset's own when left out.
    encoders
        Such as lstm,gru,transformer: each with the settings that train would choose.
    preset
        Presets that stand beside them, each with its own settings, such as imdb-gru.
    seeds
        Trainings of each model; what seeds change shows how far to trust a difference.
    config
        A config.toml, such as a run wrote; other flags change it.
    task
        What to learn; auto looks at the flags and the data.
    out
        Folder of the comparison; compares/<name of the data> when not given.
    overwrite
        Begin anew where a comparison stands in the folder.
    """
    from seqloom.terminal import quoted, show_comparison

    console = make_console(output.quiet)
    with make_watcher(console, output.verbose) as watcher, StopOnSignal() as stopping:
        done = api.compare(
            source,
            flags.given,
            out,
            encoders=named(encoders),
            presets=named(preset),
            seeds=seeds,
            task=task,
            config=config,
            overwrite=overwrite,
            watcher=watcher,
            stopping=stopping,
        )
    if output.json:
        print_json({"comparison": str(done.path), **done.summary.as_dict()})
    else:
        show_comparison(make_output(), *done.words())
    if done.stopped:
        console.print("Stopped and saved. The same command goes on.", highlight=False)
        return 130
    page = quoted(str(done.path / "report.html"))
    console.print(f"The page with the picture: {page}", highlight=False, soft_wrap=True)
    return 0


@app.command
def tune(
    source: Annotated[str | None, Parameter(name="DATA")] = None,
    /,
    *,
    trials: int = 20,
    preset: str | None = None,
    task: TaskKind = "auto",
    out: Path | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    flags: SettingFlags = SettingFlags(),
    output: OutputFlags = OutputFlags(),
) -> int:
    """Search for settings that do better on validation; typed again, it goes on.

    Parameters
    ----------
    source
        File, folder, glob, or a name that `seqloom data list` shows.
    trials
        Trainings in all; the first has the defaults. Flags that you pass are not varied.
    preset
        A named set of settings to start from.
    task
        What to learn; auto looks at the flags and the data.
    out
        Folder of the search; tunes/<name of the data> when not given.
    overwrite
        Begin anew where a search stands in the folder.
    """
    from seqloom.terminal import show_comparison

    console = make_console(output.quiet)
    with make_watcher(console, output.verbose) as watcher, StopOnSignal() as stopping:
        done = api.tune(
            source,
            flags.given,
            out,
            trials=trials,
            task=task,
            preset=preset,
            overwrite=overwrite,
            watcher=watcher,
            stopping=stopping,
        )
    if output.json:
        print_json(done.as_dict())
    else:
        show_comparison(make_output(), *done.words())
    if done.stopped:
        console.print("Stopped and saved. The same command goes on.", highlight=False)
        return 130
    return 0


def _show_outcome(outcome: api.Outcome, json: bool, console: Console) -> int:
    from seqloom.terminal import next_commands, quoted, show_details, show_metrics

    path = outcome.run.path
    if outcome.stopped:
        line = f"Stopped and saved. Go on with: seqloom resume {quoted(str(path))}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
        return 130
    if outcome.metrics is None:
        return 0  # a process that does not lead
    if json:
        print_json({"run": str(path), **outcome.metrics})
    else:
        show_metrics(make_output(), outcome.metrics)
        show_details(make_output(), outcome.metrics, api.details(path))
    sample: dict[str, Any] = next(outcome.run.lines("samples.jsonl"), {})
    for line in next_commands(path, outcome.metrics["task"], sample):
        whole = line.startswith("  ") or not console.is_terminal  # a command is pasted as it stands
        console.print(line, highlight=False, markup=False, soft_wrap=whole)
    return 0
