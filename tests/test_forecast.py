"""Forecasts from end to end: a run, its files, what follows, scores, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet
from seqloom_runtime.evaluate.mase import mase_scales
from seqloom_runtime.signal.windows import Parts
from seqloom_runtime.tasks.series_scales import SeriesScales

from seqloom import api, cli
from seqloom.config import default_settings, override
from seqloom.data.source import open_source
from seqloom.data.time_table import SeriesOptions, read_time_table
from seqloom.errors import DataError, SettingsError
from seqloom.run import Run
from seqloom.tasks.forecast_fitted import read_ridge
from seqloom.tasks.forecast_use import load_forecaster, widened

SMALL = {"hidden_size": 6}
FEW = {"updates": 3, "threads": 1}
Rows = list[dict[str, Any]]


def rows(days: int = 60, future: int = 0) -> Rows:
    """Two shops; the holidays of some days behind the end are known."""
    random = np.random.default_rng(3)
    return [
        {
            "unique_id": shop,
            "ds": str(np.datetime64("2024-03-01") + day),
            "y": round(20 + 5 * (day % 7) + k + float(random.normal()), 3) if day < days else "",
            "rain": round(float(random.random()), 3) if day < days else "",
            "holiday": int(day % 7 == 6),
            "region": "north" if k else "south",
        }
        for k, shop in enumerate(("east", "west"))
        for day in range(days + future)
    ]


def write(path: Path, table: Rows) -> str:
    lines = [",".join(table[0]), *(",".join(map(str, row.values())) for row in table)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with every kind of column in ``run``, one of plain numbers in ``plain``, their data."""
    folder = tmp_path_factory.mktemp("forecast")
    columns = {"past": ("rain",), "known": ("holiday",), "static": ("region",)}
    sizes = {"horizon": 3, "look_back": 8}
    data = write(folder / "shops.csv", rows(future=5))
    numbers = folder / "numbers.csv"
    numbers.write_text("value\n" + "".join(f"{n % 9 + n % 4}\n" for n in range(80)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        for name, source, own in (("run", data, columns), ("plain", str(numbers), {})):
            asked = {"data": {**sizes, **own}, "model": SMALL, "train": FEW}
            settings = override(default_settings("forecast"), asked, "test")
            api.train(source, settings, folder / name, task="forecast")
    return folder


@pytest.fixture
def said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """What a command does: its status, its output, its words."""
    monkeypatch.setenv("SEQLOOM_CACHE", str(folder / "cache"))

    def of(*words: str) -> tuple[int, str, str]:
        status = cli.run(list(words))
        out, err = capsys.readouterr()
        return status, out, err

    return of


def test_the_run_folder_holds_scores_of_all_baselines(folder: Path) -> None:
    run = Run.open(folder / "run")
    metrics = run.read_json("metrics.json")
    for part in ("valid", "test"):
        for scores in (metrics[part], *(metrics[n][part] for n in ("baseline", "naive", "ridge"))):
            assert {"mae", "rmse", "mse", "smape", "mase", "crps"} <= set(scores)
    assert {"coverage", "width", "coverage_50"} <= set(metrics["test"])
    assert "coverage" not in metrics["valid"], "intervals were calibrated there"
    steps = run.read_json("details.json")["test"]
    assert steps["windows"] == 2 * (12 - 3 + 1), "every window is scored"
    assert len(steps["by_step"]["model"]["mae"]) == 3 == len(steps["by_step"]["ridge"]["mae"])
    mean = np.mean(steps["by_step"]["model"]["mae"])
    np.testing.assert_allclose(mean, metrics["test"]["mae"], rtol=1e-9)
    assert (run.path / "fan.png").read_bytes().startswith(b"\x89PNG")
    (sample, *_) = run.lines("samples.jsonl")
    assert len(sample["forecast"]) == len(sample["true"]) == 3


def test_settings_of_the_run_are_resolved(folder: Path) -> None:
    settings = load_forecaster(Run.open(folder / "run")).settings
    assert (settings.data.value, settings.data.time, settings.data.id) == (
        ("y",),
        "ds",
        "unique_id",
    )
    assert settings.data.difference == "season" and settings.model.normalise == "none"
    assert settings.data.log is False


def test_the_naive_baselines_are_what_they_should_be(folder: Path) -> None:
    table = [row for row in rows() if row["unique_id"] == "east"]
    values = np.array([row["y"] for row in table])
    first, last = 60 - 12, 60 - 3
    errors = [
        abs(values[start + step] - values[start + step - 7])
        for start in range(first, last + 1)
        for step in range(3)
    ]
    other = np.array([row["y"] for row in rows() if row["unique_id"] == "west"])
    errors += [
        abs(other[start + step] - other[start + step - 7])
        for start in range(first, last + 1)
        for step in range(3)
    ]
    metrics = Run(folder / "run").read_json("metrics.json")
    np.testing.assert_allclose(metrics["baseline"]["test"]["mae"], np.mean(errors), rtol=1e-6)


def test_what_follows_the_training_data(said: Any, folder: Path) -> None:
    status, out, _ = said("predict", str(folder / "run"))
    assert status == 0
    header, *lines = out.splitlines()
    assert header == "unique_id,ds,y,lo-90,hi-90,lo-80,hi-80,lo-50,hi-50"
    assert [line.split(",")[:2] for line in lines] == [
        [shop, f"2024-04-{30}"] if day == 0 else [shop, f"2024-05-0{day}"]
        for shop in ("east", "west")
        for day in range(3)
    ]
    numbers = np.array([line.split(",")[2:] for line in lines], float)
    y, lo90, hi90, lo80, hi80, lo50, hi50 = numbers.T
    for left, right in ((lo90, lo80), (lo80, lo50), (lo50, y), (y, hi50), (hi50, hi80)):
        assert (left <= right).all()
    assert (hi80 <= hi90).all() and (lo90 < hi90).all()


def test_the_same_data_give_the_same_forecast(said: Any, folder: Path) -> None:
    _, kept, _ = said("predict", str(folder / "run"))
    _, read, _ = said("predict", str(folder / "run"), str(folder / "shops.csv"))
    assert read == kept


def test_newer_data_are_followed_from_their_end(said: Any, folder: Path, tmp_path: Path) -> None:
    newer = write(tmp_path / "newer.csv", rows(days=70, future=3))
    status, out, _ = said("predict", str(folder / "run"), newer, "--format", "jsonl")
    assert status == 0
    found = [json.loads(line) for line in out.splitlines()]
    assert [row["ds"] for row in found][:3] == ["2024-05-10", "2024-05-11", "2024-05-12"]


def test_a_history_shorter_than_the_look_back_is_said(
    said: Any, folder: Path, tmp_path: Path
) -> None:
    newer = write(tmp_path / "newer.csv", rows(days=5, future=3))
    status, _, err = said("predict", str(folder / "run"), newer)
    assert status == 0
    assert "2 of 2 series are shorter than the 15 steps that forecasts read" in err
    assert "shorter" not in said("predict", str(folder / "run"), str(folder / "shops.csv"))[2]


def test_gaps_in_newer_data_are_filled_where_that_is_asked_for(
    said: Any, folder: Path, tmp_path: Path
) -> None:
    table = rows(days=70, future=3)
    table[20]["y"] = ""
    newer, run = write(tmp_path / "newer.csv", table), str(folder / "run")
    for verb in ("predict", "evaluate"):
        status, _, err = said(verb, run, newer)
        assert status == 2 and "line 22" in err and "Pass --gaps fill" in err
        assert said(verb, run, newer, "--gaps", "fill")[0] == 0
    table[20]["y"] = "much"
    newer = write(tmp_path / "newer.csv", table)
    for verb in ("predict", "evaluate"):
        status, _, err = said(verb, run, newer, "--gaps", "fill")
        assert status == 2 and "pass --skip-bad-rows" in err
        status, *words = said(verb, run, newer, "--gaps", "fill", "--skip-bad-rows")
        assert status == 0
        assert "1 row that cannot be read was left out (--skip-bad-rows)." in "".join(words)
        for flags in (("--gaps", "fill"), ("--skip-bad-rows",)):
            status, *words = said(verb, run, *flags)
            assert status == 2 and "says how a file is read: pass" in "".join(words)
    status, _, err = said("evaluate", run, "--gaps", "fill")
    assert (status, err) == (2, "seqloom: --gaps says how a file is read: pass FILE.\n")


def test_beyond_the_horizon_medians_are_read_back(said: Any, folder: Path) -> None:
    status, out, err = said("predict", str(folder / "run"), "--horizon", "5")
    assert status == 0 and "medians are read back" in err
    lines = [line.split(",") for line in out.splitlines()[1:]]
    assert len(lines) == 10
    _, short, quiet = said("predict", str(folder / "run"), "--horizon", "2")
    assert "medians" not in quiet
    first = [line.split(",") for line in short.splitlines()[1:]]
    assert first == [*lines[:2], *lines[5:7]], "what is near does not depend on the horizon"
    widths = [float(line[4]) - float(line[3]) for line in lines[:5]]
    assert min(widths[3:]) > widths[2]


def test_uncertainties_add_up_as_squares() -> None:
    own, before = np.array([-3.0, 0, 3]), np.array([-4.0, 0, 4])
    found = widened(own[None, None, None] + 10, before[None, None, None] - 7)
    assert found.ravel().tolist() == [5, 10, 15]


def test_covariates_of_the_future_are_asked_for(said: Any, folder: Path, tmp_path: Path) -> None:
    status, out, err = said("predict", str(folder / "run"), "--horizon", "6")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert '"holiday" must be known for the 6 steps' in err and "--horizon 5" in err
    assert "end before 2024-05-05" in err
    ended = write(tmp_path / "ended.csv", rows())
    status, _, err = said("predict", str(folder / "run"), ended)
    assert status == 2 and "end before 2024-04-30" in err


def test_a_file_of_nothing_but_known_columns_will_do(
    said: Any, folder: Path, tmp_path: Path
) -> None:
    whole = rows(future=5)
    ahead = [
        {name: row[name] for name in ("unique_id", "ds", "holiday")}
        for row in whole
        if not row["y"]
    ]
    _, expected, _ = said("predict", str(folder / "run"), "--horizon", "5")
    path = write(tmp_path / "ahead.csv", ahead[::-1])  # in any order
    status, out, err = said("predict", str(folder / "run"), path, "--horizon", "5")
    assert (status, out) == (0, expected), err
    assert 'Beyond it "rain" are held as they last were' in err
    holed = write(tmp_path / "holed.csv", [row for n, row in enumerate(ahead) if n != 1])
    status, _, err = said("predict", str(folder / "run"), holed)
    assert status == 2 and 'holed.csv: of series "east" a row for 2024-05-01 is expected' in err
    other = write(tmp_path / "other.csv", [{**row, "unique_id": "new"} for row in ahead])
    status, _, err = said("predict", str(folder / "run"), other)
    assert status == 2 and "no values of it. Pass its past values too." in err


def test_times_are_written_in_the_zone_of_the_data(said: Any, tmp_path: Path) -> None:
    hours = np.datetime64("2024-01-01T00") + np.arange(60)
    table = [{"time": f"{hour}:00+09:00", "y": n % 5} for n, hour in enumerate(hours)]
    data, out = write(tmp_path / "hours.csv", table), str(tmp_path / "run")
    small = ("--updates", "2", "--hidden-size", "4", "--threads", "1", "--horizon", "2")
    assert said("train", data, "--task", "forecast", "--out", out, *small)[0] == 0
    for words in ((out,), (out, data)):
        _, found, _ = said("predict", *words)
        times = [line.split(",")[1] for line in found.splitlines()[1:]]
        assert times == ["2024-01-03 12:00:00+09:00", "2024-01-03 13:00:00+09:00"]
    assert said("predict", out, "--out", str(tmp_path / "f.parquet"))[0] == 0
    column = parquet.read_table(tmp_path / "f.parquet").column("ds")
    assert column[0].as_py().isoformat() == "2024-01-03T12:00:00+09:00"


def test_a_series_that_is_new_is_forecast_on_its_own_scale(
    said: Any, folder: Path, tmp_path: Path
) -> None:
    table = [{**row, "unique_id": "new"} for row in rows(future=3) if row["unique_id"] == "east"]
    table += [{**row, "y": row["y"] and row["y"] * 1000} for row in table]
    for row in table[len(table) // 2 :]:
        row["unique_id"] = "large"
    status, out, err = said("predict", str(folder / "run"), write(tmp_path / "new.csv", table))
    assert status == 0 and "were not in the training" in err
    medians = [float(line.split(",")[2]) for line in out.splitlines()[1:]]
    np.testing.assert_allclose(np.array(medians[3:]), 1000 * np.array(medians[:3]), rtol=1e-3)


def test_files_are_written_as_their_names_say(said: Any, folder: Path, tmp_path: Path) -> None:
    names = {"csv": tmp_path / "f.csv", "jsonl": tmp_path / "f.jsonl", "pq": tmp_path / "f.parquet"}
    for path in names.values():
        status, out, err = said("predict", str(folder / "run"), "--out", str(path))
        assert (status, out) == (0, "") and path.name in err
    table = parquet.read_table(names["pq"])
    assert str(table.schema.field("ds").type).startswith("timestamp")
    lines = [json.loads(line) for line in names["jsonl"].read_text().splitlines()]
    assert table.column("y").to_pylist() == [line["y"] for line in lines]
    assert len(names["csv"].read_text().splitlines()) == 7


def test_a_picture_is_drawn(said: Any, folder: Path, tmp_path: Path) -> None:
    for name, start in (("fan.png", b"\x89PNG"), ("fan.svg", b"<?xml")):
        path = tmp_path / name
        assert said("predict", str(folder / "plain"), "--plot", str(path))[0] == 0
        assert path.read_bytes().startswith(start)
    status, _, err = said("predict", str(folder / "plain"), "--plot", "fan.gif")
    assert status == 2 and "ends in .png or .svg" in err


def test_steps_are_numbered_on_where_there_are_no_times(said: Any, folder: Path) -> None:
    _, out, _ = said("predict", str(folder / "plain"))
    assert [line.split(",")[1] for line in out.splitlines()[1:]] == ["80", "81", "82"]


def test_what_the_scores_say_of_leads_is_kept(folder: Path) -> None:
    metrics = Run.open(folder / "run").read_json("metrics.json")
    assert (metrics["first"], metrics["channels"]) == ("baseline", 1)
    for part in ("valid", "test"):
        mean, sure = metrics["leads"][part]["ridge"]
        expected = metrics["ridge"][part]["mase"] - metrics[part]["mase"]
        np.testing.assert_allclose(mean, expected, rtol=1e-6)
        assert sure is None or sure >= 0


def test_scores_on_a_file_are_those_of_every_window(said: Any, folder: Path) -> None:
    status, out, _ = said("evaluate", str(folder / "run"), str(folder / "shops.csv"), "--json")
    assert status == 0
    result = json.loads(out)
    assert {"mase", "coverage"} <= set(result["scores"])
    assert {"scores"} == set(result["ridge"]) == set(result["baseline"])
    status, out, _ = said("evaluate", str(folder / "run"))
    assert status == 0 and "seasonal naive" in out and "90 % holds" in out


def test_words_of_other_tasks_are_refused(said: Any, folder: Path) -> None:
    status, _, err = said("predict", str(folder / "run"), "--beam", "3")
    assert (status, err) == (2, "seqloom: --beam has no meaning for forecast.\n")
    status, _, err = said("predict", str(folder / "run"), "--format", "parquet")
    assert status == 2 and "--out FILE.parquet" in err


def test_data_of_another_frequency_are_refused(said: Any, folder: Path, tmp_path: Path) -> None:
    table = rows(future=4)
    for place, row in enumerate(table):
        row["ds"] = str(np.datetime64("2001-01") + place % 64)
    status, _, err = said("predict", str(folder / "run"), write(tmp_path / "months.csv", table))
    assert status == 2 and "are daily, and these are monthly" in err


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["date,y", *(f"2024-01-{d:02},{d}" for d in range(1, 20)), "2024-01-20,many"], "line 21"),
        (["date,y", *(f"2024-01-{d:02}," for d in range(1, 20))], "no column holds numbers"),
        (["date,y", *(f"2024-01-{d:02},{d}" for d in range(1, 20)), "2024-01-20,inf"], "infinite"),
        (["date,y", "2024-01-01,1", "2024-01-02,2"], "at least 3 are needed"),
    ],
)
def test_bad_input_is_one_clear_line(
    lines: list[str], words: str, said: Any, tmp_path: Path
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("\n".join(lines) + "\n")
    out = str(tmp_path / "run")
    status, _, err = said("train", str(path), "--task", "forecast", "--out", out, "--quiet")
    assert status == 2 and words in err and err.count("\n") == 1
    assert not Path(out).exists()


def test_what_was_filled_in_is_no_measure_of_errors() -> None:
    days = [{"ds": f"2024-01-{d:02}", "y": 7.0 * (d % 2)} for d in range(1, 31)]
    whole, holed = (
        read_time_table(open_source(table), SeriesOptions(gaps="fill", time="ds", value=("y",)))
        for table in (days, [day for n, day in enumerate(days) if n % 5 or not n])
    )
    part = Parts((0, 30), (30, 30), (30, 30))
    fitted = [SeriesScales.fit(found, [part], log=False) for found in (whole, holed)]
    assert holed.series[0].missing.any() and fitted[0].season == fitted[1].season
    assert mase_scales([holed.series[0].values], 7) < fitted[1].errors == fitted[0].errors


def test_a_constant_series_is_forecast_as_it_is(said: Any, tmp_path: Path) -> None:
    path = tmp_path / "flat.csv"
    path.write_text("date,y\n" + "".join(f"2024-01-{d:02},5\n" for d in range(1, 31)))
    out, small = str(tmp_path / "run"), ("--updates", "2", "--hidden-size", "4", "--threads", "1")
    status, shown, err = said("train", str(path), "--task", "forecast", "--out", out, *small)
    assert status == 0, err
    assert "never changes" in err and "There is nothing to compare" in shown
    assert "of validation: the weights are chosen and the intervals made on little" in err
    _, out, _ = said("predict", out)
    medians = [float(line.split(",")[2]) for line in out.splitlines()[1:]]
    np.testing.assert_allclose(medians, 5, atol=0.2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": {"levels": (0.1, 0.5)}}, "its mirror image"),
        ({"model": {"segment": 4}}, "--segment has no meaning without --encoder segment"),
        ({"data": {"value": ("z",)}}, 'no column "z"'),
        ({"data": {"horizon": 70}}, "too long"),
    ],
)
def test_settings_that_cannot_be(
    changes: dict[str, Any], words: str, folder: Path, tmp_path: Path
) -> None:
    settings = override(default_settings("forecast"), changes, "test")
    with pytest.raises((SettingsError, DataError), match=words):
        api.train(str(folder / "shops.csv"), settings, tmp_path / "run", task="forecast")
    assert not (tmp_path / "run").exists()


def test_a_loss_of_one_value_has_intervals_too(folder: Path, tmp_path: Path) -> None:
    asked = {"train": {**FEW, "loss": "mse"}, "model": SMALL}
    settings = override(default_settings("forecast"), asked, "test")
    outcome = api.train(str(folder / "numbers.csv"), settings, tmp_path / "run", task="forecast")
    assert outcome.metrics is not None
    assert outcome.metrics["decides"] == "mse"
    assert outcome.metrics["test"]["width"] > outcome.metrics["test"]["width_50"] > 0
    assert read_ridge(outcome.run).weights.shape[0] == 1
