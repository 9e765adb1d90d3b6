"""A file in, its rows out with labels: CSV or JSON lines, in the order of the file, streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import tee
from typing import Any

from seqloom_runtime.rows import Record, as_csv, as_json, unlike

from seqloom.config import PredictSettings
from seqloom.data.source import open_source
from seqloom.run import Run
from seqloom.tasks.classifier import (
    Classifier,
    Input,
    Prediction,
    load_classifier,
    read_for_prediction,
)
from seqloom.watching import unheard


def predict_lines(
    run: Run, data: Any, options: PredictSettings, say: Callable[[str], None] = unheard
) -> Iterator[str]:
    """The rows of the data with the label, its probability and that of every label.

    Nothing can be said of a text that is empty: what stands behind its row is left empty, and how
    many there were is said at the end.

    Args:
        data: what ``open_source`` takes, or an iterator of texts such as lines of standard input.
        say: told of what is worth a line.

    Raises:
        DataError: the data lack the column that the model reads.
    """
    classifier = load_classifier(run)
    if isinstance(data, Iterator):
        pairs: Iterable[tuple[Input, Record]] = ((text, {"text": text}) for text in data)
    else:
        settings = classifier.settings.data
        changes = {"encoding": "auto", **({"text": options.text} if options.text else {})}
        pairs = read_for_prediction(open_source(data), settings.model_copy(update=changes))
    rows = labelled_rows(classifier, pairs, options, say)
    yield from as_json(rows) if options.format == "jsonl" else as_csv(rows)


def labelled_rows(
    classifier: Classifier,
    pairs: Iterable[tuple[Input, Record]],
    options: PredictSettings,
    say: Callable[[str], None],
) -> Iterator[Record]:
    """Each record with what the classifier says of it."""
    asked, kept = tee(pairs)
    predictions = classifier.predict(
        (given for given, _ in asked), abstain_below=options.abstain_below
    )
    # Several labels of a row stand in a table as those of the training table did.
    joined = "" if options.format == "jsonl" else classifier.settings.data.label_separator
    empty = rows = 0
    for (given, record), prediction in zip(kept, predictions, strict=True):
        nothing = classifier.is_empty(given)
        rows, empty = rows + 1, empty + nothing
        columns = _columns(classifier, prediction, set(record), joined)
        yield {**record, **(dict.fromkeys(columns) if nothing else columns)}
    if empty:
        are, have = ("is", "it has") if empty == 1 else ("are", "they have")
        say(f"{empty:,} of {rows:,} texts {are} empty: {have} no label and no probability.")


def _columns(
    classifier: Classifier, prediction: Prediction, taken: set[str], joined: str
) -> Record:
    """New columns; a name that the record has already gets a mark."""
    labels = prediction.labels
    given: Any = labels[0] if labels else None
    if classifier.multi:
        given = joined.join(labels) if joined else list(labels)
    names: Record = {"predicted": given, "probability": round(prediction.probability, 6)}
    for label, share in zip(classifier.labels, prediction.probabilities, strict=True):
        names[f"p({label})"] = round(float(share), 6)
    return unlike(names, taken)
