"""Texts on disk: what was written, by number, in any order."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqloom.data import text_store
from seqloom.data.text_store import Texts, TextWriter

TEXTS = ["정말 좋아요", "", "👍", "line\nbreak\0 and more", "x" * 50, "last"]


def write(path: Path, texts: list[str]) -> Path:
    with TextWriter(path) as writer:
        for text in texts:
            writer.add(text)
    return path


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None
)
@given(st.lists(st.text(max_size=9), max_size=12))
def test_texts_come_back(tmp_path: Path, texts: list[str]) -> None:
    stored = Texts(write(tmp_path / "texts.arrow", texts))
    assert list(stored) == texts
    assert len(stored) == len(texts)
    assert [stored[place] for place in range(len(texts))] == texts


@pytest.mark.parametrize("buffered", [1, 20, 1 << 22])
def test_how_much_is_buffered_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buffered: int
) -> None:
    monkeypatch.setattr(text_store, "BATCH_CHARACTERS", buffered)
    stored = Texts(write(tmp_path / "texts.arrow", TEXTS))
    assert list(stored) == TEXTS
    assert stored[1:5:2] == TEXTS[1:5:2]
    assert stored[-1] == "last"


def test_some_rows_stand_in_the_order_given(tmp_path: Path) -> None:
    path = write(tmp_path / "texts.arrow", TEXTS)
    some = Texts(path, np.array([4, 0, 2]))
    assert list(some) == [TEXTS[4], TEXTS[0], TEXTS[2]]
    assert some[1] == TEXTS[0]
    assert some[1:] == [TEXTS[0], TEXTS[2]]
    with pytest.raises(IndexError):
        some[3]
    assert list(Texts(path, [])) == []


def test_half_of_a_character_pair_becomes_a_mark(tmp_path: Path) -> None:
    assert list(Texts(write(tmp_path / "texts.arrow", ["a\ud83d b"]))) == ["a? b"]


def test_what_is_not_written_to_the_end_leaves_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "texts.arrow", TEXTS)

    def fail() -> None:
        with TextWriter(path) as writer:
            writer.add("other")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(Texts(path)) == TEXTS
    assert [found.name for found in tmp_path.iterdir()] == ["texts.arrow"]
