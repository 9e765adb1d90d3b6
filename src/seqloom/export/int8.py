"""Networks with weights in eight bits, and what that costs: scores on validation, before and after.

onnxruntime quantises products with weights, tables and LSTM layers; other recurrences keep their
numbers, for it has no operators of eight bits for them.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from seqloom_runtime.exported import ExportedModel

from seqloom.config import Settings
from seqloom.export.networks import Network
from seqloom.export.parity import run as run_session
from seqloom.export.parity import session_of
from seqloom.run import Run

OPERATORS = ["MatMul", "Gather", "LSTM"]
MOST = 300  # validation examples
MOST_TOKENS = 20_000  # of texts to write on
PIECE = 512  # tokens of a text that are read at once
TRIED = (4, 32)  # batch and length of inputs at random, where the validation part is gone

Scores = dict[str, float]


def in_eight_bits(model: bytes) -> bytes:
    """A network with its weights quantised."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logger, level = logging.getLogger(), logging.getLogger().level
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        try:
            logger.setLevel(logging.ERROR)  # it recommends a preparation that changes nothing here
            quantize_dynamic(
                onnx.load_from_string(model),
                path,
                weight_type=QuantType.QInt8,
                per_channel=True,
                op_types_to_quantize=OPERATORS,
            )
        finally:
            logger.setLevel(level)
        return path.read_bytes()


def quality(
    run: Run, settings: Settings, before: ExportedModel, after: ExportedModel
) -> dict[str, tuple[float, float]]:
    """Scores on the validation part, of weights in 32 bits and in eight; none where it is gone."""
    from seqloom.tasks.training import task_module

    measure = MEASURES.get(before.task)
    about = run.read_json("run.json")
    prepared = about.get("prepared")
    data = task_module(before.task).reopen(prepared, settings) if prepared else None
    if measure is None or data is None or not data.has("valid"):
        return {}
    first, second = measure(before, data), measure(after, data)
    return {name: (first[name], second[name]) for name in first}


def agreement(networks: list[Network], before: dict[str, bytes], after: dict[str, bytes]) -> float:
    """How often the largest number of a row is the same one, of inputs at random."""
    random, same = np.random.default_rng(0), []
    for network in networks:
        name = f"{network.name}.onnx"
        given = network.inputs(random, *TRIED)
        outputs = [run_session(session_of(models[name]), given) for models in (before, after)]
        for key, array in outputs[0].items():
            if array.dtype == np.float32 and array.shape[-1] > 1:
                same.append(float((array.argmax(-1) == outputs[1][key].argmax(-1)).mean()))
    return float(np.mean(same)) if same else 1.0


def _generate(model: Any, corpus: Any) -> Scores:
    """Nats a token of the beginning of the validation part."""
    store, step = corpus.store("valid"), model.writer.stepper
    session = getattr(step, "stepper", step).session  # of a model of windows the one within
    if corpus.continuous:
        count = min(store.tokens, MOST_TOKENS)
        pieces = [store.slice(first, min(first + PIECE, count)) for first in range(0, count, PIECE)]
    else:
        pieces = [store[number][:PIECE] for number in range(min(len(store), MOST))]
    nats, tokens = 0.0, 0
    for piece in pieces:
        if len(piece) < 2:
            continue
        ids = np.asarray(piece, np.int64)
        given = {"ids": ids[None, :-1], "lengths": np.array([len(ids) - 1])}
        found, _ = session.carried(given, session.zero_state(1))
        logits = found["logits"][0].astype(np.float64)
        due = logits[np.arange(len(ids) - 1), ids[1:]]
        nats += float((np.logaddexp.reduce(logits, axis=1) - due).sum())
        tokens += len(ids) - 1
    return {"nll": nats / max(tokens, 1)}


def _classify(model: Any, labelled: Any) -> Scores:
    """Accuracy, and nats of the true label."""
    rows = labelled.rows("valid")[:MOST]
    inputs = (
        list(islice(labelled.texts("valid"), len(rows)))
        if labelled.is_text
        else [labelled.store()[int(row)] for row in rows]
    )
    targets = labelled.targets()[rows]
    if labelled.multi or not labelled.is_text:
        shares = _network_shares(model, labelled, rows)
    else:
        shares = model.classifier.probabilities(inputs)
    if targets.ndim == 2:
        return {"exact_match": float(((shares >= 0.5) == (targets > 0)).all(1).mean())}
    known = targets >= 0
    true = shares[np.flatnonzero(known), targets[known]]
    right = (shares.argmax(1) == targets)[known].mean()
    return {"accuracy": float(right), "nll": float(-np.log(np.maximum(true, 1e-12)).mean())}


def _network_shares(model: Any, labelled: Any, rows: Any) -> Any:
    """Probabilities by what is stored, scaled as the classifier's are."""
    from seqloom_runtime.batching import pad
    from seqloom_runtime.evaluate.calibration import probabilities_of

    store, classifier = labelled.store(), model.classifier
    logits = classifier.score(*pad([store[int(row)] for row in rows])).astype(np.float64)
    return probabilities_of(classifier.combination.apply(logits), labelled.multi)


def _tag(model: Any, corpus: Any) -> Scores:
    """Share of the words with the right tag."""
    pairs = list(islice(corpus.sentences("valid"), MOST))
    found = model.tagger.tag_sentences([words for words, _ in pairs])
    same = [
        guess == true
        for guesses, (_, tags) in zip(found, pairs, strict=True)
        for guess, true in zip(guesses, tags, strict=True)
    ]
    return {"accuracy": float(np.mean(same)) if same else 1.0}


MEASURES: dict[str, Callable[[Any, Any], Scores]] = {
    "generate": _generate,
    "classify": _classify,
    "tag": _tag,
}
