"""One training run of any task, from data to metrics, and going on with one.

    open source → prepare → run folder → train → score the best weights → metrics

What is special to a task stands in its module (``TASKS``), which has these functions:

    prepare(source, settings) → prepared       data read, split, fitted, stored; settings resolved
    reopen(folder, settings) → prepared        the same, from the cache, or None
    sealed_files(prepared) → {name: bytes}     what use needs beside the weights
    make_job(prepared, device, autocast) → job
    stages(prepared, job) → [Stage]            where something is trained before the job
    score_run(prepared, job, run) → {"valid": {…}, "test": {…}, "baseline": {"valid": {…}, …}}
    evaluate_run(run, settings, data) → {"scores": {…}, "baseline": {…}, …}
    measure_run(run, settings) → {…}           where a run is measured without other data
    predict_lines(run, data, options, say) → lines  where the task answers rather than writes
"""

from __future__ import annotations

import math
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

import seqloom
from seqloom.checked import check_predicted, check_reading, check_taken, with_sizes
from seqloom.config import PredictSettings, Settings, flag_of, override, settings_from
from seqloom.data.caption_source import open_captions
from seqloom.data.pairs import open_pairs
from seqloom.data.recordings import open_recordings
from seqloom.data.source import Source, check_not_music, open_source
from seqloom.data.tagged import open_tagged
from seqloom.errors import RunError, SettingsError, nearest
from seqloom.evaluate.plots import plot_loss
from seqloom.run import FORMAT, Run
from seqloom.tasks.starting import open_start
from seqloom.toml import read_settings, to_toml
from seqloom.train.checkpoint import load_into, read_tensors
from seqloom.train.device import choose_autocast, choose_device, set_threads
from seqloom.train.distributed import World, join_world, leave_world, wait_for_all
from seqloom.train.job import Stage, share_of
from seqloom.train.loop import Trainer
from seqloom.train.schedule import Schedule
from seqloom.train.tensorboard import TensorBoardWatcher, check_tensorboard
from seqloom.watching import Watcher

TASKS = {
    "generate": "seqloom.tasks.generate",
    "classify": "seqloom.tasks.classify",
    "tag": "seqloom.tasks.tag",
    "translate": "seqloom.tasks.translate",
    "forecast": "seqloom.tasks.forecast",
    "caption": "seqloom.tasks.caption",
    "compose": "seqloom.tasks.compose",
    "transcribe": "seqloom.tasks.transcribe",
}


@dataclass(frozen=True)
class Outcome:
    """How a call to train ended.

    Attributes:
        stopped: the run was saved before its end.
        metrics: what ``metrics.json`` holds; None when stopped, and in processes that do not lead.
    """

    run: Run
    stopped: bool
    metrics: dict[str, Any] | None


def start(
    data: Any,
    task: str,
    settings: Settings,
    out: Path,
    *,
    overwrite: bool,
    watcher: Watcher,
    stopping: Callable[[], bool],
) -> Outcome:
    """Train on a source into a new run folder.

    Raises:
        DataError, SettingsError: the data or the settings cannot be used; nothing is written.
        RunError: the folder is taken.
    """
    module = task_module(task)
    check_settings(task, settings)
    if settings.train.from_run:
        settings = open_start(settings).settings
    settings = with_sizes(task, settings)
    run = Run(out)
    world = join_world(choose_device(settings.train))
    if world.leads:
        run.check_free(overwrite=overwrite)
    source = _open(task, data)
    if world.leads:
        prepared = module.prepare(source, settings)
        wait_for_all(world)
    else:
        wait_for_all(world)
        prepared = module.prepare(source, settings)
    for line in prepared.explanation():
        watcher.message(line)
    watcher.passage(*prepared.passage())
    work = _Work.of(module, prepared)  # whatever is wrong with the settings comes to light here
    if world.leads:
        _create(run, task, data, source, prepared, overwrite)
    wait_for_all(world)
    return _train(work, run, world, watcher, stopping)


def resume(path: Path, *, watcher: Watcher, stopping: Callable[[], bool]) -> Outcome:
    """Go on with a run that was stopped.

    Raises:
        RunError: there is no such run, it is damaged, or its data changed.
    """
    run = Run.open(path)
    about = _about(run)
    module = task_module(about["task"])
    settings = read_settings(run.path / "config.toml")
    check_settings(about["task"], settings)
    world = join_world(choose_device(settings.train))
    prepared = module.reopen(about["prepared"], settings)
    if prepared is None:
        prepared = _prepare_again(module, about, run)
    if (run.path / "metrics.json").exists():
        watcher.message("The run was trained to its end before: it is scored once more.")
    return _train(_Work.of(module, prepared), run, world, watcher, stopping)


def task_module(task: str) -> Any:
    """The module of a task.

    Raises:
        SettingsError: there is no such task; the nearest is offered.
    """
    if task not in TASKS:
        raise SettingsError(f'Unknown task "{task}". {nearest(task, TASKS)}')
    return import_module(TASKS[task])


def check_settings(task: str, settings: Settings) -> None:
    """What can be known to be wrong before any data is read.

    Raises:
        SettingsError: two budgets are given, a number has no end, or a setting has no meaning for
            the task.
        MissingExtraError: a setting needs a package that is not installed.
    """
    for section in settings.model_dump().values():
        for name, value in section.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise SettingsError(f"{name} = {value}: expected a number that has an end.")
    Schedule(settings.train, 1)
    check_taken(task, settings)
    if settings.train.tensorboard:
        check_tensorboard()


def _open(task: str, data: Any) -> Source:
    """The source of the data; tagged corpora and pairs have names of many kinds."""
    opening = {
        **{"tag": open_tagged, "translate": open_pairs},
        **{"transcribe": open_recordings, "caption": open_captions},
    }
    source = opening.get(task, open_source)(data)
    check_not_music(source, task)
    return source


def _about(run: Run) -> dict[str, Any]:
    """``run.json``, with everything that going on needs."""
    about: dict[str, Any] = run.read_json("run.json")
    missing = {"task", "data", "digest", "prepared", "asked"} - set(about)
    if missing:
        raise RunError(
            f"{run.path / 'run.json'}: is damaged: it lacks {', '.join(sorted(missing))}. "
            "Copy the run anew, or train again with --overwrite."
        )
    return about


def _prepare_again(module: Any, about: dict[str, Any], run: Run) -> Any:
    """The data once more, when the cache was emptied: it must be the same data."""
    asked = settings_from(about["asked"], str(run.path / "run.json"))
    if about["data"] is None:
        raise RunError(
            f"{run.path}: the run was trained on data held in memory, and the cache no longer has "
            "it. Train it again."
        )
    source = _open(about["task"], about["data"])
    if source.digest() != about["digest"]:
        raise _data_changed(about["data"], run)
    prepared = module.prepare(source, asked)
    # Its folder is named by all that was read, further files too, and by the version.
    same_version = about.get("seqloom") == seqloom.__version__
    if same_version and prepared.folder.name != Path(about["prepared"]).name:
        raise _data_changed(f"{about['data']} or a file beside it", run)
    return prepared


def _data_changed(what: str, run: Run) -> RunError:
    return RunError(
        f"{what}: the data changed since the run {run.path} began, so it cannot go on. Put the "
        "old data back, or train anew with --overwrite."
    )


def _create(run: Run, task: str, data: Any, source: Source, prepared: Any, overwrite: bool) -> None:
    """Make the run folder with all files but the weights, or leave nothing behind."""
    Run.create(run.path, overwrite=overwrite)
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, run.path, ignore_errors=True)
        _write_beginning(run, task, data, source, prepared)
        undo.pop_all()


def _write_beginning(run: Run, task: str, data: Any, source: Source, prepared: Any) -> None:
    """All files but the weights; ``run.json`` last, for it makes the folder a run."""
    run.seal("config.toml", to_toml(prepared.settings).encode())
    for name, content in task_module(task).sealed_files(prepared).items():
        run.seal(name, content)
    run.write_json(
        "run.json",
        {
            "format": FORMAT,
            "seqloom": seqloom.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "task": task,
            "data": _place(data, source),
            "digest": source.digest(),
            "prepared": str(prepared.folder),
            "asked": prepared.asked.model_dump(),
            "said": prepared.explanation(),
            "facts": prepared.facts.__dict__,
        },
    )


def _place(data: Any, source: Source) -> str | None:
    """Where the data can be found again from any folder; None for data in memory."""
    if source.entry is not None:
        return source.entry.name
    return str(Path(data).absolute()) if isinstance(data, str | os.PathLike) else None


@dataclass(frozen=True)
class _Work:
    """A task's data and model, ready to be trained."""

    module: Any
    prepared: Any
    job: Any
    autocast: Callable[[], AbstractContextManager[Any]]

    @classmethod
    def of(cls, module: Any, prepared: Any) -> _Work:
        settings = prepared.settings.train
        set_threads(settings)
        device = choose_device(settings)
        autocast = choose_autocast(settings, device)
        return cls(module, prepared, module.make_job(prepared, device, autocast), autocast)

    def stages(self, run: Run) -> list[Stage]:
        """What is left to be trained: stages that come first, unless the last has begun."""
        before: list[Stage] = []
        if hasattr(self.module, "stages"):
            before = self.module.stages(self.prepared, self.job)
        train = self.prepared.settings.train
        left = 1 - sum(stage.share for stage in before)
        last = Stage(self.job, share_of(train, left) if before else train)
        begun = (run.path / "checkpoint").exists()
        return [last] if begun else [*before, last]


def _train(
    work: _Work, run: Run, world: World, watcher: Watcher, stopping: Callable[[], bool]
) -> Outcome:
    with ExitStack() as stack:
        last = watcher  # of several stages the last is what TensorBoard shows
        if work.prepared.settings.train.tensorboard and world.leads:
            last = stack.enter_context(TensorBoardWatcher(watcher, run.path / "tensorboard"))
        for stage in work.stages(run):
            watcher.begin(stage.job.units)
            trainer = Trainer(
                stage.job,
                stage.settings,
                stage.run(run),
                watcher if stage.name else last,
                world=world,
                autocast=work.autocast,
                stopping=stopping,
            )
            if stage.words:
                watcher.message(stage.words)
            finished = trainer.train()
            if not finished:
                break
            if stage.after is not None:
                watcher.message(stage.after(trainer.place.update))
    metrics = None
    if finished and world.leads:
        metrics = _finish(work, run, trainer)
    wait_for_all(world)
    leave_world()
    return Outcome(run, not finished, metrics)


def _finish(work: _Work, run: Run, trainer: Trainer) -> dict[str, Any]:
    """Score the best weights and write the metrics and the plot."""
    load_into(work.job.model, read_tensors(run.read("model.safetensors"), run.path), run.path)
    updates, tokens, seconds = _spent(run, trainer)
    metrics = {
        "task": next(name for name, path in TASKS.items() if path == work.module.__name__),
        **work.module.score_run(work.prepared, work.job, run),
        "updates": updates,
        "tokens": tokens,
        "seconds": round(seconds, 2),
        "tokens_per_second": round(tokens / max(seconds, 1e-9), 1),
    }
    run.write_json("metrics.json", metrics)
    words = work.job.units.words
    plot_loss(list(run.lines("history.jsonl")), metrics, run.path / "loss.png", words)
    return metrics


def _spent(run: Run, trainer: Trainer) -> tuple[int, int, float]:
    """Updates, tokens and seconds of all stages together."""
    place = trainer.place
    updates, tokens, seconds = place.update, place.tokens, place.seconds
    for history in run.path.glob("*/history.jsonl"):
        *_, last = Run(history.parent).lines(history.name)
        updates, tokens = updates + last["update"], tokens + last["tokens"]
        seconds += last["seconds"]
    return updates, tokens, seconds


def evaluate(path: Path, data: Any, asked: dict[str, Any] | None = None) -> dict[str, Any]:
    """Scores of a run on other data, or those of its training once more.

    Args:
        asked: settings of data that are read otherwise than in training.

    Raises:
        SettingsError: one of them has no meaning for the task.
    """
    if data is None and asked:
        raise SettingsError(f"--{flag_of(min(asked))} says how a file is read: pass FILE.")
    run = Run.open(path)
    about = _about(run)
    module = task_module(about["task"])
    check_reading(about["task"], asked or ())
    settings = override(settings_for_other_data(run), {"data": asked or {}}, str(run.path))
    result: dict[str, Any] = {"task": about["task"], "run": str(run.path)}
    if data is None:
        result |= run.read_json("metrics.json")
    else:
        result |= {"data": str(data)} | module.evaluate_run(run, settings, data)
    if hasattr(module, "measure_run"):
        result |= module.measure_run(run, settings)
    return result


def settings_for_other_data(run: Run) -> Settings:
    """A run's settings, to read other data by them.

    That the training data was CP949 says nothing of another file, unless the user said so.
    """
    asked = settings_from(_about(run)["asked"], str(run.path / "run.json"))
    changes = {"encoding": asked.data.encoding}
    return override(read_settings(run.path / "config.toml"), {"data": changes}, str(run.path))


def predict(path: Path, data: Any, options: PredictSettings, watcher: Watcher) -> Iterator[str]:
    """Lines of the data with what the model says of them; what is worth a line is said.

    Raises:
        SettingsError: the run's task writes or draws instead.
    """
    run = Run.open(path)
    task = _about(run)["task"]
    module = task_module(task)
    if not hasattr(module, "predict_lines"):
        raise SettingsError(f"{path} is a run of {task}. Use it with: seqloom {task} {path}")
    check_predicted(task, options)
    if data is None and task != "forecast":
        raise SettingsError("predict received no data. Pass a file, or lines of text.")
    lines: Iterator[str] = module.predict_lines(run, data, options, watcher.message)
    return lines
