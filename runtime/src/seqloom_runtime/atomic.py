"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from seqloom_runtime.errors import RunError


def write_atomically(path: Path, content: bytes, *, advice: str | None = None) -> None:
    """Replace a file so that a kill or a full disk leaves the old one or the new one, never half.

    Args:
        path: the file; its folder must be there.
        content: all of it.
        advice: what to do where it cannot be written; that for a file of a run when not given.

    Raises:
        RunError: the disk is full or the folder may not be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise cannot_write(path, error, advice) from None


def write_lines(path: Path, lines: Iterable[str]) -> int:
    """Write lines as they come; the file has its name only when all are written. Their number.

    Raises:
        RunError: the disk is full or the folder may not be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    count = 0
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            for line in lines:
                file.write(line + "\n")
                count += 1
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error, "Choose another --out.") from None
    finally:
        temporary.unlink(missing_ok=True)
    return count


def cannot_write(path: Path, error: OSError, advice: str | None = None) -> RunError:
    """The error for a file that the system would not write, with what to do about it."""
    reason = error.strerror or "a file could not be copied"  # shutil's errors have no words
    if advice is None and error.errno == errno.ENOSPC:
        advice = "Free some space, then go on with seqloom resume."
    return RunError(
        f"{path}: cannot be written ({reason}). {advice or 'Choose another folder with --out.'}"
    )
