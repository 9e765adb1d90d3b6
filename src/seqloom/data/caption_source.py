"""What the user named as pictures with captions, as a Source: a table, a folder, a data set, rows.

A folder holds one table beside its pictures, or a table for each part, such as train.csv; a folder
without a table holds pictures that may be captioned, no more.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from seqloom_runtime.data.encoding import read_lines
from seqloom_runtime.signal.images import SUFFIXES, is_image_name

from seqloom.config import DataSettings
from seqloom.data.captions import CAPTION_NAMES, IMAGE_NAMES, caption_records, is_picture
from seqloom.data.catalogue import fetch, load_catalogue
from seqloom.data.records import ReadReport
from seqloom.data.source import Source, format_of, open_source
from seqloom.data.split import PARTS
from seqloom.errors import DataError

TABLES = ("table", "json", "parquet", "text")
ABOUT = ("readme", "source", "licence", "license", "copying", "changelog", "sha256sums")
PART_NAMES = {"train": "train", "training": "train", "valid": "valid", "validation": "valid",
              "val": "valid", "dev": "valid", "test": "test"}  # fmt: skip


def open_captions(data: Any) -> Source:
    """The source of a table, folder, catalogue name, list of dicts, or data frame.

    Raises:
        DataError: nothing readable is there, or several tables that are no parts.
    """
    if not isinstance(data, str | os.PathLike):
        return open_source(data)
    path = Path(data).expanduser()
    if path.is_dir():
        return _of_tables(_tables_in(path), path.resolve().name or "pictures")
    if path.is_file():
        if is_image_name(path):
            raise DataError(f"{path}: is a picture; expected a table of pictures and captions.")
        return table_source(path)
    if str(data) in load_catalogue():
        return _of_entry(str(data))
    return open_source(data)


def table_source(path: Path) -> Source:
    """One file; a .txt may be a table with commas or tabs, as captions.txt of Flickr8k is."""
    source = open_source(path)
    if source.format == "text" and not _has_token_lines(path):
        return replace(source, format="table")
    return source


def _has_token_lines(path: Path) -> bool:
    """Whether the first line names a picture before a tab, and not a column."""
    first = next(iter(read_lines(path, "auto")), "")
    return "\t" in first and is_image_name(first.partition("\t")[0].partition("#")[0])


def _tables_in(folder: Path) -> list[Path]:
    found = [
        path
        for path in sorted(folder.iterdir())
        if path.is_file()
        and not path.name.startswith(".")
        and format_of(path) in TABLES
        and path.stem.lower() not in ABOUT
    ]
    if not found:
        raise DataError(
            f"{folder}: the folder holds no table of captions (.csv, .tsv, .json, .jsonl, "
            ".parquet, or .txt as captions.txt of Flickr8k). Put one beside the pictures, or pass "
            "a table and --images FOLDER."
        )
    return found


def _of_tables(tables: Sequence[Path], name: str) -> Source:
    """One table, or one for each part."""
    if len(tables) == 1:
        return replace(table_source(tables[0]), name=name)
    parts = {PART_NAMES.get(path.name.partition(".")[0].lower(), ""): path for path in tables}
    if len(parts) != len(tables) or "" in parts or "train" not in parts:
        names = ", ".join(path.name for path in tables)
        raise DataError(
            f"{tables[0].parent}: holds several tables ({names}). Pass one of them; with --valid "
            "and --test others."
        )
    sources = {part: replace(table_source(path), name=name) for part, path in parts.items()}
    others = {part: sources[part] for part in PARTS[1:] if part in sources}
    return replace(sources["train"], parts=others)


def _of_entry(name: str) -> Source:
    """A data set of the catalogue, whose first file lies beside its pictures."""
    entry = load_catalogue()[name]
    if entry.task != "caption":
        return open_source(name)
    return replace(_of_tables(fetch(name), name), entry=entry)


def holds_captions(data: Any) -> str:
    """Why data are surely pictures with captions; empty where they are not."""
    if not isinstance(data, str | os.PathLike) or not Path(data).expanduser().exists():
        return ""
    try:
        source = open_captions(data)
        rows = list(islice(caption_records(source, DataSettings(), ReadReport()), 20))
    except DataError:
        return ""
    columns = {name.lower().strip(): name for name in (rows[0] if rows else ())}
    image = next((columns[name] for name in IMAGE_NAMES if name in columns), None)
    captions = any(name in columns for name in CAPTION_NAMES)
    if image and captions and all(is_picture(row.get(image)) for row in rows):
        return f'column "{image}" names pictures, with captions beside it'
    return ""


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder and of those below it, sorted.

    Raises:
        DataError: there are none.
    """
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if is_image_name(path)
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not found:
        raise DataError(f"{folder}: holds no pictures. Expected {' '.join(SUFFIXES)}.")
    return found
