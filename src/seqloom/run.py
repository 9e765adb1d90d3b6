"""The run folder: what a training run leaves behind, written whole or not at all.

    runs/<name>/
      run.json            format, versions, task, data and its digest
      config.toml         every setting, as resolved
      tokenizer.json      how text becomes ids; scale.json, how series become standard scores
      target_tokenizer.json  lengths.json    of a translator: of its other side, how long it may be
      labels.json         labels or tags, in the order of the network's scores
      model.safetensors   the best weights on validation
      wide.safetensors  calibration.safetensors    of a classifier: n-grams, scales of both
      baseline.safetensors  or .json: the model to beat, fitted on the same training part
      digest.json         sha256 of the files above; checked when a run is loaded
      metrics.json  history.jsonl  samples.jsonl  loss.png  details.json
      card.md  report.html  the run in words and pictures, for those who were not there
      confusion.png  attention.png  fan.png
      intervals.safetensors  history.safetensors    of a forecaster: margins, the ends of its series
      language.json  language.safetensors  hearing.png    of a recognizer: n-grams of transcripts
      checkpoint/         what ``resume`` needs

Loading runs no code: TOML, JSON and safetensors only.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqloom_runtime.atomic import cannot_write, write_atomically

from seqloom.errors import RunError
from seqloom.strict_json import to_json

# Never read without a digest.
SEALED = (
    *("*.safetensors", "config.toml", "tokenizer.json", "labels.json", "scale.json"),
    *("baseline.json", "target_tokenizer.json", "lengths.json", "language.json"),
)
FORMAT = 1  # of the folder; a run of another format is refused by name
ABSENT = "absent"  # stands among the digests while a file is being written for the first time


class Run:
    """A run folder that is being written or read.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @classmethod
    def create(cls, path: str | Path, *, overwrite: bool) -> Run:
        """Make the folder; an earlier run in it is removed only when ``overwrite`` says so.

        Raises:
            RunError: the folder holds something already, is no run, or may not be written.
        """
        run = cls(path)
        run.check_free(overwrite=overwrite)
        try:
            if run.path.exists():
                shutil.rmtree(run.path)
            run.path.mkdir(parents=True)
        except OSError as error:
            raise RunError(
                f"{path}: cannot be made ({error.strerror}). Choose another folder with --out."
            ) from None
        return run

    def check_free(self, *, overwrite: bool) -> None:
        """See that the folder may be made; asked before long work, too.

        Raises:
            RunError: it holds something already, is no run, or may not be written.
        """
        path = self.path
        if path.exists() and not path.is_dir():
            raise RunError(f"{path} is a file. Choose another folder with --out.")
        if path.is_dir() and any(path.iterdir()):
            if not (path / "run.json").exists():
                raise RunError(
                    f"{path} is not a run of Seqloom and not empty, so it is left alone. "
                    "Choose another --out."
                )
            if not overwrite:
                raise RunError(
                    f"{path} exists already. Pass --overwrite to replace it, another --out, or go "
                    f"on with: seqloom resume {path}"
                )
        above = next(parent for parent in path.absolute().parents if parent.exists())
        if not above.is_dir():
            raise RunError(f"{path}: {above} is a file. Choose another folder with --out.")
        if not os.access(above, os.W_OK):
            raise RunError(f"{path}: {above} may not be written. Choose another folder with --out.")

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """An existing run, its files checked against their digests.

        Raises:
            RunError: no run is there, it is of another format, or a file was altered.
        """
        run = cls(path)
        if not (run.path / "run.json").exists():
            if (run.path / "export.json").exists():
                raise RunError(
                    f"{path} is an exported folder, no run. Use it with seqloom-runtime, "
                    "or pass the run that it was exported from."
                )
            raise RunError(f"{path} is not a run of Seqloom: it holds no run.json.{run._others()}")
        about = run.read_json("run.json")
        found = about.get("format") if isinstance(about, dict) else None
        if found != FORMAT:
            raise RunError(
                f"{path}: the run is of format {found}; this Seqloom reads format {FORMAT}. "
                "Train it again, or use the version that made it."
            )
        run.verify()
        return run

    def _others(self) -> str:
        parent = self.path.parent
        runs = sorted(p.parent.name for p in parent.glob("*/run.json")) if parent.is_dir() else []
        return f" Runs in {parent}: {', '.join(runs)}." if runs else " Train one first."

    def copy(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Copy the whole folder; returns the new path.

        Raises:
            RunError: the new folder is taken or may not be written.
        """
        other = Run.create(path, overwrite=overwrite)
        try:
            shutil.copytree(self.path, other.path, dirs_exist_ok=True)
        except OSError as error:
            shutil.rmtree(other.path, ignore_errors=True)
            raise cannot_write(other.path, error) from None
        return other.path

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file; null stands for a number that JSON cannot write."""
        write_atomically(self.path / name, (to_json(value, indent=1) + "\n").encode())

    def read_json(self, name: str) -> Any:
        """Read a JSON file.

        Raises:
            RunError: it is missing or is not JSON.
        """
        try:
            return json.loads(self.read(name))
        except ValueError as error:
            raise RunError(f"{self.path / name}: is damaged: {error}.") from None

    def read_fields(self, name: str, kinds: dict[str, type]) -> dict[str, Any]:
        """A JSON object that has these fields, each of its type.

        Raises:
            RunError: it is missing, is not JSON, or lacks one.
        """
        saved = self.read_json(name)
        fields = saved if isinstance(saved, dict) else {}
        wrong = [field for field, kind in kinds.items() if not isinstance(fields.get(field), kind)]
        if wrong:
            raise RunError(
                f"{self.path / name}: is damaged: it lacks {', '.join(wrong)}. Copy the run anew, "
                "or train again with --overwrite."
            )
        return fields

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises:
            RunError: it cannot be read.
        """
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise RunError(
                f"{self.path / name}: cannot be read ({error.strerror}). The run is incomplete; "
                f"if it was stopped, go on with: seqloom resume {self.path}"
            ) from None

    def append(self, name: str, value: Any) -> None:
        """Add a line to a file of JSON lines."""
        try:
            with (self.path / name).open("a", encoding="utf-8") as file:
                file.write(to_json(value) + "\n")
        except OSError as error:
            raise cannot_write(self.path / name, error) from None

    def lines(self, name: str) -> Iterator[Any]:
        """The values of a file of JSON lines; a last line cut off by a kill is passed over."""
        path = self.path / name
        if not path.exists():
            return
        # Not splitlines: JSON leaves U+2028 and its like as they are, and they end no line here.
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            try:
                yield json.loads(line)
            except ValueError:
                return

    def keep_lines(self, name: str, values: list[Any]) -> None:
        """Replace a file of JSON lines."""
        text = "".join(to_json(value) + "\n" for value in values)
        write_atomically(self.path / name, text.encode())

    def seal(self, name: str, content: bytes) -> None:
        """Write a file whose digest is checked when the run is loaded.

        The digest is noted before the file is replaced and the old ones are dropped after, so that
        a kill in between, however often, leaves a run that still opens.
        """
        digest = hashlib.sha256(content).hexdigest()
        known = self.read_json("digest.json") if (self.path / "digest.json").exists() else {}
        self.write_json("digest.json", {**known, name: [*known.get(name, [ABSENT]), digest]})
        write_atomically(self.path / name, content)
        self.write_json("digest.json", {**known, name: [digest]})

    def verify(self) -> None:
        """Check every sealed file.

        Raises:
            RunError: a file is missing, truncated, altered or was put there by others.
        """
        known = self.read_json("digest.json")
        if not isinstance(known, dict) or not all(isinstance(d, list) for d in known.values()):
            raise RunError(
                f"{self.path / 'digest.json'}: is damaged: it lists no digests. Copy the run anew, "
                "or train again with --overwrite."
            )
        sealed = (path.name for pattern in SEALED for path in self.path.glob(pattern))
        for name, digests in {**dict.fromkeys(sealed, ()), **known}.items():
            if ABSENT in digests and not (self.path / Path(name).name).exists():
                continue
            if hashlib.sha256(self.read(Path(name).name)).hexdigest() not in digests:
                raise RunError(
                    f"{self.path / name}: is not what was saved (its sha256 differs); it was "
                    "truncated or altered. Copy the run anew, or train again with --overwrite."
                )
