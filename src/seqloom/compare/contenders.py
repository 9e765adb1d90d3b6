"""Who is compared: encoders under the same settings, and presets as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seqloom.chosen import Changes, Chosen, choose
from seqloom.config import settings_from
from seqloom.errors import SettingsError
from seqloom.task_settings import NOT_TAKEN


@dataclass(frozen=True)
class Contender:
    """A model to be compared.

    Attributes:
        name: the encoder, or the preset.
        chosen: its data and settings; the seed is not set yet.
    """

    name: str
    chosen: Chosen


def contenders_of(
    source: str | None,
    changes: Changes,
    *,
    encoders: Sequence[str],
    presets: Sequence[str] = (),
    task: str = "auto",
    config: Path | None = None,
) -> list[Contender]:
    """Encoders and presets with the settings that each would be trained with.

    Args:
        source: data of all; the first preset's when None.
        changes: settings that were asked for; stronger than those of a preset.

    Raises:
        SettingsError: nobody to compare, one named twice, or presets of different tasks.
        DataError: the data are not there.
    """
    names = [*encoders, *presets]
    if not names:
        raise SettingsError(
            "compare received no models. Pass --encoders lstm,gru or --preset; of captions, where "
            "what reads is of one kind, --preset alone."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingsError(f"{twice[0]} stands twice among the models to compare: name it once.")
    if "encoder" in changes.get("model", {}):
        raise SettingsError("--encoder has no meaning beside --encoders: leave it out.")
    found = [
        Contender(name, choose(source, changes, task=task, preset=name, config=config))
        for name in presets
    ]
    # The same data and task for all, found before an encoder is asked for.
    first = found[0].chosen if found else choose(source, changes, task=task, config=config)
    source, task = source or first.data, first.task
    if encoders and "model.encoder" in NOT_TAKEN[task]:
        raise SettingsError(
            f"--encoders has no meaning for {task}: what reads is always of one kind there. "
            "Compare presets: --preset."
        )
    plain = [
        Contender(name, choose(source, _with_encoder(changes, name), task=task, config=config))
        for name in encoders
    ]
    _check_same([*plain, *found])
    return [*plain, *found]


def _with_encoder(changes: Changes, name: str) -> Changes:
    """The changes with an encoder; one that does not exist is an error that names the nearest."""
    settings_from({"model": {"encoder": name}}, "--encoders")
    return {**changes, "model": {**changes.get("model", {}), "encoder": name}}


def _check_same(contenders: Sequence[Contender]) -> None:
    first = contenders[0]
    for one in contenders:
        for what in ("task", "data"):
            here, there = getattr(one.chosen, what), getattr(first.chosen, what)
            if here != there:
                raise SettingsError(
                    f"{one.name} is for the {what} {here} and {first.name} for {there}: pass DATA "
                    "and models of one task."
                )
