"""Settings as a TOML file that explains itself: each value under the sentence that documents it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from seqloom.config import Section, Settings, section_of, settings_from
from seqloom.errors import SettingsError


def to_toml(settings: Settings) -> str:
    """Text of ``config.toml``; a setting without a value stands there as a comment."""
    lines = ["# Edit and pass with --config to train again. Every setting, its meaning, its value."]
    for name in Settings.model_fields:
        section: Section = getattr(settings, name)
        lines += ["", f"# {type(section).__doc__}", f"[{name}]"]
        for key, field in type(section).model_fields.items():
            lines += [f"# {field.description}", _line(key, getattr(section, key))]
    return "\n".join(lines) + "\n"


def _line(key: str, value: Any) -> str:
    if value is None:
        return f"# {key} ="
    # JSON writes strings, numbers, booleans and lists of strings just as TOML does, but for DEL.
    return f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")


def read_toml(path: Path) -> dict[str, Any]:
    """Plain values of a TOML file.

    Raises:
        SettingsError: the file is missing or is not TOML; the line is named.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: is not TOML: {error}.") from None


def read_settings(path: Path) -> Settings:
    """The settings that ``to_toml`` wrote, checked.

    Raises:
        SettingsError: the file is missing, is not TOML, or a setting is wrong.
    """
    return settings_from(read_toml(path), str(path))


def read_changes(path: Path) -> dict[str, dict[str, Any]]:
    """The settings in a TOML file by section, not yet checked one by one.

    Raises:
        SettingsError: the file is missing, is not TOML, or a setting stands outside its section.
    """
    values = read_toml(path)
    for name, value in values.items():
        if not isinstance(value, dict):
            if name in Settings.model_fields:
                raise SettingsError(f"{path}: {name} is a section, written [{name}].")
            raise SettingsError(
                f'{path}: "{name}" stands outside its section; put it under [{section_of(name)}].'
            )
    return values
