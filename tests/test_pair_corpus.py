"""From pairs to stored ids: parts by source, tokenizers of training alone, what is said."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.tasks.translate import source_ids

from seqloom.config import Settings, default_settings, override
from seqloom.data.pairs import open_pairs
from seqloom.errors import DataError, SettingsError
from seqloom.tasks.pairs import (
    PairCorpus,
    prepare_pairs,
    reopen_pairs,
    with_settings,
)

GERMAN = ["Hund", "Haus", "Baum", "Weg", "Stuhl", "Tisch"]
ENGLISH = ["dog", "house", "tree", "way", "chair", "table"]
PAIRS = [
    (f"der {GERMAN[i % 6]} {GERMAN[i // 6]} {i}", f"the {ENGLISH[i % 6]} {ENGLISH[i // 6]} {i}")
    for i in range(36)
]
PARTS = ("train", "valid", "test")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))


def settings(**values: Any) -> Settings:
    changes: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, key = name.split("_", 1)
        changes.setdefault(section, {})[key] = value
    return override(default_settings("translate"), changes, "test")


def make(data: Any, **values: Any) -> PairCorpus:
    return prepare_pairs(open_pairs(data), settings(**values))


def write(path: Path, pairs: Sequence[tuple[str, str]]) -> str:
    path.write_text("".join(f"{a}\t{b}\n" for a, b in pairs), encoding="utf-8")
    return str(path)


def aligned(folder: Path, name: str, pairs: Sequence[tuple[str, str]]) -> tuple[str, str]:
    for side, ending in enumerate(("de", "en")):
        lines = "".join(f"{pair[side]}\n" for pair in pairs)
        (folder / f"{name}.{ending}").write_text(lines, encoding="utf-8")
    return str(folder / f"{name}.de"), str(folder / f"{name}.en")


# Parts


def test_all_pairs_of_a_source_are_in_one_part_and_none_is_lost() -> None:
    several = [(a.swapcase() if k == 2 else a, f"{b} {k}") for a, b in PAIRS for k in range(3)]
    corpus = make(several, data_split="0.5/0.25/0.25")
    found = {part: list(corpus.pairs(part)) for part in PARTS}
    assert sorted(pair for pairs in found.values() for pair in pairs) == sorted(several)
    sources = [{source.casefold() for source, _ in found[part]} for part in PARTS]
    assert [len(own) for own in sources] == [18, 9, 9] == list(corpus.facts.sources.values())
    assert len(set.union(*sources)) == 36
    assert corpus.facts.repeats == {"valid": 0, "test": 0}
    again = make(several, data_split="0.5/0.25/0.25", train_seed=1)
    assert list(again.pairs("valid")) != found["valid"]


def test_references_are_each_source_once_with_all_its_targets() -> None:
    pairs = [*PAIRS, *((a, b.upper()) for a, b in PAIRS), *PAIRS]
    corpus = make(pairs, data_split="0.5/0.5")
    for part in ("train", "valid"):
        references = list(corpus.references(part))
        assert len(references) == 18
        assert all(targets == [dict(PAIRS)[a], dict(PAIRS)[a].upper()] for a, targets in references)
        order = dict.fromkeys(a for a, _ in corpus.pairs(part))
        assert [a for a, _ in references] == list(order)
    assert "18 of 54 training pairs repeat others." in corpus.explanation()


def test_named_parts_go_before_official_ones(tmp_path: Path) -> None:
    names = ("train", "valid", "test", "mine")
    data = {name: [*PAIRS[: 30 if name == "train" else 2], (name, name)] for name in names}
    paths = {name: write(tmp_path / f"{name}.tsv", pairs) for name, pairs in data.items()}
    train, valid, test, _ = (open_pairs(paths[name]) for name in names)
    source = replace(train, parts={"valid": valid, "test": test})
    corpus = prepare_pairs(source, settings())
    assert {part: list(corpus.pairs(part)) for part in PARTS} == {p: data[p] for p in PARTS}
    corpus = prepare_pairs(source, settings(data_test=paths["mine"]))
    assert list(corpus.pairs("test")) == data["mine"]
    assert list(corpus.pairs("valid")) == data["valid"]
    said = "\n".join(corpus.explanation())
    assert "2 of 3 valid sources stand in the training part too" in said
    assert "1 of 31 training pairs have one text on both sides" in said
    only = prepare_pairs(replace(train, parts={"test": test}), settings(data_split="0.8/0.1/0.1"))
    assert [only.facts.pairs[part] for part in PARTS] == [27, 4, 3]


def test_two_files_find_the_two_of_another_part(tmp_path: Path) -> None:
    first, second = aligned(tmp_path, "train", PAIRS[:30])
    valid, _ = aligned(tmp_path, "val", PAIRS[30:])
    corpus = make(first, data_target=second, data_valid=valid)
    assert list(corpus.pairs("train")) == PAIRS[:30]
    assert list(corpus.pairs("valid")) == PAIRS[30:]
    assert not corpus.has("test")
    assert corpus.settings.data.target == second
    # What stands in the second file is seen to have changed, though the first one has not.
    aligned(tmp_path, "train", [(a, b.upper()) for a, b in PAIRS[:30]])
    assert next(make(first, data_target=second, data_valid=valid).pairs("train"))[1].isupper()


def test_sides_the_other_way_round_are_refused(tmp_path: Path) -> None:
    german = [(f"{i} Frau fährt über große Straßen", f"{i} They think the yew") for i in range(50)]
    first, second = aligned(tmp_path, "train", german)
    aligned(tmp_path, "val", [(b, a) for a, b in german])
    valid = str(tmp_path / "val.de")
    with pytest.raises(DataError, match=r"val\.de and .*val\.en: the valid part has its sides"):
        make(first, data_target=second, data_valid=valid)
    with pytest.raises(DataError, match="the test part has its sides the other way round"):
        make(
            first,
            data_target=second,
            data_test=write(tmp_path / "t.tsv", [(b, a) for a, b in german]),
        )


def test_single_pairs_the_other_way_round_are_counted_and_shown() -> None:
    pairs = [(f"a good day number {i}", f"좋은 날 {i}") for i in range(30)]
    pairs[4] = pairs[4][::-1]
    said = " ".join(make(pairs, data_valid=None).explanation())
    assert "1 of 27 training pairs looked at has its sides the other way round" in said
    assert '"좋은 날 4" → "a good day number 4": swap or drop them.' in said
    assert "the other way round" not in " ".join(make(pairs[5:]).explanation())


def test_a_table_swapped_as_a_whole_is_asked_about(tmp_path: Path) -> None:
    korean = [(f"좋은 날 {i}", f"a good day number {i}") for i in range(30)]
    first, second = aligned(tmp_path, "train", korean)  # train.de and train.en
    crossed = tmp_path / "train.ko"
    Path(second).rename(crossed)
    said = " ".join(make(first, data_target=str(crossed), data_valid=None).explanation())
    assert '"train.de" and "train.ko" look swapped by their letters, such as "좋은 날' in said
    assert "look swapped" not in " ".join(make(korean, data_valid=None).explanation())


def test_too_few_sources_to_split() -> None:
    with pytest.raises(DataError, match="1 records cannot be split"):
        make([("one", "eins"), ("one", "ein")])


# Tokens


@given(st.lists(st.tuples(*[st.text("ab 가-", min_size=1)] * 2), min_size=4, max_size=12))
def test_ids_are_those_of_the_texts(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    pairs = [(f"{a.strip()}{n}", f"x{b.strip()}") for n, (a, b) in enumerate(pairs)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(tmp_path_factory.mktemp("cache")))
        corpus = make(
            pairs, data_split="0.5/0.5", text_tokenizer="char", text_target_tokenizer="char"
        )
        for part in ("train", "valid"):
            sources, targets = corpus.source_store(part), corpus.target_store(part)
            kept = list(corpus.pairs(part))
            assert len(sources) == len(targets) == len(kept)
            for number, (source, target) in enumerate(kept):
                tokenizer = corpus.target_tokenizer
                ids = corpus.source_tokenizer.encode(source).tolist()
                assert sources[number].tolist() == ids
                ids = [tokenizer.start, *tokenizer.encode(target).tolist(), tokenizer.end]
                assert targets[number].tolist() == ids


def test_tokenizers_know_the_training_part_alone(tmp_path: Path) -> None:
    valid = write(tmp_path / "valid.tsv", [("der Zebra 1", "the zebra 1")])
    train = write(tmp_path / "train.tsv", PAIRS)
    corpus = make(
        train,
        data_valid=valid,
        text_tokenizer="word",
        text_target_tokenizer="space",
        text_lowercase=True,
    )
    assert corpus.source_tokenizer.unknown_words("der Zebra Hund") == ["zebra"]
    assert corpus.target_tokenizer.unknown_words("the zebra dog") == ["zebra"]
    assert corpus.facts.unknown == {"train": [0, 0], "valid": [1, 1]}
    assert "33.33% of the source tokens and 33.33% of the target" in "\n".join(corpus.explanation())
    # The kind that suits is chosen by it alone too: here the validation part is single words.
    words = write(tmp_path / "words.tsv", [("Zebra", "zebra")] * 50)
    assert make(train, data_valid=words).source_tokenizer.kind == "bpe"


@pytest.mark.parametrize("kind", ["auto", "word", "char", "bpe"])
def test_other_parts_change_nothing_that_is_fitted(kind: str) -> None:
    asked = {"data_split": "0.6/0.2/0.2", "text_tokenizer": kind, "text_target_tokenizer": kind}
    plain = make(PAIRS, **asked)
    own = set(plain.pairs("train"))
    strange = [pair if pair in own else (f"※{n}", "이상해" * 90) for n, pair in enumerate(PAIRS)]
    other = make(strange, **asked)
    assert set(other.pairs("train")) == own
    for side in ("source_tokenizer", "target_tokenizer"):
        assert getattr(other, side).to_dict() == getattr(plain, side).to_dict()
    assert other.settings == plain.settings
    changed = [("※", "이상해") if pair == min(own) else pair for pair in PAIRS]
    assert make(changed, **asked).target_tokenizer.to_dict() != plain.target_tokenizer.to_dict()


def test_what_is_asked_for_stands_in_the_resolved_settings() -> None:
    corpus = make([(f"word{i}", "AB BA C"[: 2 + i % 6]) for i in range(20)])
    assert corpus.settings.text.tokenizer == corpus.source_tokenizer.kind == "char"
    assert corpus.settings.text.target_tokenizer == corpus.target_tokenizer.kind == "space"
    assert (corpus.settings.data.source, corpus.settings.data.target) == ("source", "target")
    reasons = "\n".join(corpus.facts.reasons)
    assert "The source: tokenizer char: it is single words" in reasons
    assert "The target: tokenizer space: it is made of 4 symbols" in reasons
    tokens, ids = corpus.passage(4)
    assert tokens == list("word")
    assert ids == corpus.source_tokenizer.encode("word").tolist()


def test_long_texts_are_cut_and_counted() -> None:
    pairs = [*PAIRS[:9], ("lang " * 5_000, "long " * 5_000)]
    kinds = {"text_tokenizer": "word", "text_target_tokenizer": "word", "text_max_length": 50}
    corpus = make(pairs, data_split="0.5/0.5", **kinds)
    (part,) = (part for part, counts in corpus.facts.cut.items() if any(counts))
    assert corpus.facts.cut[part] == [1, 1]
    place = int(corpus.source_store(part).lengths.argmax())
    target = corpus.target_store(part)[place]
    assert (corpus.source_store(part).lengths.max(), len(target)) == (50, 51)
    assert target[-1] != corpus.target_tokenizer.end  # it does not end where it is cut
    assert any(f"{part}: 1 sources and 1 targets are longer" in s for s in corpus.explanation())
    assert ("lang " * 5_000).strip() in dict(corpus.pairs(part))
    ids = source_ids("lang " * 5_000, corpus.source_tokenizer, corpus.settings)
    assert len(ids) == 50


def test_a_source_without_tokens_is_its_end() -> None:
    corpus = make(PAIRS, text_tokenizer="word", text_strip_punctuation=True)
    ids = source_ids("?!", corpus.source_tokenizer, corpus.settings)
    assert ids.tolist() == [corpus.source_tokenizer.end]


def test_shared_embeddings_have_one_tokenizer_of_both_sides() -> None:
    corpus = make(PAIRS, model_shared_embeddings=True, text_target_tokenizer="word")
    assert corpus.source_tokenizer is corpus.target_tokenizer
    assert corpus.settings.text.tokenizer == "word"
    assert not corpus.source_tokenizer.unknown_words("der the")
    *_, sizes, scores = corpus.explanation()
    assert "one vocabulary of" in sizes
    assert "Scores while training are of 4 validation sources" in scores
    apart = make(PAIRS, text_tokenizer="word", text_target_tokenizer="word")
    assert apart.source_tokenizer.unknown_words("der the") == ["the"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {
                "model_shared_embeddings": True,
                "text_tokenizer": "char",
                "text_target_tokenizer": "bpe",
            },
            "needs one tokenizer for both sides",
        ),
        ({"model_shared_embeddings": True, "text_tokenizer": "kmer"}, "kmer: its tokens overlap"),
        ({"text_target_tokenizer": "kmer"}, "no text can be written in them"),
        ({"data_source": "x"}, "--source x: there is no such column"),
    ],
)
def test_what_cannot_be_is_said_at_once(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make(PAIRS, **values)


# The cache


def test_a_corpus_is_made_once_and_again_when_damaged() -> None:
    corpus = make(PAIRS)
    stamp = (corpus.folder / "corpus.json").stat().st_mtime_ns
    same = make(PAIRS, model_hidden_size=8, train_epochs=2.0)
    assert same.folder == corpus.folder
    assert (corpus.folder / "corpus.json").stat().st_mtime_ns == stamp
    assert (same.settings.model.hidden_size, same.settings.train.epochs) == (8, 2.0)
    assert same.settings.text == corpus.settings.text
    opened = reopen_pairs(corpus.folder)
    assert opened is not None
    assert with_settings(opened, corpus.asked).settings == corpus.settings
    assert list(opened.pairs("train")) == list(corpus.pairs("train"))
    for other in ({"text_lowercase": True}, {"train_seed": 1}, {"model_shared_embeddings": True}):
        assert make(PAIRS, **other).folder != corpus.folder
    (corpus.folder / "train-target.arrow").unlink()
    assert reopen_pairs(corpus.folder) is None
    assert list(make(PAIRS).pairs("train")) == list(corpus.pairs("train"))


def test_what_is_dropped_is_said(tmp_path: Path) -> None:
    data = write(tmp_path / "a.tsv", [*PAIRS, ("", "x"), ("y", "")])
    valid = write(tmp_path / "v.tsv", [*PAIRS[:3], ("z", "")])
    said = make(data, data_valid=valid).explanation()
    assert "dropped: no source (1), no target (1)" in said
    assert "dropped of the valid part: no target (1)" in said


def test_how_the_files_are_read_is_said_and_kept(tmp_path: Path) -> None:
    corpus = make(write(tmp_path / "a.tsv", PAIRS))
    assert "the encoding is utf-8" in corpus.explanation()[0]
    assert (corpus.settings.data.source, corpus.settings.data.target) == ("1", "2")
    first, second = aligned(tmp_path, "train", PAIRS)
    korean = "".join(f"{b} 한국어 문장입니다\n" for _, b in PAIRS)
    Path(second).write_bytes(korean.encode("cp949"))
    said = make(first, data_target=second).explanation()[0]
    assert "the encoding is utf-8" in said and "the encoding is cp949" in said


def test_real_pairs_are_split_as_they_come() -> None:
    if not Path(os.environ.get("SEQLOOM_DATA", "absent")).is_dir():
        pytest.skip("SEQLOOM_DATA names no folder with the real data")
    corpus = make("tatoeba-en-ko")
    assert corpus.facts.pairs == {"train": 3_417, "valid": 381}
    assert corpus.facts.sources == {"train": 3_147, "valid": 350}
    assert len(list(corpus.references("valid"))) == 350
    turned = make("tatoeba-en-ko", data_source="2", data_target="1")
    assert next(turned.pairs("train")) == next(corpus.pairs("train"))[::-1]


def test_one_pair_is_both_parts() -> None:
    corpus = make("hello-hola")
    assert list(corpus.pairs("train")) == list(corpus.pairs("valid")) == [("hello", "hola")]
    assert {corpus.source_tokenizer.kind, corpus.target_tokenizer.kind} == {"char"}
    assert corpus.facts.repeats == {"valid": 1}
