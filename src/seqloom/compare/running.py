"""Training every contender with every seed, each into its own run folder, and going on."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqloom.compare.contenders import Contender
from seqloom.compare.report import write_report
from seqloom.compare.summary import Summary, summarise
from seqloom.compare.words import cells_of, headings, sentences
from seqloom.config import Settings, override
from seqloom.errors import RunError
from seqloom.run import Run
from seqloom.tasks import training
from seqloom.tasks.training import check_settings
from seqloom.watching import Watcher

PLAN = "comparison.json"
SETTINGS_MAY_DIFFER = {"checkpoint_seconds", "threads", "seed"}


@dataclass(frozen=True)
class Comparison:
    """A comparison, done or stopped.

    Attributes:
        path: its folder, with a run folder for each model and seed.
        summary: of the runs that are done.
        stopped: whether runs are left to do.
    """

    path: Path
    summary: Summary
    stopped: bool

    def words(self) -> tuple[list[str], list[list[str]], list[str]]:
        """Headings, cells and sentences of the table; empty while no run is done."""
        if not self.summary.rows:
            return [], [], []
        return headings(self.summary), cells_of(self.summary), sentences(self.summary)


def compare(
    contenders: Sequence[Contender],
    out: Path,
    *,
    seeds: Sequence[int],
    overwrite: bool = False,
    watcher: Watcher,
    stopping: Callable[[], bool] = bool,
) -> Comparison:
    """Train each contender with each seed; runs that are done already are not trained again.

    Seeds go round before models do, so that a comparison that is stopped early compares all.

    Raises:
        SettingsError, DataError: see ``tasks.training``; settings are checked before any training.
        RunError: the folder holds another comparison, or something else.
    """
    task = contenders[0].chosen.task
    for contender in contenders:
        check_settings(task, contender.chosen.settings)
    plan = _begin(out, _plan(contenders), overwrite=overwrite)
    work = [(contender, seed) for seed in seeds for contender in contenders]
    stopped = False
    for place, (contender, seed) in enumerate(work, 1):
        run = Run(out / f"{contender.name}-seed{seed}")
        if (run.path / "metrics.json").exists():
            continue
        watcher.message(f"{contender.name}, seed {seed} ({place} of {len(work)})")
        if stopping() or _train(contender, seed, run, watcher, stopping):
            stopped = True
            break
    summary = summarise(task, {name: list(_done(out, name)) for name in plan["contenders"]})
    Run(out).write_json(PLAN, {**plan, **summary.as_dict()})
    if summary.rows:
        write_report(out, plan["data"], summary)
    return Comparison(out, summary, stopped)


def _train(
    contender: Contender, seed: int, run: Run, watcher: Watcher, stopping: Callable[[], bool]
) -> bool:
    """Train one model, or go on with it; whether it was stopped."""
    if (run.path / "run.json").exists():
        return training.resume(run.path, watcher=watcher, stopping=stopping).stopped
    shutil.rmtree(run.path, ignore_errors=True)  # a kill while the folder was being made
    chosen = contender.chosen
    return training.start(
        chosen.data,
        chosen.task,
        seeded(chosen.settings, seed),
        run.path,
        overwrite=False,
        watcher=watcher,
        stopping=stopping,
    ).stopped


def seeded(settings: Settings, seed: int) -> Settings:
    """The settings with a seed of the training."""
    return override(settings, {"train": {"seed": seed}}, "--seeds")


def _done(out: Path, name: str) -> Iterator[Run]:
    """The runs of a model that are done, those of earlier calls among them, by seed."""
    places = out.glob(f"{name}-seed*/metrics.json")
    for place in sorted(places, key=lambda path: int(path.parent.name.rpartition("seed")[2])):
        yield Run(place.parent)


def _plan(contenders: Sequence[Contender]) -> dict[str, Any]:
    """What is compared, so that going on is the same comparison."""
    first = contenders[0].chosen
    return {
        "data": first.data,
        "task": first.task,
        "contenders": {c.name: _lasting(c.chosen.settings) for c in contenders},
    }


def _lasting(settings: Settings) -> dict[str, Any]:
    """Settings that change what is compared."""
    found: dict[str, Any] = settings.model_dump(mode="json")
    for section in found.values():
        for name in SETTINGS_MAY_DIFFER & set(section):
            del section[name]
    return found


def _begin(out: Path, plan: dict[str, Any], *, overwrite: bool) -> dict[str, Any]:
    """Make the folder, or see that it holds this comparison, to which models may be added.

    Returns:
        The plan with the models that the folder holds already.
    """
    if out.is_file():
        raise RunError(f"{out} is a file. Choose another folder with --out.")
    if overwrite and (out / PLAN).exists():
        shutil.rmtree(out)
    if (out / PLAN).exists():
        old = Run(out).read_json(PLAN)
        _check_same(out, old, plan)
        plan = {**plan, "contenders": {**old["contenders"], **plan["contenders"]}}
    elif out.exists() and any(out.iterdir()):
        raise RunError(f"{out} is no comparison and not empty, so it is left alone: pass --out.")
    out.mkdir(parents=True, exist_ok=True)
    Run(out).write_json(PLAN, plan)
    return plan


def _check_same(out: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    same = all(old.get(what) == new[what] for what in ("data", "task"))
    before = old.get("contenders", {})
    changed = [
        name
        for name, settings in new["contenders"].items()
        if name in before and before[name] != settings
    ]
    if same and not changed:
        return
    what = (
        f"{changed[0]} with other settings" if same else f"{old.get('task')} on {old.get('data')}"
    )
    raise RunError(
        f"{out} holds a comparison of {what}. Pass the same settings to go on, --overwrite to "
        "begin anew, or another --out."
    )
