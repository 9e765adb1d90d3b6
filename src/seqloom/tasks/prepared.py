"""Prepared data in the cache: made once, whole or not there, removed when long unused.

A task names what its prepared data depend on, says how they are written and how they are opened:

    folder = prepared_folder(["corpus", FORMAT, source.digest(), settings.data.model_dump()])
    corpus = open_or_build(folder, open_corpus, write)

- ``prepared_folder(parts)``: the place for data that depend on ``parts`` (plain JSON values); a
  task puts its own name and a format number of its own first, the version of the package is added.
- ``build(folder, write)``: calls ``write(beside)`` with an empty folder beside the place, then
  moves that into place. An error leaves nothing behind; a full disk becomes one clear line.
- ``open_whole(folder, opening)``: what ``opening(folder)`` returns; None where there is nothing, or
  something damaged, which is removed.
- ``open_or_build(folder, opening, write)``: the two together.

What is opened counts as used: a marker file is touched, and locked while the process lives. When
something new is made, what was not used for 30 days is removed, and the longest unused while all
together are over 20 GB; never what a living process holds. A run whose data were removed prepares
them anew from the source when it is resumed. Knows nothing of what lies in the folders.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from seqloom import __version__
from seqloom.data.catalogue import ANOTHER_CACHE, cache_folder
from seqloom.errors import DataError, SeqloomError

LAYOUT = 1  # of the folders themselves
UNUSED_SECONDS = 30 * 24 * 3600.0
LARGEST_BYTES = 20 * 10**9
RECENT_SECONDS = 3600.0  # so long after its use nothing is removed, held or not

_MARKER = "used"  # an empty file in each folder: its time is that of the last use
_MOST_HELD = 16  # open marker files of one process: a search over settings makes many folders
_held: OrderedDict[Path, int] = OrderedDict()

Opened = TypeVar("Opened")


def prepared_folder(parts: list[Any]) -> Path:
    """The folder for data that depend on these plain values and on the version of Seqloom."""
    text = json.dumps([LAYOUT, __version__, *parts], ensure_ascii=False, sort_keys=True)
    return cache_folder() / "corpora" / hashlib.sha256(text.encode()).hexdigest()[:32]


def open_or_build(
    folder: Path, opening: Callable[[Path], Opened], write: Callable[[Path], None]
) -> Opened:
    """Open what was made before, or make it and open it.

    Raises:
        DataError: the cache cannot be written; whatever ``write`` raises.
    """
    opened = open_whole(folder, opening)
    if opened is None:
        build(folder, write)
        _hold(folder)
        opened = opening(folder)
    return opened


def open_whole(folder: Path, opening: Callable[[Path], Opened]) -> Opened | None:
    """What lies in the folder; None where nothing lies or something damaged, which is removed."""
    if not folder.exists():
        return None
    _hold(folder)
    try:
        return opening(folder)
    except (OSError, ValueError, KeyError, TypeError, SeqloomError):
        _let_go(folder)
        shutil.rmtree(folder, ignore_errors=True)
        return None


def build(folder: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a folder beside the place, then move it there: it is whole or not there.

    Raises:
        DataError: the disk is full, or the cache may not be written; whatever ``write`` raises.
    """
    temporary = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir(parents=True)
        _hold(temporary)
        write(temporary)
        _let_go(temporary)  # an open file keeps its folder from being moved, on some systems
        _move(temporary, folder)
    except OSError as error:
        # Arrow's own words for a number of the system's are long.
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise DataError(f"{temporary}: cannot be written ({reason}). {ANOTHER_CACHE}") from None
    finally:
        _let_go(temporary)
        shutil.rmtree(temporary, ignore_errors=True)
    clean(folder.parent, keep=folder)


def clean(cache: Path, *, keep: Path) -> None:
    """Remove what was not used for long, and the longest unused of what is too much."""
    now = time.time()
    used = {folder: _last_use(folder) for folder in cache.iterdir() if folder.is_dir()}
    sizes = {folder: _size(folder) for folder in used}
    total = sum(sizes.values())
    for folder in sorted(used, key=lambda folder: used[folder]):
        age = now - used[folder]
        unfinished = folder.suffix == ".tmp"  # a process was killed while it wrote
        if folder == keep or age < RECENT_SECONDS:
            continue
        if unfinished or age > UNUSED_SECONDS or total > LARGEST_BYTES:
            total -= sizes[folder] if _removed(folder) else 0


def _removed(folder: Path) -> bool:
    """Remove a folder unless a living process holds it."""
    aside = folder.with_name(f"{folder.stem}.removed-{os.getpid()}.tmp")
    try:
        with _alone(folder):
            folder.rename(aside)
    except OSError:
        return False
    shutil.rmtree(aside, ignore_errors=True)
    return True


def _move(temporary: Path, folder: Path) -> None:
    """Give the data their name, unless another process made the same meanwhile."""
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.exists():
            raise


def _last_use(folder: Path) -> float:
    """Seconds since 1970; now for what goes away at this moment."""
    for path in (folder / _MARKER, folder):
        with suppress(OSError):
            return path.stat().st_mtime
    return time.time()


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size
    return total


def _hold(folder: Path) -> None:
    """Mark the folder as used now, and by this process as long as it lives."""
    marker = folder / _MARKER
    with suppress(OSError):  # a cache that may only be read is used all the same
        _let_go(folder)  # it may have been removed and made anew since
        _held[folder] = os.open(marker, os.O_RDWR | os.O_CREAT)
        _lock(_held[folder], alone=False)
        os.utime(marker)
    if len(_held) > _MOST_HELD:
        _let_go(next(iter(_held)))


def _let_go(folder: Path) -> None:
    file = _held.pop(folder, None)
    if file is not None:
        os.close(file)


if sys.platform == "win32":

    def _lock(file: int, *, alone: bool) -> None:
        """Nothing to do: a folder with an open file cannot be moved on this system."""

    @contextmanager
    def _alone(folder: Path) -> Iterator[None]:
        yield
else:
    import fcntl

    def _lock(file: int, *, alone: bool) -> None:
        """Lock an open file, with others or alone; alone fails where anyone has it."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)

    @contextmanager
    def _alone(folder: Path) -> Iterator[None]:
        """While nobody else holds the folder; an OSError where somebody does."""
        file = os.open(folder / _MARKER, os.O_RDWR | os.O_CREAT)
        try:
            _lock(file, alone=True)
            yield
        finally:
            os.close(file)
