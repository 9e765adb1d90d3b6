"""Law 3: a run killed at any moment and resumed equals the run never interrupted, bit for bit."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import drawn
import pytest
from tones import PATTERN, write_tones

from seqloom import cli

WORDS = "one two three four five six seven eight nine ten eleven twelve".split()
LINES = [" ".join(WORDS[(i * k) % 12] for k in range(9)) for i in range(150)]
DATA = {
    "numbers.txt": "\n".join(LINES),
    "rows.csv": "text,label\n"
    + "".join(f"{line[: 9 + n % 30]},{'abc'[n % 3]}\n" for n, line in enumerate(LINES * 2)),
    "words.conll": "\n".join(
        "".join(f"{word}\t{'AB'[len(word) % 2]}\n" for word in line.split()[: 2 + n % 6])
        for n, line in enumerate(LINES)
    ),
    "days.csv": "ds,y,z\n"
    + "".join(f"{date(2024, 1, 1) + timedelta(n)},{n * 7 % 13},{n % 5}\n" for n in range(200)),
    "chorales.json": json.dumps(
        {
            part: [[[60 + (n * k) % 7, 48 + (n + k) % 5] for n in range(40)] for k in range(2, 14)]
            for part in ("train", "valid")
        }
    ),
    "pairs.tsv": "source\ttarget\n"
    + "".join(f"{line[: 9 + n % 30]}\t{line[n % 7 : 20]}\n" for n, line in enumerate(LINES)),
}
TEXT = ("--embedding-size", "8", "--sequence-length", "16")
UPDATES = 60
FLAGS = [
    *("--batch-size", "4", "--averaging", "0.9"),
    *("--dropout", "0.2", "--weight-drop", "0.1", "--dropout-ramp", "0"),
    *("--checkpoint-seconds", "0", "--report-every", "25", "--threads", "1", "--quiet"),
]
CLASSIFY = ("rows.csv", "--task", "classify", "--pretrain", "0.5")
# What is trained, the stage in which it is killed (of the run itself, or in a folder of it).
CASES = {
    "continuous": (("numbers.txt", "--records", "continuous", "--sample-length", "5"), ""),
    "lines": (("numbers.txt", "--records", "line", "--sample-length", "5"), ""),
    "classify, first stage": (CLASSIFY, "pretrain"),
    "classify, second stage": (CLASSIFY, ""),
    "translate": (("pairs.tsv", "--task", "translate", "--teacher-forcing", "0.5"), ""),
    "translate, transformer": (
        ("pairs.tsv", "--task", "translate", "--encoder", "gru", "--decoder", "transformer"),
        "",
    ),
    "caption": (
        (
            *("pictures.jsonl", "--image-size", "16", "--channels", "4", "--shift", "0.2"),
            *("--flip", "--split", "0.6/0.4", "--embedding-size", "8", "--teacher-forcing", "0.5"),
        ),
        "",
    ),
    "transcribe": (("sound", "--name", PATTERN, "--bands", "12", "--join", "1-2"), ""),
    "tag": (("words.conll", "--task", "tag", "--character-size", "4"), ""),
    "compose": (("chorales.json", "--task", "compose"), ""),
    "compose, roll": (("chorales.json", "--task", "compose", "--music", "roll"), ""),
    "forecast": (
        (
            *(
                "days.csv",
                "--task",
                "forecast",
                "--horizon",
                "3",
                "--look-back",
                "8",
                "--past",
                "z",
            ),
            *("--value", "y", "--head", "step", "--teacher-forcing", "0.5"),
        ),
        "",
    ),
}


def in_a_process(words: list[str]) -> list[str]:
    return [sys.executable, "-m", "seqloom", *words]


def train(
    data: Path, out: Path, *more: str, updates: int = UPDATES, hidden_size: int = 24
) -> list[str]:
    size = ("--updates", str(updates), "--hidden-size", str(hidden_size))
    text = () if {"forecast", "--image-size"} & set(more) else TEXT
    return ["train", str(data), "--out", str(out), *size, *FLAGS, *text, *more]


def update_of(run: Path) -> int:
    index = run / "checkpoint" / "latest.json"
    if not index.exists():
        return -1
    return int(json.loads(index.read_text())["file"].split("-")[1].split(".")[0])


def outcome(run: Path) -> tuple[Any, ...]:
    """All weights, history and scores without what the clock decides, samples."""
    weights = {file.name: file.read_bytes() for file in run.glob("*.safetensors")}
    histories = []
    for file in sorted(run.rglob("history.jsonl")):
        histories += [json.loads(line) for line in file.read_text().splitlines()]
    metrics = json.loads((run / "metrics.json").read_text())
    for line in (*histories, metrics):
        del line["seconds"]
    del metrics["tokens_per_second"]
    samples = (run / "samples.jsonl").read_text().splitlines()
    return weights, histories, metrics, samples


def start_and_stop(data: Path, out: Path, at: int, number: int, *more: str, stage: str = "") -> int:
    process = subprocess.Popen(in_a_process(train(data, out, *more)))
    end = time.monotonic() + 100
    while update_of(out / stage) < at and time.monotonic() < end and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    return process.wait(timeout=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name, content in DATA.items():
        (folder / name).write_text(content)
    drawn.write(folder / "pictures.jsonl", 20)
    write_tones(folder / "sound", 60)
    return folder


@pytest.mark.parametrize("case", CASES)
def test_killed_and_resumed_equals_uninterrupted(folder: Path, tmp_path: Path, case: str) -> None:
    (name, *more), stage = CASES[case]
    data, whole, broken = folder / name, tmp_path / "whole", tmp_path / "broken"
    # Another network was trained on the same data before: the cache holds its corpus.
    first = train(data, tmp_path / "first", *more, updates=1, hidden_size=8)
    assert cli.run(first) == 0
    assert cli.run(train(data, whole, *more)) == 0
    killed = start_and_stop(data, broken, 20, signal.SIGKILL, *more, stage=stage)
    assert killed == -signal.SIGKILL
    assert not (broken / "metrics.json").exists()
    assert (update_of(broken) >= 0) == (stage == ""), "killed in the other stage"
    resumed = subprocess.run(in_a_process(["resume", str(broken), "--quiet"]))
    assert resumed.returncode == 0
    assert outcome(broken) == outcome(whole)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("case", ["lines", "classify, first stage"])
def test_ctrl_c_saves_and_says_how_to_go_on(folder: Path, tmp_path: Path, case: str) -> None:
    (name, *more), stage = CASES[case]
    run = tmp_path / "run"
    stopped = start_and_stop(folder / name, run, 10, signal.SIGINT, *more, stage=stage)
    assert stopped == 130
    assert 10 <= update_of(run / stage) < UPDATES
    assert cli.run(["resume", str(run), "--quiet"]) == 0
    assert json.loads((run / "metrics.json").read_text())["updates"] == UPDATES
