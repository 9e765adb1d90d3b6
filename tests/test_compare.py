"""Models side by side: who is compared, going on, and what a table may say."""

import json
import re
from pathlib import Path

import drawn
import pytest

from seqloom import api, cli
from seqloom.compare import Row, contenders_of, summarise
from seqloom.compare.summary import surely_best
from seqloom.compare.words import cells_of, headings, mean_and_spread, sentences
from seqloom.deciding import deciding_score, is_better
from seqloom.errors import DataError, RunError, SettingsError
from seqloom.run import Run
from seqloom.strict_json import to_json

SMALL = {
    "model": {"hidden_size": 6, "embedding_size": 8},
    "train": {"updates": 6, "threads": 1, "precision": "float32"},
    "data": {"text": "review", "label": "label"},
}
KINDS = ("good", "bad")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("films") / "films.csv"
    rows = [f'{n},"a very {KINDS[n % 2]} film, number {n}",{KINDS[n % 2]}\n' for n in range(120)]
    path.write_text("n,review,label\n" + "".join(rows))
    return str(path)


@pytest.fixture(scope="module")
def done(films: str, tmp_path_factory: pytest.TempPathFactory) -> api.Comparison:
    folder = tmp_path_factory.mktemp("compares")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        return api.compare(films, SMALL, folder / "films", encoders=["lstm", "elman"], seeds=2)


def row(name: str, valid: list[float], test: tuple[float, ...] = ()) -> Row:
    seeds = list(range(len(valid)))
    return Row(name, valid, list(test), seeds, {"valid": 0.5}, 1_000, 4_000, 60.0, 2_000.0, [])


def test_every_model_is_trained_with_every_seed(done: api.Comparison) -> None:
    assert not done.stopped
    assert {r.name for r in done.summary.rows} == {"lstm", "elman"}
    for one in done.summary.rows:
        runs = [Run.open(done.path / f"{one.name}-seed{seed}") for seed in (0, 1)]
        scores = [run.read_json("metrics.json")["valid"]["accuracy"] for run in runs]
        assert one.valid == scores
        config = [(run.path / "config.toml").read_text() for run in runs]
        assert all(f'encoder = "{one.name}"' in text for text in config)
        assert [re.search(r"seed = (\d)", text)[1] for text in config] == ["0", "1"]
    saved = json.loads((done.path / "comparison.json").read_text())
    assert saved["rows"] == json.loads(to_json(done.summary.as_dict()))["rows"]


def test_parameters_are_those_of_the_network(done: api.Comparison) -> None:
    from safetensors.numpy import load_file

    for one in done.summary.rows:
        arrays = load_file(done.path / f"{one.name}-seed0" / "model.safetensors")
        assert one.parameters == sum(array.size for array in arrays.values())


def test_the_same_call_trains_nothing_anew_and_more_may_be_added(
    done: api.Comparison, films: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(done.path.parent / "cache"))
    before = {path: path.stat().st_mtime_ns for path in done.path.glob("*/metrics.json")}
    again = api.compare(films, SMALL, done.path, encoders=["gru"], seeds=2)
    after = {path: path.stat().st_mtime_ns for path in done.path.glob("*/metrics.json")}
    assert all(after[path] == time for path, time in before.items())
    assert {r.name for r in again.summary.rows} == {"lstm", "elman", "gru"}


def test_a_stopped_comparison_goes_on(
    films: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    asked = iter([False] * 8)
    stopped = api.compare(
        *(films, SMALL, tmp_path / "films"),
        encoders=["elman", "gru"],
        seeds=1,
        stopping=lambda: next(asked, True),
    )
    assert stopped.stopped
    ended = api.compare(films, SMALL, tmp_path / "films", encoders=["elman", "gru"], seeds=1)
    assert not ended.stopped
    assert sorted(r.name for r in ended.summary.rows) == ["elman", "gru"]


def test_other_settings_are_another_comparison(done: api.Comparison, films: str) -> None:
    other = {**SMALL, "train": {**SMALL["train"], "updates": 7}}
    with pytest.raises(RunError, match="lstm with other settings"):
        api.compare(films, other, done.path, encoders=["lstm"], seeds=2)
    folder = done.path.parent / "notes"
    folder.mkdir()
    (folder / "a.txt").write_text("mine")
    with pytest.raises(RunError, match="no comparison and not empty"):
        api.compare(films, SMALL, folder, encoders=["lstm"], overwrite=True)
    assert (folder / "a.txt").exists()


@pytest.mark.parametrize(
    ("encoders", "presets", "changes", "words"),
    [
        ([], [], {}, "no models"),
        (["lstm", "lstm"], [], {}, "lstm stands twice"),
        (["lstmm"], [], {}, "lstm"),
        (["lstm"], [], {"model": {"encoder": "gru"}}, "beside --encoders"),
        ([], ["imdb-gru", "hello-hola"], {}, "models of one task"),
    ],
)
def test_who_cannot_be_compared(
    encoders: list[str], presets: list[str], changes: dict, words: str, films: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        contenders_of(films, changes, encoders=encoders, presets=presets)


def test_nothing_is_written_when_the_data_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        api.compare(str(tmp_path / "no.csv"), {}, tmp_path / "out", encoders=["lstm"])
    with pytest.raises(SettingsError, match="--seeds 0"):
        api.compare(str(tmp_path / "no.csv"), {}, tmp_path / "out", encoders=["lstm"], seeds=0)
    assert not (tmp_path / "out").exists()


def test_a_preset_stands_beside_encoders_with_its_own_settings(films: str) -> None:
    found = contenders_of(films, SMALL, encoders=["lstm"], presets=["imdb-gru"])
    assert [one.name for one in found] == ["lstm", "imdb-gru"]
    assert found[1].chosen.settings.model.encoder == "gru"
    assert not found[1].chosen.settings.model.wide
    assert found[1].chosen.settings.model.hidden_size == 6  # what was asked for is stronger
    assert {one.chosen.data for one in found} == {films}


def test_the_best_on_validation_stands_first_and_is_surely_so_only_beyond_the_seeds() -> None:
    clear = [row("a", [0.9, 0.91, 0.9]), row("b", [0.7, 0.71, 0.72])]
    close = [row("a", [0.9, 0.7, 0.8]), row("b", [0.7, 0.85, 0.8])]
    paired = [row("a", [0.9, 0.7, 0.8]), row("b", [0.88, 0.68, 0.779])]
    assert surely_best(paired) is True  # always a little better, on the same splits
    assert surely_best([row("a", [0.9, 0.7, 0.8]), row("b", [0.88, 0.68])]) is False
    assert surely_best(clear) is True
    assert surely_best(close) is False
    assert surely_best([row("a", [0.9]), row("b", [0.8, 0.8])]) is None
    assert surely_best([row("a", [0.9, 0.9]), row("b", [0.8, 0.8])]) is True


def test_rows_of_errors_are_sorted_with_the_fewest_first(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    runs = {}
    for name, nll in (("bad", 2.0), ("good", 1.0), ("middle", 1.5)):
        run = Run.create(tmp_path / f"{name}-seed0", overwrite=False)
        metrics = {"valid": {"nll": nll, "bits_per_character": nll}, "test": {}}
        run.write_json("metrics.json", {**metrics, "seconds": 1.0, "tokens_per_second": 1.0})
        save_file({}, run.path / "model.safetensors")
        runs[name] = [run]
    summary = summarise("generate", runs)
    assert summary.score == "bits_per_character"
    assert [one.name for one in summary.rows] == ["good", "middle", "bad"]
    assert summary.parts == ["valid"]


def test_words_of_a_comparison(done: api.Comparison) -> None:
    heads, cells, said = done.words()
    assert heads == headings(done.summary)
    assert cells == cells_of(done.summary)
    assert cells[-1][0] == "baseline"
    assert all(len(line) == len(heads) + 1 for line in cells)
    assert said == sentences(done.summary)
    assert re.search(r"(beats|does not beat) the baseline", said[-1])
    assert mean_and_spread("accuracy", [0.5, 0.7]) == "60.00% ± 14.14%"


def test_which_score_decides() -> None:
    forecast = {"decides": "mase", "valid": {"mase": None, "mae": 2.0, "accuracy": 1.0}}
    assert deciding_score(forecast, "valid") == "mae"
    assert deciding_score({"valid": {"nll": 1.0}}, "test") is None
    assert is_better("mae", 1.0, 2.0)
    assert not is_better("chrf", 1.0, 2.0)


def test_the_page_needs_nothing_beside_it(done: api.Comparison) -> None:
    page = (done.path / "report.html").read_text()
    assert "<svg" in page
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!#)', page.replace("xlink:", ""))
    for name in ("lstm", "elman"):
        assert f'<th scope="row">{name}</th>' in page
    assert (done.path / "comparison.png").stat().st_size > 5_000


def test_the_command_line(
    films: str, done: api.Comparison, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(done.path.parent / "cache"))
    small = ["--hidden-size", "6", "--embedding-size", "8", "--updates", "6", "--threads", "1"]
    small += ["--precision", "float32", "--text", "review", "--label", "label"]
    words = ["compare", films, "--encoders", "lstm,elman", "--seeds", "2", *small]
    assert cli.run([*words, "--out", str(done.path), "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert {one["name"] for one in out["rows"]} >= {"lstm", "elman"}
    assert cli.run(["compare", films, "--out", str(done.path)]) == 2
    assert "Pass --encoders" in capsys.readouterr().err


def test_where_nothing_can_be_varied_is_said(tmp_path: Path) -> None:
    drawn.write(tmp_path / "photos" / "captions.jsonl", 20)
    data = str(tmp_path / "photos" / "captions.jsonl")
    with pytest.raises(SettingsError, match="--encoders has no meaning for caption"):
        contenders_of(data, {}, encoders=["lstm", "gru"])
