"""Data sets known by name: where they lie, what they are, how they are read.

A file is looked for in the folder named by the environment variable SEQLOOM_DATA, then in the
user's cache, then downloaded. Wherever it comes from, its checksum must be right.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from seqloom_runtime.atomic import write_atomically
from seqloom_runtime.data.encoding import read_blocks

from seqloom.config import DataSettings, RecordKind
from seqloom.errors import DataError, nearest

VARIABLE = "SEQLOOM_DATA"
CACHE_VARIABLE = "SEQLOOM_CACHE"
ANOTHER_CACHE = (
    f"Free some space, or name another folder in the environment variable {CACHE_VARIABLE}."
)
_SECONDS = 30  # without an answer before a download is given up


@dataclass(frozen=True)
class CatalogueFile:
    """One file of a data set.

    Args:
        name: its name below the entry's folder, unpacked.
        sha256: checksum of the unpacked file.
        size: bytes of the unpacked file.
        url: where it is downloaded from, at a fixed commit; None when it cannot be.
        part: the official part that it is: train, valid or test.
        column: of that part's table, a column whose values are the lines of this file.
        packed: checksum of the file at the url, where it is packed with gzip there.
    """

    name: str
    sha256: str
    size: int
    url: str | None = None
    part: str = "train"
    column: str = ""
    packed: str = ""


@dataclass(frozen=True)
class RecordingSet:
    """Many small sound files whose names follow from a pattern, checked together.

    Args:
        name: pattern of their names, such as "{text}_{speaker}_{take}".
        texts, speakers: what is said, and by whom.
        takes: how often each speaker says each text; the first ``test_takes`` are the test part.
        ending: of each name.
        folder: below the entry's folder.
        url: of that folder, at a fixed commit.
        sha256: checksum of the checksums of all files, in the order of texts, speakers, takes.
    """

    name: str
    texts: tuple[str, ...]
    speakers: tuple[str, ...]
    takes: int
    test_takes: int
    ending: str
    folder: str
    url: str
    sha256: str

    def files(self, part: str | None = None) -> list[str]:
        """Names of the files, of a part or of all: below the entry's folder."""
        takes = {"test": range(self.test_takes), "train": range(self.test_takes, self.takes)}
        chosen = range(self.takes) if part is None else takes[part]
        return [
            f"{self.folder}/"
            + self.name.format(text=text, speaker=speaker, take=take)
            + self.ending
            for text in self.texts
            for speaker in self.speakers
            for take in chosen
        ]


@dataclass(frozen=True)
class Entry:
    """One data set.

    Args:
        name: what the user types.
        title: what it is.
        licence: as stated at the source.
        split: the official one, or how it is usually split.
        folder: its folder in a local data folder.
        files: its files, in order.
        task: what it is mostly used for.
        text: column or template that is the text.
        label: column of the label.
        source, target: columns of a text and its translation.
        pairs: the data themselves, of a data set of a few pairs without files.
        records: what one record is.
        drop: field values that count as missing.
        forecast: of time series, the columns and what to do with gaps, as in ``SeriesOptions``;
            and the borders of an official split, in steps.
        recordings: of sound, what the files' names say, as in ``RecordingSet``.
        note: where the files come from when they cannot be downloaded.
        images: folder of the pictures that the first file names, beside it.
        images_sha256: checksum of their checksums, in the order of their names.
        builtin: a text that comes with Python itself, or pictures that are drawn; in the cache.
    """

    name: str
    title: str
    licence: str
    split: str
    folder: str
    files: tuple[CatalogueFile, ...]
    task: str = "generate"
    text: str | None = None
    label: str | None = None
    source: str | None = None
    target: str | None = None
    pairs: tuple[tuple[str, str], ...] = ()
    records: RecordKind = "auto"
    drop: tuple[str, ...] = ()
    forecast: dict[str, Any] = field(default_factory=dict)
    recordings: RecordingSet | None = None
    note: str = ""
    images: str = ""
    images_sha256: str = ""
    builtin: bool = False

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """How the data is read right, as settings to put over the defaults."""
        values = {"text": self.text, "records": self.records, "drop": self.drop}
        values["name"] = self.recordings.name if self.recordings else None
        default = DataSettings().model_dump()
        return {"data": {key: value for key, value in values.items() if value != default[key]}}

    def as_dict(self) -> dict[str, Any]:
        """The entry as plain values, for JSON."""
        return asdict(self)


def cache_folder() -> Path:
    """The folder in which Seqloom keeps what it can make or fetch again."""
    import pooch

    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser() if named else Path(pooch.os_cache("seqloom"))


@cache
def load_catalogue() -> dict[str, Entry]:
    """Every entry by name, in the catalogue's order."""
    text = files("seqloom.data").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return {name: _entry(name, values) for name, values in tomllib.loads(text).items()}


def fetch(name: str) -> tuple[Path, ...]:
    """Paths of an entry's files, downloaded where they are not here yet.

    Raises:
        DataError: no such entry, no connection, or a file that is not the one expected.
    """
    catalogue = load_catalogue()
    if name not in catalogue:
        raise DataError(f'No data set "{name}" in the catalogue. {nearest(name, catalogue)}')
    return fetch_entry(catalogue[name])


def fetch_entry(entry: Entry) -> tuple[Path, ...]:
    """Paths of the files of an entry, of the catalogue or of one's own."""
    if entry.recordings is not None:
        return _recordings(entry, entry.recordings)
    if entry.builtin:
        return _made(entry)
    paths = tuple(_local(entry, file) or _cached(entry, file) for file in entry.files)
    if entry.images:
        _check_images(paths[0].parent / entry.images, entry)
    return paths


def _made(entry: Entry) -> tuple[Path, ...]:
    """The files of a data set that needs no other source than this computer."""
    from seqloom.data.shapes import make_shapes

    if entry.task == "caption":
        return make_shapes(cache_folder() / entry.folder)
    return (_python_reference(entry),)


def _check_images(folder: Path, entry: Entry) -> None:
    """See that the pictures are there and those of the catalogue.

    Raises:
        DataError: they are not.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_file():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    if digest.hexdigest() != entry.images_sha256:
        raise DataError(
            f"{folder}: does not hold the pictures of the catalogue ({entry.note}). Put exactly "
            "those there."
        )


def _entry(name: str, values: dict[str, Any]) -> Entry:
    own = tuple(CatalogueFile(**file) for file in values.pop("files", ()))
    if "listing" in values:
        own = (*own, *_listed(values.pop("listing"), values.pop("base")))
    pairs = tuple((source, target) for source, target in values.pop("pairs", ()))
    drop = tuple(values.pop("drop", ()))
    heard = values.pop("recordings", None)
    if heard is not None:
        tuples = {key: tuple(heard[key]) for key in ("texts", "speakers")}
        heard = RecordingSet(**{**heard, **tuples})
    return Entry(name=name, files=own, pairs=pairs, drop=drop, recordings=heard, **values)


def _recordings(entry: Entry, held: RecordingSet) -> tuple[Path, ...]:
    """The sound files, from the user's folder or the cache, downloaded one by one where missing."""
    names = held.files()
    local = os.environ.get(VARIABLE)
    folder = Path(local).expanduser() / entry.folder if local else None
    if folder is None or not (folder / names[0]).is_file():
        folder = cache_folder() / entry.folder
        for name in names:
            if not (folder / name).is_file():
                _fetch_recording(entry, held, name, folder)
    digest = hashlib.sha256()
    for name in names:
        if not (folder / name).is_file():
            raise DataError(f"{entry.name}: {folder / name} is missing. Copy the folder anew.")
        digest.update(hashlib.sha256((folder / name).read_bytes()).digest())
    if digest.hexdigest() != held.sha256:
        raise DataError(
            f"{folder / held.folder}: the recordings are not those of the catalogue (sha256 "
            f"{digest.hexdigest()[:12]}..., expected {held.sha256[:12]}...). Remove them, or put "
            "the right ones there."
        )
    return tuple(folder / name for name in names)


def _fetch_recording(entry: Entry, held: RecordingSet, name: str, folder: Path) -> None:
    """Download one file; all of them are checked together."""
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    url = f"{held.url}/{Path(name).name}"
    try:
        pooch.retrieve(
            url,
            known_hash=None,
            fname=Path(name).name,
            path=(folder / name).parent,
            downloader=pooch.HTTPDownloader(timeout=_SECONDS),
        )
    except OSError as error:
        raise DataError(
            f"{entry.name}: could not download {url} ({_cause(error)}). Connect to the internet, "
            f"or put the folder at ${VARIABLE}/{entry.folder} ({VARIABLE} is an environment "
            "variable)."
        ) from None


def _listed(listing: str, base: str) -> Iterator[CatalogueFile]:
    """The files of a data set of many: a checksum, a size and a name a line."""
    text = files("seqloom.data").joinpath(listing).read_text(encoding="utf-8")
    for line in text.splitlines():
        sha256, size, name = line.split(" ", 2)
        yield CatalogueFile(name, sha256, int(size), base + name)


def _local(entry: Entry, file: CatalogueFile) -> Path | None:
    """The file in the user's data folder, plain or with .gz, checked; None when not there."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return None
    plain = Path(folder).expanduser() / entry.folder / file.name
    for path in (plain, plain.with_name(plain.name + ".gz")):
        if path.is_file():
            _check(path, file)
            return path
    return None


def _python_reference(entry: Entry) -> Path:
    """Python's language reference as every installation has it, one topic after another."""
    from pydoc_data.topics import topics

    path = cache_folder() / entry.folder / f"python-{platform.python_version()}.txt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "\n\n".join(topics[name] for name in sorted(topics))
        # Under a name of its own first: several processes of one run may be here at once.
        own = path.with_name(f"{path.name}.{os.getpid()}")
        write_atomically(own, text.encode(), advice=ANOTHER_CACHE)
        os.replace(own, path)
    return path


def _check(path: Path, file: CatalogueFile) -> None:
    digest = hashlib.sha256()
    for block in read_blocks(path):
        digest.update(block)
    if digest.hexdigest() != file.sha256:
        raise DataError(
            f"{path}: is not the file of the catalogue (sha256 {digest.hexdigest()[:12]}..., "
            f"expected {file.sha256[:12]}...). Remove it, or put the right one there."
        )


def _cached(entry: Entry, file: CatalogueFile) -> Path:
    import pooch

    where = f"${VARIABLE}/{entry.folder}/{file.name}"
    if file.url is None:
        raise DataError(
            f"{entry.name}: {file.name} cannot be downloaded ({entry.note}). Put it at {where}, "
            f"where {VARIABLE} is an environment variable that names your data folder."
        )
    target = (cache_folder() / entry.folder / file.name).parent
    pooch.get_logger().setLevel(logging.WARNING)  # progress is the command line's business
    try:
        path = pooch.retrieve(
            file.url,
            known_hash=f"sha256:{file.packed or file.sha256}",
            fname=Path(file.name).name + (".gz" if file.packed else ""),
            path=target,
            downloader=pooch.HTTPDownloader(timeout=_SECONDS),
        )
    except OSError as error:  # requests' errors are among these
        raise DataError(
            f"{entry.name}: could not download {file.url} ({_cause(error)}). Connect to the "
            f"internet, or put the file at {where} ({VARIABLE} is an environment variable)."
        ) from None
    except ValueError:  # pooch says so of a wrong checksum
        raise DataError(
            f"{entry.name}: {file.url} does not have the expected content (sha256 "
            f"{(file.packed or file.sha256)[:12]}...), so it was not kept. Try again later."
        ) from None
    return Path(path)


def _cause(error: OSError) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        response.close()
        return f"the server answered {response.status_code}"
    return error.strerror or type(error).__name__
