import json

import numpy as np
import pytest
from music_examples import random_piece, tune
from seqloom_runtime.signal.events import (
    BEGIN,
    END,
    EventVocabulary,
    sequence_of,
    transposed,
    velocity_level,
    velocity_of,
    without_specials,
)
from seqloom_runtime.signal.music import PITCH, VELOCITY

from seqloom.errors import RunError


def fitted(*numbers: int, transpose: int = 3, velocities: int = 4) -> EventVocabulary:
    return EventVocabulary.fit(map(tune, numbers), 4, velocities, transpose)


@pytest.mark.parametrize("seed", range(30))
def test_events_and_back_give_the_same_notes(seed: int) -> None:
    """All but loudness and tempo, which are rounded, is as it was."""
    piece = random_piece(seed)
    vocabulary = EventVocabulary.fit([piece], 12, 8, 0)
    again = vocabulary.decode(vocabulary.encode(piece))
    order = [piece.instruments.index(one) for one in again.instruments]
    renamed = again.notes.copy()
    renamed[:, 4] = [order[number] for number in again.notes[:, 4]]
    as_rows = [
        sorted(map(tuple, rows[:, [0, 1, 2, 4]].tolist())) for rows in (renamed, piece.notes)
    ]
    assert as_rows[0] == as_rows[1]
    assert again.metres[0] == piece.metres[0]
    assert np.abs(np.sort(again.notes[:, VELOCITY]) - np.sort(piece.notes[:, VELOCITY])).max() <= 8
    assert vocabulary.misread(piece) == 0


@pytest.mark.parametrize("levels", [1, 2, 8, 127])
def test_levels_of_loudness_keep_their_order(levels: int) -> None:
    found = [velocity_level(velocity, levels) for velocity in range(1, 128)]
    assert found == sorted(found) and max(found) == levels - 1
    assert all(velocity_level(velocity_of(level, levels), levels) == level for level in set(found))


def test_events_stand_in_bars_at_places() -> None:
    tokens = [fitted(0).token(int(i)) for i in fitted(0).encode(tune(0))]
    assert tokens[:10] == [
        *("bar", "metre 4/4", "at 0", "tempo 96", "instrument 0", "velocity 1", "pitch 60"),
        *("duration 4", "instrument 32", "pitch 36"),
    ]
    assert tokens.count("bar") == 4


def test_pitches_leave_room_to_transpose() -> None:
    pitches = fitted(0, transpose=3).values["pitch"]
    own = tune(0).notes[:, PITCH]
    assert pitches == list(range(own.min() - 3, own.max() + 4))


@pytest.mark.parametrize("semitones", [-3, -1, 2, 3])
def test_transposed_ids_are_the_piece_in_another_key(semitones: int) -> None:
    vocabulary = fitted(0)
    ids = sequence_of(vocabulary.encode(tune(0)))
    moved = transposed(ids, vocabulary, semitones)
    again = vocabulary.decode(moved)
    np.testing.assert_array_equal(again.notes[:, PITCH], tune(0).notes[:, PITCH] + semitones)
    np.testing.assert_array_equal(again.notes[:, :2], tune(0).notes[:, :2])
    assert (moved[0], moved[-1]) == (BEGIN, END) and moved.dtype == ids.dtype


def test_transposition_stops_where_the_vocabulary_ends() -> None:
    vocabulary = fitted(0)
    ids = vocabulary.encode(tune(0))
    np.testing.assert_array_equal(transposed(ids, vocabulary, 40), transposed(ids, vocabulary, 3))


def test_what_is_not_known_becomes_the_nearest_of_its_kind() -> None:
    vocabulary = fitted(0)
    assert vocabulary.token(vocabulary.id("duration", 5)) == "duration 4"
    assert vocabulary.token(vocabulary.id("metre", (2, 2))) == "metre 4/4"
    assert vocabulary.token(vocabulary.id("instrument", (33, 1))) == "instrument 32"
    assert vocabulary.token(vocabulary.id("pitch", 127)) == vocabulary.token(
        int(vocabulary.places("pitch")[-1])
    )
    assert vocabulary.misread(tune(1)) > 0


def test_what_makes_no_sense_is_passed_over() -> None:
    vocabulary = fitted(0, 1, 2)
    random = np.random.default_rng(0)
    for _ in range(50):
        piece = vocabulary.decode(random.integers(0, len(vocabulary), 80))
        assert (piece.notes[:, 1] > 0).all() and (piece.notes[:, 0] >= 0).all()
    assert not len(vocabulary.decode([]).notes)


def test_a_vocabulary_comes_back_from_json() -> None:
    vocabulary = fitted(0, 1)
    again = EventVocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
    assert again.events == vocabulary.events and again.grid == vocabulary.grid
    assert without_specials([BEGIN, 9, END]) == [9]


@pytest.mark.parametrize("saved", [{}, [], {"music": "roll"}, {"music": "events", "values": 3}])
def test_another_file_is_refused(saved: object) -> None:
    with pytest.raises(RunError, match=r"vocabulary\.json"):
        EventVocabulary.from_dict(saved)
