"""A backbone of torchvision: its weights from a local file, frozen; what is missing is said."""

import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from seqloom import ImageCaptioner
from seqloom.errors import DataError, MissingExtraError, SettingsError
from seqloom.tasks.backbone import LAYERS, Backbone, check_backbone


class SmallNet(nn.Module):
    """What torchvision's resnet18 is by its parts' names, in small."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, stride=4, padding=1)
        self.bn1, self.relu, self.maxpool = nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)
        for number in range(1, 5):
            setattr(self, f"layer{number}", nn.Conv2d(4, 4, 1))
        self.fc = nn.Linear(4, 10)  # of the classes, which is not needed


@pytest.fixture
def torchvision(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that makes the small network under torchvision's name."""
    models = types.ModuleType("torchvision.models")
    models.get_model = lambda name, weights: SmallNet()  # type: ignore[attr-defined]
    package = types.ModuleType("torchvision")
    package.models = models  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    yield


@pytest.fixture
def weights(tmp_path: Path) -> str:
    torch.manual_seed(3)
    path = tmp_path / "resnet18.safetensors"
    save_file(SmallNet().state_dict(), path)
    return str(path)


def test_weights_are_those_of_the_file_and_stay(torchvision: None, weights: str) -> None:
    backbone = Backbone("resnet18", 32)
    backbone.load(weights)
    torch.manual_seed(3)
    true = SmallNet().eval()
    x: Tensor = torch.randn(2, 3, 32, 32)
    expected = x
    for part in LAYERS["resnet18"]:
        expected = getattr(true, part)(expected)
    torch.testing.assert_close(backbone.train()(x), expected.flatten(2).transpose(1, 2))
    assert (backbone.cells, backbone.output_size) == (16, 4)
    assert not any(weight.requires_grad for weight in backbone.parameters())
    assert not any(module.training for module in backbone.modules())


def test_a_captioner_learns_on_top_and_needs_the_file_no_more(
    torchvision: None, weights: str, tmp_path: Path
) -> None:
    import drawn

    small = {"hidden_size": 8, "embedding_size": 8, "updates": 2, "threads": 1, "image_size": 32}
    model = ImageCaptioner(**small, backbone="resnet18", backbone_weights=weights)
    model.fit(drawn.rows(20))
    before = Path(weights).read_bytes()
    Path(weights).unlink()
    loaded = ImageCaptioner.load(model.save(tmp_path / "run"))
    pictures = [row["image"] for row in drawn.rows(3)]
    assert loaded.predict(pictures) == model.predict(pictures)
    Path(weights).write_bytes(before)
    kept, true = loaded.describer.model.encoder.layers.state_dict(), SmallNet().state_dict()
    assert set(kept) < set(true)


def test_without_the_package_there_is_one_polite_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(MissingExtraError, match=r'pip install "seqloom\[backbones\]"'):
        Backbone("resnet18", 32)


def test_weights_must_be_named_and_fit(torchvision: None, weights: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs its weights: pass --backbone-weights"):
        check_backbone("resnet18", None)
    check_backbone("small", None)
    backbone = Backbone("resnet18", 32)
    with pytest.raises(DataError, match="no such file"):
        backbone.load(str(tmp_path / "none.safetensors"))
    pickled = tmp_path / "resnet18.pth"
    torch.save(SmallNet().state_dict(), pickled)
    with pytest.raises(DataError, match="safetensors only, for a pickle can run what it says"):
        backbone.load(str(pickled))
    renamed = tmp_path / "pickle.safetensors"
    renamed.write_bytes(pickled.read_bytes())
    with pytest.raises(DataError, match="no file of weights or a damaged one"):
        backbone.load(str(renamed))
    lacking = {k: v for k, v in SmallNet().state_dict().items() if not k.startswith("layer3")}
    save_file(lacking, tmp_path / "lacking.safetensors")
    with pytest.raises(DataError, match=r"lacks layer3.bias, so these are not weights"):
        backbone.load(str(tmp_path / "lacking.safetensors"))
    unlike = {**SmallNet().state_dict(), "conv1.bias": torch.zeros(9)}
    save_file(unlike, tmp_path / "unlike.safetensors")
    with pytest.raises(DataError, match=r"has another shape of conv1.bias"):
        backbone.load(str(tmp_path / "unlike.safetensors"))
