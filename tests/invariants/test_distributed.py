"""Two processes give what one gives on the same global batch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

WORDS = "one two three four five six seven eight nine ten eleven twelve".split()
TEXT = "\n".join(" ".join(WORDS[(i * k) % 12] for k in range(9)) for i in range(200))
FLAGS = [
    *("--updates", "12", "--hidden-size", "24", "--embedding-size", "8", "--batch-size", "5"),
    *("--sequence-length", "16", "--precision", "float32", "--quiet", "--sample-length", "5"),
    # Dropout in two places and from the first update, on batches that two cannot divide.
    *("--dropout", "0.2", "--embedding-dropout", "0.1", "--dropout-ramp", "0", "--threads", "1"),
    # Plain steps: Muon and Adam turn the last bit of a small gradient into a visible step.
    *("--optimizer", "sgd", "--learning-rate", "0.2"),
]


@pytest.mark.parametrize(
    ("records", "more"),
    [("continuous", ()), ("line", ()), ("line", ("--window", "6"))],
)
def test_two_processes_equal_one(tmp_path: Path, records: str, more: tuple[str, ...]) -> None:
    data = tmp_path / "numbers.txt"
    data.write_text(TEXT)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    starts = {
        "one": [sys.executable, "-m", "seqloom"],
        "two": [*torchrun, "--standalone", "-m", "seqloom"],
    }
    weights = {}
    for name, start in starts.items():
        words = ["train", str(data), "--out", str(tmp_path / name), "--records", records]
        done = subprocess.run([*start, *words, *FLAGS, *more], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        weights[name] = load_file(tmp_path / name / "model.safetensors")
    for key, value in weights["one"].items():
        np.testing.assert_allclose(weights["two"][key], value, atol=1e-6, err_msg=key)
