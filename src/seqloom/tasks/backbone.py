"""A network of torchvision that was trained on many photographs, as what looks at pictures.

Its weights come from a file that the user has: a state dict as torchvision names it, in
safetensors. They stay as they are; only what writes is learnt. A run holds them, so that it can be
used without that file, though not without torchvision.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from seqloom.errors import DataError, MissingExtraError, SettingsError

LAYERS = {
    "resnet18": ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"),
    "resnet34": ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"),
    "resnet50": ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"),
    "mobilenet_v3_small": ("features",),
    "efficientnet_b0": ("features",),
}
"""Of each network the parts that make the last grid of features, in order."""

# Of each colour in ImageNet, with which all of these were trained.
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CONVERT = (
    'python -c "import torch, safetensors.torch as s; '
    "s.save_file(torch.load('FILE.pth', weights_only=True), 'FILE.safetensors')\""
)


class Backbone(nn.Module):
    """The layers of a network up to its last grid, frozen.

    Args:
        name: of torchvision's model, in ``LAYERS``.
        size: pixels of a picture's side.
    Shape:
        pixels (batch, 3, size, size) → (batch, cells, output_size).
    Raises:
        MissingExtraError: torchvision is not installed.
    """

    def __init__(self, name: str, size: int) -> None:
        super().__init__()
        whole = _network(name)
        self.name = name
        self.layers = nn.ModuleDict({part: getattr(whole, part) for part in LAYERS[name]})
        self.requires_grad_(False)
        self.eval()
        with torch.inference_mode():
            grid = self._grid(torch.zeros(1, 3, size, size))
        self.output_size, self.cells = grid.shape[1], grid.shape[2] * grid.shape[3]

    def train(self, mode: bool = True) -> Backbone:
        """Never in training: its means of batches are those of the photographs it has seen."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> Tensor:
        """The last grid row by row."""
        return self._grid(pixels).flatten(2).transpose(1, 2)

    def _grid(self, x: Tensor) -> Tensor:
        for part in self.layers.values():
            x = part(x)
        return x

    def load(self, path: str) -> None:
        """Take the weights of a file.

        Raises:
            DataError: it cannot be read, or holds those of another network.
        """
        own = self.layers.state_dict()
        found = _read(path)
        missing = sorted(set(own) - set(found))
        unlike = [n for n in own if n in found and found[n].shape != own[n].shape]
        if missing or unlike:
            name = (missing or unlike)[0]
            what = "lacks" if missing else "has another shape of"
            raise DataError(
                f"{path}: {what} {name}, so these are not weights of torchvision's {self.name}. "
                "Pass its own state dict, or another --backbone."
            )
        self.layers.load_state_dict({name: found[name] for name in own})


def _network(name: str) -> Any:
    try:
        from torchvision.models import get_model
    except (ImportError, RuntimeError):  # one made for another torch fails with the second
        raise MissingExtraError(
            "torchvision (made for the torch that is installed)",
            "backbones",
            f"--backbone {name}",
        ) from None
    return get_model(name, weights=None)


def _read(path: str) -> dict[str, Tensor]:
    file = Path(path).expanduser()
    if not file.is_file():
        raise DataError(f"{path}: no such file. Pass one with --backbone-weights.")
    if file.suffix != ".safetensors":
        raise DataError(
            f"{path}: weights are read from .safetensors only, for a pickle can run what it says. "
            f"Once, with a file that you trust: {CONVERT}"
        )
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path}: is no file of weights or a damaged one ({error}).") from None


def check_backbone(name: str, path: str | None) -> None:
    """See that a backbone has its weights.

    Raises:
        SettingsError: no file is named.
    """
    if name != "small" and path is None:
        raise SettingsError(
            f"--backbone {name} needs its weights: pass --backbone-weights FILE.safetensors, with "
            f"the state dict of torchvision's {name}; nothing is downloaded."
        )
