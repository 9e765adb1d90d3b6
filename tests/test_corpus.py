"""From data to stored ids: parts, vocabulary from the training part alone, counts, the cache."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from seqloom.config import Settings, override
from seqloom.data.source import open_source
from seqloom.errors import DataError
from seqloom.tasks.corpus import Corpus, encode_source, prepare_corpus, read_as, sample_texts

LINES = [f"cat {i} sat on mat {i * 7 % 30}" for i in range(100)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def make(data: object, **values: object) -> Corpus:
    """A corpus with settings named like ``text_tokenizer``."""
    changes: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        section, key = name.split("_", 1)
        changes.setdefault(section, {})[key] = value
    return prepare_corpus(open_source(data), override(Settings(), changes, "test"))


def texts(corpus: Corpus, part: str) -> list[str]:
    store = corpus.store(part)
    return [corpus.tokenizer.decode([int(i) for i in store[n]]) for n in range(len(store))]


def joined(corpus: Corpus, part: str) -> str:
    return "".join(texts(corpus, part))


def test_records_are_split_at_random_and_none_is_lost() -> None:
    corpus = make(LINES, data_split="0.8/0.1/0.1")
    parts = {part: texts(corpus, part) for part in ("train", "valid", "test")}
    assert [len(part) for part in parts.values()] == [80, 10, 10]
    assert sorted(text for part in parts.values() for text in part) == sorted(LINES)
    assert parts["train"] != LINES[:80], "not at random"
    assert corpus.facts.records == {"train": 80, "valid": 10, "test": 10}
    other = make(LINES, data_split="0.8/0.1/0.1", train_seed=1)
    assert texts(other, "valid") != parts["valid"]


def test_each_record_has_a_start_and_an_end() -> None:
    corpus = make(LINES)
    tokenizer = corpus.tokenizer
    record = corpus.store("train")[0]
    assert (record[0], record[-1]) == (tokenizer.start, tokenizer.end)
    assert corpus.facts.tokens["train"] == sum(len(text) + 2 for text in texts(corpus, "train"))


def test_one_text_is_split_by_position(tmp_path: Path) -> None:
    text = "".join(f"{i:04d} words.\n" for i in range(500))
    (tmp_path / "text.txt").write_text(text)
    corpus = make(tmp_path / "text.txt", data_records="continuous", data_split="0.7/0.2/0.1")
    assert corpus.continuous
    size = len(text)
    assert joined(corpus, "train") == text[: size * 7 // 10]
    assert joined(corpus, "valid") == text[size * 7 // 10 : size * 9 // 10]
    assert joined(corpus, "test") == text[size * 9 // 10 :]


def test_the_vocabulary_knows_nothing_of_validation_and_test(tmp_path: Path) -> None:
    """Law 9."""
    (tmp_path / "text.txt").write_text("abcde fgh\n" * 90 + "xyz한글" * 15)
    corpus = make(tmp_path / "text.txt", data_records="continuous", text_tokenizer="char")
    kept = json.dumps(corpus.tokenizer.to_dict(), ensure_ascii=False)
    assert "a" in joined(corpus, "train")
    assert "한" not in kept and "한" not in joined(corpus, "train")
    assert corpus.tokenizer.unknown_words("a한") == ["한"]
    (tmp_path / "valid.txt").write_text("held out words\n" * 30)
    (tmp_path / "train.txt").write_text("seen words only\n" * 30)
    for kind in ("word", "bpe", "jamo"):
        corpus = make(
            tmp_path / "train.txt",
            data_records="line",
            data_valid=str(tmp_path / "valid.txt"),
            text_tokenizer=kind,
        )
        assert "held" not in json.dumps(corpus.tokenizer.to_dict())


def test_files_of_their_own_replace_the_split_whatever_their_encoding(tmp_path: Path) -> None:
    for name, encoding in (("train", "utf-8"), ("valid", "cp949"), ("test", "utf-16")):
        rows = "".join(f"{name} 기록 {i} 한국어 문장입니다\n" for i in range(40))
        (tmp_path / f"{name}.txt").write_bytes(rows.encode(encoding))
    corpus = make(
        tmp_path / "train.txt",
        data_records="line",
        data_valid=str(tmp_path / "valid.txt"),
        data_test=str(tmp_path / "test.txt"),
    )
    assert corpus.facts.records == {"train": 40, "valid": 40, "test": 40}
    assert texts(corpus, "train")[3] == "train 기록 3 한국어 문장입니다"
    kept = sum("기록 3 한국어 문장입니다" in text for text in texts(corpus, "valid"))
    assert kept == 1, "cp949 was not read as such"
    assert "한국어" in texts(corpus, "test")[0]
    only_test = make(
        tmp_path / "train.txt", data_records="line", data_test=str(tmp_path / "test.txt")
    )
    assert only_test.facts.records == {"train": 36, "valid": 4, "test": 40}


def test_repeats_across_parts_are_reported() -> None:
    corpus = make([*LINES, *LINES[:50]])
    held = texts(corpus, "valid")
    seen = set(texts(corpus, "train"))
    assert corpus.facts.repeats["valid"] == sum(text in seen for text in held) > 0
    assert any("stand word for word in the training part" in line for line in corpus.explanation())
    assert make(LINES).facts.repeats.get("valid", 0) == 0


def test_long_records_are_cut_without_an_end_and_counted() -> None:
    corpus = make([*LINES, "x" * 500], text_max_length=100, text_tokenizer="char")
    assert corpus.facts.cut == 1
    records = [corpus.store(p)[n] for p in ("train", "valid") for n in range(len(corpus.store(p)))]
    (long,) = [record for record in records if len(record) == 101]
    assert long[0] == corpus.tokenizer.start and corpus.tokenizer.end not in long
    assert any("longer than 100 tokens and were cut" in line for line in corpus.explanation())


def test_characters_of_unknown_words_are_not_scored(tmp_path: Path) -> None:
    train = [f"the cat sat {'well' if i % 2 else 'down'}" for i in range(40)]
    held = ["the cat sat", "the dog sat"] * 10
    for name, lines in (("train", train), ("valid", held)):
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n")
    corpus = make(
        tmp_path / "train.txt",
        data_records="line",
        data_valid=str(tmp_path / "valid.txt"),
        text_tokenizer="word",
    )
    assert corpus.facts.unknown == {"train": 0, "valid": 10}
    assert corpus.facts.characters["train"] == sum(map(len, train))
    seen_of_nine = round(11 * 6 / 9)  # "the" and "sat" of the visible characters, and their spaces
    assert corpus.facts.characters["valid"] == 10 * 11 + 10 * seen_of_nine
    assert any("10.0% of the valid tokens are unknown" in line for line in corpus.explanation())
    facts = replace(corpus.facts, tokens={**corpus.facts.tokens, "valid": 100_000})
    rare = "less than 0.1% of the valid tokens are unknown"
    assert any(rare in line for line in replace(corpus, facts=facts).explanation())
    _, characters = encode_source(
        open_source(tmp_path / "valid.txt"),
        corpus.settings,
        corpus.tokenizer,
        tmp_path / "other.arrow",
        [],
    )
    assert characters == corpus.facts.characters["valid"]


def test_every_auto_is_resolved() -> None:
    corpus = make([{"title": f"cat {i}", "body": f"it sat on mat {i}"} for i in range(60)])
    assert corpus.settings.text.tokenizer == "char"
    assert corpus.settings.data.records == "row"
    assert corpus.settings.data.text == "{body}"
    assert corpus.asked.text.tokenizer == "auto"
    assert any('"body"' in line for line in corpus.explanation())


def test_the_cache_serves_other_networks_but_not_other_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = make(LINES, model_hidden_size=8)
    with monkeypatch.context() as patch:
        patch.setattr("seqloom.tasks.prepared.build", None)  # nothing may be made anew
        again = make(LINES, model_hidden_size=9, train_updates=3)
    assert again.folder == first.folder
    assert (again.settings.model.hidden_size, again.settings.train.updates) == (9, 3)
    assert make(LINES[:-1]).folder != first.folder
    assert make(LINES, text_lowercase=True).folder != first.folder


def test_a_damaged_cache_is_made_anew() -> None:
    first = make(LINES)
    (first.folder / "corpus.json").write_text('{"asked": ')
    assert texts(make(LINES), "train") == texts(first, "train")


def test_nothing_half_made_stays_in_the_cache(cache: Path) -> None:
    with pytest.raises(DataError, match="too few to learn from"):
        make(["a b", "c d"], data_split="0.5/0.5")
    assert list((cache / "corpora").iterdir()) == []


def test_other_data_is_read_as_the_run_s_own_was(tmp_path: Path) -> None:
    rows = [{"title": f"Cat {i}", "body": f"Sat {i}!"} for i in range(60)]
    corpus = make(rows, data_text="{title} | {body}", text_lowercase=True, text_tokenizer="char")
    settings = corpus.settings
    assert list(read_as(rows[:2], settings)) == ["cat 0 | sat 0!", "cat 1 | sat 1!"]
    remarks: list[str] = []
    some = open_source([*rows[:2], {"title": "", "body": ""}])
    store, characters = encode_source(
        some, settings, corpus.tokenizer, tmp_path / "other.arrow", remarks
    )
    assert len(remarks) == 1 and remarks[0].startswith("1 dropped: ")
    assert len(store) == 2 and characters == 28
    assert corpus.tokenizer.decode([int(i) for i in store[1]]) == "cat 1 | sat 1!"


def test_a_validation_file_that_went_away_does_not_matter_later(tmp_path: Path) -> None:
    valid = tmp_path / "valid.txt"
    valid.write_text("held out words\n" * 30)
    (tmp_path / "train.txt").write_text("seen words only\n" * 30)
    corpus = make(tmp_path / "train.txt", data_records="line", data_valid=str(valid))
    valid.unlink()
    other = read_as(tmp_path / "train.txt", corpus.settings)
    assert next(iter(other)) == "seen words only"


def test_sample_texts_cuts_one_text_at_paragraphs(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One two.\n\nThree four.\n\n\n\nFive.")
    settings = override(Settings(), {"data": {"records": "continuous"}}, "test")
    assert sample_texts(tmp_path / "a.txt", settings) == ["One two.", "Three four.", "Five."]
    assert sample_texts(["One.", "Two."], Settings()) == ["One.", "Two."]
