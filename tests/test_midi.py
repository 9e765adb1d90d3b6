import io
from dataclasses import replace

import mido
import numpy as np
import pytest
from music_examples import random_piece, tune
from seqloom_runtime.signal.midi import read_midi, write_midi
from seqloom_runtime.signal.music import Instrument, Metre

from seqloom.errors import DataError


def saved(*tracks: list[mido.Message], ticks: int = 480, kind: int = 1) -> bytes:
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks)
    for messages in tracks:
        file.tracks.append(mido.MidiTrack(messages))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def on(note: int, time: int = 0, velocity: int = 80, channel: int = 0) -> mido.Message:
    return mido.Message("note_on", note=note, velocity=velocity, time=time, channel=channel)


def off(note: int, time: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("note_off", note=note, time=time, channel=channel)


@pytest.mark.parametrize("seed", range(30))
def test_what_is_written_is_read_again(seed: int) -> None:
    piece = random_piece(seed)
    again = read_midi(write_midi(piece), "again", piece.grid)
    np.testing.assert_array_equal(again.notes, piece.notes)
    assert again.instruments == piece.instruments
    assert again.metres == piece.metres
    assert [t.start for t in again.tempos] == [t.start for t in piece.tempos]
    np.testing.assert_allclose(
        [t.rate for t in again.tempos], [t.rate for t in piece.tempos], rtol=1e-5
    )


def test_times_are_rounded_to_the_grid() -> None:
    content = saved([on(60, 130), off(60, 470), on(62, 10), off(62, 3)])
    notes = read_midi(content, "late", 4).notes  # a step is 120 ticks
    assert notes[:, :3].tolist() == [[1, 4, 60], [5, 1, 62]]


def test_programmes_channels_and_tracks_are_instruments() -> None:
    change = mido.Message("program_change", program=40, channel=1)
    first = [on(60), off(60, 480), change, on(70, channel=1), off(70, 480, 1)]
    second = [on(40), off(40, 480), on(36, channel=9), off(36, 480, 9)]
    piece = read_midi(saved(first, second), "several", 4)
    found = {piece.instruments[row[4]].label: int(row[2]) for row in piece.notes}
    assert found == {"0": 60, "40": 70, "0.2": 40, "drums": 36}
    assert piece.pitched.sum() == 3


def test_more_instruments_than_channels_go_to_another_port() -> None:
    players = tuple(Instrument(program) for program in range(20))
    notes = np.array([[n, 1, 60, 80, n] for n in range(20)], np.int32)
    piece = replace(tune(0), instruments=players, notes=notes)
    file = mido.MidiFile(file=io.BytesIO(write_midi(piece)))
    ports = [next((m.port for m in track if m.type == "midi_port"), 0) for track in file.tracks]
    used = {
        (port, message.channel, message.program)
        for port, track in zip(ports, file.tracks, strict=True)
        for message in track
        if message.type == "program_change"
    }
    assert len({(port, channel) for port, channel, _ in used}) == 20


def test_a_note_ends_where_its_key_is_struck_again_or_the_track_ends() -> None:
    end = mido.MetaMessage("end_of_track", time=480)
    piece = read_midi(saved([on(60), on(60, 480), on(64), end]), "held", 4)
    assert piece.notes[:, :3].tolist() == [[0, 4, 60], [4, 4, 64], [4, 4, 60]]


def test_a_velocity_of_zero_lets_a_key_go() -> None:
    piece = read_midi(saved([on(60), on(60, 960, velocity=0)]), "zero", 4)
    assert piece.notes[:, :2].tolist() == [[0, 8]]


def test_metres_decide_where_bars_begin() -> None:
    piece = random_piece(3)
    starts = [bar.start for bar in piece.bars()]
    assert starts[:5] == [0, 36, 72, 108, 144]
    assert 24 * 12 in starts and starts == sorted(set(starts))
    assert tune(0).bars().__next__().metre == Metre(0, 4, 4)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "does not begin with MThd"),
        (b"RIFF....", "does not begin with MThd"),
        (b"MThd\x00\x00", r"is damaged \(it ends too early\)"),
        (saved([]), "holds no note"),
        (saved([mido.MetaMessage("set_tempo", tempo=400_000)]), "holds no note"),
        (saved([on(60), off(60, 9)], kind=2), "several pieces"),
        (saved([on(60), off(60, 2**27)], ticks=1), "is longer than"),
    ],
)
def test_what_cannot_be_used_is_said(content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as raised:
        read_midi(content, "odd.mid", 4)
    assert str(raised.value).startswith("odd.mid: ")


def test_film_time_is_refused() -> None:
    content = bytearray(saved([on(60), off(60, 9)]))
    content[12:14] = b"\xe7\x28"
    with pytest.raises(DataError, match="film frames"):
        read_midi(bytes(content), "film.mid", 4)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_an_error_in_words_or_a_piece(seed: int) -> None:
    content = bytearray(write_midi(tune(1)))
    random = np.random.default_rng(seed)
    for place in random.integers(4, len(content), 4):
        content[place] = random.integers(256)
    cut = bytes(content[: random.integers(8, len(content))])
    for damaged in (bytes(content), cut):
        try:
            piece = read_midi(damaged, "x.mid", 4)
        except DataError as error:
            assert "\n" not in str(error)
        else:
            assert len(piece.notes) and (piece.notes[:, 1] > 0).all()
            assert isinstance(piece.instruments[0], Instrument)
