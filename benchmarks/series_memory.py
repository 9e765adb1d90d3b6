"""Peak memory of training on 500 series and on 5,000: windows are views, so it must not grow.

    python benchmarks/series_memory.py

Each number runs in a process of its own: a table of series of 730 days is read, cut, stored and
trained on for 100 updates. Two peaks (RSS) are printed: of the whole, which holds the table while
it is read, and of training from the stored series alone.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SERIES = (500, 5_000)
DAYS = 730


def make_table(path: Path, series: int) -> None:
    """Weeks with noise, long form: unique_id, ds, y."""
    random = np.random.default_rng(0)
    days = np.arange(np.datetime64("2020-01-01"), np.datetime64("2020-01-01") + DAYS)
    week = np.sin(2 * np.pi * np.arange(DAYS) / 7)
    with path.open("w", encoding="utf-8") as file:
        file.write("unique_id,ds,y\n")
        for number in range(series):
            values = 50 + 10 * week + random.normal(size=DAYS)
            file.writelines(
                f"s{number},{day},{value:.3f}\n" for day, value in zip(days, values, strict=True)
            )


def train(path: Path, run: Path) -> None:
    """What a user's run does, in this process."""
    from seqloom import api
    from seqloom.config import default_settings, override

    changes = {"data": {"horizon": 7, "look_back": 28}, "train": {"updates": 100}}
    settings = override(default_settings("forecast"), changes, "benchmark")
    api.train(path, settings, run, task="forecast", overwrite=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main() -> None:
    """Run all, and print the ratios."""
    peaks: dict[str, list[float]] = {"reading and training": [], "training": []}
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "SEQLOOM_CACHE": str(Path(folder) / "cache")}
        for series in SERIES:
            path = Path(folder) / f"{series}.csv"
            make_table(path, series)
            for what, found in peaks.items():  # the second finds the stored series in the cache
                words = [sys.executable, __file__, str(path), str(Path(folder) / "run")]
                done = subprocess.run(
                    words, env=environment, stdout=subprocess.PIPE, text=True, check=True
                )
                found.append(float(done.stdout))
                print(f"{series:>6} series, {what}: peak RSS {found[-1]:,.0f} MB", flush=True)
    for what, found in peaks.items():
        print(f"ratio {what}: {found[1] / found[0]:.2f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        train(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        main()
