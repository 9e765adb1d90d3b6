"""Settings as TOML: what is written is read back, and a bad file is named by line or setting."""

import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as checked
from hypothesis import strategies as st

from seqloom.config import Settings, override, settings_from
from seqloom.errors import SettingsError
from seqloom.toml import read_changes, read_toml, to_toml


@checked(deadline=None)
@given(
    st.text(min_size=1),
    st.lists(st.text()),
    st.floats(min_value=1e-30, max_value=1e30),
    st.integers(min_value=1, max_value=2**60),
    st.booleans(),
)
def test_settings_come_back(
    text: str, drop: list[str], rate: float, size: int, lowercase: bool
) -> None:
    changes = {
        "data": {"text": text, "drop": tuple(drop)},
        "text": {"lowercase": lowercase},
        "model": {"hidden_size": size},
        "train": {"learning_rate": rate, "sample_prompt": text},
    }
    settings = override(Settings(), changes, "test")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_bytes(to_toml(settings).encode())
        assert settings_from(read_changes(path), "test") == settings


def test_every_setting_stands_under_its_meaning() -> None:
    lines = to_toml(Settings()).splitlines()
    for section in Settings.model_fields.values():
        for name, field in section.annotation.model_fields.items():
            place = next(
                i for i, line in enumerate(lines) if line.startswith((f"{name} =", f"# {name} ="))
            )
            assert lines[place - 1] == f"# {field.description}"


def test_a_setting_without_value_is_a_comment_that_may_be_filled_in() -> None:
    text = to_toml(Settings())
    assert tomllib.loads(text)["train"].get("minutes") is None
    filled = text.replace("# minutes =", "minutes = 2.5")
    assert settings_from(tomllib.loads(filled), "test").train.minutes == 2.5


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[data\n", "is not TOML.*line 1"),
        (b"[data]\ntext = \xff\n", "is not TOML"),
        (b"epochs = 3\n", r'"epochs" stands outside its section; put it under \[train\]'),
        (b"data = 3\n", r"data is a section, written \[data\]"),
        (b"epoch = 3\n", 'Did you mean "epochs"'),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=expected):
        read_changes(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no\.toml: cannot be read"):
        read_toml(tmp_path / "no.toml")
