import codecs
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.data.encoding import (
    SAMPLE,
    detect_encoding,
    read_blocks,
    read_chunks,
    read_head,
    read_lines,
)

from seqloom.errors import DataError, SettingsError

KOREAN = "정말 재미있는 영화입니다. 다시 보고 싶어요.\n"
ENGLISH = "“It’s the café’s,” she said – naïvely.\n"


def written(folder: Path, data: bytes, name: str = "a.txt") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def text_of(path: Path, encoding: str = "auto") -> str:
    return "".join(read_chunks(path, encoding))


@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [
        ("plain", "ascii", "utf-8"),
        (KOREAN, "utf-8", "utf-8"),
        (KOREAN, "utf-8-sig", "utf-8-sig"),
        (KOREAN, "utf-16", "utf-16"),
        (ENGLISH, "utf-16-le", "utf-16-le"),
        (ENGLISH, "utf-16-be", "utf-16-be"),
        (KOREAN, "cp949", "cp949"),
        ("뷁 똠방각하를 펲시콜라와 먹었다. 그래도 맛있었다.", "cp949", "cp949"),
        (ENGLISH, "cp1252", "cp1252"),
        # The curly quote and the letter after it would be a (rare) syllable in CP949.
        ("don’t, won’t, it’s, they’re", "cp1252", "cp1252"),
        ("Ärger mit Öl und Übermut", "cp1252", "cp1252"),
    ],
)
@pytest.mark.parametrize("suffix", [".txt", ".txt.gz"])
@pytest.mark.parametrize("times", [1, 10_000])
def test_encoding_is_found_and_text_comes_back(
    tmp_path: Path, text: str, encoding: str, name: str, suffix: str, times: int
) -> None:
    path = written(tmp_path, (text * times).encode(encoding), "a" + suffix)
    found, reason = detect_encoding(path)
    assert found == name
    assert reason
    assert text_of(path) == text * times


@given(shift=st.integers(0, 2), encoding=st.sampled_from(["utf-8", "cp949"]))
def test_borders_of_samples_may_cut_characters(
    tmp_path_factory: pytest.TempPathFactory, shift: int, encoding: str
) -> None:
    text = "x" * shift + "가나다라 " * SAMPLE
    path = written(tmp_path_factory.mktemp("cut"), text.encode(encoding))
    assert detect_encoding(path)[0] == encoding
    assert text_of(path) == text


@pytest.mark.parametrize("suffix", [".txt", ".txt.gz"])
@pytest.mark.parametrize("place", ["middle", "end"])
def test_korean_far_behind_english_is_seen(tmp_path: Path, suffix: str, place: str) -> None:
    filler = b"plain english line\n" * 20_000
    korean = KOREAN.encode("cp949") * 500
    data = filler + korean + (filler if place == "middle" else b"")
    assert detect_encoding(written(tmp_path, data, "a" + suffix))[0] == "cp949"


def test_a_stray_byte_does_not_make_utf8_another_encoding(tmp_path: Path) -> None:
    path = written(tmp_path, KOREAN.encode() * 3 + b"\xff\n" + KOREAN.encode() * 3)
    assert detect_encoding(path)[0] == "utf-8"
    with pytest.raises(DataError, match=r"a\.txt, line 4, byte \d+: ff is not utf-8"):
        text_of(path)


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0", b"\x81\x8d\x8f\x90 caf\xe9"])
def test_binary_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DataError, match=r"neither UTF-8.*--encoding"):
        detect_encoding(written(tmp_path, data))


@pytest.mark.parametrize("lead", [0, 1, 100_000, 262_143, 300_000])
def test_wrong_encoding_names_line_byte_and_the_right_one(tmp_path: Path, lead: int) -> None:
    data = b"x\n" * lead + KOREAN.encode("cp949")
    path = written(tmp_path, data)
    with pytest.raises(DataError) as caught:
        text_of(path, "utf-8")
    assert f"line {lead + 1}, byte {2 * lead}: " in str(caught.value)
    assert "--encoding cp949" in str(caught.value)


def test_byte_of_a_wrong_cp949_character_counts_from_the_start(tmp_path: Path) -> None:
    # The block ends between the two bytes of a character; the next one is broken.
    data = b"x" * (262_144 - 1) + "가".encode("cp949") + b"\n\xff\xff"
    with pytest.raises(DataError, match=r"line 2, byte 262146: "):
        text_of(written(tmp_path, data), "cp949")


def test_unknown_encoding_offers_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match='Did you mean "cp949"'):
        text_of(written(tmp_path, b"a"), "cp9499")
    with pytest.raises(SettingsError):  # a codec, but not of text
        text_of(written(tmp_path, b"a"), "base64")


def test_damaged_gzip_and_missing_file_are_one_line(tmp_path: Path) -> None:
    whole = gzip.compress(KOREAN.encode() * 1_000)
    path = tmp_path / "a.txt.gz"
    for damaged in (whole[:-20], b"no gzip", whole[:30] + b"\0\0\0\0" + whole[34:]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="gzip data is damaged"):
            list(read_blocks(path))
    with pytest.raises(DataError, match="cannot be read"):
        list(read_blocks(tmp_path / "absent.txt"))


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\ufeff")))
def test_lines_are_those_between_line_ends(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = written(tmp_path_factory.mktemp("lines"), text.encode())
    expected = text.split("\n")
    assert list(read_lines(path, "utf-8")) == (expected if expected[-1] else expected[:-1])


def test_line_ends_of_every_system_are_one(tmp_path: Path) -> None:
    path = written(tmp_path, b"a\r\nb\rc\nd")
    assert list(read_lines(path, "utf-8")) == ["a", "b", "c", "d"]


def test_head_is_bounded(tmp_path: Path) -> None:
    long = written(tmp_path, b"x" * 3_000_000)
    head, whole = read_head(long, "utf-8")
    assert len(head) < 1_000_000
    assert not whole
    assert read_head(written(tmp_path, codecs.BOM_UTF8 + b"abc"), "utf-8") == ("abc", True)
