"""Tables of pictures and captions: which columns, several captions, what is missing."""

import json
from pathlib import Path
from typing import Any

import pytest

from seqloom.config import DataSettings
from seqloom.data.caption_source import holds_captions, open_captions, pictures_in
from seqloom.data.captions import Captioned, known_columns, plan_captions, read_captioned
from seqloom.data.records import ReadReport
from seqloom.errors import DataError, SettingsError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files with names of pictures; nobody looks into them here."""
    (tmp_path / "images").mkdir()
    for name in "abc":
        (tmp_path / "images" / f"{name}.jpg").write_bytes(b"x")
    return tmp_path


def read(path: Any, **settings: Any) -> tuple[list[Captioned], ReadReport]:
    source, report, data = open_captions(path), ReadReport(), DataSettings(**settings)
    return read_captioned(source, plan_captions(source, data), data, report), report


def said(found: list[Captioned]) -> dict[str, list[str]]:
    return {one.name: one.captions for one in found}


TWO = {"a.jpg": ["a dog", "it runs"], "b.jpg": ["a cat"]}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.csv", "image,caption\na.jpg,a dog\na.jpg,it runs\nb.jpg,a cat\n"),
        ("captions.txt", "image,caption\na.jpg,a dog\na.jpg,it runs\nb.jpg,a cat\n"),
        ("c.tsv", "file_name\tsentence\na.jpg\ta dog\na.jpg\tit runs\nb.jpg\ta cat\n"),
        ("Flickr8k.token.txt", "a.jpg#0\ta dog\na.jpg#1\tit runs\nb.jpg#0\ta cat\n"),
        (
            "c.json",
            json.dumps(
                [
                    {"image": "a.jpg", "captions": ["a dog", "it runs"]},
                    {"image": "b.jpg", "captions": "a cat"},
                ]
            ),
        ),
        (
            "c.jsonl",
            '{"photo": "a.jpg", "n": 1, "text": "a dog"}\n'
            '{"photo": "a.jpg", "n": 2, "text": "it runs"}\n'
            '{"photo": "b.jpg", "n": 3, "text": "a cat"}\n',
        ),
        (
            "c.jsonl",
            '{"filename": "a.jpg", "captions": [{"raw": "a dog"}, {"raw": "it runs"}]}\n'
            '{"filename": "b.jpg", "captions": [{"raw": "a cat"}]}\n',
        ),
    ],
)
def test_tables_of_many_forms(name: str, content: str, folder: Path) -> None:
    (folder / name).write_text(content, encoding="utf-8")
    found, report = read(folder / name)
    assert said(found) == TWO
    assert found[0].image == folder / "images" / "a.jpg"
    assert report.records == 3 and not report.dropped


def test_a_comma_within_a_caption_of_the_flickr_form(folder: Path) -> None:
    (folder / "captions.txt").write_text('image,caption\na.jpg,"a dog, a cat"\nb.jpg,"x ""y"""\n')
    assert said(read(folder)[0]) == {"a.jpg": ["a dog, a cat"], "b.jpg": ['x "y"']}


def test_named_columns_and_folder(folder: Path, tmp_path: Path) -> None:
    table = folder / "c.csv"
    table.write_text("one,two,three\na.jpg,b.jpg,words\n")
    with pytest.raises(DataError, match="no column surely names pictures"):
        read(table)
    found, _ = read(table, image="two", caption="three", images=str(folder / "images"))
    assert said(found) == {"b.jpg": ["words"]}
    with pytest.raises(SettingsError, match=r'--image four: there is no such column.*"three"'):
        read(table, image="four")
    with pytest.raises(SettingsError, match="--images nowhere: there is no such folder"):
        read(table, image="one", caption="three", images="nowhere")


def test_columns_of_training_that_other_data_have_not_are_looked_for(folder: Path) -> None:
    (folder / "c.json").write_text('[{"photo": "a.jpg", "captions": ["a dog"], "alt": "x"}]')
    source = open_captions(folder / "c.json")
    trained = DataSettings(image="image", caption="alt")
    with pytest.raises(SettingsError, match="--image image: there is no such column"):
        plan_captions(source, trained)
    said: list[str] = []
    plan = plan_captions(source, known_columns(source, trained, said.append))
    assert (plan.image, plan.caption) == ("photo", "alt")
    assert said == [
        'c: has no column "image", as training had; pictures are read in "photo", '
        'captions in "alt".'
    ]
    assert known_columns(source, DataSettings(image="photo"), said.append).image == "photo"
    assert len(said) == 1
    (folder / "d.json").write_text('[{"a": "a.jpg", "b": "b.jpg", "c": "words", "d": "more"}]')
    with pytest.raises(DataError, match=r'has no column "image" and no column "alt".*Rename them'):
        known_columns(open_captions(folder / "d.json"), trained, said.append)


def test_what_is_missing_or_empty_is_counted_and_named(folder: Path) -> None:
    (folder / "c.csv").write_text(
        "image,caption\na.jpg,a dog\nx.jpg,gone\nx.jpg,gone too\ny.jpg,gone\nb.jpg,\n,words\n"
    )
    found, report = read(folder / "c.csv")
    assert said(found) == {"a.jpg": ["a dog"]}
    words = report.reasons()
    assert "captions of missing pictures such as x.jpg, y.jpg (3)" in words
    assert "empty caption (1)" in words and 'empty column "image" (1)' in words


def test_no_picture_at_all_is_one_clear_line(folder: Path) -> None:
    (folder / "c.csv").write_text("image,caption\nx.jpg,gone\n")
    with pytest.raises(DataError, match=r"no picture is where the data say.*--images"):
        read(folder / "c.csv")


def test_rows_in_memory_may_hold_pictures_themselves() -> None:
    import numpy as np

    one, two = np.zeros((4, 4, 3)), np.ones((4, 4, 3))
    found, _ = read([{"image": one, "caption": "black"}, {"image": two, "caption": ["white", ""]}])
    assert said(found) == {"picture 1": ["black"], "picture 2": ["white"]}


def test_a_folder_with_parts_and_a_folder_without_a_table(folder: Path) -> None:
    with pytest.raises(DataError, match="holds no table of captions"):
        open_captions(folder)
    for part in ("train", "val"):
        (folder / f"{part}.csv").write_text("image,caption\na.jpg,a dog\n")
    source = open_captions(folder)
    assert source.files[0].name == "train.csv" and set(source.parts) == {"valid"}
    (folder / "more.csv").write_text("image,caption\n")
    with pytest.raises(DataError, match=r"holds several tables \(more.csv, train.csv, val.csv\)"):
        open_captions(folder)


def test_a_picture_is_no_table_of_captions(folder: Path) -> None:
    with pytest.raises(DataError, match=r"a.jpg: is a picture; expected a table"):
        open_captions(folder / "images" / "a.jpg")


def test_data_that_surely_hold_captions_are_known(folder: Path) -> None:
    (folder / "captions.txt").write_text("image,caption\na.jpg,a dog\n")
    assert 'column "image" names pictures' in holds_captions(folder)
    assert holds_captions(folder / "captions.txt")
    (folder / "other.csv").write_text("file,text\nnotes.txt,a dog\n")
    assert not holds_captions(folder / "other.csv")
    assert not holds_captions("shapes") and not holds_captions([{"image": "a.jpg"}])


def test_pictures_of_a_folder(folder: Path) -> None:
    (folder / "notes.txt").write_text("x")
    assert [path.name for path in pictures_in(folder)] == ["a.jpg", "b.jpg", "c.jpg"]
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match="holds no pictures"):
        pictures_in(folder / "empty")
