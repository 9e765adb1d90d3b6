"""A run written as a folder that is used without torch: networks, what stands around them, parity.

The folder is described where it is read: ``seqloom_runtime.exported.folder``.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqloom_runtime.atomic import write_atomically
from seqloom_runtime.exported.folder import FORMAT, MANIFEST, SETTINGS, manifest_bytes

from seqloom.config import Settings
from seqloom.errors import RunError
from seqloom.export.networks import Network

ADVICE = "Choose another folder with --out."


@dataclass(frozen=True)
class Exporting:
    """What is written of a run.

    Args:
        settings: of the run.
        networks: its graphs.
        files: what stands around them, by name.
    """

    settings: Settings
    networks: list[Network]
    files: dict[str, bytes] = field(default_factory=dict)


def check_free(path: Path, *, overwrite: bool) -> None:
    """See that the folder may be made.

    Raises:
        RunError: it holds something already.
    """
    if path.exists() and not path.is_dir():
        raise RunError(f"{path} is a file. {ADVICE}")
    if not path.is_dir() or not any(path.iterdir()):
        return
    if not (path / MANIFEST).exists():
        raise RunError(
            f"{path} is not an export of Seqloom and not empty, so it is left alone. {ADVICE}"
        )
    if not overwrite:
        raise RunError(f"{path} exists already. Pass --overwrite to replace it, or another --out.")


def write_folder(
    path: Path, files: dict[str, bytes], about: dict[str, Any], *, overwrite: bool
) -> None:
    """Write the folder whole: its manifest comes last.

    Raises:
        RunError: it holds something already, or may not be written.
    """
    check_free(path, overwrite=overwrite)
    try:
        if path.exists():
            shutil.rmtree(path)
        path.mkdir(parents=True)
    except OSError as error:
        raise RunError(f"{path}: cannot be made ({error.strerror}). {ADVICE}") from None
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    for name, content in files.items():
        write_atomically(path / name, content, advice=ADVICE)
    manifest = {"format": FORMAT, **about, "files": digests}
    write_atomically(path / MANIFEST, manifest_bytes(manifest), advice=ADVICE)


def settings_file(settings: Settings) -> dict[str, bytes]:
    """The settings as JSON, by the name of their file."""
    plain = settings.model_dump(mode="json")
    return {SETTINGS: (json.dumps(plain, ensure_ascii=False, indent=1) + "\n").encode()}
