"""Law 3: a run killed at any moment and resumed equals the run never interrupted, bit for bit."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

WORDS = "one two three four five six seven eight nine ten eleven twelve".split()
TEXT = "\n".join(" ".join(WORDS[(i * k) % 12] for k in range(9)) for i in range(150))
FLAGS = [
    *("--embedding-size", "8", "--batch-size", "4"),
    *("--sequence-length", "16", "--averaging", "0.9", "--sample-length", "5"),
    *("--dropout", "0.2", "--weight-drop", "0.1", "--dropout-ramp", "0"),
    *("--checkpoint-seconds", "0", "--threads", "1", "--quiet"),
]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "seqloom", *words]


def train(
    data: Path, out: Path, *more: str, updates: int = 120, hidden_size: int = 24
) -> list[str]:
    size = ("--updates", str(updates), "--hidden-size", str(hidden_size))
    return command("train", str(data), "--out", str(out), *size, *FLAGS, *more)


def update_of(run: Path) -> int:
    index = run / "checkpoint" / "latest.json"
    if not index.exists():
        return -1
    return int(json.loads(index.read_text())["file"].split("-")[1].split(".")[0])


def outcome(run: Path) -> tuple[bytes, list[dict], list[str]]:
    """Weights, history without what the clock decides, samples."""
    history = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    for line in history:
        del line["seconds"]
    samples = (run / "samples.jsonl").read_text().splitlines()
    return (run / "model.safetensors").read_bytes(), history, samples


def start_and_stop(data: Path, out: Path, at: int, number: int, *more: str) -> int:
    process = subprocess.Popen(train(data, out, *more))
    end = time.monotonic() + 100
    while update_of(out) < at and time.monotonic() < end and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    return process.wait(timeout=60)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "numbers.txt"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize("records", ["continuous", "line"])
def test_killed_and_resumed_equals_uninterrupted(data: Path, tmp_path: Path, records: str) -> None:
    more = ("--records", records)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    # Another network was trained on the same data before: the cache holds its corpus.
    first = train(data, tmp_path / "first", *more, updates=1, hidden_size=8)
    assert subprocess.run(first).returncode == 0
    assert subprocess.run(train(data, whole, *more)).returncode == 0
    assert start_and_stop(data, broken, 35, signal.SIGKILL, *more) == -signal.SIGKILL
    assert not (broken / "metrics.json").exists()
    resumed = subprocess.run(command("resume", str(broken), "--quiet"))
    assert resumed.returncode == 0
    assert outcome(broken) == outcome(whole)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_saves_and_says_how_to_go_on(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert start_and_stop(data, run, 20, signal.SIGINT) == 130
    stopped_at = update_of(run)
    assert 20 <= stopped_at < 120
    assert subprocess.run(command("resume", str(run), "--quiet")).returncode == 0
    assert json.loads((run / "metrics.json").read_text())["updates"] == 120
