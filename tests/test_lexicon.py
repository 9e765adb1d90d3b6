"""Words to ids: by name, by lower case, by characters."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.text.lexicon import LONGEST_END, FormTable, Lexicon
from seqloom_runtime.text.vocabulary import END, START, UNKNOWN
from seqloom_runtime.text.word_parts import WORD_PARTS, parts_of

from seqloom.config import TextSettings
from seqloom.errors import MissingExtraError, RunError

SENTENCES = [["the", "Cat", "sat"], ["the", "cat"], ["고양이가", "가"]]


def lexicon(**settings: Any) -> Lexicon:
    return Lexicon.fit(SENTENCES, TextSettings(**settings))


def test_words_have_ids_and_counts() -> None:
    found = lexicon()
    counts = found.word_counts()
    assert len(counts) == len(found.words) == 4 + 5
    assert counts[found.word("the")] == counts[found.word("CAT")] == 2
    assert counts[found.word("sat")] == 1
    assert counts[:4].tolist() == [0, 0, 0, 0]
    assert found.word("dog") == UNKNOWN
    assert found.word("THE") == found.word("the") != UNKNOWN
    assert parts_of("Cat")[-1] != parts_of("cat")[-1], "the shape keeps the case"


def test_settings_shape_the_words() -> None:
    assert lexicon(min_frequency=2).words.tokens == ["cat", "the"]
    lower = lexicon(lowercase=True)
    assert lower.form("Cat") == "cat"
    assert lower.word_counts()[lower.word("cat")] == 2
    assert len(lexicon(max_vocabulary=6).words.tokens) == 2


def test_parts_seen_once_are_unknown() -> None:
    found = lexicon()
    known = [part for part in parts_of("Cat") if part in found.parts]
    assert known == ["<ca", "t>", "at>", "cat>"]  # of three words; the shape Xx is of one
    assert len(parts_of("x")) == len(parts_of("a" * 100)) == found.part_kinds == WORD_PARTS


def test_hangul_is_spelled_in_jamo() -> None:
    found = lexicon()
    assert len(found.spell("가")) == 4
    assert found.spell("가")[[0, -1]].tolist() == [START, END]
    assert UNKNOWN not in found.spell("가가")
    assert found.spell("q")[1] == UNKNOWN


def test_the_middle_of_a_very_long_word_is_left_out() -> None:
    found = lexicon()
    a, b = found.spell("the" + "t" * 100_000 + "sat"), found.spell("the" + "c" * 100_000 + "sat")
    assert len(a) == 2 * LONGEST_END + 2
    assert a[1:4].tolist() == b[1:4].tolist()
    assert a[-4:].tolist() == b[-4:].tolist()


def test_decomposed_letters_are_the_same_word() -> None:
    found = lexicon()
    assert found.word(found.form("\u1100\u1161")) == found.word("가") != UNKNOWN


@given(st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=1, max_size=4))
def test_a_batch_holds_each_word_once_and_every_place_finds_its_word(rows: list[list[int]]) -> None:
    found = lexicon()
    forms = ["the", "Cat", "고양이가", "xyz", "a", "catalogue"]
    ids = np.array(rows)
    spelled = FormTable(forms, found).spelled(ids)
    assert len(spelled.words) == len(np.unique(ids))
    assert (np.diff(spelled.spelled) >= 0).all()
    for row in range(ids.shape[0]):
        for column in range(ids.shape[1]):
            form, place = forms[ids[row, column]], spelled.places[row, column]
            assert spelled.words[place] == found.word(form)
            assert spelled.parts[place].tolist() == found.parts.ids(parts_of(form)).tolist()
            length = spelled.spelled[place]
            assert spelled.characters[place, :length].tolist() == found.spell(form).tolist()
            assert not spelled.characters[place, length:].any()


def test_korean_words_are_read_by_their_morphemes_where_kiwi_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    korean = [["행사는", "좋다", "."], ["행사를", "좋고"], ["대회는", "싫다"]]
    found = Lexicon.fit(korean, TextSettings())
    assert found.morphemes
    assert found.korean
    for form in ("행사는", "zebra", "", "/"):
        assert found.parts_of(form).shape == (found.part_kinds,)
    unseen, seen = found.parts_of("결과는"), found.parts_of("대회는")
    assert unseen[WORD_PARTS] == seen[WORD_PARTS] != UNKNOWN, "NNG+JX of both"
    again = Lexicon.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again.parts_of("행사는").tolist() == found.parts_of("행사는").tolist()
    monkeypatch.setattr("seqloom_runtime.text.word_parts.find_spec", lambda name: None)
    without = Lexicon.fit(korean, TextSettings())
    assert without.korean
    assert not without.morphemes
    without.check_usable()
    with pytest.raises(MissingExtraError, match=r"seqloom\[korean\]"):
        FormTable(["행사는"], again)


def test_sentences_are_read_once_and_a_few_korean_words_change_nothing() -> None:
    sentences = iter([["the", "cat", "고양이"], ["the", "dog"]] * 1_500)
    found = Lexicon.fit(sentences, TextSettings())
    assert found.word_counts()[found.word("the")] == 3_000
    assert not found.korean
    assert not found.morphemes


def test_back_from_a_file() -> None:
    found = lexicon(lowercase=True)
    again = Lexicon.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again.to_dict() == found.to_dict()
    assert again.form("CAT") == "cat"
    old = {key: value for key, value in found.to_dict().items() if key != "morphemes"}
    assert not Lexicon.from_dict(old).morphemes
    for damaged in ({}, {**found.to_dict(), "counts": []}, {**found.to_dict(), "characters": 3}):
        with pytest.raises(RunError, match="damaged"):
            Lexicon.from_dict(damaged)
