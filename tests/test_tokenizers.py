"""All ways of cutting, behind one protocol."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.text import bpe
from seqloom_runtime.text.bpe import BpeTokenizer
from seqloom_runtime.text.characters import CharTokenizer, count_characters
from seqloom_runtime.text.normalise import normalise
from seqloom_runtime.text.tokenizers import (
    KINDS,
    Tokenizer,
    choose_tokenizer,
    fit_tokenizer,
    hangul_share,
    tokenizer_from_dict,
)
from seqloom_runtime.text.vocabulary import SPECIALS
from seqloom_runtime.text.words import cut_words

from seqloom.config import TextSettings, TokenizerKind
from seqloom.errors import DataError, RunError, SettingsError
from seqloom.text.describe import describe_tokenizers

TEXTS = ["To be, or not to be.\n", "그것이 문제로다! <unk>", "be 12.5% <start> café"]
PLAIN: list[TokenizerKind] = ["char", "word", "jamo", "bpe", "kmer"]
EXACT: list[TokenizerKind] = ["char", "jamo", "bpe"]


def fit(kind: TokenizerKind, texts: Iterable[str] = TEXTS, **more: Any) -> Tokenizer:
    return fit_tokenizer(lambda: texts, TextSettings(tokenizer=kind, **more))


# The protocol, for every kind


@pytest.mark.parametrize("kind", PLAIN)
def test_ids_and_sizes_fit_together(kind: TokenizerKind) -> None:
    tokenizer = fit(kind)
    assert tokenizer.kind == kind
    assert (tokenizer.pad, tokenizer.unknown, tokenizer.start, tokenizer.end) == (0, 1, 2, 3)
    for text in TEXTS:
        ids = tokenizer.encode(text)
        assert ids.dtype == np.int32
        assert [tokenizer.token(number) for number in ids] == tokenizer.tokens(text)
        assert ids.min() >= len(SPECIALS)
        assert ids.max() < tokenizer.vocabulary_size


@pytest.mark.parametrize("kind", PLAIN)
def test_saved_as_json_and_restored(kind: TokenizerKind) -> None:
    tokenizer = fit(kind, lowercase=True)
    restored = tokenizer_from_dict(json.loads(json.dumps(tokenizer.to_dict())))
    text = "TO BE or 문제 가나다 xyz\n\u20ac"
    assert restored.encode(text).tolist() == tokenizer.encode(text).tolist()
    assert restored.to_dict() == tokenizer.to_dict()


@pytest.mark.parametrize("kind", PLAIN)
def test_special_tokens_typed_by_a_user_stay_text(kind: TokenizerKind) -> None:
    text = " ".join(SPECIALS)
    tokenizer = fit(kind, [text])
    ids = tokenizer.encode(text)
    assert ids.min() >= len(SPECIALS)
    assert tokenizer.decode(ids).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("kind", PLAIN)
def test_special_ids_decode_to_nothing(kind: TokenizerKind) -> None:
    tokenizer = fit(kind)
    assert tokenizer.decode([tokenizer.start, tokenizer.pad, tokenizer.end]) == ""
    assert tokenizer.decode([tokenizer.unknown]) == "\ufffd"
    assert tokenizer.decode([]) == ""
    assert tokenizer.encode("").shape == (0,)


@pytest.mark.parametrize("kind", PLAIN)
def test_text_is_normalised_first(kind: TokenizerKind) -> None:
    tokenizer = fit(kind, strip_punctuation=True)
    assert tokenizer.encode("\ufeffcafe\u0301!\r\n").tolist() == tokenizer.encode("café\n").tolist()


@pytest.mark.parametrize("kind", EXACT)
@given(text=st.text(st.characters(codec="utf-8")))
def test_lossless_kinds_give_back_the_text(kind: TokenizerKind, text: str) -> None:
    tokenizer = fit(kind, [text, "ab ab"])
    assert tokenizer.decode(tokenizer.encode(text)) == normalise(text)
    assert tokenizer.unknown_words(text) == []


def test_the_stream_is_read_once() -> None:
    asked = 0

    def texts() -> Iterable[str]:
        nonlocal asked
        asked += 1
        return iter(TEXTS)

    for kind in PLAIN:
        fit_tokenizer(texts, TextSettings(tokenizer=kind))
    assert asked == len(PLAIN)


def test_an_unresolved_kind_is_refused() -> None:
    with pytest.raises(SettingsError, match='tokenizer = "auto"'):
        fit("auto")


# Characters


@given(st.text(), st.text())
def test_unknown_characters_are_named_in_order(seen: str, text: str) -> None:
    tokenizer = CharTokenizer.fit([seen], TextSettings())
    named = tokenizer.unknown_words(text)
    assert named == [c for c in dict.fromkeys(normalise(text)) if c not in normalise(seen)]
    assert bool(named) == bool((tokenizer.encode(text) == tokenizer.unknown).any())


def test_max_vocabulary_never_cuts_characters() -> None:
    text = "".join(map(chr, range(0xAC00, 0xAC00 + 500)))
    assert fit("char", [text], max_vocabulary=5).vocabulary_size == 504
    assert fit("char", ["aab"], min_frequency=2).unknown_words("ab") == ["b"]


@given(st.lists(st.text()))
def test_characters_are_counted_exactly(texts: list[str]) -> None:
    whole = normalise("".join(texts)).replace("\ud800", "")
    assert count_characters([whole]) == {char: whole.count(char) for char in set(whole)}


# Words


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't re-use it—ever!", ["Don't", "re-use", "it", "—", "ever", "!"]),
        ("'Tis the dogs' o’clock", ["'", "Tis", "the", "dogs", "'", "o’clock"]),
        ("1,000 1/2 12:30 3.5kg 2nd.", ["1,000", "1/2", "12:30", "3.5", "kg", "2nd", "."]),
        ("U.S. e.g. end. A.", ["U.S.", "e.g.", "end", ".", "A", "."]),
        ("a\n\n b\tc", ["a", "\n", "\n", "b", "c"]),
        ("foo_bar __x", ["foo_bar", "_", "_", "x"]),
        ("정말 ㅋㅋ!!", ["정말", "ㅋㅋ", "!", "!"]),
        ("हिन्दी 👍🏽👩\u200d💻", ["हिन्दी", "👍🏽", "👩\u200d💻"]),
    ],
)
def test_words(text: str, tokens: list[str]) -> None:
    assert cut_words(text) == tokens


@given(st.text(st.characters(codec="utf-8")))
def test_only_spaces_are_lost(text: str) -> None:
    kept = "".join(char for char in text if char == "\n" or not char.isspace())
    assert "".join(cut_words(text)) == kept


@pytest.mark.parametrize(
    "text",
    [
        'He said, "Wait (please)!" twice; it cost $5.50 [50% off]...',
        "“Curly” and 'straight' quotes: 350°F!!",
        "첫 줄입니다.\n\n둘째 줄~ “인용”",
    ],
)
def test_well_written_text_comes_back(text: str) -> None:
    tokenizer = fit("word", [text])
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.text("ab '\"(),.!$1\n한-"))
def test_cutting_a_decoded_text_gives_its_tokens_again(text: str) -> None:
    tokenizer = fit("word", [text])
    tokens = tokenizer.tokens(text)
    joined = tokenizer.decode(tokenizer.encode(text))
    assert "".join(tokenizer.tokens(joined)) == "".join(tokens)
    assert joined.split("\n") == [" ".join(line.split()) for line in joined.split("\n")]


def test_rare_words_become_unknown() -> None:
    texts = ["salt and salt and pepper", "salt"]
    assert fit("word", texts, max_vocabulary=6).tokens("salt") == ["salt"]
    assert fit("word", texts, max_vocabulary=6).unknown_words("pepper salt and") == ["pepper"]
    assert fit("word", texts, min_frequency=3).unknown_words("and pepper and") == ["and", "pepper"]


# Byte pairs


@given(st.text("ab 가한é😀\n'  1_") | st.text(st.characters(codec="utf-8")))
def test_bpe_words_are_the_whole_text(text: str) -> None:
    assert "".join(bpe._WORD.findall(text)) == text


def test_bpe_learns_frequent_pieces() -> None:
    tokenizer = fit("bpe", ["lower slower lowest"] * 20, max_vocabulary=300)
    assert tokenizer.vocabulary_size <= 300
    assert " lowest" in tokenizer.tokens("a lowest")
    assert tokenizer.tokens("\u20ac") == ["<e2>", "<82>", "<ac>"]


def test_bpe_is_the_librarys_own(data_folder: Path) -> None:
    from tokenizers import Tokenizer as Library

    shakespeare = (data_folder / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")
    tokenizer = fit("bpe", [shakespeare[:200_000]], max_vocabulary=2_000)
    library = Library.from_str(tokenizer.to_dict()["model"])
    text = shakespeare[200_000:300_000]
    ids = tokenizer.encode(text)
    assert [number - len(SPECIALS) for number in ids.tolist()] == library.encode(text).ids
    assert library.decode(library.encode(text).ids) == text
    assert tokenizer.vocabulary_size == 2_000


def test_bpe_is_the_same_in_every_process() -> None:
    program = (
        "from seqloom_runtime.text.tokenizers import *;import hashlib;from seqloom.config import *;"
        "t=[' '.join(str(i*i*7919%j) for j in range(1,60)) for i in range(300)];"
        "s=TextSettings(tokenizer='bpe',max_vocabulary=1000);"
        "m=fit_tokenizer(lambda: t, s).to_dict()['model'];"
        "print(hashlib.sha256(m.encode()).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, threads in (("1", "1"), ("2", "2"))
    ]
    assert len(runs[0]) == 65
    assert runs[0] == runs[1]


def test_bpe_reads_only_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bpe, "SAMPLE_CHARACTERS", 1_000)

    def endless() -> Iterable[str]:
        for _ in range(500):
            yield "abcd efgh "
        raise AssertionError("read past the sample")

    assert " efgh" in fit("bpe", endless()).tokens("abcd efgh")


def test_bpe_survives_a_full_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bpe, "CACHED_WORDS", 3)
    tokenizer = fit("bpe")
    for text in TEXTS * 2:
        assert tokenizer.decode(tokenizer.encode(text)) == normalise(text)


def test_bpe_without_spaces_stays_quick() -> None:
    dna = "".join(np.random.default_rng(0).choice(list("ACGT"), 200_000))
    tokenizer = fit("bpe", [dna], max_vocabulary=400)
    assert tokenizer.decode(tokenizer.encode(dna)) == dna
    assert max(map(len, tokenizer.tokens(dna))) <= bpe.LONGEST_WORD


def test_bpe_needs_room_for_the_bytes() -> None:
    with pytest.raises(SettingsError, match="at least 260"):
        fit("bpe", max_vocabulary=259)
    assert fit("bpe", max_vocabulary=260).vocabulary_size == 260


# Damage


def _bpe_with(change: Any) -> dict[str, Any]:
    saved = fit("bpe").to_dict()
    content = json.loads(saved["model"])
    change(content["model"])
    return {**saved, "model": json.dumps(content)}


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model["vocab"].pop("a"),
        lambda model: model["vocab"].update({"a": 10_000}),
        lambda model: model["vocab"].update({"한": len(model["vocab"])}),
        lambda model: model["merges"].append(["a", "no such piece"]),
        lambda model: model["merges"].append(["a"]),
        lambda model: model.pop("merges"),
        lambda model: model.update({"vocab": ["a"]}),
    ],
)
def test_damaged_bpe(change: Any) -> None:
    with pytest.raises(RunError, match="bpe tokenizer is damaged"):
        BpeTokenizer.from_dict(_bpe_with(change))


@pytest.mark.parametrize(
    "saved",
    [
        None,
        [],
        {},
        {"kind": "chars"},
        {"kind": ["char"]},
        {"kind": "char"},
        {**fit("char").to_dict(), "lowercase": 1},
        {**fit("char").to_dict(), "vocabulary": ["a"]},
        {**fit("word").to_dict(), "vocabulary": None},
        {**fit("bpe").to_dict(), "model": "{"},
        {**fit("bpe").to_dict(), "model": {"model": "pickle"}},
    ],
)
def test_damaged_content_is_a_run_error(saved: object) -> None:
    with pytest.raises(RunError, match="damaged"):
        tokenizer_from_dict(saved)


def test_the_nearest_kind_is_offered() -> None:
    with pytest.raises(RunError, match='Did you mean "morpheme"'):
        tokenizer_from_dict({"kind": "morphemes"})


# Choosing and describing


@pytest.mark.parametrize(
    ("continuous", "characters", "kind"),
    [
        (True, 1_000, "char"),
        (True, 10**9, "char"),
        (False, 1_999_999, "char"),
        (False, 2_000_000, "bpe"),
    ],
)
def test_choice(continuous: bool, characters: int, kind: str) -> None:
    found, reason = choose_tokenizer("한글과 English", continuous=continuous, characters=characters)
    assert found == kind
    assert f"{characters:,} characters" in reason
    assert "30% of the letters Hangul" in reason
    assert reason.count("\n") == 0


def test_hangul_share() -> None:
    assert hangul_share("") == hangul_share("123 !?") == hangul_share("abc") == 0
    assert hangul_share("가나다abc") == 0.5


def test_every_kind_is_described() -> None:
    texts = [f"나는 사과를 {number}개 먹었다." for number in range(29)] + ["그는 배를 먹었다?"]
    reports = {report.kind: report for report in describe_tokenizers(texts, TextSettings())}
    assert tuple(reports) == tuple(kind for kind in KINDS if kind not in ("kmer", "space"))
    word, char = reports["word"], reports["char"]
    assert word.example == ("나는", "사과를", "9개", "먹었다", ".")
    assert word.unknown == pytest.approx(5 / 14)  # 9개, 19개, 그는, 배를, ?
    assert word.mean_tokens == pytest.approx(149 / 30)
    assert word.median_tokens == 5
    assert len(char.example) == len(char.ids) == 12
    assert char.vocabulary_size == len(SPECIALS) + len(set(texts[28]) | set("01234567"))
    assert reports["bpe"].unknown == 0


def test_one_text_is_cut_by_position() -> None:
    char = describe_tokenizers(["ab" * 45 + "c" * 10], TextSettings())[0]
    assert char.unknown == 1
    assert char.mean_tokens == char.median_tokens == 100


def test_a_kind_that_is_not_installed_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kiwipiepy", None)
    reports = describe_tokenizers(["a b", "c d"], TextSettings(max_vocabulary=100))
    missing = {report.kind: report.missing or "" for report in reports if report.missing}
    assert list(missing) == ["morpheme", "bpe"]
    assert "pip install" in missing["morpheme"]
    assert "at least 260" in missing["bpe"]


def test_too_little_text_to_describe() -> None:
    with pytest.raises(DataError, match="cannot be split"):
        describe_tokenizers(["", "tiny"], TextSettings())


def test_real_korean_is_lossless(data_folder: Path) -> None:
    path = data_folder / "korean-chatbot" / "ChatbotData.csv"
    with path.open(encoding="utf-8", newline="") as file:
        texts = [row[0] for row in csv.reader(file)][:3_000]
    for kind in EXACT:
        tokenizer = fit(kind, texts)
        assert [tokenizer.decode(tokenizer.encode(text)) for text in texts] == texts


# What a score in bits a character counts


@pytest.mark.parametrize("kind", PLAIN)
def test_of_a_text_without_unknown_tokens_all_characters_are_known(kind: TokenizerKind) -> None:
    tokenizer = fit(kind)
    for text in TEXTS:
        assert tokenizer.known_characters(text, tokenizer.encode(text)) == len(text)


def test_characters_of_unknown_words_are_not_counted() -> None:
    tokenizer = fit("word", ["mix the salt ."])
    assert tokenizer.known_characters("mix pepper", tokenizer.encode("mix pepper")) == 3
    text = "pepper paprika"
    assert tokenizer.known_characters(text, tokenizer.encode(text)) == 0
    text = "salt and the"  # 7 of the 10 visible characters are known
    assert tokenizer.known_characters(text, tokenizer.encode(text)) == round(12 * 7 / 10)
    assert fit("char", ["abc"]).known_characters("abcd", np.array([4, 5, 6, 1])) == 3
