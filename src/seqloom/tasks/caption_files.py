"""Pictures in, captions out: one picture, a folder of them, or the rows of a table; streamed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from seqloom_runtime.atomic import write_atomically
from seqloom_runtime.rows import SCORE_DIGITS, Record, as_csv, as_json, ranked
from seqloom_runtime.signal.images import Pixels, is_image_name

from seqloom.config import PredictSettings, Settings
from seqloom.data.caption_source import open_captions, pictures_in
from seqloom.data.captions import (
    Captioned,
    known_columns,
    named,
    plan_captions,
    read_captioned,
)
from seqloom.data.records import ReadReport
from seqloom.errors import DataError, SettingsError
from seqloom.evaluate.caption_picture import look_picture
from seqloom.run import Run
from seqloom.tasks.captioner import PictureDescriber, load_captioner
from seqloom.watching import unheard

PICTURES = (".png", ".svg")


def predict_lines(
    run: Run, data: Any, options: PredictSettings, say: Callable[[str], None] = unheard
) -> Iterator[str]:
    """The data's pictures with their captions, as CSV or JSON lines, in their order.

    Args:
        data: a picture, a folder of pictures, a table or rows that name pictures, or an iterator
            of their names such as lines of standard input.
        say: told of pictures that cannot be read.

    Raises:
        DataError: no picture is there.
        SettingsError: what is to be drawn is no picture's name.
    """
    if options.plot and Path(options.plot).suffix.lower() not in PICTURES:
        raise SettingsError(f"--plot {options.plot}: expected a file ending in .png or .svg.")
    describer = load_captioner(run)
    reading = describer.settings.data.model_copy(update=options.reading())
    pictures = pictures_of(data, describer.settings.model_copy(update={"data": reading}), say)
    rows = captioned(describer, pictures, options, say)
    return as_json(rows) if options.format == "jsonl" else as_csv(rows)


def pictures_of(
    data: Any, settings: Settings, say: Callable[[str], None] = unheard
) -> Iterable[Captioned]:
    """The pictures that the user named."""
    if isinstance(data, Iterator):
        return (Captioned(name, Path(name)) for name in (line.strip() for line in data) if name)
    if isinstance(data, str | os.PathLike):
        path = Path(data).expanduser()
        if path.is_file() and is_image_name(path):
            return [Captioned(str(data), path)]
        if path.is_dir():
            return [Captioned(str(one.relative_to(path)), one) for one in pictures_in(path)]
    return _of_table(data, settings, say)


def _of_table(data: Any, settings: Settings, say: Callable[[str], None]) -> list[Captioned]:
    source, report = open_captions(data), ReadReport()
    own = settings.data.model_copy(update={"images": None, "caption": None})
    asked = known_columns(source, own, say, needed=False)
    plan = plan_captions(source, asked, needed=False)
    found = read_captioned(source, plan, asked, report)
    if report.dropped:
        say(f"left out: {report.reasons()}.")
    if not found:
        raise DataError(f"{source.name}: names no picture that is there.")
    return found


def captioned(
    describer: PictureDescriber,
    pictures: Iterable[Captioned],
    options: PredictSettings,
    say: Callable[[str], None] = unheard,
) -> Iterator[Record]:
    """A row for each picture that can be read; of the first it is drawn where the model looked.

    Raises:
        DataError: the only picture cannot be read.
    """
    names: list[str] = []
    damaged: list[str] = []
    errors: list[DataError] = []

    def pixels() -> Iterator[Pixels]:
        for one in pictures:
            try:
                found = describer.read(one.image)
            except DataError as error:
                damaged.append(one.name)
                errors.append(error)
                continue
            names.append(one.name)
            if options.plot and len(names) == 1:
                draw_look(describer, found, options)
            yield found

    for place, captions in enumerate(describer.describe(pixels(), options)):
        yield {"image": names[place], **ranked("caption", captions, SCORE_DIGITS)}
    if errors and not names:
        raise errors[0]
    if damaged:
        noun = "picture" if len(damaged) == 1 else "pictures"
        say(f"left out, for they cannot be read: {len(damaged):,} {noun} ({named(damaged)}).")


def draw_look(describer: PictureDescriber, pixels: Pixels, options: PredictSettings) -> None:
    """Draw where the model looks at each word of its best caption of a picture.

    Raises:
        SettingsError: the model has no attention.
    """
    ((best, *_),) = describer.describe([pixels], options, attention=True)
    if best.attention is None:
        raise SettingsError(f"--plot {options.plot}: this model has no attention to draw.")
    looks = best.attention.reshape(len(best.tokens) + 1, -1)
    path = Path(options.plot or "")
    content = look_picture(pixels, looks, [*best.tokens, "(end)"], path.suffix.lower()[1:])
    write_atomically(path, content, advice="Choose another file for --plot.")
