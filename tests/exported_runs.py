"""Tiny runs with random weights, exported: enough to try what an exported folder is for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save as save_arrays
from seqloom_runtime.text.characters import CharTokenizer

from seqloom.config import Settings, TextSettings, default_settings, override
from seqloom.run import FORMAT, Run
from seqloom.tasks.generate import build_model
from seqloom.toml import to_toml
from seqloom.train.loop import model_bytes

SONG = "row, row, row your boat, gently down the stream"
SMALL = {"model": {"hidden_size": 8, "embedding_size": 8, "num_layers": 1}}


def sealed(folder: Path, task: str, settings: Settings, files: dict[str, bytes]) -> Run:
    """A run folder as training leaves it, as far as an export reads it."""
    run = Run.create(folder, overwrite=True)
    run.write_json("run.json", {"format": FORMAT, "task": task})
    for name, content in {"config.toml": to_toml(settings).encode(), **files}.items():
        run.seal(name, content)
    return run


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def writing_run(folder: Path, **model: Any) -> Run:
    """A model that writes characters of a song."""
    torch.manual_seed(0)
    changes = {**SMALL, "data": {"records": "continuous"}}
    settings = override(default_settings("generate"), changes, "test")
    settings = override(settings, {"model": model}, "test")
    tokenizer = CharTokenizer.fit([SONG], TextSettings())
    network = build_model(settings.model, tokenizer.vocabulary_size)
    files = {"tokenizer.json": as_json(tokenizer.to_dict()), "model.safetensors": b""}
    files["model.safetensors"] = model_bytes(network)
    return sealed(folder, "generate", settings, files)


def labelling_run(folder: Path) -> Run:
    """A classifier of texts into three labels, without a wide part."""
    from seqloom.tasks.classify import build_classifier

    torch.manual_seed(0)
    settings = override(default_settings("classify"), SMALL, "test")
    tokenizer = CharTokenizer.fit([SONG], TextSettings())
    network = build_classifier(settings.model, tokenizer, 3)
    torch.nn.init.normal_(network.head.weight)
    scales = {"scales": np.array([2.0]), "bias": np.zeros(3)}
    labels = {"labels": ["good", "bad", "dull"], "multi": False, "markup": True}
    files = {
        "tokenizer.json": as_json(tokenizer.to_dict()),
        "labels.json": as_json(labels),
        "calibration.safetensors": save_arrays(scales),
        "model.safetensors": model_bytes(network),
    }
    return sealed(folder, "classify", settings, files)


def hearing_run(folder: Path) -> Run:
    """A recognizer of three letters that reads one way."""
    from seqloom.tasks.speech_model import build_recognizer

    torch.manual_seed(0)
    audio = {"sample_rate": 8_000, "bands": 12, "stack": 3, "standardise": "train"}
    changes = {"audio": audio, "model": {**SMALL["model"], "bidirectional": False}}
    settings = override(default_settings("transcribe"), changes, "test")
    tokenizer = CharTokenizer.fit(["abc"], TextSettings())
    network = build_recognizer(settings, tokenizer)
    torch.nn.init.normal_(network.head.weight, std=3.0)
    files = {
        "tokenizer.json": as_json(tokenizer.to_dict()),
        "scale.json": as_json({"mean": [-5.0] * 12, "spread": [2.0] * 12}),
        "model.safetensors": model_bytes(network),
    }
    return sealed(folder, "transcribe", settings, files)
