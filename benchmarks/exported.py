"""One step of writing text: Seqloom's in numpy beside exported networks, in 32 bits and in eight.

    python benchmarks/exported.py

The same random weights in all, one thread. Prints microseconds a token, medians, for one text and
for eight side by side, and how long a prompt of 2,000 tokens takes, read at once and step by step.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from seqloom_runtime.stepping import make_stepper

from seqloom.export.int8 import in_eight_bits
from seqloom.export.language import language_network
from seqloom.export.networks import Network
from seqloom.export.parity import run, session_of
from seqloom.nn.encoders import make_encoder
from seqloom.nn.language_model import LanguageModel

VOCABULARY, WINDOW, HEADS = 100, 256, 4
MODELS = {"LSTM 640": ("lstm", 640, 1), "GRU 512": ("gru", 512, 1), "transformer 4 x 256": (
    "transformer", 256, 4
)}  # fmt: skip
ROUNDS, STEPS, PROMPT = 9, 40, 2_000


def exported(network: Network, model: bytes, texts: int) -> Callable[[np.ndarray], None]:
    """A function that reads tokens (texts, time) with the states carried from call to call."""
    session = session_of(model)
    zero = network.inputs(np.random.default_rng(0), texts, 1)
    names = [one.name for one in session.get_inputs() if one.name not in ("ids", "lengths")]
    state = {n: zero[n][:, :, :0] if zero[n].ndim == 4 else zero[n] * 0 for n in names}

    def read(ids: np.ndarray) -> None:
        lengths = np.full(len(ids), ids.shape[1], np.int64)
        found = run(session, {"ids": ids, "lengths": lengths, **state})
        state.update({name: found[f"{name}_after"] for name in names})

    return read


def stepping(stepper: Any, texts: int) -> Callable[[np.ndarray], None]:
    """The same with a step in numpy."""
    state = [stepper.zero_state(texts)]

    def read(ids: np.ndarray) -> None:
        for column in ids.T:
            _, state[0] = stepper(column, state[0])

    return read


def microseconds(read: Callable[[np.ndarray], None], texts: int) -> float:
    """Of a step, the median of some rounds."""
    ids, times = np.full((texts, 1), 7), []
    for _ in range(WINDOW):  # attention has its whole window to look at
        read(ids)
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(STEPS):
            read(ids)
        times.append((time.perf_counter() - start) / STEPS * 1e6)
    return float(np.median(times))


def seconds(read: Callable[[np.ndarray], None], ids: np.ndarray) -> float:
    """Of one call."""
    start = time.perf_counter()
    read(ids)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    prompt = np.random.default_rng(0).integers(0, VOCABULARY, (1, PROMPT))
    print(f"{'':22}{'texts':>6}{'numpy':>9}{'ONNX':>9}{'int8':>9}   microseconds a token")
    for name, (kind, size, layers) in MODELS.items():
        window = WINDOW if kind == "transformer" else None
        encoder = make_encoder(kind, size, size, num_layers=layers, num_heads=HEADS, window=window)
        model = LanguageModel(VOCABULARY, size, encoder).eval()
        weights = {key: array.numpy() for key, array in model.state_dict().items()}
        stepper = make_stepper(weights, kind, layers, num_heads=HEADS, window=WINDOW)
        network = language_network(model)
        whole = network.graph.model().SerializeToString()
        graphs = (whole, in_eight_bits(whole))
        for texts in (1, 8):
            reads = [stepping(stepper, texts), *(exported(network, g, texts) for g in graphs)]
            found = "".join(f"{microseconds(read, texts):9.0f}" for read in reads)
            print(f"{name:22}{texts:6}{found}", flush=True)
        at_once = seconds(exported(network, whole, 1), prompt)
        one_by_one = seconds(stepping(stepper, 1), prompt)
        print(f"{'':22}2,000 tokens: {at_once:.2f} s at once, {one_by_one:.2f} s step by step")


if __name__ == "__main__":
    main()
