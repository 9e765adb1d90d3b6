"""A run exported: its graphs written, tried beside the model, and kept only where they agree."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.errors import MissingExtraError, TrainingError
from seqloom.run import Run
from seqloom.strict_json import to_json

if TYPE_CHECKING:
    from seqloom.export.folder import Exporting


@dataclass(frozen=True)
class Export:
    """What was written.

    Args:
        path: the folder.
        task: of the run.
        sizes: bytes of each file.
        cases: how many comparisons with the model were made.
        difference: the largest one, beside the largest number.
        small: what int8 cost and saved; None without it.
    """

    path: Path
    task: str
    sizes: dict[str, int]
    cases: int
    difference: float
    small: dict[str, Any] | None = None

    def about(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "folder": str(self.path),
            "task": self.task,
            "bytes": sum(self.sizes.values()),
            "files": self.sizes,
            "parity_cases": self.cases,
            "largest_difference": self.difference,
            "int8": self.small,
        }


def check_onnx() -> None:
    """See that what exports is installed.

    Raises:
        MissingExtraError: it is not.
    """
    for package in ("onnx", "onnxruntime"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "export", "seqloom export")


def export(
    run: str | Path, out: str | Path | None = None, *, int8: bool = False, overwrite: bool = False
) -> Export:
    """Write a run as a folder that is used without torch.

    Args:
        run: its folder.
        out: the folder to write; exports/<name of the run> when None.
        int8: weights in eight bits.
        overwrite: replace an export that is there.

    Raises:
        RunError: the run is damaged or has no weights yet, or the folder is taken.
        TrainingError: a graph does not give the model's numbers.
        MissingExtraError: onnx or onnxruntime is not installed.
    """
    check_onnx()
    from seqloom import __version__
    from seqloom.export.folder import check_free, settings_file, write_folder
    from seqloom.export.parity import TOLERANCE, cases_of, session_of
    from seqloom.export.report import parity_report
    from seqloom.export.runs import exporting

    opened = Run.open(run)
    name = opened.path.resolve().name
    path = Path(out) if out is not None else Path("exports") / name
    check_free(path, overwrite=overwrite)
    found = exporting(opened)
    models, cases = {}, []
    for network in found.networks:
        content = network.graph.model().SerializeToString()
        cases += cases_of(network, session_of(content))
        models[f"{network.name}.onnx"] = content
    worst = max(cases, key=lambda case: case.share)
    if worst.share > TOLERANCE:
        raise TrainingError(
            f"{worst.network}.onnx gives {worst.output} up to {worst.difference:.2g} away from the "
            f"model's (batch {worst.batch}, length {worst.length}); nothing was written. This is "
            "a fault of Seqloom's, please report it."
        )
    parity = {"tolerance": TOLERANCE, "cases": [case.to_dict() for case in cases]}
    task = opened.read_json("run.json")["task"]
    about = {"task": task, "name": name, "seqloom": __version__, "int8": int8}
    around = {**settings_file(found.settings), **found.files}
    small = None
    if int8:
        models, small = _smaller(opened, found, models, around, about)
        parity["int8"] = small
    files = {**around, **models}
    files["parity.json"] = (to_json(parity, indent=1) + "\n").encode()
    files["parity.md"] = parity_report(name, cases, small).encode()
    write_folder(path, files, about, overwrite=overwrite)
    sizes = {file: len(content) for file, content in sorted(files.items())}
    return Export(path, task, sizes, len(cases), worst.share, small)


def _smaller(
    run: Run,
    found: Exporting,
    models: dict[str, bytes],
    around: dict[str, bytes],
    about: dict[str, Any],
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The networks in eight bits, and what that saves and costs."""
    from seqloom_runtime.exported import open_model

    from seqloom.export.folder import write_folder
    from seqloom.export.int8 import agreement, in_eight_bits, quality
    from seqloom.export.measures import words_for

    small = {name: in_eight_bits(content) for name, content in models.items()}
    with tempfile.TemporaryDirectory() as folder:
        opened = []
        for kind, networks in (("float32", models), ("int8", small)):
            path = Path(folder) / kind
            write_folder(path, {**around, **networks}, about, overwrite=False)
            opened.append(open_model(path))
        scores = quality(run, found.settings, *opened)
    return small, {
        "bytes": [sum(map(len, each.values())) for each in (models, small)],
        "agreement": agreement(found.networks, models, small),
        "quality": {name: list(pair) for name, pair in scores.items()},
        "words": words_for(about["task"], scores),
    }
