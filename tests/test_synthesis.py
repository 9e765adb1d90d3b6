import io
import wave

import numpy as np
import pytest
from music_examples import tune
from seqloom_runtime.signal.music import DRUMS, Instrument, Piece, Tempo, ordered
from seqloom_runtime.signal.synthesis import RATE, render, seconds_of, wav_bytes


def one_note(pitch: int = 69, program: int = 0, tempo: float = 60.0) -> Piece:
    rows = ordered([[4, 4, pitch, 100, 0]])
    return Piece("a", 4, rows, (Instrument(program),), (), (Tempo(0, tempo),))


@pytest.mark.parametrize("program", [0, 19, 24, 40, 56, 73])
@pytest.mark.parametrize("pitch", [45, 69, 80])
def test_a_note_sounds_at_its_pitch_and_its_time(pitch: int, program: int) -> None:
    sound = render(one_note(pitch, program))
    assert not sound[: RATE - 1].any(), "it begins at the second quarter note"
    part = sound[RATE : 2 * RATE]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    assert abs(int(spectrum.argmax()) - 440 * 2 ** ((pitch - 69) / 12)) <= 2
    assert np.abs(sound).max() == pytest.approx(0.9, abs=1e-3)
    assert not sound[int(2.2 * RATE) :].any()


def test_drums_sound() -> None:
    for pitch in (36, 38, 42):
        assert np.abs(render(one_note(pitch, DRUMS))).max() > 0.5


def test_tempos_decide_when_steps_sound() -> None:
    piece = Piece("t", 4, ordered([[0, 1, 60, 9, 0]]), tempos=(Tempo(0, 60.0), Tempo(8, 120.0)))
    np.testing.assert_allclose(seconds_of(piece, np.array([0, 4, 8, 12])), [0, 1, 2, 2.5])
    plain = Piece("t", 4, piece.notes)
    np.testing.assert_allclose(seconds_of(plain, np.array([8])), [1.0])


def test_a_wav_file_has_all_of_it() -> None:
    piece = tune(0)
    with wave.open(io.BytesIO(wav_bytes(piece))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        seconds = file.getnframes() / RATE
    assert seconds == pytest.approx(16 * 60 / 96 + 0.5, abs=0.01)


def test_silence_is_no_error() -> None:
    assert not render(Piece("none", 4, ordered([]))).any()
