"""Two processes give what one gives on the same global batch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

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
FLAGS = [
    *("--updates", "12", "--hidden-size", "24", "--embedding-size", "8", "--batch-size", "5"),
    *("--sequence-length", "16", "--precision", "float32", "--quiet"),
    # Dropout in two places and from the first update, on batches that two cannot divide.
    *("--dropout", "0.2", "--embedding-dropout", "0.1", "--dropout-ramp", "0", "--threads", "1"),
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
    ],
    ids=[
        *("continuous", "attention", "lines", "windows", "classify", "tag", "translate"),
        "translate, transformer",
    ],
)
def test_two_processes_equal_one(tmp_path: Path, source: str, more: tuple[str, ...]) -> None:
    data = tmp_path / source
    content = {"numbers.txt": TEXT, "rows.csv": ROWS, "words.conll": TAGGED, "pairs.tsv": PAIRS}
    data.write_text(content[source])
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    starts = {
        "one": [sys.executable, "-m", "seqloom"],
        "two": [*torchrun, "--standalone", "-m", "seqloom"],
    }
    weights = {}
    for name, start in starts.items():
        words = ["train", str(data), "--out", str(tmp_path / name)]
        done = subprocess.run([*start, *words, *FLAGS, *more], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        weights[name] = load_file(tmp_path / name / "model.safetensors")
    for key, value in weights["one"].items():
        np.testing.assert_allclose(weights["two"][key], value, atol=1e-6, err_msg=key)
