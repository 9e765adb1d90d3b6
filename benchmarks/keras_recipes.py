"""The recipe writer of the Keras tutorials, timed: training and generation, as they are written.

    python benchmarks/keras_recipes.py            # a table; needs the extra bench and the recipes
    python benchmarks/keras_recipes.py --json     # the same numbers as one JSON object

Words of 18,660 recipes, the 10,000 most frequent; every recipe cut or padded to 200; embedding 100,
LSTM 128, softmax over all words; Adam; batches of 32. Two peers do that work on the same ids, and
Seqloom does it as ``seqloom train --preset cooking-lstm``:

- Keras 3 on TensorFlow, ``model.fit`` on a ``tf.data`` pipeline that cuts the texts as it goes;
- plain torch in fp32: ``nn.LSTM`` and ``F.cross_entropy`` over all positions, padding included; the
  texts are cut beforehand (which favours it).

A step costs both the same whatever the recipes' lengths, since all are padded. So the speed in real
tokens a second is the mean number of real (unpadded) targets in a batch over the seconds of a step;
the seconds are medians of chunks after a warm-up, and the peers take turns.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import string
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
import torch
from keras import layers
from torch import Tensor, nn
from torch.nn import functional as F

from seqloom.config import Settings, override
from seqloom.data.source import open_source
from seqloom.presets import load_preset
from seqloom.run import Run
from seqloom.tasks.corpus import prepare_corpus
from seqloom.tasks.generate import GenerateJob
from seqloom.train.device import choose_autocast
from seqloom.train.distributed import World
from seqloom.train.job import Validation
from seqloom.train.loop import Trainer
from seqloom.watching import Pace, Silent

WORDS, LENGTH, EMBEDDING, UNITS, BATCH = 10_000, 200, 100, 128, 32
WARM_UP, CHUNKS, STEPS_A_CHUNK, ROUNDS = 3, 4, 3, 2
PROMPT = "recipe for roasted vegetables | chop 1"
GENERATED, GENERATED_WARM_UP = 40, 10
CHECKOUT = Path(__file__).resolve().parents[1]

Seconds = list[float]


@dataclass(frozen=True)
class Recipes:
    """The texts and the same texts as ids.

    Shape:
        ids (recipes, LENGTH + 1), padded with 0.
    """

    texts: list[str]
    ids: npt.NDArray[np.int64]
    vectorize: layers.TextVectorization

    @property
    def tokens_a_batch(self) -> float:
        """Real targets in a batch, on average."""
        return float((self.ids[:, 1:] != 0).sum() / len(self.ids) * BATCH)


def recipe_texts() -> list[str]:
    """Every recipe with a title and directions as one lower-case line, punctuation set apart."""
    folder = Path(os.environ.get("SEQLOOM_DATA", CHECKOUT.parent / "shared" / "data"))
    path = folder / "recipes-epicurious" / "epicurious_recipes.jsonl.gz"
    if not path.is_file():
        sys.exit(f"{path} is not there. Set SEQLOOM_DATA to the folder of recipes-epicurious.")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        pad_punctuation(f"Recipe for {row['title']} | {' '.join(row['directions'])}")
        for row in rows
        if row.get("title") and row.get("directions")
    ]


def pad_punctuation(text: str) -> str:
    """Text in which every punctuation mark is a word of its own."""
    apart = re.sub(f"([{re.escape(string.punctuation)}])", r" \1 ", text.lower())
    return re.sub(r"\s+", " ", apart).strip()


def load_recipes() -> Recipes:
    """The recipes, with the vocabulary that Keras finds in them."""
    texts = recipe_texts()
    vectorize = layers.TextVectorization(
        standardize="lower", max_tokens=WORDS, output_mode="int", output_sequence_length=LENGTH + 1
    )
    vectorize.adapt(tf.data.Dataset.from_tensor_slices(texts).batch(512))
    ids = np.concatenate([np.asarray(vectorize(texts[i : i + 512])) for i in _starts(texts)])
    return Recipes(texts, ids.astype(np.int64), vectorize)


def _starts(texts: list[str]) -> range:
    return range(0, len(texts), 512)


def keras_model() -> keras.Model:
    """The tutorial's model, compiled as there."""
    inputs = layers.Input(shape=(None,), dtype="int32")
    x = layers.Embedding(WORDS, EMBEDDING)(inputs)
    x = layers.LSTM(UNITS, return_sequences=True)(x)
    outputs = layers.Dense(WORDS, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy())
    return model


class Stopwatch(keras.callbacks.Callback):
    """Notes the moment at which each step of ``fit`` ends."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Note it."""
        self.moments.append(time.perf_counter())


def time_keras(recipes: Recipes, model: keras.Model) -> Seconds:
    """Seconds of a training step, chunk by chunk, in ``fit`` as the tutorial calls it."""

    def inputs_and_targets(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        ids = recipes.vectorize(tf.expand_dims(texts, -1))
        return ids[:, :-1], ids[:, 1:]

    texts = tf.data.Dataset.from_tensor_slices(recipes.texts).batch(BATCH).shuffle(1000)
    batches = texts.map(inputs_and_targets).repeat()
    watch = Stopwatch()
    steps = WARM_UP + CHUNKS * STEPS_A_CHUNK
    model.fit(batches, epochs=1, steps_per_epoch=steps, callbacks=[watch], verbose=0)
    return chunk_seconds(watch.moments)


def chunk_seconds(moments: list[float]) -> Seconds:
    """Seconds of a step in each chunk after the warm-up, from the moments at which steps ended."""
    borders = moments[WARM_UP - 1 :: STEPS_A_CHUNK]
    return [(end - start) / STEPS_A_CHUNK for start, end in pairwise(borders)]


class TorchModel(nn.Module):
    """The same model in plain torch, giving logits."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, EMBEDDING)
        self.lstm = nn.LSTM(EMBEDDING, UNITS, batch_first=True)
        self.output = nn.Linear(UNITS, WORDS)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids (batch, time) → logits (batch, time, WORDS)."""
        hidden, _ = self.lstm(self.embedding(ids))
        return self.output(hidden)  # type: ignore[no-any-return]


def time_torch(recipes: Recipes, model: TorchModel, optimizer: torch.optim.Optimizer) -> Seconds:
    """Seconds of a training step in fp32, chunk by chunk, padding in the loss as there."""
    order = torch.randperm(len(recipes.ids))
    ids = torch.from_numpy(recipes.ids)
    moments = []
    for step in range(WARM_UP + CHUNKS * STEPS_A_CHUNK):
        batch = ids[order[step * BATCH : (step + 1) * BATCH]]
        logits = model(batch[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        moments.append(time.perf_counter())
    return chunk_seconds(moments)


def time_seqloom() -> tuple[Seconds, float]:
    """Seconds of an update of ``--preset cooking-lstm``, and the real targets of one.

    The loop is the one that ``seqloom train`` runs, on the texts and settings of the preset; the
    words are cut by Seqloom, so that tokens differ a little from Keras's. Recipes of like length
    stand together, at most 6,400 tokens a batch, and only real tokens are counted.
    """
    preset = load_preset("cooking-lstm")
    entry = open_source(preset.source)
    updates = WARM_UP + CHUNKS * STEPS_A_CHUNK
    own = {"train": {"epochs": None, "updates": updates, "tensorboard": False}}
    settings = override(override(Settings(), preset.settings, "preset"), own, "benchmark")
    corpus = prepare_corpus(entry, settings)
    autocast = choose_autocast(settings.train, torch.device("cpu"))
    watch = PaceWatch()
    with tempfile.TemporaryDirectory() as folder:
        job: Any = TrainingAlone(corpus, torch.device("cpu"), autocast)
        trainer = Trainer(
            job,
            corpus.settings.train,
            Run.create(Path(folder) / "run", overwrite=False),
            watch,
            world=World(),
            autocast=autocast,
            stopping=lambda: False,
        )
        trainer.train()
    return chunk_seconds(watch.moments), trainer.place.tokens / updates


class TrainingAlone(GenerateJob):
    """The task, but nothing is scored or written on the way."""

    def validate(self) -> Validation:
        """No score."""
        return Validation(0.0)

    def samples(self) -> list[dict[str, Any]]:
        """None."""
        return []


class PaceWatch(Silent):
    """Notes the moment at which each update ends."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def pace(self, pace: Pace) -> None:
        """Note it."""
        self.moments.append(time.perf_counter())


def bfloat16_ceiling() -> float:
    """Floating-point operations a second of a 2048³ product in bfloat16, the best of ten."""
    a = torch.randn(2048, 2048).bfloat16()
    times = []
    for _ in range(10):
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    return 2 * 2048**3 / min(times)


def work_a_token() -> float:
    """Floating-point operations of training the recipe model on a token: three forwards."""
    return 3 * 2 * (4 * UNITS * (EMBEDDING + UNITS) + UNITS * WORDS)


def time_keras_generation(
    recipes: Recipes, model: keras.Model, temperature: float = 1.0
) -> Seconds:
    """Seconds of each written token: the whole prefix through ``predict``, then a draw."""
    words = recipes.vectorize.get_vocabulary()
    known = {word: i for i, word in enumerate(words)}
    ids = [known.get(word, 1) for word in PROMPT.split()]
    random = np.random.default_rng(0)
    seconds = []
    for _ in range(GENERATED_WARM_UP + GENERATED):
        start = time.perf_counter()
        chances = model.predict(np.array([ids]), verbose=0)[0, -1].astype(np.float64)
        chances = chances ** (1 / temperature)
        ids.append(int(random.choice(len(chances), p=chances / chances.sum())))
        seconds.append(time.perf_counter() - start)
    return seconds[GENERATED_WARM_UP:]


def training_peers(recipes: Recipes, model: keras.Model) -> dict[str, Callable[[], Seconds]]:
    """Who trains the recipe model: a name, and what gives the seconds of its padded steps."""
    plain = TorchModel()
    optimizer = torch.optim.Adam(plain.parameters(), lr=1e-3)
    return {
        "Keras 3, TensorFlow CPU": lambda: time_keras(recipes, model),
        "plain torch, fp32": lambda: time_torch(recipes, plain, optimizer),
    }


def measure_peers() -> dict[str, Any]:
    """Everything measured, by name."""
    recipes = load_recipes()
    model = keras_model()
    peers = training_peers(recipes, model)
    seconds: dict[str, Seconds] = {name: [] for name in peers}
    ours: Seconds = []
    ours_tokens = 0.0
    for _ in range(ROUNDS):
        for name, run in peers.items():
            seconds[name] += run()
        chunk, ours_tokens = time_seqloom()
        ours += chunk
    training = {name: _speed(each, recipes.tokens_a_batch) for name, each in seconds.items()}
    training["Seqloom"] = _speed(ours, ours_tokens)
    used = training["Seqloom"]["tokens_per_second"] * work_a_token()
    written = time_keras_generation(recipes, model)
    return {
        "recipes": len(recipes.texts),
        "tokens_a_batch": recipes.tokens_a_batch,
        "share_real": recipes.tokens_a_batch / (BATCH * LENGTH),
        "versions": {"keras": keras.__version__, "tensorflow": tf.__version__}
        | {"torch": torch.__version__},
        "training": training,
        "share_of_bfloat16_ceiling": used / bfloat16_ceiling(),
        "keras_generation_ms_a_token": 1e3 * median(written),
    }


def _speed(seconds: Seconds, tokens_a_batch: float) -> dict[str, float]:
    return {
        "seconds_a_step": median(seconds),
        "fastest": min(seconds),
        "slowest": max(seconds),
        "tokens_per_second": tokens_a_batch / median(seconds),
    }


def show(measured: dict[str, Any]) -> None:
    """The numbers as a table."""
    print(f"{measured['recipes']:,} recipes; real targets {measured['share_real']:.1%} of a batch,")
    print(f"{measured['tokens_a_batch']:,.0f} of {BATCH * LENGTH:,}\n")
    print(f"{'training':<26}{'ms a step':>10}{'(range)':>14}{'real tokens/s':>15}")
    for name, speed in measured["training"].items():
        around = f"{1e3 * speed['fastest']:.0f}-{1e3 * speed['slowest']:.0f}"
        print(
            f"{name:<26}{1e3 * speed['seconds_a_step']:>10.0f}{around:>14}"
            f"{speed['tokens_per_second']:>15,.0f}"
        )
    ours = measured["training"]["Seqloom"]["tokens_per_second"]
    print()
    for name, speed in measured["training"].items():
        if name != "Seqloom":
            print(f"Seqloom trains {ours / speed['tokens_per_second']:.2f} x as fast as {name}")
    print(f"at {measured['share_of_bfloat16_ceiling']:.0%} of the bfloat16 matrix-product ceiling")
    print(
        f"\nKeras predict on the prefix: {measured['keras_generation_ms_a_token']:.1f} ms a token"
    )


def main() -> None:
    """Measure, then print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    wanted = parser.parse_args()
    measured = measure_peers()
    print(json.dumps(measured)) if wanted.json else show(measured)


if __name__ == "__main__":
    main()
