"""What the user named as data (a file, folder, glob, catalogue name, things in memory) as a Source.

Looks at names and first bytes only; the rows are read by ``records``.
"""

from __future__ import annotations

import difflib
import glob
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from seqloom_runtime.data.encoding import read_blocks, read_head
from seqloom_runtime.data.tables import hidden_table

from seqloom.data.catalogue import Entry, fetch, load_catalogue
from seqloom.data.frames import frame_records, is_frame
from seqloom.data.split import PARTS
from seqloom.errors import DataError

Format = Literal[
    "text", "table", "json", "parquet", "sgml", "cmudict", "sound", "midi", "roll", "rows"
]

SUFFIXES: dict[str, Format] = {
    ".txt": "text",
    ".csv": "table",
    ".tsv": "table",
    ".json": "json",
    ".jsonl": "json",
    ".parquet": "parquet",
    ".sgm": "sgml",
    ".dict": "cmudict",
    ".mid": "midi",
    ".midi": "midi",
    ".mat": "roll",
}
MUSIC: tuple[Format, ...] = ("midi", "roll")
_ABOUT = re.compile(r"(.*[_-])?(readme|licen[cs]e|copying|changelog)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Source:
    """Where the data lies.

    Args:
        name: short name for the run folder: a file's stem, a folder's or catalogue entry's name.
        files: the files to read, in order; all of one format.
        rows: rows in memory: a list of dicts or texts, or a data frame.
        format: what is in the files; "rows" when they are in memory.
        reasons: what was decided about the files, as sentences for the user.
        entry: the catalogue's entry that the data comes from.
        parts: the official validation and test parts, where the data set has them.
        only: the part of the files that is meant, where one file holds several.
        columns: columns of a table that stand in files of their own, a value a line.
    """

    name: str
    files: tuple[Path, ...] = ()
    rows: Any = None
    format: Format = "rows"
    reasons: tuple[str, ...] = ()
    entry: Entry | None = None
    parts: dict[str, Source] = field(default_factory=dict)
    only: str = ""
    columns: tuple[tuple[str, Path], ...] = ()

    @property
    def size(self) -> int:
        """Bytes on disk, or of the rows written as JSON lines."""
        if self.format == "rows":
            return sum(map(len, _row_bytes(self.rows)))
        return sum(path.stat().st_size for path in self._all_files())

    @property
    def place(self) -> str:
        """What messages call it: the user's own file by its path, else the name."""
        return str(self.files[0]) if len(self.files) == 1 and self.entry is None else self.name

    def digest(self) -> str:
        """sha256 of the content, unpacked; of several files, of their digests in order."""
        if self.format == "rows":
            return _sha256(_row_bytes(self.rows))
        digests = [_sha256(read_blocks(path)) for path in self._all_files()]
        if self.only:
            digests.append(self.only)
        return digests[0] if len(digests) == 1 else _sha256(d.encode() for d in digests)

    def _all_files(self) -> list[Path]:
        return [*self.files, *(path for _, path in self.columns)]


def open_source(data: Any, *, name: str | None = None) -> Source:
    """The source of a path, glob, catalogue name, list of texts or dicts, or data frame.

    Raises:
        DataError: nothing readable is there; the nearest name is offered.
    """
    if isinstance(data, str | os.PathLike):
        source = _from_words(os.fspath(data))
    else:
        source = _from_memory(data)
    return replace(source, name=name) if name else source


def check_not_music(source: Source, task: str) -> None:
    """See that music is learnt by the task that is for it.

    Raises:
        DataError: another task was asked for.
    """
    if source.format in MUSIC and task != "compose":
        raise DataError(f"{source.name}: holds music, which {task} cannot read: --task compose.")


def row_records(rows: Any) -> Iterator[dict[str, Any]]:
    """Rows in memory as dicts; a plain text becomes {"text": text}."""
    if is_frame(rows):
        yield from frame_records(rows)
        return
    for row in rows:
        yield {"text": row} if isinstance(row, str) else dict(row)


def format_of(path: Path) -> Format | None:
    """Format by the file's name; None when it is none of ours."""
    stem = path.name.lower().removesuffix(".gz")
    return SUFFIXES.get(Path(stem).suffix)


def _from_words(words: str) -> Source:
    path = Path(words).expanduser()
    if os.path.isdir(path):
        return _from_folder(path)
    if os.path.exists(path):
        return _from_files([path], _stem(path))
    if words in load_catalogue():
        return _from_entry(load_catalogue()[words])
    if glob.has_magic(words):
        return _from_glob(str(path))
    raise _missing(path, words)


def _from_entry(entry: Entry) -> Source:
    """The training files of a data set, and its other official parts beside them."""
    paths = fetch(entry.name)
    if paths and format_of(paths[0]) == "sgml":
        train, test = (Source(entry.name, paths, format="sgml", only=p) for p in ("train", "test"))
        return replace(train, entry=entry, parts={"test": replace(test, entry=entry)})
    if entry.pairs:
        rows = [{"source": source, "target": target} for source, target in entry.pairs]
        held = Source(entry.name, rows=rows, entry=entry)
        return replace(held, parts={"valid": held})  # too few to hold any back
    if paths and format_of(paths[0]) == "cmudict":
        whole = Source(entry.name, paths, format="cmudict", entry=entry)
        train, *others = (replace(whole, only=part) for part in PARTS)
        return replace(train, parts=dict(zip(PARTS[1:], others, strict=True)))
    if entry.recordings is not None:
        by_name = {str(path): path for path in paths}
        root = paths[0].parents[len(Path(entry.recordings.files()[0]).parts) - 1]
        train, test = (
            Source(
                entry.name,
                tuple(by_name[str(root / name)] for name in entry.recordings.files(part)),
                format="sound",
                entry=entry,
            )
            for part in ("train", "test")
        )
        return replace(train, parts={"test": test})
    if entry.builtin:
        return replace(_of_entry(entry, list(paths)), entry=entry)
    parts: dict[str, Source] = {}
    for part in dict.fromkeys(file.part for file in entry.files):
        own = [(f, path) for f, path in zip(entry.files, paths, strict=True) if f.part == part]
        source = _of_entry(entry, [path for file, path in own if not file.column])
        columns = tuple((file.column, path) for file, path in own if file.column)
        parts[part] = replace(source, entry=entry, columns=columns)
    train = parts.pop("train")
    return replace(train, parts=parts)


def _of_entry(entry: Entry, files: list[Path]) -> Source:
    if entry.task == "tag" or (entry.target and not format_of(files[0])):
        # These files have names of many kinds.
        return Source(entry.name, tuple(files), format="text")
    return _from_files(files, entry.name)


def _from_files(paths: Iterable[Path], name: str) -> Source:
    """One source of files of one format; empty ones are left out when others are not."""
    paths = list(paths)
    kinds = {path: format_of(path) for path in paths}
    for path, kind in kinds.items():
        if kind is None:
            raise DataError(
                f"{path}: files of this name cannot be read. Expected {' '.join(SUFFIXES)}, "
                f"each also with .gz."
            )
    full = [path for path in paths if next(read_blocks(path, 1), b"")]
    if not full:
        raise DataError(f"{paths[0]}: the file is empty.")
    formats = sorted({kind for kind in kinds.values() if kind})
    if len(formats) > 1:
        pattern = full[0].parent / ("*" + full[0].name.removeprefix(_stem(full[0])))
        raise DataError(
            f"{name}: holds files of different kinds ({', '.join(formats)}). "
            f'Pass one kind, for example "{pattern}".'
        )
    reasons = () if len(full) == len(paths) else (f"{len(paths) - len(full)} empty files left out",)
    table = _hidden_table(full[0]) if formats[0] == "text" else None
    if table:
        return Source(name, tuple(full), format="table", reasons=(*reasons, table))
    return Source(name, tuple(full), format=formats[0], reasons=reasons)


def _from_folder(folder: Path) -> Source:
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if format_of(path)
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    content = [path for path in found if not _ABOUT.fullmatch(_stem(path))]
    if not content:
        raise DataError(
            f"{folder}: the folder holds no file that can be read. Expected "
            f"{' '.join(SUFFIXES)}, each also with .gz."
        )
    source = _from_files(content, folder.resolve().name or "data")
    left = ", ".join(path.name for path in found if path not in content)
    return replace(source, reasons=(*source.reasons, f"left out: {left}")) if left else source


def _from_glob(pattern: str) -> Source:
    paths = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]
    paths = [path for path in paths if path.is_file()]
    if not paths:
        raise DataError(f"{pattern}: no file matches. Check the folder and the pattern.")
    fixed = [part for part in Path(pattern).parts if not glob.has_magic(part)]
    name = Path(*fixed).resolve().name if fixed else Path.cwd().name
    return _from_files(paths, _stem(paths[0]) if len(paths) == 1 else name or "data")


def _from_memory(data: Any) -> Source:
    if not is_frame(data):
        data = _as_rows(data)
    if next(row_records(data), None) is None:
        raise DataError("Received data without rows; at least one is needed.")
    return Source("data", rows=data)


def _as_rows(data: Any) -> list[Any]:
    """A list of texts or dicts, checked; arrays and series of texts are turned into lists."""
    for method in ("tolist", "to_list", "to_pylist"):
        if hasattr(data, method):
            data = getattr(data, method)()
            break
    if not isinstance(data, list | tuple):
        raise DataError(
            f"Received {type(data).__name__}; expected a path, a list of texts, a list of dicts "
            f"or a data frame."
        )
    for number, row in enumerate(data):
        if not isinstance(row, str | Mapping):
            raise DataError(
                f"Row {number} is {type(row).__name__}; expected a text or a dict of columns."
            )
    return list(data)


def _hidden_table(path: Path) -> str | None:
    try:
        return hidden_table(*read_head(path, "auto"))
    except DataError:
        return None  # the encoding is not known yet; reading with it tells what is wrong


def _missing(path: Path, words: str) -> DataError:
    shown = words if len(words) <= 120 else words[:117] + "..."
    if not os.path.isdir(path.parent):
        return DataError(f'{shown}: no such file; there is no folder "{str(path.parent)[:80]}".')
    known = [entry.name for entry in path.parent.iterdir()]
    close = difflib.get_close_matches(path.name, [*known, *load_catalogue()], n=1, cutoff=0.6)
    if close:
        offer = path.with_name(close[0]) if close[0] in known else close[0]
        return DataError(f'{shown}: no such file. Did you mean "{offer}"?')
    return DataError(
        f"{shown}: no such file. Pass a file, a folder, a glob or a name of the catalogue: "
        f"{', '.join(load_catalogue())}."
    )


def _stem(path: Path) -> str:
    stem = path.name
    for suffix in (".gz", *SUFFIXES):
        if stem.lower().endswith(suffix):
            stem = stem[: -len(suffix)]
    return stem or path.name


def _row_bytes(rows: Any) -> Iterator[bytes]:
    for record in row_records(rows):
        yield json.dumps(record, ensure_ascii=False, default=str).encode() + b"\n"


def _sha256(blocks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
