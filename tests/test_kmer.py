"""Tokens of k neighbouring characters: overlapping, lossless, checked when read back."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.text.kmer import KmerTokenizer, cut_kmers
from seqloom_runtime.text.stream import StreamDecoder
from seqloom_runtime.text.tokenizers import tokenizer_from_dict

from seqloom.config import TextSettings
from seqloom.errors import RunError
from seqloom.text.describe import describe_tokenizers, suits_kmer

DNA = "GATTACACATTAGACCAGT"


def fit(*texts: str, size: int = 3) -> KmerTokenizer:
    return KmerTokenizer.fit(texts, TextSettings(tokenizer="kmer", kmer=size))


@given(st.text("ACGTN\n", max_size=40), st.integers(1, 6))
def test_cutting_and_joining_give_the_text_back(text: str, size: int) -> None:
    tokenizer = fit(text, size=size)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert len(ids) == max(len(text) - size + 1, min(len(text), 1))
    decoder = StreamDecoder(tokenizer)
    assert "".join(decoder.push(number) for number in ids) + decoder.finish() == text
    assert tokenizer.known_characters(text, ids) == len(text)


@given(st.text("ACGT", min_size=1, max_size=30), st.integers(1, 4))
def test_tokens_are_all_neighbours(text: str, size: int) -> None:
    tokens = cut_kmers(text, size)
    assert {len(token) for token in tokens} == {min(size, len(text))}
    assert all(after == before[1:] + after[-1] for before, after in pairwise(tokens))


def test_texts_one_after_the_other_each_begin_whole() -> None:
    tokenizer = fit(DNA)
    ids = tokenizer.encode("GATT").tolist()
    assert tokenizer.decode([tokenizer.start, *ids, tokenizer.end, *ids]) == "GATTGATT"
    assert tokenizer.decode([tokenizer.start, ids[0], tokenizer.pad, ids[1]]) == "GATT"


def test_an_unknown_token_stands_for_one_character() -> None:
    tokenizer = fit(DNA)
    text = "GATTXACA"
    ids = tokenizer.encode(text)
    assert (ids == tokenizer.unknown).sum() == 3  # TTX, TXA and XAC
    assert tokenizer.decode(ids) == "GATT\ufffd\ufffd\ufffdA"
    assert tokenizer.unknown_words("GATX") == ["ATX"]
    assert tokenizer.known_characters(text, ids) == len(text) - 3
    assert tokenizer.decode(tokenizer.encode("GXATTA")) == "\ufffd\ufffdATTA"


def test_saved_and_restored() -> None:
    tokenizer = fit(DNA, size=4)
    restored = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())))
    assert restored.encode(DNA).tolist() == tokenizer.encode(DNA).tolist()
    assert restored.to_dict() == tokenizer.to_dict()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 0}, "its size is 0"),
        ({"size": "3"}, "its size is '3'"),
        ({"size": True}, "its size is True"),
        ({"size": 2}, "is longer than 2"),
        ({"vocabulary": {}}, "specials"),
    ],
)
def test_a_damaged_one_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(RunError, match=words):
        tokenizer_from_dict({**fit(DNA).to_dict(), **changes})


def test_described_where_it_suits() -> None:
    assert suits_kmer([DNA, DNA + "\n" + DNA])
    assert not suits_kmer(["the cat sat on the mat"])
    assert not suits_kmer(["abcdefghijklmnopqrstuvwxyz0123456789"])
    kinds = [report.kind for report in describe_tokenizers([DNA] * 12, TextSettings())]
    assert kinds[-1] == "kmer"
