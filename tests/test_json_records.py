import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqloom_runtime.data import json_records
from seqloom_runtime.data.json_records import read_json

from seqloom.errors import DataError

VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(), VALUE, max_size=3), max_size=6)


def stop(message: str) -> None:
    raise DataError(message)


def read(path: Path, text: str) -> list[dict[str, Any]]:
    path.write_text(text, encoding="utf-8", newline="")
    return list(read_json(path, "utf-8", stop))


@given(records=OBJECTS, indent=st.sampled_from([None, 0, 2]), size=st.integers(1, 40))
def test_arrays_come_back_however_the_text_is_cut(
    tmp_path_factory: pytest.TempPathFactory, records: list[Any], indent: int | None, size: int
) -> None:
    text = json.dumps(records, indent=indent, ensure_ascii=False)
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        patch.setattr(json_records, "read_chunks", lambda *_: iter(pieces))
        assert list(read_json(path, "utf-8", stop)) == records


@given(records=OBJECTS)
def test_lines_come_back(tmp_path_factory: pytest.TempPathFactory, records: list[Any]) -> None:
    text = "".join(json.dumps(record) + "\n" for record in records)
    assert read(tmp_path_factory.mktemp("json") / "a.jsonl", text) == records


def test_plain_texts_and_empty_lines(tmp_path: Path) -> None:
    assert read(tmp_path / "a.json", '["a", {"text": "b"}]') == [{"text": "a"}, {"text": "b"}]
    assert read(tmp_path / "a.jsonl", '"a"\n\n{"text": "b"}\n') == [{"text": "a"}, {"text": "b"}]
    assert read(tmp_path / "a.json", " [ ] \n") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": 2\n', r"a\.json, line 2, column \d+: is not JSON"),
        ('{"a": 1}\n[1]\n', r"line 2: expected an object .* not list"),
        ('[{"a": 1},\n 7]', r"line 2: expected an object .* not int"),
        ('[{"a": 1},\n {"a" 2}]', r"line 2, column 7: is not JSON"),
        ('[{"a": 1},\n {"a": "x]', r"line 2, column 8: is not JSON \(Unterminated"),
        ('[{"a": 1}\n {"a": 2}]', r'line 2, column 2: expected "\]", not "\{"'),
        ('[{"a": 1}', r"the end of the file"),
        ('[{"a": 1}]\n[]', r"line 2, column 1: expected the end of the file"),
        ('{\n"a": 1\n}', r"holds one object; expected an array"),
        ("[" * 100_000, r"line 1, column 2: is nested too deeply"),
    ],
)
def test_broken_json_is_located(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.json", text)


def test_broken_json_far_down_is_found_without_reading_on(tmp_path: Path) -> None:
    text = "[" + '{"a": "' + "x" * 90 + '"},\n'
    text += ('{"a": "' + "x" * 90 + '"},\n') * 20_000 + '{"a": oops},\n' + '{"a": 1},\n' * 1_000
    with pytest.raises(DataError, match=r"line 20002, column 7"):
        read(tmp_path / "a.json", text)


def test_bad_lines_and_elements_may_be_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    messages: list[str] = []
    path.write_text('{"a": 1}\nnope\n3\n{"a": 2}\n', encoding="utf-8")
    assert list(read_json(path, "utf-8", messages.append)) == [{"a": 1}, {"a": 2}]
    path.write_text('[{"a": 1}, 3, {"a": 2}]', encoding="utf-8")
    assert list(read_json(path, "utf-8", messages.append)) == [{"a": 1}, {"a": 2}]
    assert len(messages) == 3
