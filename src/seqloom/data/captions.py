"""Pictures with captions: which columns hold them, and each picture with all that is said of it.

A row is a picture's file and a caption; a picture may stand in many rows, or have a list of
captions in one. Knows no pixels: pictures are opened by ``signal.images``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from seqloom_runtime.data.encoding import read_lines
from seqloom_runtime.data.template import as_text
from seqloom_runtime.signal.images import is_image_name

from seqloom.config import DataSettings
from seqloom.data.records import ReadReport, read_records
from seqloom.data.source import Source
from seqloom.errors import DataError, SettingsError

IMAGE_NAMES = (
    *("image", "image_name", "image_path", "image_file", "images", "img", "picture", "photo"),
    *("filename", "file_name", "file", "path", "이미지", "사진", "그림", "파일"),
)
CAPTION_NAMES = (
    *("caption", "captions", "description", "descriptions", "text", "sentence", "comment"),
    *("설명", "캡션", "문장", "텍스트"),
)
FOLDERS = ("", "images", "Images", "Flicker8k_Dataset", "Flickr8k_Dataset", "photos")
LOOKED_AT = 100  # rows in which a column of pictures is looked for
NAMED = 3  # files that are named in a message about many


@dataclass(frozen=True)
class CaptionPlan:
    """How pictures and captions are read from a source.

    Args:
        image, caption: names of the columns; no caption where only pictures are needed.
        folder: that the names of pictures are relative to.
        reason: both, in words for the user.
    """

    image: str
    caption: str
    folder: Path
    reason: str


@dataclass
class Captioned:
    """A picture and what is said of it.

    Args:
        name: as it stands in the data; a number for a picture in memory.
        image: path, or what ``signal.images.read_image`` takes.
        captions: at least one in training.
        record: the first row that has it.
    """

    name: str
    image: Any
    captions: list[str] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)


def plan_captions(source: Source, settings: DataSettings, *, needed: bool = True) -> CaptionPlan:
    """Which columns hold picture and caption, and where the pictures lie.

    Args:
        needed: whether there must be a caption too.

    Raises:
        DataError: no column is surely one of pictures, or the pictures are not there.
        SettingsError: a named column or folder does not exist.
    """
    rows = list(islice(caption_records(source, settings, ReadReport()), LOOKED_AT))
    if not rows:
        raise DataError(f"{source.name}: holds no rows; expected pictures and captions.")
    image, caption = _columns(rows, source, settings, needed=needed)
    folder, where = _folder(source, settings, [row.get(image) for row in rows])
    words = f'pictures are named in column "{image}"{where}'
    if caption:
        words += f', captions stand in column "{caption}"'
    return CaptionPlan(image, caption, folder, words)


def _columns(
    rows: list[dict[str, Any]], source: Source, settings: DataSettings, *, needed: bool
) -> tuple[str, str]:
    """The columns of picture and caption, "" where there is none and none is needed."""
    columns = list(rows[0])
    image = _named(settings.image, columns, "image") or _image_column(rows, source)
    left = [name for name in columns if name != image]
    caption = _named(settings.caption, columns, "caption") or _known(left, CAPTION_NAMES)
    if needed and not caption:
        texts = [name for name in left if isinstance(rows[0][name], str | list)]
        if len(texts) != 1:
            raise DataError(
                f"{source.name}: no column is surely the caption; the columns are "
                f"{_listed(columns)}. Name it with --caption."
            )
        caption = texts[0]
    return image, caption or ""


def caption_records(
    source: Source, settings: DataSettings, report: ReadReport
) -> Iterator[dict[str, Any]]:
    """The rows; of a file of ``name.jpg#0 TAB caption`` lines as rows with two columns."""
    if source.format == "text":
        yield from _token_lines(source, settings.encoding)
        return
    yield from read_records(
        source, encoding=settings.encoding, skip_bad_rows=settings.skip_bad_rows, report=report
    )


def _token_lines(source: Source, encoding: str) -> Iterator[dict[str, Any]]:
    """Rows of files as Flickr8k.token.txt is.

    Raises:
        DataError: a line is of another kind.
    """
    for path in source.files:
        for number, line in enumerate(read_lines(path, encoding), start=1):
            if not line.strip():
                continue
            name, tab, caption = line.rstrip("\r\n").partition("\t")
            name = name.partition("#")[0].strip()
            if not tab or not is_image_name(name):
                raise DataError(
                    f"{path}, line {number}: expected a table with columns such as "
                    '"image,caption", or lines of a picture\'s name, a tab and a caption.'
                )
            yield {"image": name, "caption": caption}


def _named(name: str | None, columns: Sequence[str], flag: str) -> str | None:
    if name is not None and name not in columns:
        raise SettingsError(
            f"--{flag} {name}: there is no such column; the columns are {_listed(columns)}."
        )
    return name


def _known(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The column whose name is the surest."""
    by_name = {column.lower().strip(): column for column in reversed(columns)}
    return next((by_name[name] for name in names if name in by_name), None)


def _image_column(rows: Sequence[Mapping[str, Any]], source: Source) -> str:
    """The column whose values are pictures or names of pictures."""
    columns = list(rows[0])
    fitting = [c for c in columns if all(is_picture(row.get(c)) for row in rows)]
    if len(fitting) == 1:
        return fitting[0]
    known = _known(fitting or columns, IMAGE_NAMES)
    if known is None:
        raise DataError(
            f"{source.name}: no column surely names pictures; the columns are "
            f"{_listed(columns)}. Name it with --image."
        )
    return known


def is_picture(value: Any) -> bool:
    """Whether a value is a picture, or a text that ends as a picture's file does."""
    if isinstance(value, str | Path):
        return is_image_name(value)
    return hasattr(value, "shape") or hasattr(value, "convert")


def _folder(source: Source, settings: DataSettings, values: Sequence[Any]) -> tuple[Path, str]:
    """The folder that names are relative to: as asked for, or beside the table."""
    names = [value for value in values if isinstance(value, str | Path) and str(value).strip()]
    if settings.images is not None:
        folder = Path(settings.images).expanduser()
        if not folder.is_dir():
            raise SettingsError(f"--images {settings.images}: there is no such folder.")
        return folder, f" and lie in {folder}"
    base = source.files[0].parent if source.files else Path()
    if not names:
        return base, ""
    for name in FOLDERS:
        if any((base / name / value).exists() for value in names):
            return base / name, f" and lie in {base / name}"
    raise DataError(
        f"{source.name}: no picture is where the data say: {base / names[0]} is missing, and so "
        f"are the next. Name the folder of the pictures with --images."
    )


def read_captioned(
    source: Source, plan: CaptionPlan, settings: DataSettings, report: ReadReport
) -> list[Captioned]:
    """Every picture once, in the order of the data, with all its captions.

    Rows without a caption and pictures without a file are left out and counted in ``report``.
    """
    found: dict[Any, Captioned] = {}
    missing: dict[str, None] = {}
    for number, record in enumerate(caption_records(source, settings, report)):
        value = record.get(plan.image)
        if value is None or (isinstance(value, str) and not value.strip()):
            report.drop(f'empty column "{plan.image}"')
            continue
        one = _captioned(value, number, plan, record)
        if isinstance(one.image, Path) and one.name not in found and not one.image.is_file():
            missing[one.name] = None
            report.drop("missing picture")
            continue
        captions = captions_of(record.get(plan.caption)) if plan.caption else []
        if plan.caption and not captions:
            report.drop("empty caption")
            continue
        one = found.setdefault(one.name, one)
        one.captions += captions
        report.records += len(captions)
    _name_missing(report, list(missing))
    return list(found.values())


def _captioned(value: Any, number: int, plan: CaptionPlan, record: dict[str, Any]) -> Captioned:
    if isinstance(value, str | Path):
        return Captioned(str(value), plan.folder / Path(value).expanduser(), record=record)
    return Captioned(f"picture {number + 1}", value, record=record)


def captions_of(value: Any) -> list[str]:
    """The captions in a cell: one text, or a list of texts, without empty ones.

    >>> captions_of(["a dog ", "", {"raw": "a cat"}]), captions_of(" "), captions_of(None)
    (['a dog', 'a cat'], [], [])
    """
    values = value if isinstance(value, list | tuple) else [value]
    texts = (one.get("raw") if isinstance(one, Mapping) else one for one in values)
    return [text for one in texts if one is not None and (text := as_text(one).strip())]


def _name_missing(report: ReadReport, names: list[str]) -> None:
    """Of missing pictures, put some names beside the count."""
    count = report.dropped.pop("missing picture", 0)
    if count:
        report.dropped[f"captions of missing pictures such as {named(names)}"] = count


def named(names: Sequence[str]) -> str:
    """Some names, and how many there are.

    >>> named(["a.jpg"]), named(["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"])
    ('a.jpg', 'a.jpg, b.jpg, c.jpg and 2 others')
    """
    shown = ", ".join(names[:NAMED])
    left = len(names) - NAMED
    return f"{shown} and {left:,} others" if left > 0 else shown


def known_columns(
    source: Source, settings: DataSettings, say: Callable[[str], None], *, needed: bool = True
) -> DataSettings:
    """The settings without columns of training that other data have not: theirs are looked for.

    Args:
        say: told which columns stand for them.
        needed: whether there must be a caption too.

    Raises:
        DataError: which they are, nobody can say.
    """
    rows = list(islice(caption_records(source, settings, ReadReport()), LOOKED_AT))
    asked = {"image": settings.image, "caption": settings.caption}
    lost = {flag: name for flag, name in asked.items() if name and rows and name not in rows[0]}
    if not lost:
        return settings
    found = settings.model_copy(update=dict.fromkeys(lost))
    missing = " and ".join(f'no column "{name}"' for name in lost.values())
    try:
        image, caption = _columns(rows, source, found, needed=needed)
    except DataError as error:
        raise DataError(
            f"{source.name}: has {missing}, as the training data had, and no column that is surely "
            f"in its place; the columns are {_listed(list(rows[0]))}. Rename them."
        ) from error
    captions = f', captions in "{caption}"' if caption else ""
    say(f'{source.name}: has {missing}, as training had; pictures are read in "{image}"{captions}.')
    return found


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)
