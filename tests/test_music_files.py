import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from music_examples import tune, write_tunes
from scipy.io import savemat
from seqloom_runtime.signal.music import Piece, frames_of_piece

from seqloom.data.music import MusicReport, native_grid, read_pieces, read_prompt
from seqloom.data.source import open_source
from seqloom.errors import DataError


def read(path: Path | str, grid: int = 4) -> tuple[list[tuple[str, Piece]], MusicReport]:
    report = MusicReport()
    return list(read_pieces(open_source(str(path)), grid, report)), report


def write_roll(path: Path, **changes: object) -> Path:
    random = np.random.default_rng(0)
    held = {}
    for name, count in (("traindata", 3), ("validdata", 2), ("testdata", 1)):
        rolls = np.empty((1, count), object)
        for number in range(count):
            rolls[0, number] = (random.random((9 + number, 88)) < 0.05).astype(np.uint8)
        held[name] = rolls
    savemat(path, {**held, **changes})
    return path


def write_voices(path: Path, **changes: object) -> Path:
    piece = [[60, 55, 48, -1], [60, 57, 48, -1], [62, 57, 50, 38]]
    held = {"train": [piece, piece[:2]], "valid": [piece], "test": [piece], **changes}
    path.write_text(json.dumps(held))
    return path


def test_a_folder_of_midi_is_read_in_order(tmp_path: Path) -> None:
    pieces, report = read(write_tunes(tmp_path / "tunes", range(3)))
    assert [piece.name for _, piece in pieces] == [f"tune{n:02}.mid" for n in range(3)]
    np.testing.assert_array_equal(pieces[2][1].notes, tune(2).notes)
    assert report.lines() == [] and {part for part, _ in pieces} == {""}


def test_what_cannot_be_read_is_left_out_counted_and_named(tmp_path: Path) -> None:
    folder = write_tunes(tmp_path / "tunes", range(2))
    (folder / "a.mid").write_bytes(b"not music")
    (folder / "b.midi").write_bytes((folder / "tune00.mid").read_bytes()[:40])
    for name in ("c.mid", "d.mid"):
        (folder / name).write_bytes(b"MThd")
    pieces, report = read(folder)
    assert len(pieces) == 2
    (line,) = report.lines()
    assert line.startswith("4 of 6 files were left out. a.mid: is no MIDI file")
    assert "b.midi: " in line and line.endswith("And 1 more.")


def test_a_folder_without_a_readable_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.mid").write_bytes(b"MThd....")
    with pytest.raises(DataError, match=r"no file can be read as MIDI\. a\.mid: "):
        read(tmp_path)


def test_a_roll_has_official_parts_and_all_its_frames(tmp_path: Path) -> None:
    pieces, _ = read(write_roll(tmp_path / "rolls.mat"))
    assert [part for part, _ in pieces] == ["train"] * 3 + ["valid"] * 2 + ["test"]
    assert [len(frames_of_piece(piece)) for _, piece in pieces] == [9, 10, 11, 9, 10, 9]
    source = open_source(str(tmp_path / "rolls.mat"))
    assert native_grid(source, roll=True) == 1


@pytest.mark.parametrize("changes", [{"validdata": 3}, {"testdata": np.zeros((4, 5))}])
def test_another_matlab_file_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(DataError, match="expected a cell array"):
        read(write_roll(tmp_path / "odd.mat", **changes))


def test_a_damaged_matlab_file_is_refused(tmp_path: Path) -> None:
    path = write_roll(tmp_path / "rolls.mat")
    content = path.read_bytes()
    for damaged in (content[:300], b"MATLAB" * 40, b"x"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"rolls\.mat"):
            read(path)


def test_voices_become_instruments_and_held_pitches_one_note(tmp_path: Path) -> None:
    path = write_voices(tmp_path / "chorales.json")
    packed = tmp_path / "packed.json.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for one in (path, packed):
        pieces, _ = read(one)
        assert [part for part, _ in pieces] == ["train", "train", "valid", "test"]
        rows = pieces[0][1].notes[:, [0, 1, 2, 4]].tolist()
        assert [0, 2, 60, 0] in rows and [1, 2, 57, 1] in rows and [2, 1, 38, 3] in rows
        assert len(rows) == 7 and pieces[0][1].end == 3
        assert [one.label for one in pieces[0][1].instruments] == ["40", "41", "42", "43"]


@pytest.mark.parametrize(
    "changes",
    [
        {"valid": None},
        {"train": [[[60, 55], [60]]]},
        {"train": [[[60, 300]]]},
        {"train": [[[-1, -1]]]},
        {"train": [[["C", "E"]]]},
        {"train": [[[60, None]]]},
        {"train": [[]]},
        {"train": [[[60, 61, 62, 63, 64]]]},
    ],
)
def test_other_json_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(DataError, match="is no music") as raised:
        read(write_voices(tmp_path / "odd.json", **changes))
    assert "\n" not in str(raised.value)


def test_text_is_no_music(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("la la la")
    with pytest.raises(DataError, match="holds no music"):
        read(tmp_path / "a.txt")


def test_a_prompt_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_prompt(tmp_path / "none.mid", 4)
