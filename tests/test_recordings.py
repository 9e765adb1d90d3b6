"""Finding recordings: folders and names, tables, mixtures; sound files of many kinds; strings."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from seqloom_runtime.signal.sound_files import is_clipped, look_at, read_pieces, read_sound

from seqloom.config import DataSettings
from seqloom.data.file_pattern import compile_pattern, fields_of
from seqloom.data.recordings import (
    holds_sound,
    names_sound,
    open_recordings,
    plan_recordings,
    read_recordings,
)
from seqloom.data.records import ReadReport
from seqloom.data.source import open_source
from seqloom.errors import DataError, SettingsError
from seqloom.tasks.speech_strings import Utterances, joined, parse_join

RATE = 8_000


def write(path: Path, seconds: float = 0.2, rate: int = RATE, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (round(seconds * rate), channels))
    soundfile.write(str(path), samples, rate)
    return path


def found(data: Any, settings: DataSettings, report: ReadReport | None = None) -> list[Any]:
    source = open_recordings(data)
    plan, _ = plan_recordings(source, settings)
    return list(read_recordings(source, plan, settings, report or ReadReport()))


def test_names_say_what_is_said(tmp_path: Path) -> None:
    for name in ("yes_anna_0.wav", "no_bob_1.flac", "no_bob_2.ogg", "notes.wav"):
        write(tmp_path / "sound" / name)
    report = ReadReport()
    settings = DataSettings(name="{text}_{speaker}_{take}")
    records = found(tmp_path / "sound", settings, report)
    assert [(r.text, r.speaker) for r in records] == [("no", "bob"), ("no", "bob"), ("yes", "anna")]
    assert report.dropped == {"named otherwise": 1}
    assert holds_sound(str(tmp_path / "sound"))


@pytest.mark.parametrize(
    "pattern", ["{speaker}", "{text}_{text}", "{text}{speaker}", "{text}_{}", "word"]
)
def test_a_pattern_that_says_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(SettingsError, match="expected fields such as"):
        compile_pattern(pattern)


def test_a_pattern_takes_marks_as_they_are() -> None:
    pattern = compile_pattern("[{speaker}] {text}")
    assert fields_of(Path("a/[kim] 안녕 하세요.wav"), pattern) == {
        "speaker": "kim",
        "text": "안녕 하세요",
    }


def test_a_table_names_the_files_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "clips" / "a.wav")
    table = tmp_path / "meta.csv"
    table.write_text("file,sentence,client_id\nclips/a.wav,hello there,anna\nclips/a.wav,,bob\n")
    report = ReadReport()
    for data in (table, tmp_path):
        (record,) = found(data, DataSettings(), report)
        assert (record.text, record.speaker) == ("hello there", "anna")
        assert record.path == tmp_path / "clips" / "a.wav"
    assert report.dropped == {"no transcript": 2}


def test_columns_are_named(tmp_path: Path) -> None:
    table = tmp_path / "meta.csv"
    table.write_text("x,y,z\na.wav,one,kim\n")
    settings = DataSettings(transcript="y", speaker="z")
    (record,) = found(table, settings)
    assert (record.path.name, record.text, record.speaker) == ("a.wav", "one", "kim")
    with pytest.raises(SettingsError, match='no column "why"'):
        found(table, DataSettings(transcript="why"))
    with pytest.raises(SettingsError, match="looks like the transcript"):
        found(table, DataSettings())


def test_a_row_without_a_file_is_named(tmp_path: Path) -> None:
    table = tmp_path / "meta.csv"
    table.write_text("audio,text\na.wav,one\n,two\n")
    with pytest.raises(DataError, match='row 2: column "audio" is empty'):
        found(table, DataSettings())
    report = ReadReport()
    assert len(found(table, DataSettings(skip_bad_rows=True), report)) == 1
    assert report.dropped == {"no file named": 1}


def test_a_folder_without_names_or_table_says_what_to_pass(tmp_path: Path) -> None:
    write(tmp_path / "a.wav")
    with pytest.raises(SettingsError, match=r'Pass --name with a pattern such as "\{text\}'):
        found(tmp_path, DataSettings())


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no sound"):
        open_recordings(tmp_path)


@pytest.mark.parametrize(("ending", "rate"), [(".wav", 8_000), (".flac", 44_100), (".ogg", 16_000)])
def test_files_of_any_kind_and_rate_are_read(tmp_path: Path, ending: str, rate: int) -> None:
    path = write(tmp_path / f"a{ending}", 0.5, rate, channels=2)
    sound = look_at(path)
    assert (sound.rate, sound.channels, sound.seconds) == (rate, 2, 0.5)
    samples = read_sound(path, 8_000)
    assert len(samples) == pytest.approx(4_000, abs=2) and samples.dtype == np.float32
    pieces = np.concatenate(list(read_pieces(path, 8_000, 0.03)))
    np.testing.assert_allclose(pieces, samples, atol=1e-5)


def test_channels_are_mixed_down_to_their_mean(tmp_path: Path) -> None:
    both = np.stack([np.full(100, 0.5), np.full(100, -0.25)], 1)
    soundfile.write(str(tmp_path / "a.wav"), both, RATE)
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav", RATE), 0.125, atol=1e-4)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF" + bytes(range(256)), b"no sound at all"])
def test_what_is_no_sound_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a.wav: cannot be read as sound") as error:
        read_sound(path, RATE)
    assert "\n" not in str(error.value)


def test_an_hour_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "hour.wav"
    with soundfile.SoundFile(str(path), "w", RATE, 1) as file:
        for _ in range(60):
            file.write(np.zeros(60 * RATE, np.int16))
    assert look_at(path).seconds == 3_600
    largest = max(len(piece) for piece in read_pieces(path, RATE))
    assert largest <= 10 * RATE


def test_clipping_is_noticed() -> None:
    wave = np.sin(np.arange(1_000) / 20).astype(np.float32)
    assert not is_clipped(wave * 0.99)
    assert is_clipped(np.clip(wave * 2, -1, 1))


def test_the_catalogue_s_digits_have_their_official_parts() -> None:
    folder = Path(os.environ.get("SEQLOOM_DATA", "")) / "free-spoken-digits"
    if not os.environ.get("SEQLOOM_DATA") or not folder.exists():
        pytest.skip("SEQLOOM_DATA names no folder with free-spoken-digits")
    source = open_source("spoken-digits")
    assert (len(source.files), len(source.parts["test"].files)) == (1_800, 200)
    takes = {int(path.stem.split("_")[2]) for path in source.parts["test"].files}
    assert takes == {0, 1, 2, 3, 4}
    assert not set(source.files) & set(source.parts["test"].files)


class Samples:
    """Samples in memory, as a store has them; each recording is its own number, said loud."""

    def __init__(self, count: int) -> None:
        self.lengths = np.full(count, 400)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, record: int) -> Any:
        return np.full(400, 32_768 + 1_000 * (record + 1), np.uint16)


def plain(count: int = 12) -> Utterances:
    texts, speakers = [f"t{n}" for n in range(count)], ["ab"[n % 2] for n in range(count)]
    return Utterances(Samples(count), [(n,) for n in range(count)], texts, speakers, RATE)


def test_strings_hold_recordings_of_one_speaker_and_say_what_they_say() -> None:
    strings = joined(plain(), "2-4", (0, 1, 0))
    assert {len(own) for own in strings.members} <= {1, 2, 3, 4}
    for own, text, speaker in zip(strings.members, strings.texts, strings.speakers, strict=True):
        assert text.split() == [f"t{n}" for n in own]
        assert {"ab"[n % 2] for n in own} == {speaker}


def test_a_fixed_list_stays_and_training_hears_each_recording_once_an_epoch() -> None:
    fixed = [joined(plain(), "1-3", (0, 2, 0)) for _ in range(2)]
    assert fixed[0].members == fixed[1].members
    np.testing.assert_array_equal(fixed[0].samples(1), fixed[1].samples(1))
    epochs = [joined(plain(), "1-3", (0, 0, epoch)) for epoch in (8, 9)]
    assert epochs[0].members != epochs[1].members
    for strings in epochs:
        assert sorted(n for own in strings.members for n in own) == list(range(12))


def test_strings_have_gaps_and_never_clip() -> None:
    strings = joined(plain(), "3", (0, 0, 1))
    lengths = [len(strings.samples(n)) for n in range(len(strings))]
    full = [size for size, own in zip(lengths, strings.members, strict=True) if len(own) == 3]
    assert all(1_200 <= size <= 1_200 + 2 * 0.4 * RATE for size in full) and len(set(full)) > 1
    assert all(np.abs(strings.samples(n)).max() <= 1 for n in range(len(strings)))


@pytest.mark.parametrize("words", ["0-3", "5-2", "many", "", "1-"])
def test_a_wrong_join_is_refused(words: str) -> None:
    with pytest.raises(SettingsError, match="expected how many recordings"):
        parse_join(words)


def test_strings_of_training_begin_short() -> None:
    longest = [max(map(len, joined(plain(40), "1-4", (0, 0, e)).members)) for e in range(1, 7)]
    assert longest == [1, 2, 3, 4, 4, 4]


def test_a_recording_without_a_sample_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "none.wav", seconds=0)
    assert look_at(path).seconds == 0
    with pytest.raises(DataError, match="is a folder; expected one file"):
        look_at(tmp_path)
    with pytest.raises(DataError, match=r"none\.wav: holds no sample"):
        read_sound(path, RATE)


def test_a_table_of_recordings_is_known_by_its_columns(tmp_path: Path) -> None:
    table = tmp_path / "clips.csv"
    table.write_text("path,sentence\na.wav,one\nb.wav,two\n", encoding="utf-8")
    assert names_sound(str(table)) == 'column "path" names recordings, with transcripts beside it'
    for content in ("path,sentence\na.wav,one\nb.txt,two\n", "path,size\na.wav,3\n", ""):
        table.write_text(content, encoding="utf-8")
        assert names_sound(str(table)) == ""
    assert names_sound(str(tmp_path)) == names_sound("nsmc") == ""


def test_a_file_that_was_cut_off_is_refused_and_one_from_a_pipe_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(str(path), np.zeros(4_000), 8_000)
    whole = path.read_bytes()
    assert look_at(path).seconds == 0.5
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"a\.wav: ends 4,0\d\d bytes before its header says"):
        look_at(path)
    path.write_bytes(whole[:4] + b"\xff\xff\xff\xff" + whole[8:])
    assert look_at(path).seconds == 0.5
