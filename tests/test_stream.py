"""Text as it comes equals text decoded at once."""

from __future__ import annotations

from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqloom_runtime.text.stream import StreamDecoder
from seqloom_runtime.text.tokenizers import Tokenizer, fit_tokenizer

from seqloom.config import TextSettings, TokenizerKind

TEXT = (
    "\"Don't panic,\" she said (twice): 3.5 % of $20...\n'ㅋㅋㅋ' 한글은 1443년에 만들어졌다!\n"
    "\u1112 \u1161 \u11ab 닭 값 가각 漢字 😀👍🏽 é \u0301\n"
)
KINDS: list[TokenizerKind] = ["char", "jamo", "word", "bpe"]
LAG: dict[str, int] = {"char": 0, "word": 0, "jamo": 1, "bpe": 3, "morpheme": 64 * 4}


@lru_cache
def fitted(kind: TokenizerKind) -> Tokenizer:
    """A tokenizer of a kind, fitted once."""
    chosen = TextSettings(tokenizer=kind, max_vocabulary=280)
    return fit_tokenizer(lambda: [TEXT, "aaaa bbbb 한글 한글 한글은"], chosen)


def streamed(tokenizer: Tokenizer, ids: list[int]) -> str:
    stream = StreamDecoder(tokenizer)
    pushed = "".join(map(stream.push, ids))
    return pushed + stream.finish()


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_any_ids(kind: TokenizerKind, data: st.DataObject) -> None:
    tokenizer = fitted(kind)
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocabulary_size - 1)))
    assert streamed(tokenizer, ids) == tokenizer.decode(ids)


@pytest.mark.parametrize("kind", KINDS)
@given(text=st.text(st.sampled_from(TEXT)))
def test_ids_of_a_text(kind: TokenizerKind, text: str) -> None:
    tokenizer = fitted(kind)
    ids = tokenizer.encode(text).tolist()
    assert streamed(tokenizer, ids) == tokenizer.decode(ids)


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_any_morphemes(data: st.DataObject) -> None:
    pytest.importorskip("kiwipiepy")
    tokenizer = fitted("morpheme")
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocabulary_size - 1)))
    assert streamed(tokenizer, ids) == tokenizer.decode(ids)


@pytest.mark.parametrize("kind", [*KINDS, "morpheme"])
def test_a_decoder_starts_afresh_after_finish(kind: TokenizerKind) -> None:
    if kind == "morpheme":
        pytest.importorskip("kiwipiepy")
    tokenizer = fitted(kind)
    ids = tokenizer.encode(TEXT.rstrip()).tolist()[:-1]
    stream = StreamDecoder(tokenizer)
    for _ in range(2):
        assert "".join(map(stream.push, ids)) + stream.finish() == tokenizer.decode(ids)


@pytest.mark.parametrize("kind", [*KINDS, "morpheme"])
def test_text_is_never_far_behind(kind: TokenizerKind) -> None:
    if kind == "morpheme":
        pytest.importorskip("kiwipiepy")
    tokenizer = fitted(kind)
    ids = tokenizer.encode(TEXT * 3).tolist()
    stream = StreamDecoder(tokenizer)
    pushed = ""
    for place, number in enumerate(ids, 1):
        pushed += stream.push(number)
        assert len(tokenizer.decode(ids[:place])) - len(pushed) <= LAG[kind]


def test_a_syllable_waits_for_its_last_letter() -> None:
    tokenizer = fitted("jamo")
    stream = StreamDecoder(tokenizer)
    pushed = [stream.push(number) for number in tokenizer.encode("한글 가")]
    assert pushed == ["", "", "한", "", "", "글", " ", "", ""]
    assert stream.finish() == "가"


def test_a_character_of_several_bytes_waits_for_the_last() -> None:
    tokenizer = fitted("bpe")
    stream = StreamDecoder(tokenizer)
    pushed = [stream.push(number) for number in tokenizer.encode("€")]
    assert pushed == ["", "", "€"]
