"""Labelled examples from a source to stored ids: split, targets, what is fitted on train alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqloom_runtime.tasks.classify import text_ids

from seqloom.config import Settings, default_settings, override
from seqloom.data.source import open_source
from seqloom.errors import DataError
from seqloom.tasks.labelled import (
    UNKNOWN,
    Labelled,
    label_targets,
    prepare_labelled,
    reopen_labelled,
)

GOOD = [f"a fine and happy film number {i}" for i in range(20)]
BAD = [f"a poor and dreary film number {i}" for i in range(20)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    yield


def rows(texts: list[str], label: str) -> list[dict[str, Any]]:
    return [{"text": text, "label": label} for text in texts]


def settings(**sections: dict[str, Any]) -> Settings:
    return override(default_settings("classify"), sections, "test")


def prepare(examples: Any = None, **sections: dict[str, Any]) -> Labelled:
    examples = rows(GOOD, "good") + rows(BAD, "bad") if examples is None else examples
    return prepare_labelled(open_source(examples), settings(**sections))


def test_every_class_is_split_in_the_same_shares() -> None:
    labelled = prepare()
    targets = labelled.targets()
    assert labelled.labels == ["bad", "good"]
    assert np.bincount(targets[labelled.rows("train")]).tolist() == [18, 18]
    assert np.bincount(targets[labelled.rows("valid")]).tolist() == [2, 2]
    together = np.concatenate([labelled.rows("train"), labelled.rows("valid")])
    assert sorted(together.tolist()) == list(range(40))


def test_ids_texts_and_targets_have_the_same_numbers() -> None:
    labelled = prepare()
    store = labelled.store()
    for part in ("train", "valid"):
        for row, text in zip(labelled.rows(part), labelled.texts(part), strict=True):
            ids = text_ids(text, labelled.settings, labelled.front)
            assert store[int(row)].tolist() == ids.tolist()
            assert labelled.labels[labelled.targets()[row]] == ("good" if "fine" in text else "bad")


def test_the_vocabulary_comes_from_the_training_part_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("text,label\nqqqq,good\nzzzz,bad\n")
    labelled = prepare(data={"valid": str(other)})
    assert labelled.front.unknown_words("qqqq") == ["q"]
    assert labelled.facts.examples == {"train": 40, "valid": 2}


def test_a_label_that_training_lacks_is_said_and_has_no_place(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("text,label\na fine film,good\na long film,middling\na poor film,bad\n")
    labelled = prepare(data={"valid": str(other)})
    assert labelled.targets()[labelled.rows("valid")].tolist() == [1, UNKNOWN, 0]
    said = 'other, the valid part: 1 of 3 examples has a label that training lacks ("middling"): it'
    assert f"{said} counts as wrong." in labelled.explanation()


@pytest.mark.parametrize("part", ["valid", "test"])
def test_a_part_whose_labels_training_has_not_is_refused(tmp_path: Path, part: str) -> None:
    """It would be trained on for minutes and score nothing."""
    other = tmp_path / "other.csv"
    other.write_text("text,label\na fine film,positive\na poor film,negative\n")
    said = (
        f'other, the {part} part: none of its labels ("positive", "negative") is one of '
        r'training \("bad", "good"\)'
    )
    with pytest.raises(DataError, match=said.replace('ls ("positive", "negative")', "ls .*")):
        prepare(data={part: str(other)})


def test_several_labels_become_rows_of_zeros_and_ones() -> None:
    data = [{"text": f"text number {i} of all", "label": ["a", "b"][: i % 3]} for i in range(30)]
    labelled = prepare(data)
    assert labelled.multi
    assert labelled.targets()[:3].tolist() == [[0, 0], [1, 0], [1, 1]]


def test_targets_of_other_data_use_the_same_places() -> None:
    assert label_targets([("b",), ("z",)], ["a", "b"], multi=False).tolist() == [1, UNKNOWN]
    assert label_targets([("b", "a"), ()], ["a", "b"], multi=True).tolist() == [[1, 1], [0, 0]]


def test_labels_with_a_single_example_are_named() -> None:
    usual = rows(GOOD, "good") + rows(BAD, "bad")
    one = " ".join(prepare([*usual, *rows(["odd"], "rare")]).explanation())
    assert '"rare" has one training example, which is too few to learn it from' in one
    two = " ".join(prepare([*usual, *rows(["odd"], "x"), *rows(["even"], "y")]).explanation())
    assert '"x", "y" each have one training example' in two
    assert "one training example" not in " ".join(prepare(usual).explanation())


def test_long_texts_are_cut_and_counted() -> None:
    data = rows(["x" * 50 + str(i) for i in range(12)], "a") + rows(GOOD, "b")
    labelled = prepare(data, text={"max_length": 40, "tokenizer": "char"})
    assert int(labelled.store().lengths.max()) == 42
    assert any("12 texts are longer than 40" in line for line in labelled.explanation())


def test_an_empty_text_still_has_a_start_and_an_end() -> None:
    labelled = prepare()
    ids = text_ids("", labelled.settings, labelled.front)
    assert ids.tolist() == [labelled.front.start, labelled.front.end]


def test_one_class_is_refused() -> None:
    with pytest.raises(DataError, match="at least two"):
        prepare(rows(GOOD, "good"), data={"label": "label"})


def test_series_are_scaled_by_the_training_part() -> None:
    random = np.random.default_rng(0)
    data = [
        {"series": (random.normal(5 + 3 * (i % 2), 2, 20)).tolist(), "label": "ab"[i % 2]}
        for i in range(40)
    ]
    labelled = prepare(data)
    store = labelled.store()
    train = np.concatenate([store[int(row)] for row in labelled.rows("train")])
    assert not labelled.is_text
    assert train.shape[1] == 1
    np.testing.assert_allclose([train.mean(), train.std()], [0, 1], atol=1e-4)
    assert labelled.passage() == ([], [])


def test_what_was_prepared_is_opened_again_and_damage_is_noticed() -> None:
    labelled = prepare()
    again = reopen_labelled(labelled.folder)
    assert again is not None
    assert again.labels == labelled.labels
    (labelled.folder / "labelled.json").write_text("{")
    assert reopen_labelled(labelled.folder) is None


@pytest.mark.parametrize(
    ("installed", "kind", "words"),
    [
        (True, "morpheme", "Tokenizer morpheme"),
        (False, "bpe", 'pip install "seqloom[korean]"'),
    ],
)
def test_much_korean_is_cut_into_morphemes_where_they_can_be_found(
    installed: bool, kind: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqloom_runtime.text.tokenizers.SMALL_DATA", 100)
    monkeypatch.setattr("seqloom.tasks.labelled.kiwi_installed", lambda: installed)
    good = [f"정말 재미있는 영화였다 {n}" for n in range(20)]
    bad = [f"너무 지루해서 잤다 {n}" for n in range(20)]
    labelled = prepare(rows(good, "good") + rows(bad, "bad"))
    assert labelled.settings.text.tokenizer == kind
    assert any(words in line for line in labelled.explanation())
    assert prepare().settings.text.tokenizer == "bpe"
