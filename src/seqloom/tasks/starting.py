"""Starting from another run: its tokens, its embedding and its encoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from seqloom_runtime.text.tokenizers import Tokenizer, tokenizer_from_dict
from torch import Tensor

from seqloom.config import Settings, default_settings, override
from seqloom.errors import RunError, SettingsError
from seqloom.nn.recurrent import CELLS
from seqloom.nn.sequence_classifier import SequenceClassifier
from seqloom.run import Run
from seqloom.toml import read_settings
from seqloom.train.checkpoint import read_tensors

TASKS = ("generate", "classify")
TEXT = ("tokenizer", "lowercase", "strip_punctuation", "kmer")
MODEL = ("encoder", "embedding", "embedding_size", "hidden_size", "num_layers", "num_heads")


@dataclass(frozen=True)
class Start:
    """What a new run takes from an earlier one.

    Attributes:
        settings: of the new run, where the network and its tokens are the earlier one's.
        tokenizer: the earlier one's.
        directions: in which the earlier one reads.
    """

    run: Run
    settings: Settings
    tokenizer: Tokenizer
    directions: int


def open_start(settings: Settings) -> Start:
    """The run named by ``from_run``, with the new run's settings made to fit it.

    Raises:
        RunError: no run is there, or it has no weights or tokens to start from.
        SettingsError: a size was asked for that is not that run's.
    """
    assert settings.train.from_run is not None
    run = Run.open(settings.train.from_run)
    task = run.read_json("run.json").get("task")
    if task not in TASKS or not (run.path / "tokenizer.json").exists():
        raise RunError(
            f"{run.path} is a run of {task}; --from takes a run of generate or classify on texts."
        )
    tokenizer = tokenizer_from_dict(run.read_json("tokenizer.json"))
    theirs = read_settings(run.path / "config.toml")
    for section, names in (("text", TEXT), ("model", MODEL)):
        _check_same(run.path, section, names, settings, theirs)
    changes = {
        section: {name: getattr(getattr(theirs, section), name) for name in names}
        for section, names in (("text", TEXT), ("model", MODEL))
    }
    if theirs.model.bidirectional:
        changes["model"]["bidirectional"] = True
    directions = 2 if theirs.model.bidirectional and theirs.model.encoder in CELLS else 1
    return Start(run, override(settings, changes, str(run.path)), tokenizer, directions)


def _check_same(
    path: Path, section: str, names: tuple[str, ...], ours: Settings, theirs: Settings
) -> None:
    """See that nothing else was asked for than the other run has."""
    default = default_settings("classify")
    for name in names:
        asked, there = (getattr(getattr(s, section), name) for s in (ours, theirs))
        if asked not in (there, getattr(getattr(default, section), name)):
            flag = name.replace("_", "-")
            raise SettingsError(
                f"{path} has {flag} {there}, and --{flag} {asked} was asked for: leave it out to "
                "start from that run."
            )


def take_weights(start: Start, model: SequenceClassifier) -> None:
    """Copy the embedding and all layers that fit.

    A recurrent layer that read in one direction becomes the forward direction of one that reads in
    both; above the first, layers in both directions read more than one had, and start afresh.
    Attention has the same weights whether it sees what comes after or not.
    """
    weights = read_tensors(start.run.read("model.safetensors"), start.run.path)
    own = model.state_dict()
    step = model.encoder.directions // start.directions
    taken = {
        name: tensor
        for name, tensor in _renamed(weights, step).items()
        if name in own and own[name].shape == tensor.shape
    }
    model.load_state_dict({**own, **taken})


def _renamed(weights: dict[str, Tensor], step: int) -> dict[str, Tensor]:
    """The embedding and the encoder; each of its cells becomes the one ``step`` times as far."""
    result: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        parts = name.split(".")
        if name.startswith("encoder.cells."):
            parts[2] = str(int(parts[2]) * step)
        if name.startswith(("embedding.", "encoder.")):
            result[".".join(parts)] = tensor.to(torch.float32)
    return result
