"""A GRU layer forward and backward on a CPU: Seqloom beside ``torch.nn.GRU``, the same weights.

    python benchmarks/gru.py              # as many threads as torch takes
    python benchmarks/gru.py --threads 2

Three layers: one direction of 100 → 128 on 32 × 200, of 256 → 512 on 64 × 128, and both directions
of 128 → 128 on 32 sequences of 50 to 400 steps. In the last only packed sequences make ``nn.GRU``
right; on the first two all sequences are of full length. Seqloom's layer is ``Recurrent``.

Prints milliseconds, medians and least of rounds in which all take turns, ratios of medians, and how
far the fp32 outputs are apart.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqloom.nn.recurrent import Recurrent

ROUNDS = 7


@dataclass(frozen=True)
class Size:
    """One layer and the batch it reads; time may be a range of lengths."""

    batch: int
    shortest: int
    longest: int
    input_size: int
    hidden_size: int
    bidirectional: bool = False

    def __str__(self) -> str:
        steps = f"{self.longest}" if self.full else f"lengths {self.shortest}-{self.longest}"
        both = ", bidirectional" if self.bidirectional else ""
        return f"batch {self.batch} x {steps}, {self.input_size} -> {self.hidden_size}{both}"

    @property
    def full(self) -> bool:
        """Whether nothing is padded."""
        return self.shortest == self.longest

    def lengths(self) -> Tensor:
        """Evenly spread lengths (batch,), the longest among them."""
        return torch.linspace(self.shortest, self.longest, self.batch).long()


SIZES = [
    Size(32, 200, 200, 100, 128),
    Size(64, 128, 128, 256, 512),
    Size(32, 50, 400, 128, 128, bidirectional=True),
]


def layers_of(size: Size) -> tuple[Recurrent, nn.GRU]:
    """Ours and torch's with the same weights."""
    ours = Recurrent("gru", size.input_size, size.hidden_size, bidirectional=size.bidirectional)
    theirs = nn.GRU(
        size.input_size, size.hidden_size, batch_first=True, bidirectional=size.bidirectional
    )
    for cell, suffix in zip(ours.cells, ("", "_reverse"), strict=False):
        for name, weight in cell.named_parameters():
            getattr(theirs, f"{name}_l0{suffix}").data.copy_(weight.data)
    return ours, theirs


def contestants(size: Size, x: Tensor) -> dict[str, Callable[[], Tensor]]:
    """By name, what computes the outputs (batch, time, hidden or 2·hidden)."""
    ours, theirs = layers_of(size)
    lengths = size.lengths()

    def packed() -> Tensor:
        sequences = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(theirs(sequences)[0], batch_first=True)[0]

    def in_bfloat16(run: Callable[[], Tensor]) -> Callable[[], Tensor]:
        def cast() -> Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return run()

        return cast

    def dense() -> Tensor:
        outputs: Tensor = ours(x, None if size.full else lengths)[0]
        return outputs

    runs = {"nn.GRU packed": packed, "Seqloom": dense, "Seqloom bf16": in_bfloat16(dense)}
    if size.full:
        full = {"nn.GRU": lambda: theirs(x)[0], "nn.GRU bf16": in_bfloat16(lambda: theirs(x)[0])}
        runs = full | runs
    return runs


def forward_backward(run: Callable[[], Tensor], weight: Tensor) -> float:
    """Milliseconds of the outputs and of every gradient."""
    start = time.perf_counter()
    outputs = run()
    outputs.backward(weight.to(outputs.dtype))
    return (time.perf_counter() - start) * 1e3


def compare(size: Size, rounds: int) -> None:
    """Time all on one size, in turn, and print."""
    torch.manual_seed(0)
    x = torch.randn(size.batch, size.longest, size.input_size, requires_grad=True)
    runs = contestants(size, x)
    with torch.no_grad():
        apart = (runs["Seqloom"]() - runs["nn.GRU packed"]()).abs().max()
    weight = torch.randn_like(runs["Seqloom"]())
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            took = forward_backward(run, weight)
            if turn:  # the first warms up
                times[name].append(took)
    print(f"\n{size}: forward + backward, {rounds} rounds; outputs apart by {apart:.0e}")
    fp32, bfloat16 = median(times["Seqloom"]), median(times["Seqloom bf16"])
    for name, values in times.items():
        middle = median(values)
        print(
            f"  {name:<14} {middle:8.1f} ms (least {min(values):7.1f})"
            f"   {middle / fp32:5.2f} x Seqloom's   {middle / bfloat16:5.2f} x Seqloom's bf16"
        )


def main() -> None:
    """All sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for size in SIZES:
        compare(size, options.rounds)


if __name__ == "__main__":
    main()
