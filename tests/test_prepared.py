"""Prepared data in the cache: whole or not there, removed when long unused, never while in use."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from seqloom.errors import DataError
from seqloom.tasks import prepared
from seqloom.tasks.prepared import build, clean, open_or_build, open_whole, prepared_folder

DAY = 24 * 3600.0


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "corpora"


def writing(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "text").write_text(text)

    return write


def reading(folder: Path) -> str:
    text = (folder / "text").read_text()
    if text == "damaged":
        raise ValueError("damaged")
    return text


def made(name: str, *, days_ago: float = 0.0, size: int = 1) -> Path:
    """A folder last used so long ago, which no process holds."""
    folder = prepared_folder([name])
    build(folder, writing("x" * size))
    prepared._let_go(folder)
    then = time.time() - days_ago * DAY
    os.utime(folder / "used", (then, then))
    return folder


def test_the_place_depends_on_every_part_and_on_the_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = prepared_folder(["corpus", 1, {"a": 1, "b": [2]}])
    assert folder == prepared_folder(["corpus", 1, {"b": [2], "a": 1}])
    assert folder != prepared_folder(["corpus", 2, {"a": 1, "b": [2]}])
    monkeypatch.setattr(prepared, "__version__", "99")
    assert folder != prepared_folder(["corpus", 1, {"a": 1, "b": [2]}])


def test_it_is_made_once() -> None:
    folder = prepared_folder(["a"])
    assert open_whole(folder, reading) is None
    assert open_or_build(folder, reading, writing("first")) == "first"
    assert open_or_build(folder, reading, writing("second")) == "first"


def test_a_damaged_one_is_removed_and_made_anew() -> None:
    folder = prepared_folder(["a"])
    build(folder, writing("damaged"))
    assert open_whole(folder, reading) is None
    assert not folder.exists()
    assert open_or_build(folder, reading, writing("whole")) == "whole"


@pytest.mark.parametrize("error", [DataError("no"), KeyboardInterrupt()])
def test_an_error_while_writing_leaves_nothing(cache: Path, error: BaseException) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise error

    with pytest.raises(type(error)):
        build(prepared_folder(["a"]), fail)
    assert list(cache.iterdir()) == []


def test_a_full_disk_is_one_clear_line(cache: Path) -> None:
    def fail(folder: Path) -> None:
        raise OSError(28, "Error writing bytes to file. Detail: [errno 28] No space left on device")

    with pytest.raises(DataError, match=r"be written \(No space left on device\)\..*SEQLOOM_CACHE"):
        build(prepared_folder(["a"]), fail)
    assert list(cache.iterdir()) == []


def test_what_another_process_made_meanwhile_is_kept() -> None:
    folder = prepared_folder(["a"])

    def write(beside: Path) -> None:
        writing("mine")(beside)
        folder.mkdir()
        writing("theirs")(folder)

    assert open_or_build(folder, reading, write) == "theirs"


def test_what_was_not_used_for_a_month_goes_when_something_new_is_made(cache: Path) -> None:
    old, young = made("old", days_ago=31), made("young", days_ago=29)
    new = made("new")
    assert set(cache.iterdir()) == {young, new}
    assert not old.exists()


def test_opening_counts_as_use() -> None:
    old = made("old", days_ago=31)
    open_whole(old, reading)
    prepared._let_go(old)
    made("new")
    assert old.exists()


def test_the_longest_unused_goes_when_all_are_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "LARGEST_BYTES", 2500)
    first, second, third = (made(f"{n}", days_ago=9 - n, size=1000) for n in range(3))
    assert [folder.exists() for folder in (first, second, third)] == [False, True, True]
    large = made("large", size=9000)
    assert large.exists(), "what was just made stays, whatever its size"
    assert not second.exists() and not third.exists()


def test_what_was_just_used_stays_however_much_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "LARGEST_BYTES", 0)
    first = made("first", days_ago=0.5 / 24)
    made("second")
    assert first.exists()


def test_leavings_of_a_killed_process_are_removed(cache: Path) -> None:
    left = made("left").rename(cache / "left.1.tmp")
    then = time.time() - 2 * 3600
    os.utime(left / "used", (then, then))
    made("new")
    assert not left.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="an open file itself keeps a folder there")
def test_what_a_living_process_holds_stays() -> None:
    folder = made("held", days_ago=40)
    program = (
        "import sys, pathlib\n"
        "from seqloom.tasks.prepared import open_whole\n"
        "open_whole(pathlib.Path(sys.argv[1]), lambda folder: 1)\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        then = time.time() - 40 * DAY
        os.utime(folder / "used", (then, then))
        clean(folder.parent, keep=folder.parent)
        assert folder.exists()
        other.stdin.close()
    clean(folder.parent, keep=folder.parent)
    assert not folder.exists()


def test_a_cache_that_may_only_be_read_is_used_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = made("a")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert open_whole(folder, lambda folder: (folder / "text").exists()) is True


def test_a_process_holds_only_so_many() -> None:
    for number in range(prepared._MOST_HELD + 5):
        open_or_build(prepared_folder([number]), reading, writing("x"))
    assert len(prepared._held) <= prepared._MOST_HELD
