"""Searching for settings that do better than the defaults, on validation alone.

    defaults → trial 0 ─┐
    optuna's TPE ───────┴→ settings → run folder → deciding score → the study (SQLite)

A trial that was stopped or killed is gone on with, for its run is.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom_runtime.atomic import write_atomically

from seqloom.checked import with_sizes
from seqloom.chosen import Changes, Chosen
from seqloom.config import Settings, flag_of, override
from seqloom.deciding import deciding_score, is_better
from seqloom.errors import MissingExtraError, RunError
from seqloom.run import Run
from seqloom.strict_json import to_json
from seqloom.task_settings import NOT_TAKEN
from seqloom.tasks import training
from seqloom.toml import to_toml
from seqloom.watching import Watcher

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

STUDY, BEST, PLAN = "study.db", "best.toml", "tuning.json"
TIMES = 4.0  # how far a learning rate may be from its default
LEAST_UNITS = 8


@dataclass(frozen=True)
class Trial:
    """Some settings, and what they reached on validation."""

    number: int
    settings: dict[str, Any]
    value: float


@dataclass(frozen=True)
class Tuning:
    """A search, done or stopped.

    Attributes:
        score: which the value of a trial is.
        trials: that are done, the best first; number 0 has the defaults.
        stopped: whether trials are left to do.
    """

    path: Path
    task: str
    score: str
    trials: list[Trial] = field(default_factory=list)
    stopped: bool = False

    def words(self) -> tuple[list[str], list[list[str]], list[str]]:
        """Headings, cells and sentences of a table of the best trials."""
        from seqloom.compare.tuning_words import tuning_words

        return tuning_words(self)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "tuning": str(self.path),
            "score": self.score,
            "trials": [trial.__dict__ for trial in self.trials],
        }


def check_optuna() -> None:
    """See that the package is there.

    Raises:
        MissingExtraError: it is not installed.
    """
    if find_spec("optuna") is None:
        raise MissingExtraError("optuna", "tune", "seqloom tune")


def tune(
    chosen: Chosen,
    fixed: Changes,
    out: Path,
    *,
    trials: int,
    overwrite: bool = False,
    watcher: Watcher,
    stopping: Callable[[], bool] = bool,
) -> Tuning:
    """Train with one set of settings after another, each into its own run folder.

    Args:
        chosen: data and settings to start from.
        fixed: settings that were asked for, which are not varied.
        trials: how many there shall be in all, those of earlier calls among them.

    Raises:
        MissingExtraError: optuna is not installed.
        RunError: the folder holds another search, or something else.
        SettingsError, DataError: see ``tasks.training``.
    """
    check_optuna()
    training.check_settings(chosen.task, chosen.settings)
    _begin(out, chosen, fixed, overwrite=overwrite)
    start = with_sizes(chosen.task, chosen.settings)
    space = _space(start, {*NOT_TAKEN[chosen.task], *_names(fixed)})
    study = _open_study(out, space, start)
    work = _Work(chosen, study, out, watcher, stopping)
    stopped = False
    while not stopped and (number := _next(study, space, trials)) is not None:
        watcher.message(f"trial {number} of {trials}: {_said(study.trials[number].params)}")
        stopped = stopping() or work.train(number)
    done = Tuning(out, chosen.task, work.score, _ranked(study, work.score), stopped)
    if done.trials:
        best = override(chosen.settings, by_section(done.trials[0].settings), "best trial")
        write_atomically(out / BEST, to_toml(best).encode())
    return done


class _Work:
    """Training of trials, and the score that decides between them."""

    def __init__(
        self,
        chosen: Chosen,
        study: Study,
        out: Path,
        watcher: Watcher,
        stopping: Callable[[], bool],
    ) -> None:
        self.chosen, self.study, self.out = chosen, study, out
        self.watcher, self.stopping = watcher, stopping
        self.score: str = Run(out).read_json(PLAN).get("score", "")

    def train(self, number: int) -> bool:
        """Train a trial, or go on with it; whether it was stopped."""
        run, chosen = Run(self.out / f"trial-{number:03d}"), self.chosen
        if not (run.path / "run.json").exists():
            shutil.rmtree(run.path, ignore_errors=True)
            changes = by_section(self.study.trials[number].params)
            outcome = training.start(
                chosen.data,
                chosen.task,
                override(chosen.settings, changes, f"trial {number}"),
                run.path,
                overwrite=False,
                watcher=self.watcher,
                stopping=self.stopping,
            )
        else:
            outcome = training.resume(run.path, watcher=self.watcher, stopping=self.stopping)
        if outcome.metrics is None:
            return True
        self._tell(number, outcome.metrics)
        return False

    def _tell(self, number: int, metrics: dict[str, Any]) -> None:
        from optuna.trial import TrialState

        if not self.score:
            self.score = deciding_score(metrics, "valid") or ""
            about = Run(self.out)
            about.write_json(PLAN, {**about.read_json(PLAN), "score": self.score})
        value = metrics["valid"].get(self.score)
        if value is None:  # such as a loss that was never a number
            self.study.tell(number, state=TrialState.FAIL)
            return
        # The study looks for less; a score of which more is better counts below zero.
        self.study.tell(number, value if is_better(self.score, 0.0, 1.0) else -value)


def _names(changes: Changes) -> set[str]:
    return {f"{section}.{name}" for section, values in changes.items() for name in values}


def _space(start: Settings, left_out: set[str]) -> dict[str, BaseDistribution]:
    """What is varied, and how far around where it starts."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    rate, units = start.train.learning_rate, start.model.hidden_size
    found: dict[str, BaseDistribution] = {
        "train.learning_rate": FloatDistribution(rate / TIMES, rate * TIMES, log=True),
        "model.dropout": FloatDistribution(0.0, 0.7),
        "model.embedding_dropout": FloatDistribution(0.0, 0.6),
        "train.weight_decay": FloatDistribution(1e-3, 1.0, log=True),
        "model.num_layers": CategoricalDistribution(sorted({1, 2, start.model.num_layers})),
    }
    if units >= LEAST_UNITS:
        found["model.hidden_size"] = CategoricalDistribution([units // 2, units, units * 2])
    return {name: one for name, one in found.items() if name not in left_out}


def _open_study(out: Path, space: dict[str, BaseDistribution], start: Settings) -> Study:
    """The study in the folder; a fresh one begins with the defaults."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name="seqloom",
        storage=f"sqlite:///{out / STUDY}",
        sampler=optuna.samplers.TPESampler(seed=start.train.seed, n_startup_trials=5),
        load_if_exists=True,
    )
    if not study.trials:
        plain = start.model_dump()
        defaults = {name: plain[name.split(".")[0]][name.split(".")[1]] for name in space}
        study.enqueue_trial(_within(defaults, space))
    return study


def _within(values: dict[str, Any], space: dict[str, BaseDistribution]) -> dict[str, Any]:
    """Values moved to the nearest that are searched: a weight decay of 0 has no logarithm."""
    from optuna.distributions import FloatDistribution

    return {
        name: min(max(value, space[name].low), space[name].high)  # type: ignore[attr-defined]
        if isinstance(space[name], FloatDistribution)
        else value
        for name, value in values.items()
    }


def _next(study: Study, space: dict[str, BaseDistribution], trials: int) -> int | None:
    """The number of the next trial: one that was left undone, else a new one; None at the end."""
    from optuna.trial import TrialState

    left = study.get_trials(states=(TrialState.RUNNING,))
    if left:
        return left[0].number
    ended = [one for one in study.trials if one.state.is_finished()]
    return None if len(ended) >= trials else study.ask(space).number


def _ranked(study: Study, score: str) -> list[Trial]:
    from optuna.trial import TrialState

    done = study.get_trials(states=(TrialState.COMPLETE,))
    done.sort(key=lambda one: one.value if one.value is not None else 0.0)
    sign = 1.0 if score and is_better(score, 0.0, 1.0) else -1.0
    return [Trial(one.number, one.params, sign * (one.value or 0.0)) for one in done]


def by_section(params: dict[str, Any]) -> Changes:
    """Settings named ``section.name``, by section.

    >>> by_section({"model.dropout": 0.5, "train.seed": 1})
    {'model': {'dropout': 0.5}, 'train': {'seed': 1}}
    """
    found: Changes = {}
    for name, value in params.items():
        section, _, key = name.partition(".")
        found.setdefault(section, {})[key] = value
    return found


def as_flags(params: dict[str, Any]) -> str:
    """Settings as they are typed.

    >>> as_flags({"model.hidden_size": 64, "train.learning_rate": 0.0123456})
    '--hidden-size 64 --learning-rate 0.01235'
    """
    return " ".join(
        f"--{flag_of(name.partition('.')[2])} {value:.4g}" for name, value in params.items()
    )


def _said(params: dict[str, Any]) -> str:
    return as_flags(params) or "nothing to vary"


def _begin(out: Path, chosen: Chosen, fixed: Changes, *, overwrite: bool) -> None:
    """Make the folder, or see that it holds this search."""
    asked = {section: values for section, values in fixed.items() if values}
    plan = json.loads(to_json({"data": chosen.data, "task": chosen.task, "fixed": asked}))
    if out.is_file():
        raise RunError(f"{out} is a file. Choose another folder with --out.")
    if overwrite and (out / PLAN).exists():
        shutil.rmtree(out)
    if (out / PLAN).exists():
        old = Run(out).read_json(PLAN)
        if any(old.get(what) != value for what, value in plan.items()):
            raise RunError(
                f"{out} holds a search on {old.get('data')} with other settings. Pass the same "
                "settings to go on, --overwrite to begin anew, or another --out."
            )
        return
    if out.exists() and any(out.iterdir()):
        raise RunError(f"{out} is no search and not empty, so it is left alone: pass --out.")
    out.mkdir(parents=True, exist_ok=True)
    Run(out).write_json(PLAN, plan)
