"""Law 5: every setting, changed, changes something."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from seqloom import api
from seqloom.config import Settings, override
from seqloom.errors import SeqloomError
from seqloom.train import loop

CHANGES: dict[str, Any] = {
    "data.text": "{title}",
    "data.records": "continuous",
    "data.encoding": "utf-16",
    "data.valid": "OTHER",
    "data.test": "OTHER",
    "data.split": "0.5/0.5",
    "data.drop": ("The Cat number 3 sat, on mat 21!",),
    "data.skip_bad_rows": True,
    "text.tokenizer": "word",
    "text.lowercase": True,
    "text.strip_punctuation": True,
    "text.min_frequency": 15,
    "text.max_vocabulary": 6,
    "text.max_length": 8,
    "text.window": 3,
    "model.encoder": "gru",
    "model.embedding": "one-hot",
    "model.embedding_size": 4,
    "model.hidden_size": 6,
    "model.num_layers": 2,
    "model.embedding_dropout": 0.35,
    "model.dropout": 0.65,
    "model.weight_drop": 0.5,
    "model.tie_embeddings": True,
    "model.forget_bias": 3.0,
    "train.minutes": 0.003,
    "train.epochs": 2.0,
    "train.updates": 3,
    "train.batch_size": 2,
    "train.sequence_length": 20,
    "train.optimizer": "adamw",
    "train.learning_rate": 0.5,
    "train.weight_decay": 0.5,
    "train.warmup": 0.9,
    "train.schedule": "cosine",
    "train.clip_norm": 0.001,
    "train.averaging": 0.9,
    "train.dropout_ramp": 0.0,
    "train.patience": 1,
    "train.precision": "bfloat16",
    "train.device": "cpu" if torch.cuda.is_available() else "cuda",
    "train.threads": 1,
    "train.seed": 5,
    "train.checkpoint_seconds": 0.0,
    "train.sample_prompt": "A",
    "train.sample_length": 3,
    "train.tensorboard": True,
}
# What a setting needs beside it to matter.
BESIDE: dict[str, dict[str, Any]] = {
    "text.max_vocabulary": {"text.tokenizer": "word"},
    "model.embedding_dropout": {"train.dropout_ramp": 0.0},  # nothing is dropped in epoch one
    "model.dropout": {"train.dropout_ramp": 0.0},
    "train.patience": {
        "train.learning_rate": 5.0,
        "train.updates": 40,
        "train.batch_size": 32,
        "train.sequence_length": 64,
    },
}


def sections(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    result: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, key = name.split(".")
        result.setdefault(section, {})[key] = value
    return result


BASE = {
    "model.hidden_size": 8,
    "model.embedding_size": 6,
    "train.updates": 4,
    "train.sample_length": 6,
    "train.precision": "float32",
    "train.checkpoint_seconds": 1e9,
    "train.batch_size": 4,
    "train.sequence_length": 32,
}


def fingerprint(data: Path, out: Path, values: dict[str, Any]) -> Any:
    """Everything a run leaves or does that its settings decide, the clock and settings aside."""
    written: list[int] = []
    original = loop.save_checkpoint

    def counted(folder: Path, update: int, state: Any) -> None:
        written.append(update)
        original(folder, update, state)

    loop.save_checkpoint = counted
    threads = torch.get_num_threads()
    torch.set_num_threads(2)  # an earlier test may have left one
    try:
        outcome = api.train(data, override(Settings(), sections(values), "test"), out)
        path = outcome.run.path
        history = [json.loads(line) for line in (path / "history.jsonl").read_text().splitlines()]
        return (
            (path / "model.safetensors").read_bytes(),
            [(line["update"], line["train"], line["valid"]) for line in history],
            (path / "samples.jsonl").read_text(),
            sorted(file.name for file in path.iterdir()),
            {k: v for k, v in (outcome.metrics or {}).items() if "second" not in k},
            written,
            torch.get_num_threads(),
        )
    except SeqloomError as error:
        return str(error)
    finally:
        loop.save_checkpoint = original
        torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    row = 'cat {i},"The Cat number {i} sat, on mat {j}!"\n'
    rows = "".join(row.format(i=i % 40, j=i * 7 % 30) for i in range(60))
    (folder / "cats.csv").write_text("title,story\n" + rows)
    (folder / "other.csv").write_text("title,story\n" + rows[:900].rsplit("\n", 1)[0] + "\n")
    return folder / "cats.csv"


@pytest.fixture(scope="module")
def plain(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return {"": fingerprint(data, tmp_path_factory.mktemp("plain") / "run", BASE)}


def test_every_setting_is_checked_here() -> None:
    known = {
        f"{section}.{name}"
        for section, field in Settings.model_fields.items()
        for name in field.annotation.model_fields
    }
    assert set(CHANGES) == known


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_changed_setting_changes_something(
    name: str, data: Path, plain: dict[str, Any], tmp_path: Path
) -> None:
    value = CHANGES[name]
    if value == "OTHER":
        value = str(data.with_name("other.csv"))
    source = data
    if name == "data.skip_bad_rows":
        source = tmp_path / "bad.csv"
        source.write_text(data.read_text() + "one,two,three\n")
    beside = {**BASE, **BESIDE.get(name, {})}
    if source == data and beside == BASE:
        before = plain[""]
    else:
        before = fingerprint(source, tmp_path / "before", beside)
    if name in ("train.minutes", "train.epochs"):
        del beside["train.updates"]  # one budget, not two
    after = fingerprint(source, tmp_path / "after", {**beside, name: value})
    assert after != before


def test_the_same_settings_give_the_same_fingerprint(
    data: Path, plain: dict[str, Any], tmp_path: Path
) -> None:
    assert fingerprint(data, tmp_path / "again", BASE) == plain[""]
