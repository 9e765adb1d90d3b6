"""An LSTM that forecasts, timed and scored: Seqloom beside neuralforecast, on the same windows.

    python benchmarks/forecasting.py            # a table; needs the extra bench and the series
    python benchmarks/forecasting.py --json     # the same numbers as one JSON object

ETTh1's seven channels as seven series, 12/4/4 months to learn from, to choose on and to test on;
look-back 96, horizon 24, a batch of 128 windows, two LSTM layers of 128 units, absolute error.

- whole fit: from the table in memory to a forecast of every test window;
- windows a second in training: two fits that differ in their number of updates alone, the
  difference of the updates over that of the times, so that start and scoring do not count;
- quality: MAE and MSE over all test windows, series and steps, with each series standardised by its
  training part, as is customary with these data.

neuralforecast's LSTM is used as its documentation does, with the scaling of windows that it has by
default, and two layers of 128 that read each window's end; the same for Seqloom is its own default.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

LOOK_BACK, HORIZON, UNITS, LAYERS, WINDOWS = 96, 24, 128, 2, 128
TRAIN, VALID, TEST = 8_640, 2_880, 2_880  # hours
FEW, MANY = 100, 500  # updates


def read_series() -> pd.DataFrame:
    """All channels below each other: unique_id, ds, y."""
    from seqloom import api

    (path,) = api.fetch("etth1")
    wide = pd.read_csv(path, parse_dates=["date"]).iloc[: TRAIN + VALID + TEST]
    long = wide.melt("date", var_name="unique_id", value_name="y").rename(columns={"date": "ds"})
    return long[["unique_id", "ds", "y"]]


def fit_ours(table: pd.DataFrame, updates: int) -> dict[str, float]:
    """Seconds of a whole fit, and scores of the test part."""
    from seqloom import api
    from seqloom.config import default_settings, override

    settings = override(
        default_settings("forecast"),
        {
            "data": {"look_back": LOOK_BACK, "horizon": HORIZON, "split": "0.6/0.2/0.2"},
            "model": {"encoder": "lstm", "hidden_size": UNITS, "num_layers": LAYERS},
            "train": {"loss": "mae", "batch_size": WINDOWS, "updates": updates},
        },
        "benchmark",
    )
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        outcome = api.train(table, settings, Path(folder) / "run", task="forecast")
        seconds = time.perf_counter() - began
    if outcome.metrics is None:
        raise SystemExit("The fit was stopped.")
    scores = outcome.metrics["test"]
    return {
        "seconds": seconds,
        "training": outcome.metrics["seconds"],
        "mae": scores["standard_mae"],
        "mse": scores["mse"],
    }


def fit_neuralforecast(table: pd.DataFrame, updates: int) -> dict[str, float]:
    """The same of neuralforecast."""
    from neuralforecast import NeuralForecast
    from neuralforecast.losses.pytorch import MAE
    from neuralforecast.models import LSTM

    model = LSTM(
        h=HORIZON,
        input_size=LOOK_BACK,
        encoder_n_layers=LAYERS,
        encoder_hidden_size=UNITS,
        decoder_hidden_size=UNITS,
        loss=MAE(),
        max_steps=updates,
        windows_batch_size=WINDOWS,
        batch_size=table["unique_id"].nunique(),
        val_check_steps=updates,
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
        enable_checkpointing=False,
    )
    began = time.perf_counter()
    found = NeuralForecast([model], freq="h").cross_validation(
        table, n_windows=None, val_size=VALID, test_size=TEST, step_size=1
    )
    seconds = time.perf_counter() - began
    learnt = table.groupby("unique_id")["y"]
    spread = learnt.apply(lambda y: y.iloc[:TRAIN].std(ddof=0))
    errors = (found["LSTM"] - found["y"]).to_numpy() / found["unique_id"].map(spread).to_numpy()
    return {
        "seconds": seconds,
        "mae": float(np.abs(errors).mean()),
        "mse": float((errors**2).mean()),
    }


def measure() -> dict[str, Any]:
    """All figures."""
    table = read_series()
    peers = {"neuralforecast": fit_neuralforecast, "seqloom": fit_ours}
    found: dict[str, Any] = {}
    for fit in peers.values():
        fit(table, 10)  # what is made once: kernels, caches
    for name, fit in peers.items():
        few, many = fit(table, FEW), fit(table, MANY)
        took = many.get("training", many["seconds"]) - few.get("training", few["seconds"])
        found[name] = {
            "windows_per_second": (MANY - FEW) * WINDOWS / took,
            "whole_fit_seconds": many["seconds"],
            "mae": many["mae"],
            "mse": many["mse"],
        }
    ours, peer = found["seqloom"], found["neuralforecast"]
    found["windows_ratio"] = ours["windows_per_second"] / peer["windows_per_second"]
    found["fit_ratio"] = peer["whole_fit_seconds"] / ours["whole_fit_seconds"]
    return found


def main() -> None:
    """Print the table or the JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")  # the peer's; ours are errors in the tests
    torch.set_num_threads(min(2, torch.get_num_threads()))
    found = measure()
    if asked.json:
        json.dump(found, sys.stdout, indent=1)
        return
    print(f"{'':16}{'windows/s':>10}{'whole fit':>11}{'MAE':>7}{'MSE':>7}")
    for name in ("neuralforecast", "seqloom"):
        one = found[name]
        print(
            f"{name:16}{one['windows_per_second']:>10,.0f}{one['whole_fit_seconds']:>9.1f} s"
            f"{one['mae']:>7.3f}{one['mse']:>7.3f}"
        )
    print(f"ratios: windows {found['windows_ratio']:.1f}, fit {found['fit_ratio']:.1f}")


if __name__ == "__main__":
    main()
