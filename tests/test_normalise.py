"""One spelling for the same text."""

from __future__ import annotations

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.text.normalise import Normaliser, normalise

from seqloom.config import TextSettings
from seqloom.errors import RunError

ANY_TEXT = st.text(st.characters(exclude_categories=[]))  # lone surrogates too
TRICKY = st.text("\r\n\ufeffe\u0301aA'’Σ\u0307İK\u1fef\u037e가\u1100\u1161\u11a8\ud83d\ude00")


@given(ANY_TEXT | TRICKY, st.booleans(), st.booleans())
def test_twice_is_once(text: str, lowercase: bool, strip: bool) -> None:
    once = normalise(text, lowercase=lowercase, strip_punctuation=strip)
    assert normalise(once, lowercase=lowercase, strip_punctuation=strip) == once


@given(ANY_TEXT | TRICKY, st.booleans(), st.booleans())
def test_result_is_composed_and_can_be_written(text: str, lowercase: bool, strip: bool) -> None:
    result = normalise(text, lowercase=lowercase, strip_punctuation=strip)
    assert unicodedata.is_normalized("NFC", result)
    assert not {"\r", "\ufeff"} & set(result)
    result.encode()


@given(ANY_TEXT | TRICKY)
def test_strip_leaves_no_punctuation(text: str) -> None:
    left = normalise(text, strip_punctuation=True)
    assert not [char for char in left if unicodedata.category(char).startswith("P")]
    assert not set(string.punctuation) & set(left)


@given(st.text(st.characters(max_codepoint=0x7F)))
def test_plain_ascii_changes_only_in_its_line_ends(text: str) -> None:
    assert normalise(text) == text.replace("\r\n", "\n").replace("\r", "\n")


def test_two_spellings_of_a_letter_become_one() -> None:
    assert normalise("cafe\u0301") == normalise("caf\u00e9") == "caf\u00e9"
    assert normalise("\u1112\u1161\u11ab") == "한"


def test_line_ends_and_byte_order_marks() -> None:
    assert normalise("\ufeffa\r\nb\rc\n\ufeffd") == "a\nb\nc\nd"


def test_broken_surrogates_are_replaced_and_pairs_joined() -> None:
    assert normalise("a\ud83db") == "a\ufffdb"
    assert normalise("\ud83d\ude00") == "😀"


def test_headline_preparation() -> None:
    headline = "Trump’s “Plan”: N.Y.C.'s $5—50% Off!"
    cleaned = normalise(headline, lowercase=True, strip_punctuation=True)
    assert cleaned == "trumps plan nycs 550 off"


def test_normaliser_is_kept_and_restored() -> None:
    kept = Normaliser.from_settings(TextSettings(lowercase=True))
    assert kept("Aa!") == "aa!"
    assert Normaliser.from_dict(kept.to_dict()) == kept
    with pytest.raises(RunError, match="damaged"):
        Normaliser.from_dict({"lowercase": "yes", "strip_punctuation": False})
