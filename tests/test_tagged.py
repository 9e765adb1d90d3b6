"""From tagged sentences to stored ids: parts, what is fitted on training alone, what is said."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqloom.config import Settings, override
from seqloom.data.tagged import open_tagged
from seqloom.errors import DataError
from seqloom.tasks.tagged import TaggedCorpus, TagSet, prepare_tagged, reopen_tagged

SENTENCES = [([f"dog{i % 7}", "saw", f"cat{i}"], ["B-x", "O", "B-y"]) for i in range(40)]
SENTENCES += [(["big", "dog"], ["B-x", "I-x"])] * 2


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))


def write(path: Path, sentences: list[tuple[list[str], list[str]]]) -> str:
    lines = ["".join(f"{w}\t{t}\n" for w, t in zip(*s, strict=True)) for s in sentences]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def make(data: Any, **values: Any) -> TaggedCorpus:
    changes: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, key = name.split("_", 1)
        changes.setdefault(section, {})[key] = value
    return prepare_tagged(open_tagged(data), override(Settings(), changes, "test"))


def test_sentences_are_split_and_none_is_lost(tmp_path: Path) -> None:
    path = write(tmp_path / "a.bio", SENTENCES)
    corpus = make(path, data_split="0.8/0.1/0.1")
    parts = {part: list(corpus.sentences(part)) for part in ("train", "valid", "test")}
    assert {part: len(found) for part, found in parts.items()} == corpus.facts.sentences
    assert corpus.facts.sentences["valid"] == 4
    assert sorted(pair for part in parts.values() for pair in part) == sorted(SENTENCES)
    assert list(make(path, train_seed=1).sentences("valid")) != parts["valid"]


def test_words_and_tags_come_from_training_alone(tmp_path: Path) -> None:
    train = write(tmp_path / "a.bio", SENTENCES)
    other = write(tmp_path / "b.annotated", [(["dog1", "zebra"], ["O", "B-new"])])
    corpus = make(train, data_valid=other)
    assert corpus.tags.names == ["O", "B-x", "B-y", "I-x"]
    assert "zebra" not in corpus.lexicon.words
    assert list(corpus.sentences("valid")) == [(["dog1", "zebra"], ["O", "B-new"])]
    assert corpus.facts.absent == {"valid": {"B-new": 1}}
    said = "\n".join(corpus.explanation())
    assert "never saw count as wrong: B-new (1)" in said
    assert "50.0% of the words of the valid part are not in the vocabulary" in said


def test_neighbours_follow_the_scheme_and_what_training_holds() -> None:
    allowed = TagSet(["O", "B-x", "I-x"]).allowed()
    assert allowed is not None
    assert np.argwhere(~allowed).tolist() == [[0, 2], [3, 2]]
    loose = TagSet(["O", "B-x", "I-x"], [(None, "I-x")]).allowed()
    assert loose is not None
    assert np.argwhere(~loose).tolist() == [[0, 2]]
    assert TagSet(["NOUN", "VERB"]).allowed() is None
    strict = TagSet(["O", "B-x", "E-x", "S-x"]).allowed()
    assert strict is not None
    assert not strict[1, 4]


def test_spans_that_begin_inside_are_learnt_as_they_are(tmp_path: Path) -> None:
    sentences = [(["a", "b"], ["O", "I-x"])] * 20 + [(["c", "d"], ["B-x", "I-x"])] * 20
    corpus = make(write(tmp_path / "a.bio", sentences))
    assert corpus.tags.pairs == [("O", "I-x")]


def test_official_parts_are_kept_apart_unless_others_are_named(tmp_path: Path) -> None:
    names = ("train", "valid", "test", "mine")
    paths = {name: tmp_path / f"{name}.bio" for name in names}
    for name in names:
        write(paths[name], [*(SENTENCES if name == "train" else []), (["in", name], ["O", "O"])])
    train, valid, test, _ = (open_tagged(paths[name]) for name in names)
    source = replace(train, parts={"valid": valid, "test": test})
    corpus = prepare_tagged(source, Settings())
    assert list(corpus.sentences("valid")) == [(["in", "valid"], ["O", "O"])]
    assert list(corpus.sentences("test")) == [(["in", "test"], ["O", "O"])]
    assert corpus.facts.sentences["train"] == len(SENTENCES) + 1
    own = override(Settings(), {"data": {"test": str(paths["mine"])}}, "test")
    corpus = prepare_tagged(source, own)
    assert list(corpus.sentences("test")) == [(["in", "mine"], ["O", "O"])]
    assert list(corpus.sentences("valid")) == [(["in", "valid"], ["O", "O"])]


def test_it_is_said_whether_korean_morphemes_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.bio", [(["행사는", "좋다"], ["NOUN", "ADJ"])] * 40)
    assert "found by Kiwi, are read too" in "\n".join(make(path).explanation())
    monkeypatch.setattr("seqloom_runtime.text.word_parts.find_spec", lambda name: None)
    without = make(path)  # prepared anew: its words have other parts
    assert 'pip install "seqloom[korean]"' in "\n".join(without.explanation())
    assert not without.lexicon.morphemes
    english = make(write(tmp_path / "b.bio", SENTENCES))
    assert "Korean" not in "\n".join(english.explanation())


def test_repeats_across_parts_are_said(tmp_path: Path) -> None:
    path = write(tmp_path / "a.bio", SENTENCES)
    corpus = make(path, data_valid=write(tmp_path / "b.bio", SENTENCES[:3]))
    assert corpus.facts.repeats == {"valid": 3}
    assert "3 of 3 valid sentences stand word for word" in "\n".join(corpus.explanation())


def test_long_training_sentences_are_learnt_in_pieces(tmp_path: Path) -> None:
    long = [([f"w{i}" for i in range(25)], ["O"] * 24 + ["B-x"])]
    path = write(tmp_path / "a.bio", long * 4)
    corpus = make(path, data_valid=write(tmp_path / "b.bio", long), text_max_length=10)
    assert corpus.store("train").lengths.tolist() == [10, 10, 5] * 4
    assert corpus.store("valid").lengths.tolist() == [25]
    assert corpus.facts.cut == 4


def test_the_same_corpus_serves_other_networks(tmp_path: Path) -> None:
    path = write(tmp_path / "a.bio", SENTENCES)
    first = make(path)
    second = make(path, model_hidden_size=7)
    assert first.folder == second.folder
    assert second.settings.model.hidden_size == 7
    assert make(path, text_lowercase=True).folder != first.folder
    again = reopen_tagged(first.folder)
    assert again is not None
    assert list(again.sentences("train")) == list(first.sentences("train"))
    (first.folder / "valid.arrow").write_bytes(b"")
    assert reopen_tagged(first.folder) is None


def test_punctuation_at_the_ends_of_words_is_noticed(tmp_path: Path) -> None:
    marked = [(["왔다.", "정말,", "좋아"], ["A", "B", "A"])] * 30
    assert make(write(tmp_path / "a.bio", marked)).tags.by_spaces
    apart = [(["왔다", ".", "U.S."], ["A", "B", "A"])] * 30
    tags = make(write(tmp_path / "b.bio", apart)).tags
    assert not tags.by_spaces
    assert TagSet.from_dict(json.loads(json.dumps(tags.to_dict()))) == tags


@pytest.mark.parametrize(
    ("sentences", "problem"),
    [
        ([(["a", "b"], ["X", "Y"])] * 10, "18 words, too few"),
        ([(["a", "b"], ["X", "X"])] * 40, 'has the tag "X"'),
        ([(["a", "b"], [f"{i}", "x"]) for i in range(2_000)], "hardly tags"),
    ],
)
def test_what_cannot_be_learnt_is_refused(tmp_path: Path, sentences: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        make(write(tmp_path / "a.bio", sentences))


def test_a_plain_text_is_no_tagged_data(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Some words here.\nAnd many more of them there.\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.txt: holds no tagged words; expected CoNLL-U"):
        make(str(path))


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.bio"
    path.write_text("a\tO\n" * 40 + "alone\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.bio, line 41: 1 fields"):
        make(str(path))
