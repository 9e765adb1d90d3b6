"""Prepared pictures: split by picture, fitted on train, counted; damaged ones are named."""

import json
from pathlib import Path
from typing import Any

import drawn
import numpy as np
import pytest

from seqloom.config import Settings, default_settings, override
from seqloom.data.caption_source import open_captions
from seqloom.errors import DataError, SettingsError
from seqloom.tasks.picture_corpus import PictureCorpus, prepare_pictures, reopen_pictures


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))


def settings(**sections: dict[str, Any]) -> Settings:
    base = {"data": {"image_size": 16, **sections.pop("data", {})}}
    return override(default_settings("caption"), {**base, **sections}, "test")


def prepared(source: Any, **sections: dict[str, Any]) -> PictureCorpus:
    return prepare_pictures(open_captions(source), settings(**sections))


def test_all_captions_of_a_picture_are_in_one_part() -> None:
    corpus = prepared(drawn.rows(30))
    parts = {part: set(corpus.owners(part).tolist()) for part in ("train", "valid", "test")}
    assert [len(own) for own in parts.values()] == [24, 3, 3]
    assert not parts["train"] & parts["valid"] and not parts["train"] & parts["test"]
    for part, own in parts.items():
        assert own == set(corpus.numbers(part).tolist())
        for number, texts in corpus.references(part):
            assert texts == drawn.captions(number)
            np.testing.assert_array_equal(corpus.pixels[number], drawn.picture(number))
    assert corpus.facts.captions == {"train": 48, "valid": 6, "test": 6}


def test_pictures_that_look_the_same_stay_together() -> None:
    rows = [{"image": drawn.picture(n // 3), "caption": f"number {n}"} for n in range(60)]
    corpus = prepared(rows, data={"split": "0.5/0.5"})
    assert corpus.facts.twice == 40
    assert corpus.facts.repeats == {"valid": 0}
    sides = [{number // 3 for number in corpus.numbers(part)} for part in ("train", "valid")]
    assert not sides[0] & sides[1]
    assert any("look exactly like others" in line for line in corpus.explanation())


def test_pictures_that_look_the_same_count_as_one_where_they_are_too_few() -> None:
    rows = [{"image": drawn.picture(n % 4), "caption": f"number {n}"} for n in range(40)]
    words = r"^4 pictures \(36 more look exactly like them\) cannot be split into parts of 0.8/"
    with pytest.raises(DataError, match=words):
        prepared(rows)
    with pytest.raises(DataError, match=r"^4 pictures cannot be split"):
        prepared(rows[:4])


def test_ids_have_start_and_end_and_colours_are_those_of_train() -> None:
    corpus = prepared(drawn.rows(30), text={"tokenizer": "word"})
    store, tokenizer = corpus.store("train"), corpus.tokenizer
    texts = [text for _, texts in corpus.references("train") for text in texts]
    for row, text in zip(range(len(store)), texts, strict=True):
        ids = store[row]
        assert (ids[0], ids[-1]) == (tokenizer.start, tokenizer.end)
        assert tokenizer.decode([int(i) for i in ids[1:-1]]) == text
    pixels = corpus.pixels[corpus.numbers("train")].reshape(-1, 3) / 255
    np.testing.assert_allclose(corpus.mean, pixels.mean(0), rtol=1e-6)
    np.testing.assert_allclose(corpus.spread, pixels.std(0), rtol=1e-6)
    assert corpus.facts.longest == max(len(store[row]) for row in range(len(store))) - 1


def test_damaged_pictures_are_counted_and_named(tmp_path: Path) -> None:
    table = drawn.write(tmp_path / "c.jsonl", 20)
    (tmp_path / "c-pictures" / "3.png").write_bytes(b"not a picture")
    whole = (tmp_path / "c-pictures" / "7.png").read_bytes()
    (tmp_path / "c-pictures" / "7.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "c-pictures" / "9.png").unlink()
    corpus = prepared(table)
    assert len(corpus.names) == 17
    (line,) = (line for line in corpus.explanation() if line.startswith("left out"))
    assert "damaged pictures: c-pictures/3.png, c-pictures/7.png (2)" in line
    assert "missing pictures such as c-pictures/9.png (1)" in line


def test_when_most_are_damaged_it_stops_with_the_first(tmp_path: Path) -> None:
    table = drawn.write(tmp_path / "c.jsonl", 20)
    for number in range(15):
        (tmp_path / "c-pictures" / f"{number}.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"\.png: is no picture that can be read"):
        prepared(table)
    assert not list((tmp_path / "cache" / "corpora").glob("*/corpus.json"))


def test_other_parts_may_stand_beside(tmp_path: Path) -> None:
    table = drawn.write(tmp_path / "c.jsonl", 20)
    other = drawn.write(tmp_path / "v.jsonl", 4)
    corpus = prepared(table, data={"valid": str(other), "split": "0.8/0.1/0.1"})
    assert corpus.facts.pictures == {"train": 20, "valid": 4}
    assert corpus.facts.repeats == {"valid": 4}
    assert any("stand in the training part too" in line for line in corpus.explanation())


def test_the_cache_notices_another_picture_under_the_same_name(tmp_path: Path) -> None:
    from PIL import Image

    table = drawn.write(tmp_path / "c.jsonl", 20)
    first = prepared(table)
    assert prepared(table).folder == first.folder
    assert reopen_pictures(first.folder) is not None
    Image.fromarray(drawn.picture(99)).save(tmp_path / "c-pictures" / "5.png")
    second = prepared(table)
    assert second.folder != first.folder
    np.testing.assert_array_equal(second.pixels[5], drawn.picture(99))


def test_no_pictures_and_no_captions_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("image,caption\n")
    with pytest.raises(DataError, match="holds no rows"):
        prepared(tmp_path / "c.csv")
    rows = [{"image": drawn.picture(n), "caption": ""} for n in range(9)]
    with pytest.raises(DataError, match="no picture with a caption is left: empty caption"):
        prepared(rows)
    with pytest.raises(SettingsError, match="--tokenizer kmer: its tokens overlap"):
        prepared(drawn.rows(9), text={"tokenizer": "kmer"})


def test_long_captions_are_cut_and_counted(tmp_path: Path) -> None:
    corpus = prepared(drawn.rows(20), text={"tokenizer": "char", "max_length": 9})
    assert corpus.facts.cut == 40 and corpus.facts.longest == 10
    assert any("longer than 9 tokens" in line for line in corpus.explanation())


def test_memory_is_mapped(tmp_path: Path) -> None:
    corpus = prepared(drawn.rows(20))
    assert isinstance(corpus.pixels.base, np.memmap) or isinstance(corpus.pixels, np.memmap)
    saved = json.loads((corpus.folder / "corpus.json").read_text())
    assert saved["names"][:2] == ["picture 1", "picture 2"]
