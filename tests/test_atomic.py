"""A file is the old one or the new one, whatever goes wrong, and the message says what to do."""

from pathlib import Path

import pytest
from seqloom_runtime.atomic import cannot_write, write_atomically

from seqloom.errors import RunError


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seqloom_runtime.atomic.os.fsync", full)
    with pytest.raises(RunError, match=r"No space left on device.*resume"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_to_do_depends_on_what_is_wrong(tmp_path: Path) -> None:
    denied = PermissionError(13, "Permission denied")
    assert str(cannot_write(tmp_path, denied)).endswith("Choose another folder with --out.")
    assert "seqloom resume" in str(cannot_write(tmp_path, OSError(28, "No space left")))
    with pytest.raises(RunError, match=r"No such file or directory\). Make the folder"):
        write_atomically(tmp_path / "away" / "file", b"new", advice="Make the folder.")
