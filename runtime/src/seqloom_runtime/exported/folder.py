"""An exported folder on disk: every file checked against its digest before anything is read.

    <folder>/
      export.json     format, task, name, versions, sha256 of every file and of this one
      settings.json   the settings of the run
      *.onnx          networks: lengths and states as inputs and outputs
      tokenizer.json, labels.json, scale.json, *.safetensors     what stands around them
      parity.json, parity.md     how near the networks are to the model they were made from

Opening one runs no code of its own: JSON, safetensors and ONNX's operators only.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import RunError

FORMAT = 1  # of the folder; one of another format is refused by name
MANIFEST, SETTINGS = "export.json", "settings.json"
DTYPES = {
    **{"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2"},
    **{"I8": "i1", "U8": "u1", "BOOL": "?", "U16": "<u2", "U32": "<u4", "U64": "<u8"},
}
AGAIN = "Export the run again with seqloom export."


class Folder:
    """An exported folder.

    Args:
        path: where it is.
        about: what its manifest says.
    """

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self.path, self.about = path, about
        self.task, self.name = str(about["task"]), str(about["name"])

    @classmethod
    def open(cls, path: str | Path) -> Folder:
        """The folder, every file of it checked.

        Raises:
            RunError: no export is there, it is of another format, or a file is missing or altered.
        """
        path = Path(path)
        if not (path / MANIFEST).is_file():
            hint = (
                " It is a run: export it first with seqloom export." * (path / "run.json").is_file()
            )
            raise RunError(f"{path} is no exported folder: it holds no {MANIFEST}.{hint}")
        folder = cls(path, _manifest(path))
        for name in folder.about["files"]:
            folder.read(name)
        return folder

    def has(self, name: str) -> bool:
        """Whether a file belongs to the folder."""
        return name in self.about["files"]

    def read(self, name: str) -> bytes:
        """A file's content.

        Raises:
            RunError: it is missing, or is not what was exported.
        """
        if not self.has(name):
            raise RunError(f"{self.path / name}: does not belong to the export. {AGAIN}")
        try:
            content = (self.path / name).read_bytes()
        except OSError as error:
            raise RunError(f"{self.path / name}: cannot be read ({error.strerror}).") from None
        if hashlib.sha256(content).hexdigest() != self.about["files"][name]:
            raise RunError(
                f"{self.path / name}: is not what was exported (its sha256 differs); it was "
                "truncated or altered. Copy the folder anew, or export the run again with "
                "seqloom export."
            )
        return content

    def json(self, name: str) -> Any:
        """A JSON file.

        Raises:
            RunError: see ``read``; or it is no JSON.
        """
        try:
            return json.loads(self.read(name))
        except ValueError as error:
            raise RunError(f"{self.path / name}: is damaged: {error}.") from None

    def arrays(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """The arrays of a safetensors file.

        Raises:
            RunError: see ``read``; or it is something else.
        """
        try:
            return read_arrays(self.read(name))
        except (KeyError, ValueError, TypeError) as error:
            raise RunError(f"{self.path / name}: is not safetensors ({error}).") from None


def read_arrays(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """What a safetensors file holds: a size, a JSON header of that size, the numbers.

    >>> header = b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    >>> numbers = np.array([1, 2], np.float32).tobytes()
    >>> read_arrays(len(header).to_bytes(8, "little") + header + numbers)["x"].tolist()
    [1.0, 2.0]
    """
    size = int.from_bytes(content[:8], "little")
    header, body = json.loads(content[8 : 8 + size]), content[8 + size :]
    return {
        name: np.frombuffer(body[slice(*one["data_offsets"])], DTYPES[one["dtype"]]).reshape(
            one["shape"]
        )
        for name, one in header.items()
        if name != "__metadata__"
    }


def manifest_bytes(about: dict[str, Any]) -> bytes:
    """A manifest as it stands in its file, with a digest of itself."""
    plain = {name: value for name, value in about.items() if name != "sha256"}
    digest = hashlib.sha256(_canonical(plain)).hexdigest()
    return _canonical({**plain, "sha256": digest})


def _canonical(about: dict[str, Any]) -> bytes:
    return (json.dumps(about, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _manifest(path: Path) -> dict[str, Any]:
    """The manifest, which is checked by its own digest, byte for byte."""
    file = path / MANIFEST
    try:
        content = file.read_bytes()
        about = json.loads(content)
    except OSError as error:
        raise RunError(f"{file}: cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise RunError(f"{file}: is damaged: {error}. {AGAIN}") from None
    if isinstance(about, dict) and about.get("format", FORMAT) != FORMAT:
        raise RunError(
            f"{path}: the export is of format {about['format']}; this runtime reads format "
            f"{FORMAT}. {AGAIN}"
        )
    fields = {"task": str, "name": str, "files": dict, "sha256": str}
    sound = isinstance(about, dict) and all(isinstance(about.get(f), k) for f, k in fields.items())
    if not sound or manifest_bytes(about) != content:
        raise RunError(f"{file}: is not what was exported; it was altered. {AGAIN}")
    return dict(about)
