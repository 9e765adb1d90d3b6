"""A file in, its rows out with labels: CSV or JSON lines, in the order of the file, streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from seqloom_runtime.rows import Record
from seqloom_runtime.tasks.label_rows import labelled_lines
from seqloom_runtime.tasks.remarks import with_left_out

from seqloom.config import PredictSettings
from seqloom.data.records import ReadReport
from seqloom.data.source import open_source
from seqloom.run import Run
from seqloom.tasks.classifier import Input, load_classifier, read_for_prediction
from seqloom.watching import unheard


def predict_lines(
    run: Run, data: Any, options: PredictSettings, say: Callable[[str], None] = unheard
) -> Iterator[str]:
    """The rows of the data with the label, its probability and that of every label.

    Args:
        data: what ``open_source`` takes, or an iterator of texts such as lines of standard input.
        say: told of what is worth a line.

    Raises:
        DataError: the data lack the column that the model reads.
    """
    classifier, report = load_classifier(run), ReadReport()
    if isinstance(data, Iterator):
        pairs: Iterable[tuple[Input, Record]] = ((text, {"text": text}) for text in data)
    else:
        settings = classifier.settings.data
        changes = {**options.reading(), **({"text": options.text} if options.text else {})}
        asked = settings.model_copy(update=changes)
        pairs = read_for_prediction(open_source(data), asked, report)
    lines = labelled_lines(classifier, pairs, options, options.format, say)
    return with_left_out(lines, report.dropped.total, say)
