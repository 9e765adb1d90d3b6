"""Recordings with what is said in them: a folder and names, a table, rows in memory, a data set.

    folder of sound ─ names by a pattern ─┐
    table ─ columns for file, transcript ─┼→ Recording(path, text, speaker)
    catalogue ─ its own pattern ──────────┘

Reads names and tables only, no sound.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from seqloom_runtime.signal.sound_files import SOUND, is_sound

from seqloom.config import DataSettings
from seqloom.data.file_pattern import compile_pattern, fields_of
from seqloom.data.records import ReadReport, read_records
from seqloom.data.source import Source, format_of, open_source
from seqloom.errors import DataError, SettingsError, nearest

AUDIO = ("audio", "path", "file", "filename", "wav", "recording", "음성", "파일")
TRANSCRIPT = ("transcript", "transcription", "text", "sentence", "label", "전사", "텍스트", "문장")
SPEAKER = ("speaker", "speaker_id", "client_id", "reader", "화자")
TABLES = ("table", "json", "parquet")
LOOKED_AT = 20  # rows of a table, to see what it names


@dataclass(frozen=True)
class Recording:
    """A sound file and what is said in it.

    Args:
        path: of the file.
        text: what is said.
        speaker: whose voice it is; empty where nobody says.
    """

    path: Path
    text: str
    speaker: str = ""


@dataclass(frozen=True)
class RecordingPlan:
    """How the recordings of a source are found.

    Args:
        audio, transcript, speaker: columns of a table; empty where names say it.
        pattern: of names; None of a table.
    """

    audio: str = ""
    transcript: str = ""
    speaker: str = ""
    pattern: re.Pattern[str] | None = None


def holds_sound(data: Any) -> bool:
    """Whether a name is that of a sound file, of a folder or glob of them."""
    if not isinstance(data, str | os.PathLike):
        return False
    path = Path(data).expanduser()
    if path.is_dir():
        return bool(next(_sound_in(path), None)) and not _tables_in(path, others=True)
    if path.exists():
        return is_sound(path)
    return glob.has_magic(str(path)) and is_sound(path)


def names_sound(data: Any) -> str:
    """Why a table surely holds recordings with transcripts; empty where it does not."""
    if not isinstance(data, str | os.PathLike) or not Path(data).expanduser().is_file():
        return ""
    try:
        source = open_source(data)
        known = source.format in TABLES
        rows = list(islice(read_records(source), LOOKED_AT)) if known else []
    except DataError:
        return ""
    columns = list(rows[0]) if rows else []
    audio = _named(AUDIO, columns)
    if not audio or not _named(TRANSCRIPT, columns):
        return ""
    if not all(is_sound(Path(str(row.get(audio) or ""))) for row in rows):
        return ""
    return f'column "{audio}" names recordings, with transcripts beside it'


def open_recordings(data: Any) -> Source:
    """The source of sound files, a folder of them, or a table that names them.

    Raises:
        DataError: nothing readable is there.
    """
    if not isinstance(data, str | os.PathLike):
        return open_source(data)
    path = Path(data).expanduser()
    if path.is_dir():
        return _from_folder(path)
    if path.is_file() and is_sound(path):
        return _of_files([path], path.stem)
    if glob.has_magic(str(path)) and is_sound(path):
        found = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]
        if not found:
            raise DataError(f"{path}: no file matches. Check the folder and the pattern.")
        return _of_files(found, path.parent.resolve().name)
    return open_source(data)


def _from_folder(folder: Path) -> Source:
    """A folder's table where it has one, else its sound files."""
    tables = _tables_in(folder)
    name = folder.resolve().name or "data"
    if len(tables) == 1:
        return replace(open_source(str(tables[0])), name=name)
    if len(tables) > 1:
        names = ", ".join(table.name for table in tables[:5])
        raise DataError(f"{folder}: holds several tables ({names}). Pass one of them.")
    found = sorted(_sound_in(folder))
    if not found:
        raise DataError(
            f"{folder}: the folder holds no sound ({' '.join(SOUND)}) and no table that names some."
        )
    return _of_files(found, name)


def _of_files(paths: list[Path], name: str) -> Source:
    return Source(name, tuple(paths), format="sound")


def _sound_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if is_sound(path) and _is_shown(path, folder))


def _tables_in(folder: Path, *, others: bool = False) -> list[Path]:
    """Tables of a folder itself; with ``others`` texts too."""
    kinds = (*TABLES, "text") if others else TABLES
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and format_of(path) in kinds and _is_shown(path, folder)
    ]


def _is_shown(path: Path, folder: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(folder).parts)


def plan_recordings(source: Source, settings: DataSettings) -> tuple[RecordingPlan, str]:
    """How the recordings are found, and in words.

    Raises:
        SettingsError: neither names nor columns say what is said.
    """
    if source.format == "sound":
        pattern = settings.name
        if pattern is None:
            example = source.files[0].stem
            raise SettingsError(
                f'{source.name}: nothing says what is said in files such as "{example}". Pass '
                '--name with a pattern such as "{text}_{speaker}_{take}", or a table.'
            )
        return RecordingPlan(pattern=compile_pattern(pattern)), f'names are "{pattern}"'
    if settings.name is not None:
        raise SettingsError("--name has no meaning for a table: its columns say what is said.")
    first = next(iter(read_records(source, encoding=settings.encoding)), {})
    columns = list(first)
    audio = settings.audio or _named(AUDIO, columns) or _of_sound(first)
    transcript = settings.transcript or _named(TRANSCRIPT, columns)
    speaker = settings.speaker or _named(SPEAKER, columns)
    for flag, column in (("audio", audio), ("transcript", transcript)):
        if not column:
            raise SettingsError(
                f"{source.name}: no column looks like the {flag} ({', '.join(columns)}). Name it "
                f"with --{flag}."
            )
    for column in filter(None, (audio, transcript, speaker)):
        if column not in columns:
            raise SettingsError(f'{source.name}: no column "{column}". {nearest(column, columns)}')
    words = f'file "{audio}", transcript "{transcript}"'
    words += f', speaker "{speaker}"' if speaker else ", no speaker"
    return RecordingPlan(audio, transcript, speaker), words


def _named(names: tuple[str, ...], columns: list[str]) -> str:
    lower = {column.lower(): column for column in columns}
    return next((lower[name] for name in names if name in lower), "")


def _of_sound(row: dict[str, Any]) -> str:
    return next((c for c, value in row.items() if is_sound(Path(str(value)))), "")


def read_recordings(
    source: Source, plan: RecordingPlan, settings: DataSettings, report: ReadReport
) -> Iterator[Recording]:
    """Recordings in the order of the source; what says nothing is dropped and counted.

    Raises:
        DataError: a row names no file.
    """
    if plan.pattern is not None:
        for path in source.files:
            fields = fields_of(path, plan.pattern)
            if fields is None:
                report.drop("named otherwise")
                continue
            yield Recording(path, fields["text"], fields.get("speaker", ""))
        return
    folder = source.files[0].parent if source.files else Path()
    records = read_records(
        source, encoding=settings.encoding, skip_bad_rows=settings.skip_bad_rows, report=report
    )
    for number, record in enumerate(records, 1):
        name, text = (str(record.get(c) or "").strip() for c in (plan.audio, plan.transcript))
        if not name and settings.skip_bad_rows:
            report.drop("no file named")
        elif not name:
            raise DataError(
                f'{source.name}, row {number:,}: column "{plan.audio}" is empty; every row needs '
                "a file. Pass --skip-bad-rows to drop such rows."
            )
        elif not text:
            report.drop("no transcript")
        else:
            speaker = str(record.get(plan.speaker) or "").strip() if plan.speaker else ""
            yield Recording(folder / Path(name).expanduser(), text, speaker)
