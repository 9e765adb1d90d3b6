"""Rows out of a classifier: each record with its label, its probability and that of every label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import tee
from typing import Any

from seqloom_runtime.rows import PROBABILITY_DIGITS, Record, as_csv, as_json, unlike
from seqloom_runtime.tasks.classify import Classifier, Input, Prediction
from seqloom_runtime.tasks.remarks import cut_texts, empty_texts


def labelled_lines(
    classifier: Classifier,
    pairs: Iterable[tuple[Input, Record]],
    options: Any,
    form: str,
    say: Callable[[str], None],
) -> Iterator[str]:
    """The rows as JSON lines, or as CSV where ``form`` is anything else."""
    # Several labels of a row stand in a table as those of the training table did.
    joined = "" if form == "jsonl" else classifier.settings.data.label_separator
    rows = labelled_rows(classifier, pairs, options, joined, say)
    return as_json(rows) if form == "jsonl" else as_csv(rows)


def labelled_rows(
    classifier: Classifier,
    pairs: Iterable[tuple[Input, Record]],
    options: Any,
    joined: str,
    say: Callable[[str], None],
) -> Iterator[Record]:
    """Each record with what the classifier says of it.

    Nothing can be said of a text that is empty: what stands behind its row is left empty. How many
    there were, and how many were not read to their end, is said behind the last.

    Args:
        joined: what stands between several labels of a row; "" gives lists.
    """
    asked, kept = tee(pairs)
    predictions = classifier.predict(
        (given for given, _ in asked), abstain_below=options.abstain_below
    )
    empty = cut = rows = 0
    for (given, record), prediction in zip(kept, predictions, strict=True):
        nothing = classifier.is_empty(given)
        rows, empty, cut = rows + 1, empty + nothing, cut + classifier.is_cut(given)
        columns = unlike(_columns(classifier, prediction, joined), record)
        yield {**record, **(dict.fromkeys(columns) if nothing else columns)}
    if empty:
        say(empty_texts(empty, rows))
    if cut:
        longest = classifier.settings.text.max_length
        say(cut_texts(cut, rows, longest, wide=classifier.wide is not None))


def _columns(classifier: Classifier, prediction: Prediction, joined: str) -> Record:
    labels = prediction.labels
    given: Any = labels[0] if labels else None
    if classifier.multi:
        given = joined.join(labels) if joined else list(labels)
    names: Record = {
        "predicted": given,
        "probability": round(prediction.probability, PROBABILITY_DIGITS),
    }
    for label, share in zip(classifier.labels, prediction.probabilities, strict=True):
        names[f"p({label})"] = round(float(share), PROBABILITY_DIGITS)
    return names
