import numpy as np
import pytest
from music_examples import random_piece, tune
from seqloom_runtime.signal.events import EventVocabulary
from seqloom_runtime.signal.music import DRUMS, PITCH
from seqloom_runtime.tasks.composing import parse_instrument, parse_key

from seqloom.config import ComposeSettings
from seqloom.errors import DataError, SettingsError
from seqloom.tasks.composer import EventComposer


class Noise:
    """A model that knows nothing: other scores at every step, the same for what was read."""

    def __init__(self, size: int) -> None:
        self.size = size

    def zero_state(self, batch: int) -> int:
        return 0

    def __call__(self, ids: np.ndarray, state: int) -> tuple[np.ndarray, int]:
        random = np.random.default_rng([state, int(ids[0])])
        return random.normal(0, 2, (1, self.size)).astype(np.float32), state + 1


def composer(*pieces: object, transpose: int = 4) -> EventComposer:
    known = list(pieces) or [tune(n) for n in range(4)]
    vocabulary = EventVocabulary.fit(known, known[0].grid, 4, transpose)  # type: ignore[attr-defined]
    return EventComposer(Noise(len(vocabulary)), vocabulary)


def options(**values: object) -> ComposeSettings:
    return ComposeSettings.model_validate({"temperature": 1.0, "bars": 6, **values})


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("bars", [1, 5])
def test_so_many_bars_are_written(seed: int, bars: int) -> None:
    written = composer().compose(options(bars=bars, seed=seed))
    assert written.bars == bars
    assert written.piece.end == bars * 16


@pytest.mark.parametrize("seed", range(8))
def test_whatever_a_model_says_makes_sense(seed: int) -> None:
    """Of instruments, drums and changing metres too: what is written is read again the same."""
    known = [random_piece(n) for n in range(3)]
    found = composer(*known)
    written = found.compose(options(seed=seed, bars=8)).piece
    vocabulary = found.vocabulary
    again = vocabulary.decode(vocabulary.encode(written))
    np.testing.assert_array_equal(again.notes[:, [0, 2]], written.notes[:, [0, 2]])
    assert len(written.notes)
    drums = [one.program == DRUMS for one in written.instruments]
    known_drums = {event[1] for event in vocabulary.events if event[0] == "drum"}
    for row in written.notes:
        if drums[row[4]]:
            assert row[PITCH] in known_drums


@pytest.mark.parametrize(("key", "scale"), [("C", "0 2 4 5 7 9 11"), ("F#m", "6 8 9 11 1 2 4 5")])
def test_all_notes_are_in_the_key(key: str, scale: str) -> None:
    written = composer().compose(options(key=key, bars=12))
    assert set((written.piece.notes[:, PITCH] % 12).tolist()) <= {int(n) for n in scale.split()}
    free = composer().compose(options(bars=12))
    assert not set((free.piece.notes[:, PITCH] % 12).tolist()) <= {int(n) for n in scale.split()}


def test_only_the_instruments_asked_for_play() -> None:
    written = composer().compose(options(instruments=("32",), bars=12))
    assert [one.label for one in written.piece.instruments] == ["32"]
    both = composer().compose(options(bars=12))
    assert len(both.piece.instruments) == 2


def test_a_prompt_is_kept_and_continued() -> None:
    prompt = tune(1)
    written = composer().compose(options(bars=3, prompt_bars=2), prompt)
    before = written.piece.notes[written.piece.notes[:, 0] < 32]
    np.testing.assert_array_equal(before[:, :3], prompt.notes[prompt.notes[:, 0] < 32][:, :3])
    assert written.prompt_end == 32 and written.bars == 5
    assert (written.piece.notes[:, 0] >= 32).any()
    whole = composer().compose(options(bars=3), prompt)
    assert whole.bars == 7


def test_a_prompt_in_another_instrument_is_continued_by_those_asked_for() -> None:
    written = composer().compose(options(instruments=("0",)), tune(0).first_bars(1))
    after = written.piece.notes[written.piece.notes[:, 0] >= 16]
    assert {written.piece.instruments[n].label for n in after[:, 4]} == {"0"}


def test_without_bars_a_piece_ends_by_itself() -> None:
    written = composer().compose(options(bars=0))
    assert 1 <= written.bars <= 64


def test_a_seed_and_a_row_decide_everything() -> None:
    found = composer()
    one, same = (found.compose(options(seed=3)).midi() for _ in range(2))
    other = found.compose(options(seed=4)).midi()
    row = found.compose(options(seed=3), row=1).midi()
    assert one == same and len({one, other, row}) == 3


def test_the_likeliest_events_need_no_seed() -> None:
    cold = [composer().compose(options(temperature=0, seed=seed)).midi() for seed in (0, 1)]
    assert cold[0] == cold[1]


def test_a_tempo_asked_for_is_that_of_the_whole() -> None:
    written = composer().compose(options(tempo=150))
    assert [tempo.rate for tempo in written.piece.tempos] == [150]


@pytest.mark.parametrize("words", ["H", "", "C##", "C dorian", "m", "12"])
def test_what_is_no_key_is_refused(words: str) -> None:
    with pytest.raises(SettingsError, match="expected a key such as"):
        parse_key(words)


def test_keys_as_people_write_them() -> None:
    found = [parse_key(words) for words in ("c", "Bb", "a minor", "Ebm", "G major")]
    assert found == [(0, "major"), (10, "major"), (9, "minor"), (3, "minor"), (7, "major")]


@pytest.mark.parametrize("words", ["piano", "200", "-1", "1.x", ""])
def test_what_is_no_instrument_is_refused(words: str) -> None:
    with pytest.raises(SettingsError, match="expected programmes"):
        parse_instrument(words)


def test_what_a_model_does_not_know_is_said() -> None:
    with pytest.raises(SettingsError, match=r"knows no instrument 40\. It knows: 0, 32"):
        composer().compose(options(instruments=("40",)))
    few = composer(tune(0).first_bars(1), transpose=0)
    few.vocabulary = EventVocabulary(4, 4, {**few.vocabulary.values, "pitch": [61, 63]})
    few.stepper = Noise(len(few.vocabulary))
    with pytest.raises(SettingsError, match="no note of that key"):
        few.compose(options(key="C"))
    empty = tune(0).first_bars(0)
    with pytest.raises(DataError, match="holds no note"):
        composer().compose(options(), empty)
