"""The import arrows: who may know whom, what stays light, and what may never run.

cli ─→ api ─→ tasks ─→ train ─→ nn
                │        └────→ run
                ├────→ text, data, signal, decode, evaluate      (no torch)
                └────→ config ─→ errors                          (everyone's)
"""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from seqloom_runtime.command import SERVING
from seqloom_runtime.errors import MissingExtraError

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "seqloom"
RUNTIME = ROOT / "runtime" / "src" / "seqloom_runtime"

MAY_IMPORT = {
    "__init__": {"errors", "api"},
    "__main__": {"cli", "command"},
    "errors": set(),
    "config": {"errors", "task_settings"},
    "task_settings": set(),
    "checked": {"config", "errors", "rows", "task_settings"},
    "toml": {"config", "errors"},
    "atomic": {"errors"},
    "strict_json": set(),
    "watching": set(),
    "run": {"atomic", "errors", "strict_json"},
    "presets": {"config", "errors", "toml"},
    "data": {"atomic", "batching", "config", "errors", "signal", "text"},
    "text": {"config", "errors"},
    "signal": {"errors"},
    "batching": set(),
    "rows": {"errors"},
    "reading": {"data", "errors", "rows"},
    "predicting": {"data", "errors", "exported", "reading", "rows", "tasks"},
    "exported": {
        *("data", "decode", "errors", "evaluate", "rows", "signal", "stepping", "tasks", "text"),
    },
    "command": {"", "atomic", "errors", "exported", "predicting", "rows", "serve"},
    "stepping": {"attention_stepping", "decode", "errors"},
    "attention_stepping": {"decode", "errors"},
    "nn": {"errors"},
    "decode": {"errors"},
    "evaluate": {"errors"},
    "train": {"atomic", "config", "data", "errors", "nn", "run", "watching"},
    "tasks": {
        *("batching", "reading", "rows"),
        *("", "atomic", "checked", "config", "data", "decode", "errors", "evaluate", "nn", "run"),
        *("signal", "stepping", "text", "toml", "train", "watching"),
    },
    "explain": {
        *("config", "data", "decode", "errors", "nn", "run", "signal", "tasks", "text", "toml"),
        *("train", "watching"),
    },
    "export": {
        *("", "atomic", "batching", "config", "errors", "evaluate", "exported", "nn", "run"),
        *("signal", "strict_json", "tasks", "text", "toml", "train"),
    },
    "estimators": {
        *("checked", "config", "errors", "run", "task_settings", "tasks", "toml", "train"),
        *("explain", "watching"),
    },
    "chosen": {"config", "data", "errors", "presets", "run", "task_settings", "toml"},
    "compare": {
        *("atomic", "checked", "chosen", "config", "deciding", "errors", "evaluate", "run"),
        *("strict_json", "task_settings", "tasks", "toml"),
        *("report", "terminal", "watching"),
    },
    "report": {"atomic", "checked", "data", "run", "task_settings", "terminal", "toml"},
    "deciding": set(),
    "api": {
        *(
            "checked",
            "chosen",
            "compare",
            "config",
            "data",
            "report",
            "decode",
            "errors",
            "estimators",
            "presets",
        ),
        *("run", "tasks", "text", "watching"),
        *("", "atomic", "explain", "export", "serve"),
    },
    "terminal": {"deciding", "errors", "watching"},
    "serve": {
        *("config", "data", "decode", "errors", "explain", "exported", "rows", "run", "signal"),
        "tasks",
    },
    "stopping": set(),
    "cli": {
        *("", "api", "atomic", "config", "errors", "serve", "stopping", "strict_json"),
        *("reading", "terminal"),
    },
}
"""For each part of seqloom and its runtime: the others that it may import, anywhere in a file."""
RUNTIME_KNOWS_NOT = {"matplotlib", "pydantic", "seqloom", "sklearn", "torch"}

NO_TORCH = ("text", "data")
NO_TORCH_ON_IMPORT = (
    *(
        "__init__",
        "api",
        "atomic",
        "checked",
        "chosen",
        "cli",
        "config",
        "errors",
        "estimators",
    ),
    *("evaluate", "presets", "run", "stopping", "strict_json", "task_settings", "terminal", "toml"),
    *("watching", *NO_TORCH),
)
NN_MAY_IMPORT = {
    *("__future__", "collections", "dataclasses", "functools", "itertools", "math", "typing"),
    *("numpy", "seqloom", "torch"),
}
PICKLES = {"cPickle", "cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
RUNS_TEXT = {"__import__", "compile", "eval", "exec"}
LOADS_PICKLES = {"jit.load", "load", "numpy.load", "np.load", "torch.jit.load", "torch.load"}


class Import(NamedTuple):
    """One imported module, as ``seqloom.data.store``, and where the statement stands."""

    name: str
    file: Path
    line: int

    @property
    def place(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.name}"


def files() -> list[Path]:
    return sorted([*PACKAGE.rglob("*.py"), *RUNTIME.rglob("*.py")])


def package_of(file: Path) -> Path:
    return RUNTIME if file.is_relative_to(RUNTIME) else PACKAGE


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def owner(file: Path) -> str:
    """The part of seqloom that a file belongs to: ``data/store.py`` to data, ``run.py`` to run."""
    first = file.relative_to(package_of(file)).parts[0]
    return first.removesuffix(".py")


def imports(file: Path) -> Iterator[Import]:
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, file, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (Import(name, file, node.lineno) for name in _names(node, file))


def _names(node: ast.ImportFrom, file: Path) -> Iterator[str]:
    """``from seqloom import api`` names a module, ``from seqloom.run import Run`` a class."""
    assert node.level == 0, f"{file}:{node.lineno}: imports are written in full"
    assert node.module is not None
    for alias in node.names:
        full = f"{node.module}.{alias.name}"
        root = RUNTIME.parent if full.startswith("seqloom_runtime") else PACKAGE.parent
        beside = root.joinpath(*full.split("."))
        is_module = beside.is_dir() or beside.with_suffix(".py").is_file()
        yield full if is_module else node.module


def all_imports() -> list[Import]:
    return [found for file in files() for found in imports(file)]


def target(name: str) -> str | None:
    """The part of seqloom that an imported name belongs to; "" is seqloom itself."""
    parts = name.split(".")
    if parts[0] not in ("seqloom", "seqloom_runtime"):
        return None
    return parts[1] if len(parts) > 1 else ""


def test_every_part_has_its_row_of_arrows() -> None:
    assert {owner(file) for file in files()} <= set(MAY_IMPORT)


def test_arrows_make_no_circle() -> None:
    """Each row stands on rows below it: taking away what needs nothing leaves nothing."""
    left = {part: set(others) - {""} for part, others in MAY_IMPORT.items()}
    while free := {part for part, others in left.items() if not others & set(left)}:
        left = {part: others for part, others in left.items() if part not in free}
    assert not left


def test_imports_follow_the_arrows() -> None:
    wrong = [
        found.place
        for found in all_imports()
        if (part := target(found.name)) is not None
        and part != owner(found.file)
        and part not in MAY_IMPORT[owner(found.file)]
    ]
    assert wrong == []


def test_the_runtime_knows_neither_what_trains_nor_its_packages() -> None:
    wrong = [
        found.place
        for found in all_imports()
        if package_of(found.file) == RUNTIME and found.name.split(".")[0] in RUNTIME_KNOWS_NOT
    ]
    assert wrong == []


def test_what_serving_needs_is_named_whole() -> None:
    about = tomllib.loads((ROOT / "runtime" / "pyproject.toml").read_text(encoding="utf-8"))
    extra = about["project"]["optional-dependencies"]["serve"]
    assert [one.partition(">=")[0] for one in extra] == list(SERVING)
    error = MissingExtraError("uvicorn", "serve", "Serving", SERVING)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda name: None)
        alone = MissingExtraError("uvicorn", "serve", "Serving", SERVING)
    assert str(alone).endswith(f"Run: pip install {' '.join(SERVING)}")
    assert str(error).endswith('Run: pip install "seqloom[serve]"')


def test_the_runtime_imports_only_what_is_installed_with_it() -> None:
    """Its dependencies and extras, by the names of their modules; starlette comes with fastapi."""
    about = tomllib.loads((ROOT / "runtime" / "pyproject.toml").read_text(encoding="utf-8"))
    extras = about["project"]["optional-dependencies"].values()
    asked = [*about["project"]["dependencies"], *(one for extra in extras for one in extra)]
    names = {re.split(r"[^\w-]", one)[0].replace("-", "_") for one in asked}
    known = {"PIL" if name == "pillow" else name for name in names} | {"starlette"}
    wrong = [
        found.place
        for found in all_imports()
        if package_of(found.file) == RUNTIME
        and found.name.split(".")[0] not in known | sys.stdlib_module_names
    ]
    assert wrong == []


def test_text_and_data_know_no_torch() -> None:
    wrong = [
        found.place
        for found in all_imports()
        if owner(found.file) in NO_TORCH and "torch" in found.name.split(".")
    ]
    assert wrong == []


def test_layers_know_tensors_only() -> None:
    wrong = [
        found.place
        for found in all_imports()
        if owner(found.file) == "nn" and found.name.split(".")[0] not in NN_MAY_IMPORT
    ]
    assert wrong == []


def light_modules() -> list[str]:
    light = [file for file in files() if owner(file) in NO_TORCH_ON_IMPORT]
    dotted = [
        ".".join(file.relative_to(package_of(file).parent).with_suffix("").parts)
        for file in (*light, *sorted(RUNTIME.rglob("*.py")))
    ]
    return [name.removesuffix(".__init__") for name in dotted]


@pytest.mark.parametrize("modules", [["seqloom"], light_modules()], ids=["seqloom", "light"])
def test_import_brings_no_torch(modules: list[str]) -> None:
    """In a process of its own; what a module imports through others counts too."""
    program = (
        "import importlib, sys\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module(name)\n"
        "    if 'torch' in sys.modules: sys.exit(f'{name} brings torch')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": f"{PACKAGE.parent}{os.pathsep}{RUNTIME.parent}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def forbidden(file: Path) -> Iterator[str]:
    """Places in a file that could run what a file says: pickles, eval, exec."""
    for found in imports(file):
        if found.name.split(".")[0] in PICKLES:
            yield found.place
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.ImportFrom) and node.module in ("numpy", "torch", "torch.jit"):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.Call):
            names = {ast.unparse(node.func)} & (RUNS_TEXT | LOADS_PICKLES - {"load"})
        else:
            continue
        for name in names & (RUNS_TEXT | LOADS_PICKLES):
            yield f"{file}:{node.lineno} uses {name}"


def test_nothing_can_run_what_a_file_says() -> None:
    assert [place for file in files() for place in forbidden(file)] == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "def f():\n    import cloudpickle.cloudpickle",
        "import torch\ntorch.load('model')",
        "from torch import load",
        "import numpy as np\nnp.load('ids.npy')",
        "eval('1 + 1')",
        "exec('x = 1')",
    ],
)
def test_the_search_finds_what_is_forbidden(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    file = tmp_path / "module.py"
    file.write_text(line, encoding="utf-8")
    assert len(list(forbidden(file))) == 1


def test_the_search_allows_what_only_looks_alike(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "from safetensors.torch import load\nload(b'')\nmodel.eval()\nre.compile('a')\n",
        encoding="utf-8",
    )
    assert list(forbidden(file)) == []
