"""What a classifier is worth: scores of network and wide part together, beside the baseline's.

network, linear model ─ scales fitted on validation ─→ probabilities ─→ scores, pictures, mistakes
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save as save_arrays
from seqloom_runtime.tasks.classify import FRAME, clean_text
from seqloom_runtime.text.tokenizers import hangul_share

from seqloom.config import Settings
from seqloom.data.examples import read_examples
from seqloom.data.labels import infer_labels
from seqloom.data.records import ReadReport
from seqloom.data.source import open_source
from seqloom.evaluate.calibration import Combination, fit_combination, probabilities_of
from seqloom.evaluate.classification import (
    by_length,
    calibration_error,
    classification_metrics,
    confident_mistakes,
    confusion_matrix,
    label_table,
    mistake_of,
)
from seqloom.evaluate.confusion import plot_confusion
from seqloom.evaluate.linear import (
    BASELINES,
    WIDE,
    LinearSeriesClassifier,
    LinearTextClassifier,
    NGrams,
    fit_linear,
    fit_series_linear,
)
from seqloom.run import Run
from seqloom.tasks.classifier import load_classifier
from seqloom.tasks.labelled import (
    UNKNOWN,
    Labelled,
    check_known,
    label_targets,
)
from seqloom.tasks.writer import read_weights

Floats = npt.NDArray[np.float64]
Linear = LinearTextClassifier | LinearSeriesClassifier

MISTAKES = 20
MISTAKE_CHARACTERS = 300
SHOWN_STEPS = 12
WORDLESS = ("char", "jamo", "kmer")  # tokenizers of texts whose words say little, such as DNA


@dataclass(frozen=True)
class Part:
    """Examples of one part, as all models see them."""

    name: str
    inputs: Sequence[Any]
    targets: npt.NDArray[Any]
    lengths: npt.NDArray[np.int64]


def parts_of(labelled: Labelled) -> dict[str, Part]:
    """Texts as the tokenizer sees them (or series), targets and lengths of every part."""
    store, targets = labelled.store(), labelled.targets()
    result = {}
    for part in filter(labelled.has, ("train", "valid", "test")):
        rows = labelled.rows(part)
        if labelled.is_text:
            inputs: Sequence[Any] = [
                clean_text(text, labelled.settings) for text in labelled.texts(part)
            ]
        else:
            inputs = [store[int(row)] for row in rows]
        framed = FRAME if labelled.is_text else 0
        result[part] = Part(part, inputs, targets[rows], store.lengths[rows] - framed)
    return result


def ngram_kinds(labelled: Labelled) -> tuple[str, str]:
    """What the n-grams of the baseline and of the wide part are made of.

    Characters for Korean, whose words have endings, and for texts without words, such as DNA.
    """
    if not labelled.is_text:
        return "word", "word"
    sample = "\n".join(labelled.texts("train")[:1_000])
    if hangul_share(sample) > 0.2:
        return "char", "hangul"
    wordless = labelled.settings.text.tokenizer in WORDLESS and " " not in sample
    return ("char", "char") if wordless else ("word", "word")


def fit_linear_part(
    labelled: Labelled, parts: dict[str, Part], ngrams: tuple[NGrams, ...], *, by_ratio: bool
) -> Linear:
    """A linear model whose strength is chosen on validation."""
    train, valid = parts["train"], parts["valid"]
    seed = labelled.settings.train.seed
    labels = len(labelled.labels)
    rank = _rank(valid.targets)
    if not labelled.is_text:
        return fit_series_linear(
            train.inputs, train.targets, labels, valid.inputs, rank, seed=seed % 2**32
        )
    return fit_linear(
        *(train.inputs, train.targets, labels, ngrams, valid.inputs, rank),
        seed=seed % 2**32,
        by_ratio=by_ratio,
    )


def _rank(targets: npt.NDArray[Any]) -> Callable[[Floats], float]:
    """Share of right labels by decision values."""

    def accuracy(scores: Floats) -> float:
        if targets.ndim == 2:
            return float(((scores > 0) == (targets > 0)).mean())
        return float((scores.argmax(1) == targets).mean())

    return accuracy


def known(part: Part) -> npt.NDArray[np.bool_]:
    """Examples whose label the training part has."""
    return np.ones(len(part.targets), bool) if part.targets.ndim == 2 else part.targets != UNKNOWN


def score_all(
    labelled: Labelled, network: dict[str, Floats], run: Run
) -> dict[str, dict[str, Any]]:
    """Fit the wide part, the baseline and the scales; metrics of every part; files of the run.

    Where there is a wide part, the network alone has metrics too, under ``network``.

    Args:
        network: logits of the network by part (examples, labels).
    """
    parts = parts_of(labelled)
    kind, wide_kind = ngram_kinds(labelled)
    baseline = fit_linear_part(labelled, parts, BASELINES[kind], by_ratio=False)
    run.seal("baseline.safetensors", save_arrays(baseline.arrays()))
    wide = None
    if labelled.settings.model.wide and labelled.is_text:
        wide = fit_linear_part(labelled, parts, WIDE[wide_kind], by_ratio=True)
        run.seal("wide.safetensors", save_arrays(wide.arrays()))
    scored = [part for name, part in parts.items() if name != "train"]
    plain = {part.name: baseline.scores(part.inputs) for part in scored}
    joined = {part.name: wide.scores(part.inputs) for part in scored} if wide else None
    fitted = _seal_scales(run, "calibration", parts["valid"], network, joined)
    beside = {"baseline": (_seal_scales(run, "baseline-calibration", parts["valid"], plain), plain)}
    if joined:
        alone = _seal_scales(run, "network-calibration", parts["valid"], network)
        beside["network"] = alone, network
    result: dict[str, Any] = {"valid": {}, "test": {}}
    result |= {other: {"valid": {}, "test": {}} for other in beside}
    details: dict[str, Any] = {}
    for part in scored:
        name, multi = part.name, labelled.multi
        logits = fitted.apply(network[name], joined[name] if joined else None)
        shares = probabilities_of(logits, multi)
        result[name] = classification_metrics(shares, part.targets)
        for other, (scales, scores) in beside.items():
            theirs = probabilities_of(scales.apply(scores[name]), multi)
            result[other][name] = classification_metrics(theirs, part.targets)
        details[name] = details_of(part, shares, labelled.labels, in_tokens=labelled.is_text)
        raw = probabilities_of(network[name], multi)
        details[name]["ece_of_network_before"] = calibration_error(raw, part.targets)
    run.write_json("details.json", details)
    drawn = details["test" if "test" in details else "valid"]
    if "confusion" in drawn:
        path = run.path / "confusion.png"
        plot_confusion(np.array(drawn["confusion"]), labelled.labels, path)
    return result


def _seal_scales(
    run: Run,
    name: str,
    valid: Part,
    scores: dict[str, Floats],
    other: dict[str, Floats] | None = None,
) -> Combination:
    """Fit scales on validation, and keep them in the run."""
    keep = known(valid)
    second = other["valid"][keep] if other else None
    found = fit_combination(valid.targets[keep], scores["valid"][keep], second)
    run.seal(f"{name}.safetensors", save_arrays(found.arrays()))
    return found


def details_of(part: Part, shares: Floats, labels: list[str], *, in_tokens: bool) -> dict[str, Any]:
    """Each label, score by length, worst mistakes; of one label a row the confusion matrix too.

    Args:
        shares: probabilities of the labels (examples, labels).
        in_tokens: whether lengths are those of texts rather than of series.
    """
    found: dict[str, Any] = {
        "labels": label_table(shares, part.targets, labels),
        "length_in": "tokens" if in_tokens else "steps",
        "by_length": by_length(shares, part.targets, part.lengths),
        "mistakes": [
            {
                "input": beginning_of(part.inputs[row]),
                **mistake_of(shares[row], part.targets[row], labels),
            }
            for row in confident_mistakes(shares, part.targets, MISTAKES)
        ],
    }
    if part.targets.ndim == 1:
        found["confusion"] = confusion_matrix(shares, part.targets).tolist()
    return found


def beginning_of(given: Any) -> str:
    """The beginning of a text; how long a series is, and its first steps."""
    if isinstance(given, str):
        return given[:MISTAKE_CHARACTERS]
    steps = np.round(np.asarray(given[:SHOWN_STEPS], np.float64), 2)
    first = json.dumps((steps[:, 0] if steps.shape[1] == 1 else steps).tolist())
    more = ", ..." if len(given) > SHOWN_STEPS else ""
    return f"{len(given):,} steps, in standard scores: {first[1:-1]}{more}"


def score_file(run: Run, settings: Settings, data: Any) -> dict[str, Any]:
    """Metrics of a trained classifier and of its baseline on other labelled data, with details.

    Raises:
        DataError: no row has a label that the model knows.
    """
    classifier = load_classifier(run)
    source = open_source(data)
    plan = infer_labels(source, settings.data, classes=1)
    plan = replace(plan, markup=False, multi=classifier.multi)
    report = ReadReport()
    examples = list(read_examples(source, plan, settings.data, report))
    given = [example.labels for example in examples]
    unknown = check_known(source.name, given, classifier.labels)
    inputs = [classifier.plain(example.given) for example in examples]
    targets = label_targets(given, classifier.labels, classifier.multi)
    network, wide = classifier.scores_of_all(inputs)
    arrays = read_weights(run, "baseline.safetensors")
    lengths = [classifier.length(one) for one in inputs]
    if classifier.is_text:
        seen: list[Any] = [clean_text(str(text), settings) for text in inputs]
        plain = LinearTextClassifier.from_arrays(arrays).scores(seen)
    else:
        seen = [classifier.encode(series) for series in inputs]
        plain = LinearSeriesClassifier.from_arrays(arrays).scores(seen)

    def metrics(logits: Floats) -> dict[str, float]:
        return classification_metrics(probabilities_of(logits, classifier.multi), targets)

    joined = classifier.combination.apply(network, wide)
    shares = probabilities_of(joined, classifier.multi)
    part = Part("", seen, targets, np.array(lengths, np.int64))
    result: dict[str, Any] = {
        "scores": metrics(joined),
        "baseline": {"scores": metrics(_scales(run, "baseline-calibration").apply(plain))},
        "details": details_of(part, shares, classifier.labels, in_tokens=classifier.is_text),
        "rows": len(examples),
        "dropped": dict(report.dropped),
        "remarks": _remarks(len(examples), report, unknown),
    }
    if (run.path / "network-calibration.safetensors").exists():
        alone = _scales(run, "network-calibration").apply(network)
        result["network"] = {"scores": metrics(alone)}
    return result


def _scales(run: Run, name: str) -> Combination:
    return Combination.from_arrays(read_weights(run, f"{name}.safetensors"))


def _remarks(scored: int, report: ReadReport, unknown: str) -> list[str]:
    """What was left out of the scores, and what counts as wrong in them."""
    lines = []
    if left := report.dropped.total():
        rows = scored + left
        lines.append(f"{scored:,} of {rows:,} rows are scored; left out: {report.reasons()}.")
    return [*lines, unknown] if unknown else lines
