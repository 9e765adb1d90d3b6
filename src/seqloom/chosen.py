"""What a command is to work on: data and settings, of which some are stronger than others.

    defaults < data set of the catalogue < preset < config file < flags

The ``config.toml`` of a run holds what was inferred from that run's data too. For other data it is
inferred anew. Knows no command line and no task.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqloom.config import Settings, default_settings, flag_of, override
from seqloom.data.caption_source import holds_captions, open_captions
from seqloom.data.labels import doubtful_label, surely_labelled
from seqloom.data.pair_columns import doubtful_pairs, surely_pairs
from seqloom.data.pairs import open_pairs
from seqloom.data.recordings import holds_sound, names_sound, open_recordings
from seqloom.data.schema import infer_text
from seqloom.data.source import MUSIC, Source, check_not_music, open_source
from seqloom.data.surely_series import surely_series
from seqloom.data.tagged import holds_tags, open_tagged
from seqloom.errors import DataError, RunError, SettingsError, nearest
from seqloom.presets import Preset, load_preset
from seqloom.run import Run
from seqloom.task_settings import NOT_TAKEN, TASK_DEFAULTS
from seqloom.toml import read_changes

Changes = dict[str, dict[str, Any]]  # values by section and name

BUDGETS = ("minutes", "epochs", "updates")
LEFT_TO_INFER: tuple[Any, ...] = (None, "auto", [], 0)
SHOWN_BY_FILES = ("transcribe", "compose", "caption")
INSTEAD = "To learn to write such text instead: --task generate."


@dataclass(frozen=True)
class Chosen:
    """Data and settings, after data set, preset, config file and flags.

    Attributes:
        data: what ``open_source`` takes.
        name: of the run, where none is given.
        remarks: what is worth saying about how they came about.
    """

    data: str
    name: str
    task: str
    settings: Settings
    remarks: tuple[str, ...] = ()


def choose(
    source: str | None,
    changes: Changes,
    *,
    task: str = "auto",
    preset: str | None = None,
    config: Path | None = None,
) -> Chosen:
    """Put settings over each other, the stronger over the weaker.

    Args:
        source: path, glob or name of the catalogue; the preset's own when None.
        changes: the strongest: what was asked for on the spot.
        task: what to learn; a preset has its own; auto looks at the settings and the data.

    Raises:
        SettingsError: no data, an unknown preset, an unreadable config, a wrong setting,
            or one in the config that asks for a column that is not there.
        DataError: the data are not there.
    """
    named = None if preset is None else load_preset(preset)
    if named:
        source, task = source or named.source, _same_task(named, task)
    if source is None:
        raise SettingsError("train received no data. Pass a file, folder or data set, or --preset.")
    if task == "auto" and config:
        task = _task_of(config)
    found: list[str] = []
    if task == "auto":
        task, found = _task_of_files(source, changes) or _only_task(changes) or (task, found)
    opened = _open(source, task)
    if task == "auto":
        task, found = find_task(opened, _together(config, changes))
    elif task not in TASK_DEFAULTS:
        raise SettingsError(f'Unknown task "{task}". {nearest(task, TASK_DEFAULTS)}')
    check_not_music(opened, task)
    _check_asked(changes, task)
    settings = default_settings(task)
    if opened.entry is not None:
        taken = _taken(opened.entry.settings, task)
        settings = override(settings, taken, f"data set {opened.name}")
    if named:
        settings = put_over(settings, named.settings, f"preset {preset}")
    remarks = [*_remarks(named), *found]
    if config:
        kept, anew = _of_these_data(config, opened)
        settings = put_over(settings, kept, str(config))
        remarks += anew
    settings = put_over(settings, changes, "command line")
    if config and task == "generate":
        _check_text(config, kept, opened, settings)
    return Chosen(source, named.name if named else opened.name, task, settings, tuple(remarks))


def _open(source: str, task: str) -> Source:
    """The source, by what the task reads; where that is open yet, names of many kinds are right."""
    opening = {"generate": open_source, "classify": open_source, "translate": open_pairs}
    opening |= {"caption": open_captions, "transcribe": open_recordings}
    return opening.get(task, open_tagged)(source)


def _check_asked(changes: Changes, task: str) -> None:
    """See that nothing was asked for on the spot that the task would pass over."""
    for section, values in changes.items():
        for name in values:
            if f"{section}.{name}" in NOT_TAKEN[task]:
                raise SettingsError(f"--{flag_of(name)} has no meaning for {task}.")


def _same_task(preset: Preset, task: str) -> str:
    """The task of a preset, which no other may be asked for."""
    if task not in ("auto", preset.task):
        raise SettingsError(
            f"The preset is of {preset.task}, and --task {task} was asked for: leave one out."
        )
    return preset.task


def _taken(changes: Changes, task: str) -> Changes:
    """What a data set says of itself, without that which only other tasks ask."""
    return {
        section: {k: v for k, v in values.items() if f"{section}.{k}" not in NOT_TAKEN[task]}
        for section, values in changes.items()
    }


def _task_of(config: Path) -> str:
    """The task of the run that a config file lies in; auto where it lies in none."""
    try:
        return str(Run(config.parent).read_json("run.json")["task"])
    except (RunError, KeyError, TypeError):
        return "auto"


def _together(config: Path | None, changes: Changes) -> Changes:
    """What is said of the columns, in the config file and on the spot."""
    kept = read_changes(config).get("data", {}) if config else {}
    return {"data": {**kept, **changes.get("data", {})}}


def _names(changes: Changes) -> set[str]:
    return {f"{section}.{name}" for section, values in changes.items() for name in values}


def _task_of_files(source: str, changes: Changes) -> tuple[str, list[str]] | None:
    """The task of data that are opened in a way of their own: pictures beside a table, sound."""
    if not _names(changes) & NOT_TAKEN["caption"] and (reason := holds_captions(source)):
        return "caption", [f"The task is caption: {reason}."]
    if holds_sound(source):
        return "transcribe", [f"The task is transcribe: {source} holds sound."]
    if not _names(changes) & NOT_TAKEN["transcribe"] and (reason := names_sound(source)):
        return "transcribe", [f"The task is transcribe: {reason}."]
    return None


def _only_task(changes: Changes) -> tuple[str, list[str]] | None:
    """The one task that takes all that was asked for, where there is one, and why."""
    asked = _names(changes)
    fitting = [task for task, others in NOT_TAKEN.items() if not asked & others]
    if len(fitting) > 1:  # of several, those whose files would have shown them are out
        fitting = [task for task in fitting if task not in SHOWN_BY_FILES]
    if len(fitting) != 1:
        return None
    (task,) = fitting
    if task == "generate":
        return task, []  # as it is where nothing else is found
    telling = _telling(asked, set(NOT_TAKEN) - {task, *SHOWN_BY_FILES})
    flags = " and ".join(f"--{flag_of(name.partition('.')[2])}" for name in telling)
    return task, [f"The task is {task}: no other that these files can be of takes {flags}."]


def _telling(asked: set[str], others: set[str]) -> list[str]:
    """The fewest of the settings that none of the other tasks takes all of."""
    found: list[str] = []
    while others:
        best = max(sorted(asked), key=lambda name: sum(name in NOT_TAKEN[one] for one in others))
        left = {one for one in others if best not in NOT_TAKEN[one]}
        if left == others:
            break
        found, others = [*found, best], left
    return sorted(found)


def find_task(source: Source, changes: Changes) -> tuple[str, list[str]]:
    """What to learn from a source, and why, where the user does not say.

    A column named for tags, a label or a translation decides; else what the data set is for; else
    whether the data are rows with a text and surely its translation, sentences with tags, rows
    with a text and something that is surely its label, or numbers in the order of time.
    """
    data = changes.get("data", {})
    if source.format in MUSIC:
        return "compose", []
    if any(data.get(name) for name in ("value", "horizon", "look_back")):
        return "forecast", []
    if any(data.get(name) for name in ("image", "caption", "images")):
        return "caption", []
    if data.get("tags") or data.get("tokens"):
        return "tag", []
    if data.get("label") or data.get("series"):
        return "classify", []
    if data.get("source") or data.get("target"):
        return "translate", []
    if data.get("audio") or data.get("transcript"):
        return "transcribe", []
    if source.entry is not None:
        return source.entry.task, []
    settings = override(Settings(), {"data": data}, "").data
    if "text" not in data and surely_pairs(source, settings):
        why = "the columns are a text and its translation"
        return "translate", [f"The task is translate: {why}. {INSTEAD}"]
    if holds_tags(source):
        return "tag", [f"The task is tag: the files hold words with tags. {INSTEAD}"]
    reason = surely_labelled(source, settings)
    if reason and "text" not in data:
        return "classify", [f"The task is classify: {reason}. {INSTEAD}"]
    if "text" in data:
        return "generate", []
    reason = surely_series(source, settings)
    if reason:
        return "forecast", [f"The task is forecast: {reason}. {INSTEAD}"]
    doubt = doubtful_label(source, settings) or doubtful_pairs(source, settings)
    return "generate", [f"The task is generate: {doubt}"] if doubt else []


def put_over(settings: Settings, changes: Changes, where: str) -> Settings:
    """Settings with others put over them; a budget among those replaces any other budget."""
    train = changes.get("train", {})
    if set(BUDGETS) & set(train):
        changes = {**changes, "train": {**dict.fromkeys(BUDGETS), **train}}
    return override(settings, changes, where)


def _remarks(preset: Preset | None) -> list[str]:
    return [preset.title, *preset.faults] if preset else []


def _of_these_data(config: Path, source: Source) -> tuple[Changes, list[str]]:
    """What a config file says of these data, and a sentence on what it says of other data only."""
    changes = read_changes(config)
    asked = _asked_of_other_data(config, source)
    left = [
        (section, name)
        for section in ("data", "text")
        for name, value in changes.get(section, {}).items()
        if name in asked.get(section, {})
        and asked[section][name] in LEFT_TO_INFER
        and asked[section][name] != value
    ]
    for section, name in left:
        del changes[section][name]
    if not left:
        return changes, []
    names = ", ".join(name for _, name in left)
    return changes, [f"{config} is of a run on other data; looked for anew here: {names}."]


def _asked_of_other_data(config: Path, source: Source) -> Changes:
    """What the user had asked for, where the file is as a run on other data wrote it.

    A file that was edited or copied elsewhere says only what its owner wants.
    """
    run = Run(config.parent)
    try:
        about, sealed = run.read_json("run.json"), run.read_json("digest.json")
        digest = hashlib.sha256(run.read(config.name)).hexdigest()
        if digest not in sealed[config.name] or about["digest"] == source.digest():
            return {}
        asked: Changes = about["asked"]
        return asked
    except (RunError, KeyError, TypeError):
        return {}  # no run's


def _check_text(config: Path, kept: Changes, source: Source, settings: Settings) -> None:
    """See that the data have the columns that the config file, and no flag, asks for."""
    text = kept.get("data", {}).get("text")
    if text is None or text != settings.data.text:
        return
    try:
        infer_text(source, settings.data)
    except (DataError, SettingsError) as error:
        raise SettingsError(
            f"{error} That text is asked for in {config}: pass another --text, or take it out "
            "there and the column is looked for."
        ) from None
