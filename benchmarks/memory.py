"""Peak memory of training on 100 MB and on 1 GB of text: it must not grow with the file.

    python benchmarks/memory.py

Each size runs in a process of its own: the file is read, split, cut into tokens, stored and trained
on for 200 updates. Prints the peak resident set (RSS) of each and their ratio. The files are made
of Python's language reference repeated with numbers, and removed at the end (3.5 GB of disk).
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES_MB = (100, 1000)


def make_text(path: Path, megabytes: int) -> None:
    """A text of the wanted size, no two lines in a row alike."""
    from pydoc_data.topics import topics

    lines = "\n".join(topics[name] for name in sorted(topics)).splitlines()
    source = random.Random(0)
    written = 0
    with path.open("w", encoding="utf-8") as file:
        while written < megabytes * 1_000_000:
            block = "\n".join(
                f"{source.choice(lines)} {source.randrange(10**6)}" for _ in range(10_000)
            )
            written += file.write(block + "\n")


def train(path: Path) -> None:
    """What a user's run does, in this process."""
    from seqloom import api
    from seqloom.config import Settings, override

    settings = override(Settings(), {"train": {"updates": 200}}, "benchmark")
    start = time.perf_counter()
    api.train(path, settings, path.with_suffix(".run"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{peak:.0f} {time.perf_counter() - start:.0f}")


def main() -> None:
    """Run both sizes and print the ratio."""
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES_MB:
            path = Path(folder) / f"{size}.txt"
            make_text(path, size)
            environment = {**os.environ, "SEQLOOM_CACHE": str(Path(folder) / "cache")}
            words = [sys.executable, __file__, str(path)]
            done = subprocess.run(
                words, env=environment, capture_output=True, text=True, check=True
            )
            peak, seconds = done.stdout.split()
            peaks.append(float(peak))
            print(f"{size:>5} MB of text: peak RSS {peak} MB, {seconds} s in all", flush=True)
            path.unlink()
    print(f"ratio {peaks[1] / peaks[0]:.3f} (1.20 at most is the aim)")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        train(Path(sys.argv[1]))
    else:
        main()
