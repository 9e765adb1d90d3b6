import numpy as np
import pytest
from music_examples import tune
from seqloom_runtime.evaluate.keys import scale_of

from seqloom.evaluate.music import (
    Bars,
    copied_runs,
    find_key,
    music_measures,
    repeated_bars,
    share_in_key,
)


def notes(pitches: list[int], start: int = 0, duration: int = 1, player: int = 0) -> np.ndarray:
    rows = [[start + n, duration, p, 80, player] for n, p in enumerate(pitches)]
    return np.array(rows, np.int32).reshape(-1, 5)


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize(("mode", "steps"), [("major", (0, 4, 7, 5, 9)), ("minor", (0, 3, 7, 8))])
def test_the_key_of_a_scale_is_found(tonic: int, mode: str, steps: tuple[int, ...]) -> None:
    scale = sorted(scale_of(tonic, mode) - ({(tonic + 10) % 12} if mode == "minor" else set()))
    played = [60 + n for n in scale] * 2 + [60 + (tonic + s) % 12 for s in (*steps, 0, 7, 0)] * 3
    assert find_key(notes(played)) == (tonic, mode)
    assert share_in_key(notes(played)) == 1.0


def test_notes_outside_the_key_count() -> None:
    played = [60, 62, 64, 65, 67, 69, 71, 72, 60, 64, 67, 60, 67, 72, 61, 66]
    assert share_in_key(notes(played)) == pytest.approx(14 / 16)


def test_bars_that_come_again_are_counted_once_each() -> None:
    bars = [
        notes(p, start) for p, start in (([60, 62], 0), ([60, 62], 4), ([64], 8), ([60, 62], 12))
    ]
    piece = Bars(np.concatenate(bars), np.arange(0, 24, 4))
    assert repeated_bars(piece) == (2, 4)  # the two empty bars are none


def test_another_instrument_or_length_is_another_bar() -> None:
    bars = [notes([60], 0), notes([60], 4, player=1), notes([60], 8, duration=2)]
    assert repeated_bars(Bars(np.concatenate(bars), np.arange(0, 12, 4))) == (0, 3)


def test_copied_runs_are_found_in_every_key() -> None:
    random = np.random.default_rng(0)
    known = notes(random.integers(50, 70, 40).tolist())
    moved = known.copy()
    moved[:, 2] += 3
    fresh = notes(random.integers(50, 70, 40).tolist())
    assert copied_runs([moved], [known]) == 1.0
    assert copied_runs([fresh], [known]) == 0.0
    assert copied_runs([known[:16]], [known]) == 1.0
    assert copied_runs([known[:15]], [known]) == 0.0, "shorter than a run"
    slower = known.copy()
    slower[:, 1] = 2
    assert copied_runs([slower], [known]) == 0.0


def test_means_are_over_pieces_with_notes() -> None:
    piece = tune(0)
    full = Bars(piece.notes, np.arange(0, 64, 16))
    empty = Bars(notes([]), np.arange(3))
    assert music_measures([full, empty]) == music_measures([full])
    assert music_measures([empty]) == {}
