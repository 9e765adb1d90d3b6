"""Which settings a command works with: the stronger over the weaker, and what fits the data."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from seqloom import api
from seqloom.chosen import INSTEAD, Changes, choose
from seqloom.config import Settings, default_settings, override
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


def reviews(path: Path) -> str:
    """A file of rows with a text and a label; its path."""
    rows = "".join(
        f'"The film number {i} was fine",{"good" if i % 3 else "bad"}\n' for i in range(60)
    )
    path.write_text(f"review,label\n{rows}")
    return str(path)


def test_the_task_is_found_from_flags_and_data(tmp_path: Path) -> None:
    labelled = choose(reviews(tmp_path / "a.csv"), {})
    assert labelled.task == "classify" and "classify" in labelled.remarks[0]
    assert labelled.settings == default_settings("classify")
    assert choose(reviews(tmp_path / "a.csv"), {}, task="generate").task == "generate"
    assert choose(reviews(tmp_path / "a.csv"), {"data": {"text": "review"}}).task == "generate"
    plain = table(tmp_path / "b.csv", "story")
    assert choose(plain, {}).task == "generate"
    assert choose(plain, {"data": {"label": "n"}}).task == "classify"
    (tmp_path / "c.conllu").write_text("1\tA\ta\tDET\t_\t_\t0\t_\t_\t_\n\n" * 30)
    assert choose(str(tmp_path / "c.conllu"), {}).task == "tag"
    assert choose(plain, {"data": {"tags": "n", "tokens": "story"}}).task == "tag"


def test_pairs_are_found_where_they_are_sure_or_asked_for(tmp_path: Path) -> None:
    texts = [f"{i},the cat number {i},die Katze Nummer {i}" for i in range(30)]
    names = {"sure": "n,source,target", "open": "n,question,answer"}
    paths = {name: tmp_path / f"{name}.csv" for name in names}
    for name, path in paths.items():
        path.write_text("\n".join([names[name], *texts]))
    chosen = choose(str(paths["sure"]), {})
    assert chosen.task == "translate"
    assert chosen.remarks == (
        "The task is translate: the columns are a text and its translation. " + INSTEAD,
    )
    assert choose(str(paths["sure"]), {"data": {"text": "source"}}).task == "generate"
    assert choose(str(paths["sure"]), {"data": {"label": "n"}}).task == "classify"
    plain = str(paths["open"])
    doubtful = choose(plain, {})
    assert doubtful.task == "generate"
    assert doubtful.remarks[0].startswith(
        'The task is generate: the columns "question" and "answer"'
    )
    assert doubtful.remarks[0].endswith("--task translate learns that.")
    assert choose(plain, {}, task="translate").settings == default_settings("translate")
    assert choose(plain, {"data": {"source": "question"}}).task == "translate"
    (tmp_path / "a.de").write_text("ein Satz\n" * 30)
    (tmp_path / "a.en").write_text("a sentence\n" * 30)
    found = choose(str(tmp_path / "a.de"), {"data": {"target": str(tmp_path / "a.en")}})
    assert (found.task, found.name) == ("translate", "a")
    (tmp_path / "b.txt").write_text("ein Satz\ta sentence\n" * 30)
    assert choose(str(tmp_path / "b.txt"), {}).task == "generate"
    assert choose(str(tmp_path / "b.txt"), {}, task="translate").name == "b"
    assert choose("hello-hola", {}).task == "translate"


def test_what_only_one_task_takes_says_the_task(tmp_path: Path) -> None:
    data = reviews(tmp_path / "a.csv")
    asked: dict[str, Changes] = {
        "generate": {"text": {"window": 3}},
        "classify": {"model": {"pooling": "max"}},
        "tag": {"model": {"crf": False}},
        "translate": {"model": {"attention": "dot"}},
    }
    for task, changes in asked.items():
        chosen = choose(data, changes)
        assert chosen.task == task
        (flag,) = next(iter(changes.values()))
        said = f"The task is {task}: no other that these files can be of takes --{flag}."
        assert chosen.remarks == (() if task == "generate" else (said,))
    beside: Changes = {"model": {"pooling": "max"}, "data": {"skip_bad_rows": True}}
    (remark,) = choose(data, beside).remarks
    assert remark == "The task is classify: no other that these files can be of takes --pooling."
    both: Changes = {"model": {"pooling": "max", "crf": False}}
    with pytest.raises(SettingsError, match="--crf has no meaning for classify"):
        choose(data, both)  # no task takes both: the data decide


def test_a_config_file_says_its_task(tmp_path: Path) -> None:
    data = reviews(tmp_path / "a.csv")
    small: Changes = {
        "model": {"hidden_size": 4, "embedding_size": 4},
        "train": {"updates": 1, "pretrain": 0.0},
    }
    settings = override(default_settings("classify"), small, "test")
    run = api.train(data, settings, tmp_path / "run", task="classify").run
    plain = table(tmp_path / "b.csv", "story")
    assert choose(plain, {}, config=run.path / "config.toml").task == "classify"
    copy = tmp_path / "my.toml"
    copy.write_text((run.path / "config.toml").read_text())
    chosen = choose(data, {}, config=copy)
    assert chosen.task == "classify" and chosen.settings.data.label == "label"
    assert choose(data, {}, config=copy, task="tag").task == "tag"


def test_unknown_tasks_and_presets_of_another(tmp_path: Path) -> None:
    data = table(tmp_path / "a.csv", "story")
    with pytest.raises(SettingsError, match=r'Unknown task "clasify".*Did you mean "classify"'):
        choose(data, {}, task="clasify")
    with pytest.raises(SettingsError, match="preset is of generate, and --task tag was asked"):
        choose(data, {}, task="tag", preset="cooking-lstm")
    assert choose(data, {}, task="generate", preset="cooking-lstm").task == "generate"


def test_a_data_set_is_used_for_another_task(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_DATA", str(data_folder))
    chosen = choose("korean-chatbot", {"data": {"label": "label"}})
    assert chosen.task == "classify" and chosen.settings.data.text == "{Q} → {A}"
    assert choose("korean-chatbot", {}, task="translate").task == "translate"
    assert choose("cmudict", {}).task == "translate"
    assert choose("nsmc", {}).task == "classify"
    assert choose("wnut17", {}).task == "tag"
    assert choose("nsmc", {}, task="generate").settings.data.text == "{document}"


def numbers(path: Path, columns: str, row: str) -> str:
    """A file of forty rows, of which each has a day; its path."""
    days = [date(2024, 1, 1) + timedelta(n) for n in range(40)]
    lines = [row.format(day=day, n=n, k="ab"[n % 2]) for n, day in enumerate(days)]
    path.write_text("\n".join([columns, *lines]) + "\n")
    return str(path)


@pytest.mark.parametrize(
    ("columns", "row", "task"),
    [
        ("date,sales", "{day},{n}", "forecast"),
        ("unique_id,ds,y", "{k},{day},{n}", "forecast"),
        ("날짜,판매량,지점", "{day},{n},{k}", "forecast"),
        ("value", "{n}", "forecast"),
        ("date,note,sales", "{day},we sold {n} things,{n}", "generate"),
        ("date,label,text", "{day},{k},we sold {n} things", "classify"),
        ("n,m", "{n},{n}", "generate"),
        ("date,word", "{day},word{n}", "generate"),
    ],
)
def test_times_and_numbers_without_text_are_forecast(
    columns: str, row: str, task: str, tmp_path: Path
) -> None:
    chosen = choose(numbers(tmp_path / "a.csv", columns, row), {})
    assert chosen.task == task
    if task == "forecast":
        (remark,) = chosen.remarks
        assert remark.startswith("The task is forecast: the table ")


def test_what_only_forecasts_take_finds_them(tmp_path: Path) -> None:
    data = numbers(tmp_path / "a.csv", "date,note,sales", "{day},we sold {n} things,{n}")
    chosen = choose(data, {"data": {"horizon": 3}})
    assert chosen.task == "forecast"
    assert "no other that these files can be of takes --horizon" in chosen.remarks[0]
    assert choose("airline-passengers", {}).task == "forecast"


def test_a_horizon_that_was_chosen_for_other_data_is_chosen_anew(tmp_path: Path) -> None:
    data = numbers(tmp_path / "a.csv", "date,sales", "{day},{n}")
    few: Changes = {"model": {"hidden_size": 4}, "train": {"updates": 2, "threads": 1}}
    chosen = choose(data, few)
    run = api.train(data, chosen.settings, tmp_path / "run", task="forecast").run
    other = numbers(tmp_path / "b.csv", "when,count", "{day},{n}")
    again = choose(other, {}, config=run.path / "config.toml")
    assert again.settings.data.horizon == 0 and again.settings.data.time is None
    assert "looked for anew here: " in again.remarks[-1] and "horizon" in again.remarks[-1]
    same = choose(data, {}, config=run.path / "config.toml")
    assert same.settings.data.horizon == 5
