"""Korean letters: exactly there and exactly back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.text.jamo import FINALS, INITIALS, MEDIALS, JamoTokenizer, compose, jamo_of
from seqloom_runtime.text.normalise import normalise

from seqloom.config import TextSettings
from seqloom.errors import RunError

SETTINGS = TextSettings(tokenizer="jamo")
HANGUL = (
    st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)  # syllables
    | st.characters(min_codepoint=0x1100, max_codepoint=0x11FF)  # conjoining, old ones included
    | st.characters(min_codepoint=0x3131, max_codepoint=0x318E)  # compatibility
    | st.sampled_from("ꥠힰퟻ〮\u1160\u115f\u11a7")  # extended, tone mark, fillers
)
MIXED = st.text(HANGUL | st.sampled_from("a 1\ne\u0301漢😀") | st.characters(codec="utf-8"))


@given(MIXED)
def test_there_and_back_is_the_normalised_text(text: str) -> None:
    tokenizer = JamoTokenizer.fit([text], SETTINGS)
    assert tokenizer.decode(tokenizer.encode(text)) == normalise(text)


@given(MIXED)
def test_joined_tokens_are_the_same_text_for_unicode(text: str) -> None:
    tokens = JamoTokenizer.fit([text], SETTINGS).tokens(text)
    assert unicodedata.normalize("NFC", "".join(tokens)) == normalise(text)
    assert all(len(token) == 1 for token in tokens)
    assert not [token for token in tokens if 0xAC00 <= ord(token) <= 0xD7A3]


def test_every_syllable_agrees_with_unicode() -> None:
    for code in range(0xAC00, 0xD7A4):
        assert jamo_of(chr(code)) == unicodedata.normalize("NFD", chr(code))
        assert compose(jamo_of(chr(code))) == chr(code)


@given(st.text(HANGUL | st.just("e") | st.just("\u0301")))
def test_composing_touches_hangul_only(text: str) -> None:
    assert "e\u0301" not in text or "e\u0301" in compose(text)
    assert unicodedata.normalize("NFD", compose(text)) == unicodedata.normalize("NFD", text)


def test_no_syllable_is_unknown_after_one_was_seen() -> None:
    tokenizer = JamoTokenizer.fit(["가"], SETTINGS)
    assert tokenizer.unknown_words("뷁 쀍 꿹!") == [" ", "!"]
    assert tokenizer.vocabulary_size == 4 + 67
    assert JamoTokenizer.fit(["abba"], SETTINGS).vocabulary_size == 4 + 2


def test_unknown_syllables_are_named_whole() -> None:
    tokenizer = JamoTokenizer.fit(["abc"], SETTINGS)
    assert tokenizer.unknown_words("a한b한ㅋ") == ["한", "ㅋ"]


def test_frequent_jamo_come_first() -> None:
    tokens = JamoTokenizer.fit(["나나나", "가"], SETTINGS).vocabulary.tokens
    assert tokens[:3] == [MEDIALS[0], INITIALS[2], INITIALS[0]]
    assert set(tokens) == {*INITIALS, *MEDIALS, *FINALS}


def test_a_saved_token_of_two_letters_is_refused() -> None:
    saved = JamoTokenizer.fit(["가"], SETTINGS).to_dict()
    saved["vocabulary"]["tokens"].append("가나")
    with pytest.raises(RunError, match="longer than one character"):
        JamoTokenizer.from_dict(saved)
