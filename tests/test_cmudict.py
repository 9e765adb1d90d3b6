"""The pronouncing dictionary: stress, variants, remarks; parts by the word alone."""

import hashlib
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data.cmudict import part_of, read_cmudict
from seqloom.data.records import read_records
from seqloom.data.source import open_source
from seqloom.errors import DataError

LINES = """\
;;; a remark # and more
read R EH1 D
read(2) R IY1 D # present
record R EH1 K ER0 D
record(2) R EH0 K ER1 D
record(3) R AH0 K AO1 R D

aalborg AO1 L B AO0 R G # place, danish
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_stress_goes_and_variants_that_differ_in_it_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "my.dict", LINES)
    found = [(row["word"], row["phonemes"]) for row in read_cmudict((path,), "")]
    assert found == [
        ("read", "R EH D"),
        ("read", "R IY D"),
        ("record", "R EH K ER D"),
        ("record", "R AH K AO R D"),
        ("aalborg", "AO L B AO R G"),
    ]


def test_the_parts_are_all_there_is_and_share_no_word(tmp_path: Path) -> None:
    words = [f"w{'abcdefghij'[i % 10] * (i % 7)}{i}" for i in range(2_000)]
    path = write(tmp_path / "my.dict", "".join(f"{w} AH0\n{w}(2) EH1\n" for w in words))
    parts = {p: list(read_cmudict((path,), p)) for p in ("train", "valid", "test")}
    whole = [row["word"] for row in read_cmudict((path,), "")]
    assert sorted(row["word"] for rows in parts.values() for row in rows) == sorted(whole)
    names = [{row["word"] for row in rows} for rows in parts.values()]
    assert not names[0] & names[1] and not names[0] & names[2] and not names[1] & names[2]
    assert [len(own) for own in names] == pytest.approx([1800, 100, 100], abs=40)


@given(st.text(min_size=1))
def test_a_words_part_is_that_of_its_hash(word: str) -> None:
    place = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % 100
    assert part_of(word) == ("test" if place < 5 else "valid" if place < 10 else "train")


@pytest.mark.parametrize("line", ["word", "word 0.99 1.2 W ER1 D", "word(2)"])
def test_a_line_without_phonemes_is_named(tmp_path: Path, line: str) -> None:
    path = write(tmp_path / "my.dict", f"a AH0\n{line}\n")
    with pytest.raises(DataError, match=r"my\.dict, line 2: expected a word and its phonemes"):
        list(read_cmudict((path,), ""))


def test_a_dictionary_of_ones_own_is_a_source(tmp_path: Path) -> None:
    source = open_source(str(write(tmp_path / "my.dict", LINES)))
    assert (source.format, source.parts) == ("cmudict", {})
    assert len(list(read_records(source))) == 5


def test_the_real_one_has_fixed_parts() -> None:
    if not Path(os.environ.get("SEQLOOM_DATA", "absent")).is_dir():
        pytest.skip("SEQLOOM_DATA names no folder with the real data")
    source = open_source("cmudict")
    counts: Counter[str] = Counter()
    words: Counter[str] = Counter()
    symbols: set[str] = set()
    for part, own in {"train": source, **source.parts}.items():
        rows = list(read_records(own))
        counts[part], words[part] = len(rows), len({row["word"] for row in rows})
        symbols.update(piece for row in rows for piece in row["phonemes"].split())
    assert counts == {"train": 121_268, "valid": 6_827, "test": 6_765}
    assert words == {"train": 113_333, "valid": 6_392, "test": 6_327}
    assert len(symbols) == 39
