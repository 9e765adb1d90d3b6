"""The command line with classifiers and taggers: files, standard input, a screen."""

import csv
import io
import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from seqloom import cli

SMALL = ["--hidden-size", "6", "--embedding-size", "8", "--updates", "40", "--threads", "1"]
SMALL += ["--precision", "float32", "--seed", "1"]
KINDS = ("good", "bad")
ROWS = [
    f'{n},"a very {KINDS[n % 2]} film, number {n}",{KINDS[n % 2]}\n' for n in range(120)
]  # the label is easy to learn
CONLLU = "".join(
    f"{number}\t{word}\t_\t{tag}\t_\t_\t0\t_\t_\t_\n" + ("\n" if tag == "NOUN" else "")
    for _ in range(60)
    for number, word, tag in ((1, "Anna", "NAME"), (2, "runs", "VERB"), (3, "home", "NOUN"))
)

Said = tuple[int, str, str]  # exit status, standard output, standard error
Seqloom = Callable[..., Said]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of each kind; never written to."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "films.csv").write_text("n,review,label\n" + "".join(ROWS))
    (folder / "words.conllu").write_text(CONLLU)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        for data, name in (("films.csv", "films"), ("words.conllu", "words")):
            words = ["train", str(folder / data), "--out", str(folder / name), *SMALL, "--quiet"]
            assert cli.run(words) == 0
    return folder


@pytest.fixture
def seqloom(
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Seqloom:
    monkeypatch.setenv("SEQLOOM_CACHE", str(runs / "cache"))
    monkeypatch.chdir(tmp_path)

    def run(*words: object, stdin: str = "") -> Said:
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        return (cli.run([str(word) for word in words]), *capsys.readouterr())

    return run


def test_training_says_what_was_found_and_what_to_try(seqloom: Seqloom, runs: Path) -> None:
    status, out, err = seqloom("train", runs / "films.csv", "--out", "run", *SMALL)
    assert status == 0
    assert "The task is classify" in err and "nats an example  accuracy" in err
    assert "linear baseline, validation" in out and "label, validation" in out
    assert "length in tokens" in out
    (line,) = (line for line in err.splitlines() if line.strip().startswith("echo"))
    assert line.endswith("| seqloom predict run -")
    done = subprocess.run(
        ["sh", "-c", line.replace("seqloom", f"{sys.executable} -m seqloom")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert [row["predicted"] in KINDS for row in csv.DictReader(done.stdout.splitlines())] == [True]


def test_training_as_json_is_one_object(seqloom: Seqloom, runs: Path) -> None:
    for name, baseline in (("films.csv", "accuracy"), ("words.conllu", "accuracy")):
        words = ("train", runs / name, "--out", f"{name}-run", *SMALL, "--json", "--quiet")
        status, out, err = seqloom(*words)
        assert (status, err, out.count("\n")) == (0, "", 1)
        metrics = json.loads(out)
        assert set(metrics["valid"]) >= {baseline} <= set(metrics["baseline"]["valid"])
        for verb in (("resume",), ("evaluate",)):
            status, out, _ = seqloom(*verb, f"{name}-run", "--json")
            assert status == 0 and out.count("\n") == 1
            assert json.loads(out)["valid"] == metrics["valid"]


def test_evaluating_on_a_file_and_on_the_run_itself(
    seqloom: Seqloom, runs: Path, tmp_path: Path
) -> None:
    status, out, _ = seqloom("evaluate", runs / "films", runs / "films.csv")
    assert status == 0 and "linear baseline, on" in out and "label, this file" in out
    assert "network alone, on" in out and "left out" not in out
    some = tmp_path / "some.csv"
    some.write_text("n,review,label\n" + "".join(ROWS) + '1,"a film",\n2,,good\n3,"it",fine\n')
    out = seqloom("evaluate", runs / "films", some)[1]
    assert "121 of 123 rows are scored; left out: no label (1), no text (1)." in out
    assert "some: 1 of 121 examples has a label that training lacks" in " ".join(out.split())
    found = json.loads(seqloom("evaluate", runs / "films", some, "--json")[1])
    assert (found["rows"], found["dropped"]) == (121, {"no label": 1, "no text": 1})
    out = seqloom("evaluate", runs / "films")[1]
    assert "label, validation" in out
    assert "tag, validation" in seqloom("evaluate", runs / "words")[1]
    words = ("evaluate", runs / "words", runs / "words.conllu", "--json")
    assert json.loads(seqloom(*words)[1])["scores"]["accuracy"] > 0.9


def test_rows_come_back_in_their_order_with_labels(seqloom: Seqloom, runs: Path) -> None:
    status, out, err = seqloom("predict", runs / "films", runs / "films.csv")
    assert (status, err) == (0, "")
    rows = list(csv.DictReader(out.splitlines()))
    assert [row["n"] for row in rows] == [str(n) for n in range(120)]
    assert sum(row["predicted"] == row["label"] for row in rows) > 100
    for row in rows[:9]:
        shares = [float(row[f"p({kind})"]) for kind in KINDS]
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        assert float(row["probability"]) == max(shares)
    words = ("predict", runs / "films", runs / "films.csv", "--format", "jsonl", "--out", "a.jsonl")
    status, out, err = seqloom(*words)
    assert (status, out, err) == (0, "", "120 lines in a.jsonl\n")
    values = [json.loads(line) for line in Path("a.jsonl").read_text().splitlines()]
    assert [value["predicted"] for value in values] == [row["predicted"] for row in rows]


def test_the_name_of_the_file_says_how_predictions_are_written(
    seqloom: Seqloom, runs: Path
) -> None:
    words = ("predict", runs / "films", runs / "films.csv", "--out")
    assert seqloom(*words, "a.jsonl")[0] == 0
    assert json.loads(Path("a.jsonl").read_text().splitlines()[0])["n"] == "0"
    assert seqloom(*words, "a.csv")[0] == 0
    assert Path("a.csv").read_text().startswith("n,review,label,predicted")
    assert seqloom(*words, "b.csv", "--format", "jsonl")[0] == 0
    assert Path("b.csv").read_text().startswith("{")
    status, _, err = seqloom(*words, "a.parquet")
    assert status == 2
    assert "classify writes no Parquet. Pass a .csv or .jsonl file." in err
    assert not Path("a.parquet").exists()
    words = ("predict", runs / "words", runs / "words.conllu", "--out", "a.jsonl")
    assert seqloom(*words)[0] == 0
    assert not Path("a.jsonl").read_text().startswith("{")


def test_standard_input_is_read_line_by_line(seqloom: Seqloom, runs: Path) -> None:
    texts = "\ufeffa very good film\na very bad, bad film\r\n\n"
    status, out, err = seqloom("predict", runs / "films", "-", stdin=texts)
    assert (status, err) == (0, "· 1 of 3 texts is empty: it has no label and no probability.\n")
    rows = list(csv.DictReader(out.splitlines()))
    assert [row["text"] for row in rows] == ["a very good film", "a very bad, bad film", ""]
    assert [row["predicted"] for row in rows] == ["good", "bad", ""]
    assert set(rows[2].values()) == {""}, "no probability is made up"
    assert seqloom("predict", runs / "films", "-", "--quiet", stdin="\n")[2] == ""
    status, out, error = seqloom("predict", runs / "films", "-", "--format", "jsonl")
    assert (status, out) == (2, "") and "standard input: is empty" in error


def test_it_abstains_where_it_is_not_sure(seqloom: Seqloom, runs: Path) -> None:
    words = ("predict", runs / "films", "-", "--abstain-below", "1", "--format", "jsonl")
    _, out, _ = seqloom(*words, stdin="a very good film\n")
    assert json.loads(out)["predicted"] is None


def test_words_come_back_with_tags(seqloom: Seqloom, runs: Path) -> None:
    status, out, _ = seqloom("predict", runs / "words", "-", stdin="Anna runs home\n\nAnna\n")
    assert status == 0
    assert out == "Anna\tNAME\nruns\tVERB\nhome\tNOUN\n\nAnna\tNAME\n\n"
    status, out, _ = seqloom("predict", runs / "words", runs / "words.conllu")
    assert out.strip("\n") == CONLLU.strip("\n")


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_screen_tags_stand_under_their_words(
    seqloom: Seqloom, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen()
    for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "60")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", screen)
    assert seqloom("predict", runs / "words", "-", stdin="Anna runs home\n")[0] == 0
    text = screen.getvalue()
    assert "\x1b[" in text and text.splitlines()[0].split() == ["Anna", "runs", "home"]
    assert [tag in text.splitlines()[1] for tag in ("NAME", "VERB", "NOUN")] == [True] * 3


COMPLAINTS: dict[str, tuple[list[str], list[str]]] = {
    "no such column": (["predict", "films", "other.csv"], ['no column "review"', "a, b"]),
    "no such file": (["predict", "films", "no.csv"], ["no.csv: no such file"]),
    "no such run": (["predict", "flims", "-"], ["not a run of Seqloom", "films"]),
    "wrong share": (["predict", "films", "-", "--abstain-below", "2"], ["--abstain-below 2"]),
    "wrong format": (["predict", "films", "-", "--format", "xml"], ["--format xml", "'csv'"]),
    "no data": (["predict", "films"], ["DATA", "seqloom predict --help"]),
    "writing with a classifier": (["generate", "films"], ["run of classify", "seqloom predict"]),
    "writing with a tagger": (["generate", "words"], ["run of tag", "seqloom predict"]),
    "file of other labels": (["evaluate", "films", "strange.csv"], ["none of its labels"]),
    "unlabelled file": (["evaluate", "films", "bare.csv"], ['no column "label"']),
    "untagged file": (["evaluate", "words", "plain.txt"], ["plain text"]),
    "start from nothing": (["train", "films.csv", "--from", "no"], ["no is not a run"]),
    "start from tags": (["train", "films.csv", "--from", "words"], ["words is a run of tag"]),
    "label that is not there": (["train", "films.csv", "--label", "lable"], ['"label"']),
    "text as the label": (["train", "films.csv", "--label", "n"], ['column "n"', "--label"]),
    "tags without a column": (["train", "films.csv", "--task", "tag"], ["--tags"]),
    "wrong pooling": (["train", "films.csv", "--pooling", "mean+men"], ['no "men"', "attention"]),
}


@pytest.mark.parametrize("case", COMPLAINTS)
def test_what_is_wrong_is_one_line(
    case: str, seqloom: Seqloom, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, expected = COMPLAINTS[case]
    monkeypatch.chdir(runs)
    (runs / "other.csv").write_text("a,b\n1,2\n3,4\n")
    (runs / "bare.csv").write_text("n,review\n" + "".join(f"{n},a good film\n" for n in range(9)))
    (runs / "strange.csv").write_text("review,label\n" + "a good film,1\na bad film,0\n" * 9)
    (runs / "plain.txt").write_text("Only words here.\n" * 9)
    more = [*SMALL, "--quiet", "--out", "new"] if words[0] == "train" else []
    status, out, err = seqloom(*words, *more)
    assert (status, out) == (2, ""), err
    assert err.startswith("seqloom: ") and err.count("\n") == 1
    assert all(said in err for said in expected), err
    assert not (runs / "new").exists()


def test_input_that_is_no_text_is_one_line(runs: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "seqloom", "predict", str(runs / "films"), "-"],
        input=b"good film\n\xff\xfe\n",
        capture_output=True,
    )
    assert done.returncode == 2 and b"is not UTF-8" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_line_in_a_pipe_is_answered_before_the_pipe_ends(runs: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "seqloom", "predict", str(runs / "films"), "-"]
    errors = (tmp_path / "errors").open("w+")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
    with errors, subprocess.Popen(command, **pipes, text=True) as predict:
        assert predict.stdin and predict.stdout
        said: list[str] = []
        reader = threading.Thread(target=deque, args=(map(said.append, predict.stdout), 0))
        reader.start()
        for _ in range(200):
            if len(said) > 1 or predict.poll() is not None:
                break
            predict.stdin.write("good film\n")
            predict.stdin.flush()
            time.sleep(0.3)
        early = len(said)
        predict.stdin.close()
        reader.join(60)
    assert early > 1, (tmp_path / "errors").read_text()
    assert said[0].startswith("text,predicted") and said[1].startswith("good film,")


def test_a_run_starts_from_another(seqloom: Seqloom, runs: Path) -> None:
    words = ("train", runs / "films.csv", "--from", runs / "films", "--out", "next")
    sizes = [word for word in SMALL if word not in ("--hidden-size", "6", "--embedding-size", "8")]
    status, _, err = seqloom(*words, *sizes)
    assert status == 0, err
    config = Path("next/config.toml").read_text()
    assert f'from_run = "{runs / "films"}"' in config and "hidden_size = 6" in config


def test_ctrl_c_saves_a_classifier_and_says_how_to_go_on(
    seqloom: Seqloom, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqloom.stopping.StopOnSignal._stopping", lambda self: True)
    status, out, err = seqloom("train", runs / "films.csv", "--out", "run", *SMALL)
    assert (status, out) == (130, "") and "Go on with: seqloom resume run" in err
