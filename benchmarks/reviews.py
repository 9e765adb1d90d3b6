"""A bidirectional LSTM on IMDB reviews of full length, timed: training and prediction.

    python benchmarks/reviews.py            # a table; needs the extra bench and the reviews
    python benchmarks/reviews.py --json     # the same numbers as one JSON object

Words of the reviews, the 20,000 most frequent; embedding 128, 128 units a direction, the last state
of each direction, one linear layer; Adam. Every peer does that work on the same ids:

- Keras 3 on TensorFlow: ``Bidirectional(LSTM)``, padded batches of 32 in random order, as tutorials
  do, masking off (with it, it is slower);
- torch packed: ``nn.LSTM`` in fp32 on packed sequences, the same batches;
- Seqloom: ``SequenceClassifier`` as ``seqloom train`` makes it, batches of about equal length of as
  many tokens as 32 reviews have on average, bfloat16 where the processor has it;
- for prediction ONNX Runtime too, fp32, on padded batches of about equal length.

Real (unpadded) tokens a second. The peers take turns on random parts of the reviews; the figures
are medians over rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
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
from torch.nn.utils.rnn import pack_padded_sequence

from seqloom.config import TrainSettings, default_settings, override
from seqloom.data.batching import group_by_length, pad
from seqloom.data.source import open_source
from seqloom.nn.sequence_classifier import SequenceClassifier
from seqloom.tasks.classify import build_classifier
from seqloom.tasks.labelled import prepare_labelled
from seqloom.train.device import choose_autocast
from seqloom.train.optim import make_optimizers

WORDS, EMBEDDING, UNITS, BATCH = 20_000, 128, 128, 32
STEPS, WARM_UP, ROUNDS = 4, 2, 5
PREDICTED, PREDICTION_TOKENS = 1_024, 16_384
SHAPE = {"embedding_size": EMBEDDING, "hidden_size": UNITS, "pooling": "last"}

Ids = list[npt.NDArray[np.int64]]


def load_reviews() -> tuple[Ids, npt.NDArray[np.int64], Any]:
    """Ids and labels of the training part, and what turned words into ids."""
    asked = {
        "text": {"tokenizer": "word", "lowercase": True, "max_vocabulary": WORDS},
        "model": {**SHAPE, "wide": False},
    }
    settings = override(default_settings("classify"), asked, "benchmark")
    labelled = prepare_labelled(open_source("imdb"), settings)
    store, rows = labelled.store(), labelled.rows("train")
    return [store[int(r)].astype(np.int64) for r in rows], labelled.targets()[rows], labelled


def as_tutorials_do(ids: Ids, chosen: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Which reviews stand in each batch: 32 as they come."""
    return [chosen[start : start + BATCH] for start in range(0, len(chosen), BATCH)]


def tokens_of(ids: Ids, batches: list[npt.NDArray[np.int64]]) -> int:
    """Real tokens of all batches."""
    return sum(len(ids[row]) for batch in batches for row in batch)


class PackedModel(nn.Module):
    """The tutorials' torch: packed sequences, the last state of each direction."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, EMBEDDING, padding_idx=0)
        self.lstm = nn.LSTM(EMBEDDING, UNITS, batch_first=True, bidirectional=True)
        self.output = nn.Linear(2 * UNITS, 2)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Scores: ids (batch, time), lengths (batch,) → (batch, 2)."""
        packed = pack_padded_sequence(
            self.embedding(ids), lengths, batch_first=True, enforce_sorted=False
        )
        _, (last, _) = self.lstm(packed)
        return self.output(torch.cat([last[0], last[1]], dim=1))  # type: ignore[no-any-return]


class PaddedModel(PackedModel):
    """The same network for ONNX, which has a bidirectional LSTM with lengths of its own."""

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Scores of reviews of one length."""
        _, (last, _) = self.lstm(self.embedding(ids))
        return self.output(torch.cat([last[0], last[1]], dim=1))  # type: ignore[no-any-return]


def keras_model() -> keras.Model:
    """The tutorials' model, compiled as there."""
    inputs = layers.Input(shape=(None,), dtype="int32")
    x = layers.Embedding(WORDS, EMBEDDING)(inputs)
    x = layers.Bidirectional(layers.LSTM(UNITS))(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", loss="binary_crossentropy")
    return model


Trainer = Callable[[list[npt.NDArray[np.int64]]], None]


def train_keras(ids: Ids, labels: npt.NDArray[np.int64], model: keras.Model) -> Trainer:
    """A function that trains on batches."""
    step = tf.function(
        lambda x, y: model.train_step((x, y)),
        input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None], tf.float32)],
    )

    def run(batches: list[npt.NDArray[np.int64]]) -> None:
        for batch in batches:
            x, _ = pad([ids[row] for row in batch])
            step(tf.constant(x, tf.int32), tf.constant(labels[batch], tf.float32))

    return run


def train_torch(
    ids: Ids, labels: npt.NDArray[np.int64], model: nn.Module, *, bf16: bool, ours: bool
) -> Trainer:
    """A function that trains a torch model on batches; ours with the optimizer of a run."""
    settings = TrainSettings(optimizer="adam", precision="auto" if bf16 else "float32")
    autocast = choose_autocast(settings, torch.device("cpu"))
    optimizers = (
        make_optimizers(model, settings) if ours else [torch.optim.Adam(model.parameters())]
    )

    def run(batches: list[npt.NDArray[np.int64]]) -> None:
        for batch in batches:
            x, lengths = pad([ids[row] for row in batch])
            with autocast():
                logits = model(torch.from_numpy(x), torch.from_numpy(lengths))
            loss = nn.functional.cross_entropy(logits.float(), torch.from_numpy(labels[batch]))
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()

    return run


def time_training(
    ids: Ids, labels: npt.NDArray[np.int64], labelled: Any
) -> dict[str, dict[str, float]]:
    """Real tokens a second of each way, medians over rounds."""
    tokens = int(np.mean([len(row) for row in ids]) * BATCH)
    lengths = np.array([len(row) for row in ids])
    by_length = group_by_length(np.argsort(lengths, kind="stable"), lengths, tokens)
    ours, exact = (new_model(labelled) for _ in range(2))
    ways: dict[str, tuple[Trainer, bool]] = {
        "Keras, padded": (train_keras(ids, labels, keras_model()), False),
        "torch, packed": (train_torch(ids, labels, PackedModel(), bf16=False, ours=False), False),
        "Seqloom, float32": (train_torch(ids, labels, exact, bf16=False, ours=True), True),
        "Seqloom": (train_torch(ids, labels, ours, bf16=True, ours=True), True),
    }
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    random = np.random.default_rng(0)
    for turn in range(ROUNDS + 1):
        for name, (train, bucketed) in ways.items():
            if bucketed:
                batches = [by_length[place] for place in random.permutation(len(by_length))[:STEPS]]
            else:
                chosen = random.permutation(len(ids))[: STEPS * BATCH]
                batches = as_tutorials_do(ids, chosen)
            started = time.perf_counter()
            train(batches)
            if turn:  # the first one warms up
                speeds[name].append(tokens_of(ids, batches) / (time.perf_counter() - started))
    return {name: {"tokens_per_second": median(found)} for name, found in speeds.items()}


def new_model(labelled: Any) -> SequenceClassifier:
    """The classifier that a run would train."""
    return build_classifier(labelled.settings.model, labelled.front, len(labelled.labels))


def onnx_session(folder: Path) -> Any:
    """The plain model as an ONNX Runtime session for batches of any size."""
    import onnxruntime

    path = folder / "model.onnx"
    ids = torch.ones(2, 5, dtype=torch.int64)
    torch.onnx.export(
        PaddedModel().eval(),
        (ids, torch.tensor([5, 5])),
        str(path),
        input_names=["ids", "lengths"],
        output_names=["logits"],
        dynamic_axes={"ids": {0: "batch", 1: "time"}, "lengths": {0: "batch"}},
        dynamo=False,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def time_prediction(ids: Ids, labelled: Any) -> dict[str, dict[str, float]]:
    """Reviews a second of each way."""
    random = np.random.default_rng(1)
    network, packed, padded = new_model(labelled).eval(), PackedModel().eval(), keras_model()
    autocast = choose_autocast(TrainSettings(), torch.device("cpu"))
    with tempfile.TemporaryDirectory() as folder:
        session = onnx_session(Path(folder))

    def sorted_batches(chosen: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        lengths = np.array([len(ids[row]) for row in chosen])
        groups = group_by_length(np.argsort(lengths, kind="stable"), lengths, PREDICTION_TOKENS)
        return [chosen[group] for group in groups]

    @torch.inference_mode()
    def of_torch(model: nn.Module, x: Any, n: Any) -> None:
        model(torch.from_numpy(x), torch.from_numpy(n))

    def of_seqloom(x: Any, n: Any) -> None:
        with autocast():
            of_torch(network, x, n)

    def of_onnx(x: Any, n: Any) -> None:
        # Only rows of one length are right without lengths: this favours it.
        feed = {"ids": x, "lengths": n}
        session.run(None, {i.name: feed[i.name] for i in session.get_inputs()})

    ways: dict[str, tuple[Callable[[Any, Any], None], bool]] = {
        "Keras, padded": (lambda x, n: padded.predict_on_batch(x.astype(np.int32)), False),
        "torch, packed": (lambda x, n: of_torch(packed, x, n), False),
        "ONNX Runtime, padded": (of_onnx, True),
        "Seqloom": (of_seqloom, True),
    }
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(3):
        chosen = random.permutation(len(ids))[:PREDICTED]
        for name, (predict, bucketed) in ways.items():
            batches = sorted_batches(chosen) if bucketed else as_tutorials_do(ids, chosen)
            started = time.perf_counter()
            for batch in batches:
                predict(*pad([ids[row] for row in batch]))
            if turn:
                speeds[name].append(PREDICTED / (time.perf_counter() - started))
    return {name: {"reviews_per_second": median(found)} for name, found in speeds.items()}


def main() -> None:
    """Time everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    arguments = parser.parse_args()
    if "SEQLOOM_DATA" not in os.environ:
        sys.exit("Set SEQLOOM_DATA to the folder that holds imdb.")
    torch.manual_seed(0)
    ids, labels, labelled = load_reviews()
    result = {
        "training": time_training(ids, labels, labelled),
        "prediction": time_prediction(ids, labelled),
    }
    if arguments.json:
        print(json.dumps(result))
        return
    for part, unit in (("training", "tokens_per_second"), ("prediction", "reviews_per_second")):
        print(f"\n{part}: {unit.replace('_', ' ')}, and Seqloom's ratio to it")
        mine = result[part]["Seqloom"][unit]
        for name, found in result[part].items():
            print(f"  {name:<22} {found[unit]:>10,.0f}   {mine / found[unit]:5.1f} ×")


if __name__ == "__main__":
    main()
