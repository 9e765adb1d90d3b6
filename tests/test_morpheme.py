"""Korean morphemes by Kiwi."""

from __future__ import annotations

import json
import sys

import pytest
from seqloom_runtime.text.morpheme import MorphemeTokenizer, _kiwi, form_and_tag
from seqloom_runtime.text.stream import StreamDecoder
from seqloom_runtime.text.tokenizers import tokenizer_from_dict

from seqloom.config import TextSettings
from seqloom.errors import MissingExtraError, RunError

SETTINGS = TextSettings(tokenizer="morpheme")
TEXTS = [
    "정말 재미있는 영화였어요!\n또 보고 싶다.",
    "길을 물어요. 흙이 묻어요. 더워서 걸었다.",
    "나는 3월에 서울과 부산을 오갔다.",
]


@pytest.fixture(scope="module")
def tokenizer() -> MorphemeTokenizer:
    pytest.importorskip("kiwipiepy")
    return MorphemeTokenizer.fit(TEXTS, SETTINGS)


def test_words_are_cut_into_stem_and_ending(tokenizer: MorphemeTokenizer) -> None:
    assert tokenizer.tokens("재미있는 영화였다\n") == [
        *["재미있/VA", "는/ETM", "영화/NNG", "이/VCP", "었/EP", "다/EF"],
        "\n",
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_well_spaced_text_comes_back(tokenizer: MorphemeTokenizer, text: str) -> None:
    assert tokenizer.unknown_words(text) == []
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_lines_are_kept(tokenizer: MorphemeTokenizer) -> None:
    text = "\n\n영화\n\n영화\n"
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_joining_word_by_word_equals_joining_all(tokenizer: MorphemeTokenizer) -> None:
    for line in "\n".join(TEXTS).split("\n"):
        pairs = [form_and_tag(token) for token in tokenizer.tokens(line)]
        assert tokenizer.decode(tokenizer.encode(line)) == _kiwi().join(pairs)


def test_fitting_many_equals_cutting_each(tokenizer: MorphemeTokenizer) -> None:
    tokens = {token for text in TEXTS for token in tokenizer.tokens(text)}
    assert set(tokenizer.vocabulary.tokens) == tokens


def test_a_new_form_of_a_known_verb_is_known(tokenizer: MorphemeTokenizer) -> None:
    assert tokenizer.unknown_words("재미있었다") == []
    assert tokenizer.unknown_words("재미없었다 재미없다") == ["재미없"]


def test_unknown_and_special_ids_decode(tokenizer: MorphemeTokenizer) -> None:
    (film,) = tokenizer.encode("영화").tolist()
    ids = [tokenizer.start, film, tokenizer.unknown, tokenizer.pad, tokenizer.end]
    assert tokenizer.decode(ids).replace(" ", "") == "영화\ufffd"


def test_a_word_without_end_is_not_held_back(tokenizer: MorphemeTokenizer) -> None:
    (mark,) = tokenizer.encode("!").tolist()
    stream = StreamDecoder(tokenizer)
    pushed = "".join(stream.push(mark) for _ in range(500))
    assert 500 - len(pushed) <= 64
    assert pushed + stream.finish() == tokenizer.decode([mark] * 500)


def test_saved_and_restored(tokenizer: MorphemeTokenizer) -> None:
    restored = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())))
    for text in TEXTS:
        assert restored.encode(text).tolist() == tokenizer.encode(text).tolist()


@pytest.mark.parametrize("token", ["영화", "영화/nng", "/NNG"])
def test_a_token_without_tag_is_refused(tokenizer: MorphemeTokenizer, token: str) -> None:
    saved = tokenizer.to_dict()
    saved["vocabulary"] = {**saved["vocabulary"], "tokens": [token]}
    with pytest.raises(RunError, match="no morpheme"):
        tokenizer_from_dict(saved)


def test_a_tag_that_kiwi_does_not_know(tokenizer: MorphemeTokenizer) -> None:
    saved = tokenizer.to_dict()
    saved["vocabulary"] = {**saved["vocabulary"], "tokens": ["영화/QQQ"]}
    with pytest.raises(RunError, match="cannot join 영화/QQQ"):
        tokenizer_from_dict(saved).decode([4])


def test_missing_kiwi_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kiwipiepy", None)
    with pytest.raises(MissingExtraError, match=r'pip install "seqloom\[korean\]"'):
        MorphemeTokenizer.fit(TEXTS, SETTINGS)
