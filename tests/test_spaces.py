"""Tokens between spaces: what is cut comes back; which texts they suit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.text.spaces import SpaceTokenizer, suits_space
from seqloom_runtime.text.stream import StreamDecoder
from seqloom_runtime.text.tokenizers import fit_tokenizer, tokenizer_from_dict
from seqloom_runtime.text.vocabulary import UNKNOWN_TEXT

from seqloom.config import TextSettings
from seqloom.errors import RunError
from seqloom.text.suited import fit_suited, suited_tokenizer

SPOKEN = ["HH AH L OW", "W ER L D", "HH AH W AA Y IY"]
SETTINGS = TextSettings(tokenizer="space")
SPOKEN_TOKENIZER = SpaceTokenizer.fit(SPOKEN, SETTINGS)


@given(st.lists(st.lists(st.text("abÄ한'.-", min_size=1), min_size=1), min_size=1))
def test_pieces_come_back_with_single_spaces(rows: list[list[str]]) -> None:
    texts = ["  \t".join(row) for row in rows]
    tokenizer = fit_tokenizer(lambda: texts, SETTINGS)
    for text in texts:
        ids = tokenizer.encode(text)
        assert tokenizer.unknown not in ids
        assert tokenizer.decode(ids) == " ".join(tokenizer.tokens(text))
        decoder = StreamDecoder(tokenizer)
        assert "".join([*map(decoder.push, ids.tolist()), decoder.finish()]) == tokenizer.decode(
            ids
        )


def test_special_ids_add_nothing_and_a_second_text_begins_anew() -> None:
    tokenizer = SPOKEN_TOKENIZER
    first, second = tokenizer.encode("W ER").tolist()
    assert tokenizer.decode([tokenizer.start, first, second, tokenizer.end]) == "W ER"
    joiner = tokenizer.joiner()
    joiner.push(first)
    joiner.finish()
    assert joiner.push(second) == "ER"


def test_what_was_not_seen_is_unknown() -> None:
    tokenizer = SPOKEN_TOKENIZER
    assert tokenizer.unknown_words("HH ZH AH ZH") == ["ZH"]
    ids = tokenizer.encode("HH ZH AH")
    assert tokenizer.decode(ids) == f"HH {UNKNOWN_TEXT} AH"
    assert tokenizer.known_characters("HH ZH AH", ids) < len("HH ZH AH")
    assert tokenizer.known_characters("HH AH", tokenizer.encode("HH AH")) == 5


def test_rare_pieces_are_left_out_and_case_is_folded_where_asked() -> None:
    rare = TextSettings(tokenizer="space", min_frequency=2)
    assert SpaceTokenizer.fit(SPOKEN, rare).vocabulary.tokens == ["AH", "HH", "L", "W"]
    few = TextSettings(tokenizer="space", max_vocabulary=6)
    assert SpaceTokenizer.fit(SPOKEN, few).vocabulary_size == 6
    low = TextSettings(tokenizer="space", lowercase=True)
    assert SpaceTokenizer.fit(SPOKEN, low).tokens("HH AH") == ["hh", "ah"]


def test_saved_and_loaded_it_is_the_same() -> None:
    loaded = tokenizer_from_dict(SPOKEN_TOKENIZER.to_dict())
    assert loaded.kind == "space"
    assert loaded.encode(SPOKEN[2]).tolist() == SPOKEN_TOKENIZER.encode(SPOKEN[2]).tolist()
    with pytest.raises(RunError, match="damaged"):
        tokenizer_from_dict({**SPOKEN_TOKENIZER.to_dict(), "vocabulary": [1]})


@pytest.mark.parametrize(
    ("texts", "suits"),
    [
        (SPOKEN, True),
        (["h ə l oʊ", "w ɜː l d"] * 20, True),  # phonetic letters, each used often
        (["h ə l oʊ", "w ɜː l d"], False),  # too few to tell them from words
        (["I am", "you are"] * 3, False),
        (["HELLO WORLD", "GOOD DAY"], False),  # longer than symbols are
        (["AH"] * 9, False),  # no spaces at all
        ([], False),
    ],
)
def test_symbols_are_told_from_words(texts: list[str], suits: bool) -> None:
    assert suits_space(texts) is suits


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (SPOKEN, "space"),
        (["hello", "world", "ice cream"] * 3 + ["x"] * 30, "char"),
        (["A dog runs.", "Zwei Hunde"], "bpe"),
        (["안녕하세요 여러분", "나는 간다"], "bpe"),
    ],
)
def test_each_side_has_a_tokenizer_that_suits(texts: list[str], kind: str) -> None:
    found, why = suited_tokenizer(texts)
    assert found == kind
    assert why


def test_pieces_are_as_many_as_there_is_text_for() -> None:
    texts = [f"word{i} and {i * 7919} more" for i in range(8_000)]
    size = fit_suited(lambda: texts, texts[:50], "bpe", TextSettings()).vocabulary_size
    assert size == 1_000  # of 160,000 characters, which 400 a piece would give fewer of
    korean = ["가나 다라 마바 사아 " * 3 + str(i) for i in range(3_000)]
    many = fit_suited(lambda: korean, korean[:50], "bpe", TextSettings())
    asked = fit_suited(lambda: texts, texts[:50], "bpe", TextSettings(max_vocabulary=500))
    assert asked.vocabulary_size == 500
    assert many.vocabulary_size <= 4_000
