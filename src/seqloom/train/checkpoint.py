"""All that a stopped run needs to go on, in one file that is either whole or not there.

    checkpoint/
      update-001234.safetensors   tensors: model, optimizer, average, carried states
      latest.json                 which file, its sha256, and what is no tensor

``latest.json`` is replaced last and atomically: a kill at any moment leaves the checkpoint before.
Loading runs no code: safetensors and JSON only.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from seqloom_runtime.atomic import write_atomically
from torch import Tensor

from seqloom.errors import RunError

Tree = dict[str, Any]  # nested dicts and lists with tensors, numbers, strings, None at the leaves


def save_checkpoint(folder: Path, update: int, state: Tree) -> None:
    """Write the state, then drop the checkpoints before it."""
    folder.mkdir(exist_ok=True)
    tensors: dict[str, Tensor] = {}
    plain = _split(state, tensors, "")
    content = save_tensors(tensors)
    name = f"update-{update:06d}.safetensors"
    write_atomically(folder / name, content)
    latest = {"file": name, "sha256": hashlib.sha256(content).hexdigest(), "state": plain}
    write_atomically(folder / "latest.json", json.dumps(latest).encode())
    for other in folder.glob("update-*"):  # what a kill left half written, too
        if other.name != name:
            other.unlink()


def load_checkpoint(folder: Path) -> Tree | None:
    """The last state saved, or None where there is none.

    Raises:
        RunError: the checkpoint is damaged.
    """
    index = folder / "latest.json"
    if not index.exists():
        return None
    try:
        latest = json.loads(index.read_text(encoding="utf-8"))
        path, digest, plain = folder / Path(latest["file"]).name, latest["sha256"], latest["state"]
        content = path.read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{index}: the checkpoint is damaged ({error}). Train again with --overwrite."
        ) from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise RunError(
            f"{path}: the checkpoint is not what was saved (its sha256 differs); it was truncated "
            "or altered. Copy it anew, or train again with --overwrite."
        )
    tree: Tree = _join(plain, read_tensors(content, path))
    return tree


def read_tensors(content: bytes, where: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file; nothing in it is ever run.

    Raises:
        RunError: it is something else.
    """
    try:
        tensors: dict[str, Tensor] = load_tensors(content)
    except SafetensorError as error:
        raise RunError(f"{where}: is not safetensors ({error}). Train again.") from None
    return tensors


def _split(value: Any, tensors: dict[str, Tensor], path: str) -> Any:
    """Plain JSON with each tensor replaced by its name in ``tensors``."""
    if isinstance(value, Tensor):
        # A copy: safetensors refuses two names for one storage, and views that share one.
        tensors[path] = value.detach().to("cpu", copy=True).contiguous()
        return {"tensor": path}
    if isinstance(value, dict):
        pairs = [[key, _split(item, tensors, f"{path}/{key}")] for key, item in value.items()]
        return {"dict": pairs}
    if isinstance(value, list | tuple):
        items = [_split(item, tensors, f"{path}/{place}") for place, item in enumerate(value)]
        return {"list": items}
    return value


def _join(plain: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(plain, dict):
        return plain
    if "tensor" in plain:
        return tensors[plain["tensor"]]
    if "dict" in plain:
        return {key: _join(item, tensors) for key, item in plain["dict"]}
    return [_join(item, tensors) for item in plain["list"]]


def load_into(target: torch.nn.Module, tensors: dict[str, Tensor], where: Path) -> None:
    """Put saved weights into a model.

    Raises:
        RunError: names or shapes are not the model's.
    """
    try:
        target.load_state_dict(tensors)
    except RuntimeError:
        first, *others = _misfits(target.state_dict(), tensors)
        more = f" (and {len(others):,} more)" if others else ""
        raise RunError(
            f"{where}: the weights do not fit the settings beside them, from which this version of "
            f"Seqloom makes its network: {first}{more}. Use the version that trained the run "
            '("seqloom" in its run.json), or train again with --overwrite.'
        ) from None


def _misfits(expected: dict[str, Tensor], found: dict[str, Tensor]) -> list[str]:
    """What keeps saved weights from those of a model, each in words."""
    shapes = [
        f'"{name}" is {_shape(found[name])}, expected {_shape(own)}'
        for name, own in expected.items()
        if name in found and found[name].shape != own.shape
    ]
    missing = [f'"{name}" is missing' for name in expected if name not in found]
    odd = [f'"{name}" is none of its weights' for name in found if name not in expected]
    return [*shapes, *missing, *odd]


def _shape(tensor: Tensor) -> str:
    """The sizes of a tensor in words.

    >>> _shape(torch.zeros(2, 3)), _shape(torch.tensor(1.0))
    ('2 × 3', 'a number')
    """
    return " × ".join(map(str, tensor.shape)) or "a number"
