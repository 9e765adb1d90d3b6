"""The public names of seqloom, pinned: to add, rename or remove one is a decision, not a slip."""

import inspect
import os
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import seqloom

PUBLIC = [
    "DataError",
    "Forecaster",
    "ImageCaptioner",
    "MissingExtraError",
    "MusicComposer",
    "RunError",
    "SeqloomError",
    "SequenceClassifier",
    "SequenceTagger",
    "SettingsError",
    "ShapeError",
    "SpeechRecognizer",
    "TextGenerator",
    "TrainingError",
    "Translator",
    "__version__",
]
CHECKOUT = Path(__file__).resolve().parents[2]


def test_public_names_are_these_and_sorted() -> None:
    assert seqloom.__all__ == PUBLIC == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(seqloom, name) is not None
    assert name in dir(seqloom)


def test_star_import_brings_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from seqloom import *", names)
    assert set(PUBLIC) <= set(names)


def test_every_error_is_public() -> None:
    from seqloom import errors

    classes = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.SeqloomError)
    }
    assert classes == {name for name in PUBLIC if name.endswith("Error")}


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "__version__"])
def test_every_public_name_is_documented(name: str) -> None:
    assert inspect.getdoc(getattr(seqloom, name))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match='"TextGenerater"'):
        seqloom.TextGenerater  # noqa: B018


def test_version_stands_in_one_place() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert version("seqloom") == seqloom.__version__


def test_typed_marker_and_package_data_are_declared() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    package = CHECKOUT / "src" / "seqloom"
    patterns = project["tool"]["setuptools"]["package-data"]["seqloom"]
    declared = {file for pattern in patterns for file in package.glob(pattern)}
    others = {
        file
        for file in package.rglob("*")
        if file.is_file() and file.suffix not in (".py", ".pyc") and not file.name.startswith(".")
    }
    assert declared == others


def test_import_is_quick() -> None:
    """Half the 0.3 s that ``seqloom --help`` may take at the most."""
    program = "import time; a = time.perf_counter(); import seqloom; print(time.perf_counter() - a)"
    seconds = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT / "src")},
            capture_output=True,
            check=True,
        )
        seconds.append(float(done.stdout))
    assert min(seconds) < 0.15
