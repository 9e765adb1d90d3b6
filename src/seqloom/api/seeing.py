"""Looking inside a trained model, and lessons on what recurrences can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.run import Run

if TYPE_CHECKING:
    from seqloom.config import PredictSettings
    from seqloom.explain.lesson import Lesson
    from seqloom.explain.reach import Reach
    from seqloom.explain.recall import Recall
    from seqloom.explain.trace import Trace


def trace(run: str | Path, given: Any = None) -> Trace:
    """Every gate, state and attention weight of a run's model reading one input.

    Args:
        run: folder of a run.
        given: a text; of tag also a list of words, of forecast data of series, or nothing for those
            of the training; of transcribe a sound file or samples, of compose a MIDI file, of
            caption a picture.

    Raises:
        RunError, DataError, SettingsError: see ``seqloom.errors``.
    """
    from seqloom.explain.inspect_run import trace_with
    from seqloom.explain.subject import open_subject

    return trace_with(open_subject(Run.open(run)), given)


def inspect(
    run: str | Path,
    text: str | None = None,
    text2: str | None = None,
    *,
    data: Any = None,
    data2: Any = None,
    row: int | None = None,
    language: str = "en",
    reading: PredictSettings | None = None,
) -> str:
    """One HTML page that shows what a run's model does inside with a text, or with two.

    Args:
        run: folder of a run.
        text, text2: what it reads; both are shown side by side.
        data: instead, what ``open_source`` takes; a sound file, a MIDI file, a picture.
        data2: a second of them, shown beside the first.
        row: which of their rows, or of their series, counted from 1.
        language: "en" or "ko".
        reading: how data are read: its encoding, gaps and skip_bad_rows; found when None.

    Raises:
        RunError, DataError, SettingsError: see ``seqloom.errors``.
    """
    from seqloom.config import PredictSettings as Reading
    from seqloom.explain.given import inputs_of
    from seqloom.explain.inspect_run import inspect_run

    opened = Run.open(run)
    given = inputs_of(opened, (text, text2), (data, data2), row, reading or Reading())
    return inspect_run(opened, given, language=language)


def lesson(
    run: str | Path,
    text: str | None = None,
    *,
    data: Any = None,
    row: int | None = None,
    step: int = 1,
    unit: int = 0,
    layer: int = 1,
    direction: str = "forward",
    reading: PredictSettings | None = None,
) -> Lesson:
    """The equations of one unit at one step with a run's own numbers, line by line.

    Args:
        run: folder of a run.
        text: what it reads.
        data, row, reading: instead, see ``inspect``.
        step, layer: counted from 1.
        unit: counted from 0.
        direction: "forward" or "backward".

    Raises:
        RunError, DataError, SettingsError: see ``seqloom.errors``.
    """
    from seqloom.config import PredictSettings as Reading
    from seqloom.explain.given import inputs_of
    from seqloom.explain.lesson import LessonAt, give_lesson
    from seqloom.explain.subject import open_subject

    opened = Run.open(run)
    (given,) = inputs_of(opened, (text,), (data,), row, reading or Reading())
    return give_lesson(open_subject(opened), given, LessonAt(step, unit, layer, direction))


def gradient_reach(
    data: Any,
    cells: Sequence[str],
    *,
    updates: int = 150,
    steps: int = 100,
    seed: int = 0,
    out: Path | None = None,
    say: Callable[[str], None] | None = None,
) -> list[Reach]:
    """How far back each cell's gradient reaches on a text, at its start and after training.

    Args:
        data: what ``open_source`` takes.
        cells: names of recurrent encoders.
        updates: of the short training.
        steps: how far back is looked.
        seed: of weights and passages.
        out: a PNG to draw.
        say: told what goes on.

    Raises:
        DataError, SettingsError: see ``seqloom.errors``.
    """
    from seqloom_runtime.atomic import write_atomically

    from seqloom.config import Settings as Defaults
    from seqloom.explain import reach
    from seqloom.tasks.corpus import sample_texts
    from seqloom.watching import unheard

    texts = sample_texts(data, Defaults())
    found = reach.gradient_reach(
        texts, cells, steps=steps, updates=updates, seed=seed, say=say or unheard
    )
    if out is not None:
        write_atomically(out, reach.reach_picture(found), advice="Choose another --out.")
    return found


def recall_table(
    cells: Sequence[str],
    lengths: Sequence[int],
    *,
    updates: int = 300,
    seed: int = 0,
    say: Callable[[str], None] | None = None,
) -> list[Recall]:
    """Which cells can say after n steps what they read before them.

    Raises:
        SettingsError: an unknown cell, or a length below 1.
    """
    from seqloom.explain import recall
    from seqloom.watching import unheard

    return recall.recall_table(cells, lengths, updates=updates, seed=seed, say=say or unheard)
