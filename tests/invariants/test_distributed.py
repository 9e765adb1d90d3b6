"""Two processes give what one gives on the same global batch."""

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import drawn
import numpy as np
import pytest
from safetensors.numpy import load_file
from tones import PATTERN, write_tones

WORDS = "one two three four five six seven eight nine ten eleven twelve".split()
TEXT = "\n".join(" ".join(WORDS[(i * k) % 12] for k in range(9)) for i in range(200))
ROWS = "text,label\n" + "".join(
    f"{line[: 9 + n % 30]},{'abc'[n % 3]}\n" for n, line in enumerate(TEXT.splitlines())
)
TAGGED = "\n".join(
    "".join(f"{word}\t{'AB'[len(word) % 2]}\n" for word in line.split()[: 2 + n % 6])
    for n, line in enumerate(TEXT.splitlines())
)
PAIRS = "source\ttarget\n" + "".join(
    f"{line[: 9 + n % 30]}\t{line[n % 7 : 20]}\n" for n, line in enumerate(TEXT.splitlines())
)
MUSIC = json.dumps(
    {
        part: [[[60 + (n * k) % 7, 48 + (n + k) % 5] for n in range(40)] for k in range(2, 16)]
        for part in ("train", "valid")
    }
)
DAYS = "ds,y\n" + "".join(f"{date(2024, 1, 1) + timedelta(n)},{n % 7}\n" for n in range(99))
OF_TEXT = ("--embedding-size", "8", "--sequence-length", "16", "--embedding-dropout", "0.1")
FLAGS = [
    *("--updates", "12", "--hidden-size", "24", "--batch-size", "5"),
    *("--precision", "float32", "--quiet"),
    # Dropout from the first update, on batches that two cannot divide.
    *("--dropout", "0.2", "--dropout-ramp", "0", "--threads", "1"),
    # Plain steps: Muon and Adam turn the last bit of a small gradient into a visible step.
    *("--optimizer", "sgd", "--learning-rate", "0.2"),
]


@pytest.mark.parametrize(
    ("source", "more"),
    [
        ("numbers.txt", ("--records", "continuous", "--sample-length", "5")),
        (
            "numbers.txt",
            (
                *("--records", "continuous", "--sample-length", "5", "--encoder", "transformer"),
                *("--num-heads", "2", "--num-layers", "2", "--attention-window", "20"),
            ),
        ),
        ("numbers.txt", ("--records", "line", "--sample-length", "5")),
        ("numbers.txt", ("--records", "line", "--window", "6")),
        ("rows.csv", ("--task", "classify", "--pretrain", "0.5")),
        ("words.conll", ("--task", "tag", "--character-size", "4")),
        ("pairs.tsv", ("--task", "translate", "--teacher-forcing", "0.5")),
        ("pairs.tsv", ("--task", "translate", "--encoder", "gru", "--decoder", "transformer")),
        ("pictures.jsonl", ("--image-size", "16", "--channels", "4", "--teacher-forcing", "0.5")),
        ("music.json", ("--task", "compose")),
        ("music.json", ("--task", "compose", "--music", "roll")),
        ("days.csv", ("--horizon", "3", "--head", "step", "--teacher-forcing", "0.5")),
        ("sound", ("--name", PATTERN, "--bands", "12")),
    ],
    ids=[
        *("continuous", "attention", "lines", "windows", "classify", "tag", "translate"),
        *("translate, transformer", "caption", "compose", "compose, roll", "forecast"),
        "transcribe",
    ],
)
def test_two_processes_equal_one(tmp_path: Path, source: str, more: tuple[str, ...]) -> None:
    data = tmp_path / source
    content = {"numbers.txt": TEXT, "rows.csv": ROWS, "words.conll": TAGGED, "pairs.tsv": PAIRS}
    content |= {"days.csv": DAYS, "music.json": MUSIC}
    of_text = () if source in ("days.csv", "pictures.jsonl") else OF_TEXT
    if source == "pictures.jsonl":
        drawn.write(data, 30)
    elif source == "sound":
        write_tones(data, 60)
    else:
        data.write_text(content[source])
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    starts = {
        "one": [sys.executable, "-m", "seqloom"],
        "two": [*torchrun, "--standalone", "-m", "seqloom"],
    }
    weights = {}
    for name, start in starts.items():
        words = ["train", str(data), "--out", str(tmp_path / name)]
        done = subprocess.run(
            [*start, *words, *FLAGS, *of_text, *more], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        weights[name] = load_file(tmp_path / name / "model.safetensors")
    for key, value in weights["one"].items():
        np.testing.assert_allclose(weights["two"][key], value, atol=1e-6, err_msg=key)
