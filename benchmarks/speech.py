"""CTC training of a recognizer beside plain torch, and how fast a recording is written down.

    python benchmarks/speech.py              # as many threads as torch takes
    python benchmarks/speech.py --threads 1

Training: two layers of LSTM in both directions, 128 units each, over steps of 120 numbers, linear
scores of 30 tokens, CTC loss, gradients clipped, Adam; 32 recordings a batch, 20 to 200 steps long.
Plain torch takes batches as they come and packs them for ``nn.LSTM``, as its documentation shows.
Seqloom takes those of about equal length together and runs them dense; in float32, and in bfloat16
products as ``--precision auto`` has it where the processor multiplies those. All see the same
recordings; real steps are counted, padding is not. Prints the median of rounds that take turns.

Streaming: an LSTM that reads one way hears a minute of noise in pieces of a quarter of a second:
log-mel, network, prefix beam of 5. The real-time factor is seconds of work a second of sound.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from statistics import median
from typing import Any

import numpy as np
import torch
from seqloom_runtime.tasks.speech_frames import Scale, frames_of
from seqloom_runtime.text.characters import CharTokenizer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqloom.config import PredictSettings, TextSettings, default_settings, override
from seqloom.data.batching import group_by_length, pad
from seqloom.nn.ctc_model import CTCModel
from seqloom.nn.encoders import make_encoder
from seqloom.tasks.speech_making import resolved_audio
from seqloom.tasks.speech_model import build_recognizer
from seqloom.tasks.transcriber import Transcriber

SIZE, UNITS, TOKENS, ROWS, RECORDINGS, ROUNDS = 120, 128, 30, 32, 192, 3
Batch = tuple[Tensor, Tensor, Tensor, Tensor]


class PlainModel(nn.Module):
    """What a tutorial writes."""

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Linear(SIZE, UNITS)
        self.norm = nn.LayerNorm(UNITS)
        self.lstm = nn.LSTM(UNITS, UNITS, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * UNITS, TOKENS)

    def forward(self, x: Tensor, lengths: Tensor, targets: Tensor, sizes: Tensor) -> Tensor:
        """Nats of a batch."""
        x = F.gelu(self.norm(self.front(x)))
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        outputs, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        scores = self.head(outputs).log_softmax(-1).transpose(0, 1)
        return F.ctc_loss(scores, targets, lengths, sizes, reduction="sum")


def recordings() -> list[tuple[Any, Any]]:
    """Steps and tokens of recordings of many lengths, in no order."""
    random = np.random.default_rng(0)
    found = []
    for length in random.integers(20, 201, RECORDINGS):
        steps = random.normal(size=(int(length), SIZE)).astype(np.float32)
        found.append((steps, random.integers(4, TOKENS, int(length) // 8)))
    return found


def batches(found: list[tuple[Any, Any]], *, sorted_by_length: bool) -> Iterator[Batch]:
    """As they come, or those of about equal length together, as many steps at most."""
    lengths = np.array([len(steps) for steps, _ in found])
    groups = [np.arange(n, n + ROWS) for n in range(0, len(found), ROWS)]
    if sorted_by_length:
        order = np.argsort(lengths, kind="stable")
        groups = group_by_length(order, lengths, ROWS * int(lengths.mean()))
    for group in groups:
        x, sizes = pad([found[n][0] for n in group])
        targets, counts = pad([found[n][1] for n in group])
        yield tuple(torch.from_numpy(array) for array in (x, sizes, targets, counts))  # type: ignore[misc]


def epoch(
    model: nn.Module,
    loss: Callable[[Batch], Tensor],
    held: list[Batch],
    context: Callable[[], AbstractContextManager[Any]],
) -> float:
    """Real steps a second of one pass with updates."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    started, steps = time.perf_counter(), 0
    for batch in held:
        with context():
            nats = loss(batch)
        (nats / ROWS).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        steps += int(batch[1].sum())
    return steps / (time.perf_counter() - started)


def compare_training(rounds: int) -> None:
    """Both in turn, and print."""
    torch.manual_seed(0)
    found = recordings()
    encoder = make_encoder("lstm", UNITS, UNITS, num_layers=2, bidirectional=True)
    ours, plain = CTCModel(nn.Linear(SIZE, UNITS), encoder, TOKENS), PlainModel()
    own = list(batches(found, sorted_by_length=True))
    theirs = list(batches(found, sorted_by_length=False))

    def bfloat16() -> AbstractContextManager[Any]:
        return torch.autocast("cpu", torch.bfloat16)

    def of_ours(batch: Batch) -> Tensor:
        nats: Tensor = ours(*batch[:3]).nats
        return nats

    runs: dict[str, Callable[[], float]] = {
        "torch, packed": lambda: epoch(plain, lambda b: plain(*b), theirs, nullcontext),
        "torch, packed, sorted": lambda: epoch(plain, lambda b: plain(*b), own, nullcontext),
        "Seqloom float32": lambda: epoch(ours, of_ours, own, nullcontext),
        "Seqloom bfloat16": lambda: epoch(ours, of_ours, own, bfloat16),
    }
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            speed = run()
            if turn:  # the first warms up
                speeds[name].append(speed)
    base = median(speeds["torch, packed"])
    print(f"CTC training, {RECORDINGS} recordings, median of {rounds} rounds")
    for name, values in speeds.items():
        print(
            f"  {name:<22} {median(values):9,.0f} steps/s   {median(values) / base:5.2f} x packed"
        )


def stream(units: int, seconds: int) -> None:
    """One recording in pieces of a quarter of a second, and print."""
    values: dict[str, dict[str, Any]] = {
        "model": {"bidirectional": False, "hidden_size": units, "num_layers": 2},
        "audio": {"sample_rate": 16_000, "standardise": "train"},
    }
    settings = override(default_settings("transcribe"), values, "benchmark")
    audio = resolved_audio(settings, 16_000).model_dump()
    settings = override(settings, {"audio": audio}, "benchmark")
    tokenizer = CharTokenizer.fit(["abcdefghijklmnopqrstuvwxyz '"], TextSettings())
    bands = settings.audio.bands
    scale = Scale(np.zeros(bands, np.float32), np.ones(bands, np.float32))
    transcriber = Transcriber(
        build_recognizer(settings, tokenizer),
        tokenizer,
        frames_of(settings, scale),
        settings,
        torch.device("cpu"),
    )
    samples = np.random.default_rng(0).normal(size=seconds * 16_000).astype(np.float32) * 0.1
    listener = transcriber.listener(transcriber.decoders(PredictSettings()))
    times = []
    for first in range(0, len(samples), 4_000):
        started = time.perf_counter()
        listener.feed(samples[first : first + 4_000])
        times.append(time.perf_counter() - started)
    listener.finish()
    print(
        f"Streaming, two layers of {units}: real-time factor {sum(times) / seconds:.4f}; a piece "
        f"of 0.25 s is heard in {1e3 * median(times):.1f} ms (at most {1e3 * max(times):.1f} ms)"
    )


def main() -> None:
    """Training, then streaming."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    compare_training(options.rounds)
    for units in (128, 256):
        stream(units, 60)


if __name__ == "__main__":
    main()
