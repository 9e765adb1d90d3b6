"""Training, going on with it, and several models side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.config import Settings
from seqloom.errors import SettingsError

if TYPE_CHECKING:
    from seqloom.chosen import Changes, Chosen
    from seqloom.compare import Comparison, Tuning
    from seqloom.tasks.training import Outcome
    from seqloom.watching import Watcher


def choose(
    source: str | None,
    changes: Changes,
    *,
    task: str = "auto",
    preset: str | None = None,
    config: Path | None = None,
) -> Chosen:
    """Data and settings: ``changes`` over ``config`` over ``preset`` over the data set's own.

    Raises:
        SettingsError, DataError: see ``seqloom.chosen``.
    """
    from seqloom import chosen

    return chosen.choose(source, changes, task=task, preset=preset, config=config)


def train(
    data: Any,
    settings: Settings,
    out: str | Path,
    *,
    task: str = "generate",
    overwrite: bool = False,
    watcher: Watcher | None = None,
    stopping: Callable[[], bool] = bool,
) -> Outcome:
    """Train on data of any kind that ``open_source`` knows, into the run folder ``out``.

    Raises:
        SeqloomError: see ``seqloom.errors``.
    """
    from seqloom.tasks.training import start
    from seqloom.watching import Silent

    outcome = start(
        data,
        task,
        settings,
        Path(out),
        overwrite=overwrite,
        watcher=watcher or Silent(),
        stopping=stopping,
    )
    return _with_card(outcome)


def _with_card(outcome: Outcome) -> Outcome:
    """Write what a run that is done says of itself."""
    from seqloom.report import write_card

    if outcome.metrics is not None:
        write_card(outcome.run)
    return outcome


def resume(
    run: str | Path, *, watcher: Watcher | None = None, stopping: Callable[[], bool] = bool
) -> Outcome:
    """Go on with a run that was stopped or killed.

    Raises:
        RunError: there is no such run, it is damaged, or its data changed.
    """
    from seqloom.tasks import training
    from seqloom.watching import Silent

    outcome = training.resume(Path(run), watcher=watcher or Silent(), stopping=stopping)
    return _with_card(outcome)


def compare(
    source: str | None,
    changes: Changes,
    out: str | Path | None = None,
    *,
    encoders: Sequence[str] = (),
    presets: Sequence[str] = (),
    seeds: int = 3,
    task: str = "auto",
    config: Path | None = None,
    overwrite: bool = False,
    watcher: Watcher | None = None,
    stopping: Callable[[], bool] = bool,
) -> Comparison:
    """Train several models on the same data, several seeds each, and put them side by side.

    Args:
        source: data of all; the first preset's when None.
        changes: settings by section, for all.
        out: folder of the comparison; compares/<name of the data> when None.
        encoders: each with the settings that ``train`` would choose.
        presets: each with its own.
        seeds: how many, from that of ``changes`` up, or from 0.

    Raises:
        SettingsError: nobody to compare, or no seed.
        RunError: the folder holds another comparison.
    """
    from seqloom import compare as comparing
    from seqloom.watching import Silent

    if seeds < 1:
        raise SettingsError(f"--seeds {seeds}: expected a number from 1 up.")
    contenders = comparing.contenders_of(
        source, changes, encoders=encoders, presets=presets, task=task, config=config
    )
    first = changes.get("train", {}).get("seed", 0)
    return comparing.compare(
        contenders,
        Path(out or Path("compares") / contenders[0].chosen.name),
        seeds=range(first, first + seeds),
        overwrite=overwrite,
        watcher=watcher or Silent(),
        stopping=stopping,
    )


def tune(
    source: str | None,
    changes: Changes,
    out: str | Path | None = None,
    *,
    trials: int = 20,
    task: str = "auto",
    preset: str | None = None,
    overwrite: bool = False,
    watcher: Watcher | None = None,
    stopping: Callable[[], bool] = bool,
) -> Tuning:
    """Search for settings that do better on validation than the defaults do.

    Args:
        source: data; the preset's when None.
        changes: settings by section, which are not varied.
        out: folder of the search; tunes/<name of the data> when None.
        trials: trainings in all, those of earlier calls among them.

    Raises:
        MissingExtraError: optuna is not installed.
        SettingsError: no trial.
        RunError: the folder holds another search.
    """
    from seqloom.compare import tune as search
    from seqloom.watching import Silent

    if trials < 1:
        raise SettingsError(f"--trials {trials}: expected a number from 1 up.")
    chosen = choose(source, changes, task=task, preset=preset)
    return search(
        chosen,
        changes,
        Path(out or Path("tunes") / chosen.name),
        trials=trials,
        overwrite=overwrite,
        watcher=watcher or Silent(),
        stopping=stopping,
    )
