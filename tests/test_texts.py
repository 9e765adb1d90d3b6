import json
import tracemalloc
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seqloom.config import DataSettings
from seqloom.data.records import ReadReport
from seqloom.data.schema import TextPlan, infer_text
from seqloom.data.source import Source, open_source
from seqloom.data.texts import PIECE, cut_pieces, read_texts
from seqloom.errors import DataError

# Letters, accents that join them, jamo that join to syllables, marks that join kana.
REACHING = "aé e\u0301\u0323\u0308가나\u1100\u1161\u11a8각か\u3099一\n"


def texts_of(source: Source, report: ReadReport | None = None, **settings: object) -> list[str]:
    made = DataSettings.model_validate(settings)
    plan = infer_text(source, made)
    return list(read_texts(source, plan, made, report or ReadReport()))


@given(
    chunks=st.lists(st.text(st.sampled_from(REACHING), max_size=12), max_size=12),
    size=st.integers(1, 9),
)
@example(chunks=["a" * 7, "\u0301", "b"], size=7)
@example(chunks=["\u1100" * 5, "\u1161\u11a8" * 5, "가"], size=3)
def test_normalising_pieces_is_normalising_the_text(chunks: list[str], size: int) -> None:
    text = "".join(chunks)
    pieces = list(cut_pieces(chunks, size))
    assert "".join(pieces) == text
    normal = "".join(unicodedata.normalize("NFC", piece) for piece in pieces)
    assert normal == unicodedata.normalize("NFC", text)


@given(st.text(st.characters(codec="utf-8")), st.integers(1, 5))
def test_normalising_holds_for_all_of_unicode(text: str, size: int) -> None:
    normal = "".join(unicodedata.normalize("NFC", piece) for piece in cut_pieces([text], size))
    assert normal == unicodedata.normalize("NFC", text)


@given(st.lists(st.text("ab c\n가", max_size=20)), st.integers(2, 10))
def test_pieces_are_no_longer_than_asked(chunks: list[str], size: int) -> None:
    pieces = list(cut_pieces(chunks, size))
    assert all(0 < len(piece) <= size for piece in pieces)


def test_pieces_end_at_lines_else_at_words() -> None:
    assert list(cut_pieces(["one two\nthree four"], 9)) == ["one two", "\nthree", " four"]


@pytest.mark.parametrize("unit", ["x" * 1_024, "가" * 1_024, "x\u0301" * 512])
def test_a_long_line_is_never_held_whole(tmp_path: Path, unit: str) -> None:
    path = tmp_path / "a.txt"
    peaks = []
    for times in (10_000, 30_000):
        with path.open("w", encoding="utf-8") as file:
            file.writelines(unit for _ in range(times))
        source = open_source(path)
        plan = TextPlan("continuous", None, "utf-8")
        tracemalloc.start()
        pieces = read_texts(source, plan, DataSettings(), ReadReport())
        sizes = [len(piece) for piece in pieces]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert sum(sizes) == times * len(unit)
        assert max(sizes) <= PIECE
    assert peaks[1] < 1.1 * peaks[0]


def test_files_of_one_text_are_joined_by_a_line_end(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n")
    (tmp_path / "b.txt").write_text("\u0301two", encoding="utf-8")
    report = ReadReport()
    pieces = texts_of(open_source(tmp_path), report, records="continuous")
    assert "".join(pieces) == "one\n\n\u0301two"
    assert (report.records, report.characters) == (2, 9)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ("line", ["a", "b", "c"]),
        ("paragraph", ["a\nb", "c"]),
        ("file", ["a\nb\n\n \n c"]),
        ("continuous", ["\na\nb\n\n \n c\n"]),
    ],
)
def test_what_a_record_is(tmp_path: Path, records: str, expected: list[str]) -> None:
    (tmp_path / "a.txt").write_text("\na\nb\n\n \n c\n")
    report = ReadReport()
    assert texts_of(open_source(tmp_path / "a.txt"), report, records=records) == expected
    assert report.records == len(expected)
    assert report.characters == sum(map(len, expected))


def test_dropped_rows_are_counted_by_reason(tmp_path: Path) -> None:
    rows = [
        {"title": "Toast", "steps": ["Slice.", "Toast."]},
        {"title": "Unknown", "steps": ["Guess."]},
        {"title": "Air"},
        {"title": "Water", "steps": []},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "broken\n")
    report = ReadReport()
    settings = {"text": "{title}: {steps}", "drop": ("Unknown",), "skip_bad_rows": True}
    assert texts_of(open_source(path), report, **settings) == ["Toast: Slice. Toast."]
    assert report.dropped == {'value "Unknown"': 1, 'missing field "steps"': 2, "bad row": 1}
    assert (report.records, report.characters) == (1, 20)


def test_rows_as_one_text() -> None:
    report = ReadReport()
    pieces = texts_of(open_source(["a b", "c d"]), report, records="continuous", text="text")
    assert "".join(pieces) == "a b\nc d"
    assert report.records == 2


def test_dropped_lines_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\nUnknown\nb\n")
    report = ReadReport()
    source = open_source(tmp_path / "a.txt")
    assert texts_of(source, report, records="line", drop=("Unknown",)) == ["a", "b"]
    assert report.dropped == {'value "Unknown"': 1}


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    rows = [{"a": "x", "b": ""}, {"a": "Unknown", "b": "y"}]
    with pytest.raises(DataError, match=r'all records were dropped: .*value "Unknown" \(1\)'):
        texts_of(open_source(rows), text="{a}{b}", drop=("Unknown",))
    (tmp_path / "a.txt").write_text(" \n \n")
    for records in ("auto", "line", "file", "paragraph"):
        with pytest.raises(DataError, match="a: no text is left"):
            texts_of(open_source(tmp_path / "a.txt"), records=records)
