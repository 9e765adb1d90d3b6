"""Pairs from whatever they are written in: which columns and lines, what is dropped or refused."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.config import DataSettings
from seqloom.data.pair_columns import (
    doubtful_pairs,
    find_columns,
    is_language,
    names_columns,
    surely_pairs,
)
from seqloom.data.pairs import (
    infer_pairs,
    open_pairs,
    other_pairs,
    other_part,
    read_pairs,
    source_place,
)
from seqloom.data.records import ReadReport
from seqloom.data.sides import look_swapped, names_crossed, swapped_pairs
from seqloom.data.tagged import open_tagged
from seqloom.errors import DataError, SettingsError

PAIRS = [("Ein Haus.", "A house."), ("Zwei Hunde", "Two dogs"), ("Gut", "Good")]


def write(path: Path, text: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def lines(*texts: str) -> str:
    return "".join(f"{text}\n" for text in texts)


def read(data: Any, **settings: Any) -> list[tuple[str, str]]:
    return read_all(data, **settings)[0]


def read_all(data: Any, **settings: Any) -> tuple[list[tuple[str, str]], ReadReport]:
    source, asked, report = open_pairs(data), DataSettings(**settings), ReadReport()
    found = read_pairs(source, infer_pairs(source, asked), asked, report)
    return [(pair.source, pair.target) for pair in found], report


# What pairs are written in


def test_rows_in_memory() -> None:
    dicts = [{"source": a, "target": b} for a, b in PAIRS]
    assert read(PAIRS) == read(dicts) == read(pd.DataFrame(dicts)) == PAIRS
    with pytest.raises(DataError, match=r"Pair 1 is .*expected a text and its translation"):
        open_pairs([("a", "b"), ("a", "b", "c")])


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.txt", "pairs.pairs", "pairs.tsv.gz"])
@pytest.mark.parametrize("more", ["", "\tCC BY #1"])
def test_lines_with_tabs_need_no_header(tmp_path: Path, name: str, more: str) -> None:
    content = lines(*(f"{a}\t{b}{more}" for a, b in PAIRS))
    path = tmp_path / name
    path.write_bytes(gzip.compress(content.encode()) if name.endswith("gz") else content.encode())
    assert read(path) == PAIRS
    turned = [(b, a) for a, b in PAIRS]
    assert read(path, source="2", target="1") == turned
    assert read(path, target="1") == read(path, source="2") == turned
    with pytest.raises(SettingsError, match="called by their numbers"):
        read(path, source="1", target="en")


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.txt", "pairs.data"])
def test_a_header_is_no_pair(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, lines("German\tEnglish", *("\t".join(pair) for pair in PAIRS)))
    assert read(path) == PAIRS
    assert read(path, source="English") == [(b, a) for a, b in PAIRS]


def test_a_column_that_is_asked_for_is_a_header_whatever_it_is_called(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", lines("this\tthat", *("\t".join(pair) for pair in PAIRS)))
    assert read(path)[0] == ("this", "that")
    assert read(path, source="this") == read(path, target="that") == PAIRS


def test_two_files_line_by_line(tmp_path: Path) -> None:
    first = write(tmp_path / "train.de", lines(*(a for a, _ in PAIRS)))
    second = write(tmp_path / "train.en", lines(*(b for _, b in PAIRS)))
    assert open_pairs(first).name == "train"
    assert read(first, target=second) == PAIRS
    packed = tmp_path / "train.en.gz"
    packed.write_bytes(gzip.compress(Path(second).read_bytes()))
    assert read(first, target=str(packed)) == PAIRS


def test_columns_of_columns(tmp_path: Path) -> None:
    rows = [{"id": n, "translation": {"de": a, "en": b}} for n, (a, b) in enumerate(PAIRS)]
    path = write(tmp_path / "a.jsonl", lines(*map(json.dumps, rows)))
    assert read(path) == PAIRS
    assert read(path, source="en", target="de") == [(b, a) for a, b in PAIRS]


@given(
    st.lists(
        st.tuples(*[st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1)] * 2),
        min_size=2,
    )
)
def test_memory_keeps_what_it_is_given(pairs: list[tuple[str, str]]) -> None:
    assert read(pairs) == pairs


# Which columns


TEXTS = ["ein Satz", "noch einer", "und der dritte", "ein vierter"]


@pytest.mark.parametrize(
    ("columns", "asked", "found"),
    [
        ("source target", {}, "source target"),
        ("target source", {}, "source target"),
        ("Q A label", {}, "Q A"),
        ("id ko en", {}, "ko en"),
        ("text_en text_ko note", {}, "text_en text_ko"),
        ("한국어 영어", {}, "한국어 영어"),
        ("label first second", {}, "first second"),
        ("first second", {"source": "second"}, "second first"),
        ("de en", {"target": "de"}, "en de"),
        ("de en fr", {"source": "fr", "target": "de"}, "fr de"),
        ("source target", {"source": "target"}, "target source"),
    ],
)
def test_columns_are_found(columns: str, asked: dict[str, str], found: str) -> None:
    numbers = {"id", "label"}
    sample = [
        {name: n % 2 if name in numbers else text for name in columns.split()}
        for n, text in enumerate(TEXTS)
    ]
    first, second = find_columns("a", columns.split(), sample, DataSettings(**asked))
    assert f"{first} {second}" == found


def test_columns_that_are_not_plain_are_asked_for(tmp_path: Path) -> None:
    sample = [dict.fromkeys(("a", "b", "c"), text) for text in TEXTS]
    with pytest.raises(DataError, match=r'not plain from "a", "b", "c". Name them with --source'):
        find_columns("x", ["a", "b", "c"], sample, DataSettings())
    with pytest.raises(SettingsError, match=r'--source sorce: there is no such column.*"source"'):
        find_columns("x", ["source", "b"], sample, DataSettings(source="sorce"))
    with pytest.raises(SettingsError, match='both name the column "a"'):
        find_columns("x", ["a", "b"], sample, DataSettings(source="a", target="a"))
    file = write(tmp_path / "b.txt", "x\n")
    with pytest.raises(SettingsError, match="is a file, and x is a table"):
        find_columns("x", ["a", "b"], sample, DataSettings(target=file))


def test_languages_by_name() -> None:
    assert all(map(is_language, ("en", "EN", "text_de", "sentenceKo", "Korean", "영어")))
    assert not any(map(is_language, ("id", "is", "no", "it", "text", "label", "")))
    assert not names_columns(["it", "es"])  # two words as well
    assert not names_columns(["", "English"])
    assert not names_columns(["story", "story"])


def test_what_is_surely_pairs(tmp_path: Path) -> None:
    sure = {"source": TEXTS, "target": TEXTS[::-1]}
    classes = {"source": TEXTS * 3, "target": [0, 1, 1] * 4}
    for columns, expected in (
        (sure, True),
        (classes, False),
        ({"question": TEXTS, "answer": TEXTS}, False),
    ):
        assert surely_pairs(open_pairs(pd.DataFrame(columns)), DataSettings()) is expected
    languages = {"de": TEXTS, "en": TEXTS[::-1], "id": [1, 2, 3, 4]}
    assert surely_pairs(open_pairs(pd.DataFrame(languages)), DataSettings())
    assert not surely_pairs(open_pairs(write(tmp_path / "a.txt", "a\tb\n")), DataSettings())
    assert surely_pairs(open_pairs(write(tmp_path / "a.dict", "a AH0\n")), DataSettings())


SENTENCES = [f"satz {n}\tsentence {n}" for n in range(30)]
BARE = {
    "two texts": ("\n".join(SENTENCES), True),
    "a text and its label": ("\n".join(f"satz {n}\t{'ab'[n % 2]}" for n in range(30)), False),
    "numbered texts": ("\n".join(f"{n}\t{line}" for n, line in enumerate(SENTENCES)), False),
    "words with tags": ("\n".join(f"w{n}\tT{n}" + "\n" * (n % 5 == 4) for n in range(30)), False),
    "a story in a table": ("title\tstory\n" + "\n".join(SENTENCES), False),
    "a few lines": ("\n".join(SENTENCES[:4]), False),
}


@pytest.mark.parametrize("case", BARE)
@pytest.mark.parametrize("name", ["a.tsv", "a.txt"])
def test_two_columns_of_text_without_names_are_pairs(tmp_path: Path, case: str, name: str) -> None:
    content, expected = BARE[case]
    path = write(tmp_path / name, content + "\n")
    for source in (open_pairs(path), open_tagged(path)):
        assert surely_pairs(source, DataSettings()) is expected
        assert expected or (doubtful_pairs(source, DataSettings()) is not None) == (
            case == "numbered texts"
        )


def test_what_may_be_pairs_is_said() -> None:
    table = {"id": [1, 2, 3, 4], "question": TEXTS, "answer": TEXTS[::-1], "label": [0, 1, 0, 1]}
    source = open_pairs(pd.DataFrame(table))
    assert not surely_pairs(source, DataSettings())
    assert doubtful_pairs(source, DataSettings()) == (
        'the columns "question" and "answer" may be a text and its translation or answer: '
        "--task translate learns that."
    )
    other = pd.DataFrame({"title": TEXTS, "story": TEXTS[::-1]})
    assert doubtful_pairs(open_pairs(other), DataSettings()) is None


# What is dropped, what is refused


def test_a_pair_without_a_side_is_dropped_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", lines("a\tb", "\tc", "d\t  ", "", "e\tNone", "f\tg"))
    pairs, report = read_all(path, drop=("None",))
    assert pairs == [("a", "b"), ("f", "g")]
    assert report.dropped == {"no source": 1, "no target": 2}
    first = write(tmp_path / "a.de", lines("a", "", "c"))
    second = write(tmp_path / "a.en", lines("x", "y", "z"))
    pairs, report = read_all(first, target=second)
    assert (pairs, report.dropped) == ([("a", "x"), ("c", "z")], {"no source": 1})
    with pytest.raises(DataError, match=r"no pair of texts is left; dropped: no target \(1\)"):
        read([("a", "")])


@pytest.mark.parametrize("longer", ["a.de", "a.en"])
def test_files_of_different_length(tmp_path: Path, longer: str) -> None:
    for name in ("a.de", "a.en"):
        write(tmp_path / name, lines(*(["text"] * (12 if name == longer else 10))))
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.de", target=str(tmp_path / "a.en"))
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / longer}, line 11: has no partner")
    assert "ends after 10 lines" in message and "has 12" in message


def test_a_row_without_its_tab(tmp_path: Path) -> None:
    rows = [*(f"text {n}\tText {n}" for n in range(300)), "no tab here", "x\ty"]
    path = write(tmp_path / "a.tsv", lines(*rows))
    with pytest.raises(
        DataError, match=r"a\.tsv, line 301: has 1 texts with tabs between.*expected 2"
    ):
        read(path)
    pairs, report = read_all(path, skip_bad_rows=True)
    assert (len(pairs), report.dropped) == (301, {"bad row": 1})


@pytest.mark.parametrize("name", ["a.txt", "a.tsv"])
def test_the_first_line_without_a_tab_is_named(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, lines("a\tb", "", "c\td", "no tab", "none", "e\tf", "g\th"))
    with pytest.raises(DataError, match=r"line 4: holds no tab.*2 of the first 6.*--skip-bad-rows"):
        read(path)
    pairs, report = read_all(path, skip_bad_rows=True)
    assert pairs == [("a", "b"), ("c", "d"), ("e", "f"), ("g", "h")]
    assert report.dropped == {"bad row": 2}
    few = write(tmp_path / "few.txt", lines("one", "two", "a\tb"))
    with pytest.raises(DataError, match=r"few\.txt: 2 of its first 3 lines hold no tab"):
        read(few)


def test_files_that_make_no_pairs(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.txt", lines("one text", "another"))
    with pytest.raises(DataError, match=r"hold no tab.*--target"):
        read(plain)
    with pytest.raises(DataError, match=r"There is no file b\.txt"):
        read(plain, target="b.txt")
    with pytest.raises(DataError, match="the same file"):
        read(plain, target=plain)
    other = write(tmp_path / "b.txt", lines("x", "y"))
    with pytest.raises(SettingsError, match="--source de: there are no columns"):
        read(plain, source="de", target=other)
    with pytest.raises(DataError, match="the file is empty"):
        open_pairs(write(tmp_path / "empty.de", ""))


# Other parts


def test_the_second_file_of_another_part_is_found_by_its_name(tmp_path: Path) -> None:
    names = ("train.de", "train.en", "val.de", "val.en.gz", "other.fr")
    paths = {name: write(tmp_path / name, "x\n") for name in names}
    source = open_pairs(paths["train.de"])
    settings = DataSettings(target=paths["train.en"])
    plan = infer_pairs(source, settings)
    assert other_part(source, plan, paths["val.de"], settings)[1].second == Path(paths["val.en.gz"])
    with pytest.raises(DataError, match='expected a name that ends in "de"'):
        other_part(source, plan, paths["other.fr"], settings)
    with pytest.raises(DataError, match=r"lonely\.en: is not there"):
        other_part(source, plan, write(tmp_path / "lonely.de", "x\n"), settings)
    table = write(tmp_path / "valid.csv", "de,en\nein Haus,a house\n")
    _, other = other_part(source, plan, table, settings)
    assert (other.source, other.target, other.second) == ("de", "en", None)


@pytest.mark.parametrize(
    ("train", "other"),
    [
        (("train.de", "train.en"), ("val.de", "val.en")),
        (("train.src.txt", "train.tgt.txt"), ("val.src.txt", "val.tgt.txt")),
        (("train_src.txt", "train_tgt.txt"), ("val_src.txt", "val_tgt.txt")),
        (("src-train.txt", "tgt-train.txt"), ("src-val.txt", "tgt-val.txt")),
        (("en_train_1.txt", "ko_train_1.txt"), ("en_val_2.txt", "ko_val_2.txt")),
        (("de/train.txt", "en/train.txt"), ("de/val.txt", "en/val.txt")),
        (("de/train.de", "en/train.en"), ("de/val.de", "en/val.en")),
    ],
)
def test_names_change_as_the_training_files_do(
    tmp_path: Path, train: tuple[str, str], other: tuple[str, str]
) -> None:
    paths = [write(tmp_path / name, "x\n") for name in (*train, *other)]
    source, settings = open_pairs(paths[0]), DataSettings(target=paths[1])
    plan = infer_pairs(source, settings)
    assert other_part(source, plan, paths[2], settings)[1].second == Path(paths[3])
    for place in (0, 2):
        found = other_pairs(paths[place], settings, paths[0])[1]
        assert found.second == Path(paths[place + 1])


@pytest.mark.parametrize("name", ["new.txt", "new.tsv"])
def test_which_text_of_a_line_is_translated(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, lines("eins\tone", "zwei\ttwo"))
    tabs = open_pairs(path)
    single = open_pairs(write(tmp_path / f"single-{name}", lines("eins", "zwei")))
    trained = DataSettings(source="1", target="2")
    turned = DataSettings(source="2", target="1")
    assert [source_place(tabs, s) for s in (trained, turned, DataSettings())] == [0, 1, 0]
    assert [source_place(single, s) for s in (trained, DataSettings(source="de"))] == [0, None]
    assert other_pairs(path, trained)[1].tabs
    assert other_pairs(path, turned)[1].source == "2"
    named = open_pairs(write(tmp_path / f"named-{name}", lines("de\ten", "eins\tone")))
    assert source_place(named, DataSettings(source="de")) is None
    table = open_pairs(write(tmp_path / "new.csv", lines("de,en", "eins,one")))
    assert source_place(table, trained) is None


def test_a_run_is_scored_on_whatever_holds_pairs(tmp_path: Path) -> None:
    names = ("train.de", "train.en", "val.de", "val.en")
    paths = {name: write(tmp_path / name, f"{name}\n") for name in names}
    aligned = DataSettings(target=paths["train.en"])
    for data in (paths["val.de"], paths["train.de"]):
        source, plan = other_pairs(data, aligned)
        (pair,) = read_pairs(source, plan, aligned, ReadReport())
        assert (pair.source, pair.target) == (Path(data).name, Path(data).name[:-2] + "en")
    columns = DataSettings(source="Q", target="A")
    for settings in (aligned, columns):
        source, plan = other_pairs(PAIRS, settings)
        assert (plan.source, plan.target) == ("source", "target")
        tabs = write(tmp_path / "new.tsv", lines("eins\tone"))
        assert other_pairs(tabs, settings)[1].tabs
    with pytest.raises(DataError, match=r"hold no tab.*--target"):
        other_pairs(paths["val.de"], columns)
    source, plan = other_pairs(pd.DataFrame({"A": TEXTS, "Q": TEXTS}), columns)
    assert (plan.source, plan.target) == ("Q", "A")


# Sides the other way round


def test_letters_tell_sides_apart() -> None:
    german = ["Der Mann fährt mit dem Fahrrad zur großen Straße"] * 10
    english = ["The man with the bike goes to where they think the street was"] * 10
    assert look_swapped((german, english), (english, german))
    assert not look_swapped((german, english), (german, english))
    assert not look_swapped((german, german), (german, german))
    assert not look_swapped((german, english), (["the thing"], ["Straße"]))  # too few letters


def test_single_pairs_the_other_way_round_are_found_where_scripts_differ() -> None:
    korean, english = [f"좋은 날 {n}" for n in range(20)], [f"a good day {n}" for n in range(20)]
    assert swapped_pairs((english, korean)) == []
    korean[3], english[3] = english[3], korean[3]
    english[5] = korean[5]  # a text that was not translated is not the other way round
    korean[7] = english[7] = "7 !"
    assert swapped_pairs((english, korean)) == [3]
    german, english = ["ein Hund da"] * 9 + ["a dog in it"], ["a dog in it"] * 9 + ["ein Hund da"]
    assert swapped_pairs((german, english)) == []
    assert swapped_pairs((["1"], ["2"])) == []


def test_names_of_languages_tell_a_table_that_is_swapped_as_a_whole() -> None:
    korean, english = [f"좋은 날 {n}" for n in range(20)], [f"a good day {n}" for n in range(20)]
    assert names_crossed(("en", "ko"), (korean, english))
    assert names_crossed(("train.ko", "train.en"), (english, korean))
    assert names_crossed(("text", "text_korean"), (korean, english))
    assert not names_crossed(("ko", "en"), (korean, english))
    assert not names_crossed(("ko", "ko"), (korean, korean))
    assert not names_crossed(("he", "she"), (korean, english))
    assert not names_crossed(("ko", "en"), (["1"], ["2"]))


@pytest.mark.parametrize(
    ("name", "pairs", "first"),
    [
        ("multi30k-de-en", [29_000, 1_014, 1_000], ("Zwei junge weiße Männer", "Two young, Whi")),
        ("tatoeba-en-ko", [3_798], ("Go.", "가.")),
        ("korean-chatbot", [11_823], ("12시 땡!", "하루가 또 가네요.")),
        ("cmudict", [121_268, 6_827, 6_765], ("'bout", "B AW T")),
        ("hello-hola", [1, 1], ("hello", "hola")),
    ],
)
def test_data_sets_are_read_right(name: str, pairs: list[int], first: tuple[str, str]) -> None:
    if name != "hello-hola" and not Path(os.environ.get("SEQLOOM_DATA", "absent")).is_dir():
        pytest.skip("SEQLOOM_DATA names no folder with the real data")
    source, settings = open_pairs(name), DataSettings()
    plan = infer_pairs(source, settings)
    counts, starts = [], []
    for own in (source, *source.parts.values()):
        report = ReadReport()
        found = list(read_pairs(own, plan, settings, report))
        assert not report.dropped
        counts.append(len(found))
        starts.append(found[0])
    assert counts == pairs
    assert starts[0].source.startswith(first[0])
    assert starts[0].target.startswith(first[1])
