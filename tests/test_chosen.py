"""Which settings a command works with: the stronger over the weaker, and what fits the data."""

from pathlib import Path

import pytest

from seqloom import api
from seqloom.chosen import Changes, choose
from seqloom.config import Settings, override
from seqloom.errors import SettingsError

SMALL: Changes = {
    "model": {"hidden_size": 8, "embedding_size": 6},
    "train": {"updates": 2, "batch_size": 4, "sample_length": 3},
}


def table(path: Path, column: str) -> str:
    """A file of rows with one column of text; its path."""
    rows = "".join(f'{i},"The cat number {i} sat down"\n' for i in range(60))
    path.write_text(f"n,{column}\n{rows}")
    return str(path)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The config of a run on a table whose column is called story."""
    data = table(tmp_path / "stories.csv", "story")
    run = api.train(data, override(Settings(), SMALL, "test"), tmp_path / "run").run
    return run.path / "config.toml"


def test_the_stronger_wins(tmp_path: Path) -> None:
    data = table(tmp_path / "a.csv", "story")
    (tmp_path / "my.toml").write_text("[model]\nnum_layers = 3\n[train]\nepochs = 2\n")
    plain = choose(data, {})
    assert (plain.name, plain.task, plain.settings) == ("a", "generate", Settings())
    preset = choose(data, {}, preset="cooking-lstm")
    assert preset.name == "cooking-lstm" and preset.remarks
    assert preset.settings.train.epochs is not None
    filed = choose(data, {}, preset="cooking-lstm", config=tmp_path / "my.toml")
    assert (filed.settings.model.num_layers, filed.settings.train.epochs) == (3, 2)
    assert filed.settings.text == preset.settings.text
    flags: Changes = {"train": {"minutes": 1.0}, "model": {"num_layers": 4}}
    asked = choose(data, flags, preset="cooking-lstm", config=tmp_path / "my.toml").settings
    assert (asked.model.num_layers, asked.train.minutes, asked.train.epochs) == (4, 1.0, None)


def test_no_data_and_no_preset() -> None:
    with pytest.raises(SettingsError, match="received no data"):
        choose(None, {})


def test_the_same_data_keep_what_was_inferred(config: Path, tmp_path: Path) -> None:
    chosen = choose(str(tmp_path / "stories.csv"), {}, config=config)
    assert chosen.settings.data.text == "{story}"
    assert chosen.settings.text.tokenizer == "char"
    assert chosen.remarks == ()


def test_of_other_data_what_was_inferred_is_looked_for_anew(config: Path, tmp_path: Path) -> None:
    chosen = choose(table(tmp_path / "b.csv", "body"), {}, config=config)
    assert (chosen.settings.data.text, chosen.settings.data.records) == (None, "auto")
    assert chosen.settings.text.tokenizer == "auto"
    assert chosen.settings.model.hidden_size == 8, "what was not inferred stays"
    (remark,) = chosen.remarks
    assert "looked for anew here: text, records, encoding, tokenizer" in remark


def test_what_was_asked_for_is_not_looked_for_anew(tmp_path: Path) -> None:
    data = table(tmp_path / "stories.csv", "story")
    asked: Changes = {**SMALL, "data": {"text": "story"}, "text": {"tokenizer": "word"}}
    run = api.train(data, override(Settings(), asked, "test"), tmp_path / "run").run
    config = run.path / "config.toml"
    other = choose(table(tmp_path / "b.csv", "body"), {"data": {"text": "body"}}, config=config)
    assert (other.settings.text.tokenizer, other.settings.data.text) == ("word", "body")
    with pytest.raises(SettingsError, match=r'no column "story".*config.toml.*--text'):
        choose(str(tmp_path / "b.csv"), {}, config=config)


def test_a_copied_config_means_what_it_says(config: Path, tmp_path: Path) -> None:
    copy = tmp_path / "my.toml"
    copy.write_text(config.read_text())
    assert choose(str(tmp_path / "stories.csv"), {}, config=copy).settings.data.text == "{story}"
    with pytest.raises(SettingsError, match=r'no column "story".*my.toml.*take it out'):
        choose(table(tmp_path / "b.csv", "body"), {}, config=copy)
    (tmp_path / "plain.txt").write_text("Words without columns.\n" * 40)
    with pytest.raises(SettingsError, match=r"without columns.*my.toml"):
        choose(str(tmp_path / "plain.txt"), {}, config=copy)


def test_an_edited_config_means_what_it_says(config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text().replace('text = "{story}"', 'text = "{body}"'))
    chosen = choose(table(tmp_path / "b.csv", "body"), {}, config=config)
    assert chosen.settings.data.text == "{body}" and chosen.remarks == ()
