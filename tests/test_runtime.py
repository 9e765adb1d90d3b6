"""Exported folders in use: the command, what it reads and refuses, and all of it without torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exported_runs import SONG, hearing_run, labelling_run, writing_run
from seqloom_runtime import command
from seqloom_runtime.errors import DataError
from seqloom_runtime.exported import open_model
from seqloom_runtime.reading import read_rows

from seqloom import api

ROOT = Path(__file__).resolve().parents[1]
FORBIDDEN = ("torch", "seqloom", "pydantic", "pyarrow", "sklearn", "scipy", "safetensors", "onnx")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("runtime")
    runs = {"song": writing_run(place / "song"), "film": labelling_run(place / "film")}
    return {name: api.export(run.path, place / f"out-{name}").path for name, run in runs.items()}


def said(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert command.run([str(word) for word in words]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert command.run([str(word) for word in words]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("seqloom-runtime: ")
    return error


def test_texts_are_written_as_the_run_writes_them(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    from seqloom import TextGenerator

    fitted = TextGenerator.load(folders["song"].parent / "song")
    flags = ("--length", 30, "--seed", 7, "--temperature", 0.7, "--top-k", 9)
    expected = fitted.generate("row ", length=30, seed=7, temperature=0.7, top_k=9)
    out = said(capsys, "generate", folders["song"], "--prompt", "row ", *flags)
    assert out == f"row {expected}\n"
    out = said(capsys, "generate", folders["song"], "--prompt", "row ", "--json", *flags)
    assert json.loads(out) == {"prompt": "row ", "unknown": [], "text": expected}
    model = open_model(folders["song"])
    pieces = model.stream("row ", length=30, seed=7, temperature=0.7, top_k=9)
    assert "".join(pieces) == expected
    assert model.answer([]) == []


def test_rows_are_labelled_in_their_order(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from seqloom import SequenceClassifier

    texts = ["row your boat", "gently", "", "down <br /> the stream &amp; row"] * 80
    file = tmp_path / "films.csv"
    rows = "".join(f'{n},"{text}"\n' for n, text in enumerate(texts))
    file.write_text(f"id,text\n{rows}", encoding="utf-8-sig")
    lines = said(capsys, "predict", folders["film"], file).splitlines()
    assert lines[0] == "id,text,predicted,probability,p(good),p(bad),p(dull)"
    fitted = SequenceClassifier.load(folders["film"].parent / "film")
    labels = [line.split(",")[2] for line in lines[1:]]
    expected = fitted.predict(texts).tolist()
    assert labels == [label if text else "" for label, text in zip(expected, texts, strict=True)]
    assert lines[3] == "2,,,,,,"
    out = said(capsys, "predict", folders["film"], file, "--json", "--text", "{id}: {text}")
    answers = [json.loads(line) for line in out.splitlines()]
    assert len(answers) == len(texts)
    assert sum(answers[3][f"p({name})"] for name in ("good", "bad", "dull")) == pytest.approx(1)


def test_what_cannot_be_answered_is_one_clear_line(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    song, film = folders["song"], folders["film"]
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    (tmp_path / "x.jsonl").write_text('{"text": "a"}\nno json\n')
    (tmp_path / "x.txt").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff")
    (tmp_path / "y.txt").write_bytes(b"")
    for words, message in (
        (("generate", film), "holds a model of classify. Use: seqloom-runtime predict"),
        (("predict", song, "-"), "Use: seqloom-runtime generate"),
        (("predict", film), "needs a FILE"),
        (("predict", film, tmp_path / "x.csv"), "The columns are a, b. Name the one to read"),
        (("predict", film, tmp_path / "x.csv", "--text", "c"), 'no column "c"'),
        (("predict", film, tmp_path / "x.jsonl"), "line 2, column 1: is not JSON"),
        (("predict", film, tmp_path / "x.txt"), "is neither UTF-8, CP949 nor cp1252 text"),
        (("predict", film, tmp_path / "y.txt"), "the file is empty"),
        (("predict", film, tmp_path / "x.parquet"), "Save it as CSV or JSON lines"),
        (("predict", film, tmp_path / "x.csv", "--format", "text"), "the predictions are rows"),
        (("predict", film, tmp_path / "none"), "cannot be read"),
        (("predict", tmp_path, "-"), "is no exported folder"),
        (("predict", film, "-", "--beam", "3"), "--beam means nothing to classify"),
        (("generate", song, "--top-p", "2"), "expected a number above 0 to 1"),
    ):
        assert message in refused(capsys, *words)
    model = open_model(film)
    with pytest.raises(DataError, match="Row 2: expected a text, received int"):
        model.answer(["a", 3])
    with pytest.raises(DataError, match="Row 1: expected a text, received bytes"):
        open_model(song).answer([b"a"])


def test_rows_of_every_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("review\tstars\n좋다\t5\n")
    (tmp_path / "a.jsonl").write_text('{"text": "좋다", "n": 1}\n\n"나쁘다"\n')
    (tmp_path / "a.txt").write_text("좋다\n나쁘다\n")
    assert list(read_rows(str(tmp_path / "a.tsv"))) == [("좋다", {"review": "좋다", "stars": "5"})]
    assert [row for row, _ in read_rows(str(tmp_path / "a.jsonl"))] == ["좋다", "나쁘다"]
    assert [row for row, _ in read_rows(str(tmp_path / "a.txt"))] == ["좋다", "나쁘다"]


def test_a_recording_in_pieces_is_the_recording_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import soundfile

    from seqloom.tasks.transcriber import load_transcriber

    run = hearing_run(tmp_path / "letters")
    folder = api.export(run.path, tmp_path / "out").path
    samples = np.random.default_rng(0).standard_normal(9_000).astype(np.float32) / 4
    soundfile.write(tmp_path / "said.wav", samples, 8_000)
    file = tmp_path / "said.wav"
    (heard,) = load_transcriber(run).transcribe([soundfile.read(file, dtype="float32")[0]])
    assert heard.text
    assert said(capsys, "transcribe", folder, file) == f"{heard.text}\n"
    assert said(capsys, "transcribe", folder, file, "--stream") == f"{heard.text}\n"
    answer = json.loads(said(capsys, "transcribe", folder, file, "--json"))
    assert answer["score"] == pytest.approx(heard.score, abs=1e-3)
    model = open_model(folder)
    assert model.answer([file.read_bytes()])[0]["transcript"] == heard.text
    with pytest.raises(DataError, match="Row 1: expected a sound file, its bytes, or samples"):
        model.answer([{"a": 1}])
    with pytest.raises(DataError, match=r"^the recording: cannot be read"):
        model.answer([b"no sound"])


def test_series_of_a_table_are_forecast(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from seqloom import Forecaster

    days = [
        {"unique_id": name, "ds": f"2024-01-{d:02}", "y": (d * k) % 7 + d % 5}
        for k, name in enumerate(("north", "south"), 2)
        for d in range(1, 29)
    ]
    small = {"updates": 2, "hidden_size": 4, "horizon": 3, "look_back": 6}
    fitted = Forecaster(**small).fit(days)
    folder = api.export(fitted.run_.path, tmp_path / "out").path
    first, *rows = said(capsys, "predict", folder).splitlines()
    assert first.startswith("unique_id,ds,y,lo-90,hi-90")
    assert [row.split(",")[:2] for row in rows[2:4]] == [
        ["north", "2024-01-31"],
        ["south", "2024-01-29"],
    ]
    table = tmp_path / "days.csv"
    table.write_text(
        "unique_id,ds,y\n" + "".join("{unique_id},{ds},{y}\n".format(**d) for d in days)
    )
    assert said(capsys, "predict", folder, table).splitlines() == [first, *rows]
    longer = said(capsys, "predict", folder, "--horizon", 5, "--json").splitlines()
    assert len(longer) == 10
    table.write_text("unique_id,ds,y\nnorth,2024-01-01,1\nnorth,2024-01-03,1\n")
    assert "expected the time 2024-01-02, found 2024-01-03" in refused(
        capsys, "predict", folder, table
    )
    table.write_text("unique_id,ds,y\nnorth,2024-01-01,much\n")
    assert "'much' is no number" in refused(capsys, "predict", folder, table)
    model = open_model(folder)
    (answer,) = model.answer([{"values": [1, 2, 3, 4, 5, 6, 7, 8]}])
    assert np.shape(answer["median"]) == (3, 1)
    for row, message in (
        ({"id": "east"}, "holds no series 'east'"),
        ({"values": [[1, 2]]}, "expected 1 numbers a step"),
        ({"values": [1, float("nan")]}, "is no number"),
        ({"values": [1.0], "times": ["soon"]}, "expected dates"),
        (3, r'expected {"id": name}'),
    ):
        with pytest.raises(DataError, match=message):
            model.answer([row])


def test_about_checks_a_folder_and_says_what_it_holds(
    folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = said(capsys, "about", folders["film"])
    assert words.startswith("film: classify, by Seqloom") and "labels: good, bad, dull" in words
    about = json.loads(said(capsys, "about", folders["film"], "--json"))
    assert (about["task"], about["name"]) == ("classify", "film")


def without(*packages: str) -> str:
    """A program's beginning after which these packages cannot be imported."""
    return (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {packages!r}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
    )


def test_a_folder_is_used_where_nothing_but_numpy_and_onnxruntime_is(
    folders: dict[str, Path],
) -> None:
    program = without(*FORBIDDEN) + (
        "from seqloom_runtime.command import run\n"
        f"assert run(['generate', {str(folders['song'])!r}, '--length', '5']) == 0\n"
        f"assert run(['predict', {str(folders['film'])!r}, '-']) == 0\n"
        f"assert not [n for n in sys.modules if n.split('.')[0] in {FORBIDDEN!r}]\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "runtime" / "src")},
        input=f"{SONG}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "predicted,probability" in done.stdout


def test_a_missing_package_is_named_with_a_command_that_works_there(
    folders: dict[str, Path],
) -> None:
    program = without("seqloom", "onnxruntime") + (
        "from importlib import util\n"
        "found = util.find_spec\n"
        "util.find_spec = lambda name: None if name == 'seqloom' else found(name)\n"
        "from seqloom_runtime.command import run\n"
        f"sys.exit(run(['generate', {str(folders['song'])!r}]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "runtime" / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.strip().endswith("Run: pip install onnxruntime")


def test_rows_with_more_or_fewer_fields_than_the_table_are_refused(tmp_path: Path) -> None:
    for row in ("slow, and dull,1", "alone"):
        table = tmp_path / "table.csv"
        table.write_text(f'text,id\n"good, and short",1\n\n{row}\n', encoding="utf-8")
        rows = read_rows(str(table), "text")
        assert next(rows)[0] == "good, and short"
        with pytest.raises(DataError, match=r"line 4, .*: \d fields?, expected 2 .*commas"):
            next(rows)


def test_the_package_runs_as_the_command() -> None:
    words = [sys.executable, "-m", "seqloom_runtime", "--help"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    assert "usage: seqloom-runtime" in shown.stdout


def test_the_command_runs_without_docstrings() -> None:
    asked = [sys.executable, "-OO", "-m", "seqloom_runtime", "serve", "--help"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert "Default: 1,024." in done.stdout
