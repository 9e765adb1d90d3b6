"""Presets: settings with a name, one TOML file each; the tutorials' models are among them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any

from seqloom.errors import SettingsError, nearest
from seqloom.toml import read_toml


@dataclass(frozen=True)
class Preset:
    """A named set of settings.

    Args:
        name: what is passed to ``--preset``.
        title: one line on what it is.
        task: the task it is for.
        source: the data it is meant for, a name of the catalogue.
        faults: what was wrong in the tutorial it follows, and what is done about it here.
        settings: values by section and name; all others keep their defaults.
    """

    name: str
    title: str
    task: str
    source: str
    faults: tuple[str, ...]
    settings: dict[str, dict[str, Any]]


def preset_names() -> list[str]:
    """All presets, sorted."""
    return sorted(
        file.name.removesuffix(".toml")
        for file in files(__name__).iterdir()
        if file.name.endswith(".toml")
    )


def load_preset(name: str) -> Preset:
    """A preset by its name.

    Raises:
        SettingsError: there is none of this name; the nearest is offered.
    """
    if name not in preset_names():
        raise SettingsError(f'Unknown preset "{name}". {nearest(name, preset_names())}')
    with as_file(files(__name__) / f"{name}.toml") as path:
        values = read_toml(path)
    title, task, source = (values.pop(key) for key in ("title", "task", "source"))
    faults = tuple(values.pop("faults", ()))
    return Preset(name, title, task, source, faults, settings=values)
