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
from seqloom.tasks.labelled import UNKNOWN, Labelled, clean_text, label_targets
from seqloom.tasks.writer import read_weights
from seqloom.text.tokenizers import hangul_share

Floats = npt.NDArray[np.float64]
Linear = LinearTextClassifier | LinearSeriesClassifier

MISTAKES = 20
MISTAKE_CHARACTERS = 300
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
        result[part] = Part(part, inputs, targets[rows], store.lengths[rows])
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
    labelled: Labelled, parts: dict[str, Part], ngrams: tuple[NGrams, ...]
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
        train.inputs, train.targets, labels, ngrams, valid.inputs, rank, seed=seed % 2**32
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

    Args:
        network: logits of the network by part (examples, labels).
    """
    parts = parts_of(labelled)
    kind, wide_kind = ngram_kinds(labelled)
    baseline = fit_linear_part(labelled, parts, BASELINES[kind])
    run.seal("baseline.safetensors", save_arrays(baseline.arrays()))
    wide = None
    if labelled.settings.model.wide and labelled.is_text:
        wide = fit_linear_part(labelled, parts, WIDE[wide_kind])
        run.seal("wide.safetensors", save_arrays(wide.arrays()))
    scored = [part for name, part in parts.items() if name != "train"]
    plain = {part.name: baseline.scores(part.inputs) for part in scored}
    joined = {part.name: wide.scores(part.inputs) for part in scored} if wide else None
    fitted = _fit(parts["valid"], network, joined)
    alone = _fit(parts["valid"], plain, None)
    run.seal("calibration.safetensors", save_arrays(fitted.arrays()))
    run.seal("baseline-calibration.safetensors", save_arrays(alone.arrays()))
    result: dict[str, Any] = {"valid": {}, "test": {}, "baseline": {"valid": {}, "test": {}}}
    details: dict[str, Any] = {}
    for part in scored:
        name, multi = part.name, labelled.multi
        logits = fitted.apply(network[name], joined[name] if joined else None)
        shares = probabilities_of(logits, multi)
        raw = probabilities_of(network[name], multi)
        result[name] = classification_metrics(shares, part.targets)
        result["baseline"][name] = classification_metrics(
            probabilities_of(alone.apply(plain[name]), multi), part.targets
        )
        details[name] = _details(labelled, part, shares, raw)
    run.write_json("details.json", details)
    shown = details["test" if "test" in details else "valid"]
    if "confusion" in shown:
        path = run.path / "confusion.png"
        plot_confusion(np.array(shown["confusion"]), labelled.labels, path)
    return result


def _fit(valid: Part, scores: dict[str, Floats], other: dict[str, Floats] | None) -> Combination:
    keep = known(valid)
    second = other["valid"][keep] if other else None
    return fit_combination(valid.targets[keep], scores["valid"][keep], second)


def _details(labelled: Labelled, part: Part, shares: Floats, raw: Floats) -> dict[str, Any]:
    """Each label, the confusion matrix, score by length, calibration before, worst mistakes."""
    found: dict[str, Any] = {
        "labels": label_table(shares, part.targets, labelled.labels),
        "by_length": by_length(shares, part.targets, part.lengths),
        "ece_of_network_before": calibration_error(raw, part.targets),
        "mistakes": [
            {
                "input": _shown(part.inputs[row]),
                "true": true_names(part.targets[row], labelled.labels),
                "guessed": labelled.labels[int(shares[row].argmax())],
                "probability": round(float(shares[row].max()), 6),
            }
            for row in confident_mistakes(shares, part.targets, MISTAKES)
        ],
    }
    if not labelled.multi:
        found["confusion"] = confusion_matrix(shares, part.targets).tolist()
    return found


def _shown(given: Any) -> str:
    if isinstance(given, str):
        return given[:MISTAKE_CHARACTERS]
    return json.dumps(np.round(np.asarray(given, np.float64)[:20], 3).tolist())


def true_names(target: Any, labels: list[str]) -> str:
    """The labels of an example, as words."""
    if np.ndim(target):
        return ", ".join(name for name, there in zip(labels, target, strict=True) if there)
    return labels[int(target)] if target != UNKNOWN else "(not in the training part)"


def score_file(
    run: Run, settings: Settings, data: Any
) -> tuple[dict[str, float], dict[str, float]]:
    """Metrics of a trained classifier and of its baseline on other labelled data."""
    classifier = load_classifier(run)
    source = open_source(data)
    plan = replace(infer_labels(source, settings.data, classes=1), markup=False)
    report = ReadReport()
    examples = list(read_examples(source, plan, settings.data, report))
    inputs = [classifier.plain(example.given) for example in examples]
    targets = label_targets([example.labels for example in examples], classifier.labels, plan.multi)
    shares = classifier.probabilities_of_all(example.given for example in examples)
    arrays = read_weights(run, "baseline.safetensors")
    if classifier.is_text:
        cleaned = [clean_text(str(text), settings) for text in inputs]
        plain = LinearTextClassifier.from_arrays(arrays).scores(cleaned)
    else:
        scaled = [classifier.encode(series) for series in inputs]
        plain = LinearSeriesClassifier.from_arrays(arrays).scores(scaled)
    alone = Combination.from_arrays(read_weights(run, "baseline-calibration.safetensors"))
    theirs = probabilities_of(alone.apply(plain), classifier.multi)
    return classification_metrics(shares, targets), classification_metrics(theirs, targets)
