"""Parts of words: ends and shapes of all, morphemes of Korean ones."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from seqloom_runtime.text.normalise import normalise
from seqloom_runtime.text.word_parts import (
    MORPHEME_PARTS,
    SHAPED,
    WORD_PARTS,
    morpheme_parts_of,
    mostly_korean,
    parts_of,
    require_morphemes,
    shape_of,
)

from seqloom.errors import MissingExtraError


@settings(deadline=None)
@given(st.text(max_size=8).map(normalise))
@example("\n")
def test_every_word_has_all_its_parts_and_none_is_empty(word: str) -> None:
    parts = parts_of(word) + morpheme_parts_of(word)
    assert len(parts) == WORD_PARTS + MORPHEME_PARTS
    assert "" not in parts[WORD_PARTS:]
    assert morpheme_parts_of(word) == parts[WORD_PARTS:]


def test_the_same_ending_gives_the_same_parts_after_an_unseen_word() -> None:
    seen, unseen = morpheme_parts_of("행사는"), morpheme_parts_of("대회는")
    assert seen[0] == unseen[0] == "NNG+JX"
    assert seen[2] == unseen[2]
    assert seen[1] != unseen[1]


def test_a_morpheme_at_the_end_is_another_part_than_at_the_beginning() -> None:
    first, last = morpheme_parts_of("행사")[1:3]
    assert first != last


def test_irregular_verbs_have_the_tag_of_regular_ones() -> None:
    assert morpheme_parts_of("가까운")[0] == "VA+ETM"


def test_words_are_korean_when_half_of_them_are() -> None:
    assert mostly_korean(["제일", "cat"])
    assert not mostly_korean(["제일", "cat", "ㅋㅋ"])
    assert not mostly_korean([])


def test_only_the_beginning_of_a_very_long_word_has_a_shape() -> None:
    assert shape_of("a1" * 10_000) == "xd" * (SHAPED // 2)


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    require_morphemes()
    monkeypatch.setattr("seqloom_runtime.text.word_parts.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="reads Korean morphemes and needs the package"):
        require_morphemes()
