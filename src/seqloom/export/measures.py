"""Scores of an exported model on the validation part of its run, for a comparison.

What is counted is what the run's own ``metrics.json`` has, of fewer examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy as np

from seqloom.run import Run

MOST = 300  # validation examples
WRITTEN = 100  # of them where each is searched for, or heard
MOST_TOKENS = 20_000  # of texts to write on
PIECE = 512  # tokens of a text that are read at once

Scores = dict[str, float]
Measure = Callable[[Any, Any, Run], Scores]


def _generate(model: Any, corpus: Any, run: Run) -> Scores:
    """Nats a token of the beginning of the validation part."""
    store, step = corpus.store("valid"), model.writer.stepper
    session = getattr(step, "stepper", step).session  # of a model of windows the one within
    if corpus.continuous:
        count = min(store.tokens, MOST_TOKENS)
        pieces = [store.slice(first, min(first + PIECE, count)) for first in range(0, count, PIECE)]
    else:
        pieces = [store[number][:PIECE] for number in range(min(len(store), MOST))]
    return {"nll": _nats_of_next(session, pieces)}


def _nats_of_next(session: Any, pieces: Iterable[Any]) -> float:
    """Nats a token of each next one, after those before it in its piece."""
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
    return nats / max(tokens, 1)


def _classify(model: Any, labelled: Any, run: Run) -> Scores:
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


def _tag(model: Any, corpus: Any, run: Run) -> Scores:
    """Share of the words with the right tag."""
    pairs = list(islice(corpus.sentences("valid"), MOST))
    found = model.tagger.tag_sentences([words for words, _ in pairs])
    same = [
        guess == true
        for guesses, (_, tags) in zip(found, pairs, strict=True)
        for guess, true in zip(guesses, tags, strict=True)
    ]
    return {"accuracy": float(np.mean(same)) if same else 1.0}


def _translate(model: Any, corpus: Any, run: Run) -> Scores:
    """BLEU and chrF of sentences; wrong pieces and texts of spellings."""
    from seqloom.tasks.translation_scores import TranslationScorer, targets_of

    scorer = TranslationScorer(model.translator, targets_of(run))
    return scorer.of_model(list(islice(corpus.references("valid"), WRITTEN)))


def _caption(model: Any, corpus: Any, run: Run) -> Scores:
    """BLEU, chrF and CIDEr."""
    from seqloom.tasks.caption_scores import caption_metrics, references_of
    from seqloom.tasks.translation_scores import SEARCHED

    references = references_of(corpus, "valid")[:WRITTEN]
    found = model.describer.describe((pixels for pixels, _ in references), SEARCHED)
    lower = model.describer.settings.text.lowercase
    true = [captions for _, captions in references]
    return caption_metrics([best.text for best, *_ in found], true, lowercase=lower)


def _transcribe(model: Any, corpus: Any, run: Run) -> Scores:
    """Wrong words and wrong characters."""
    from seqloom.evaluate.speech import transcript_metrics
    from seqloom.tasks.speech_scores import rows_of, texts_of
    from seqloom.tasks.translation_scores import SEARCHED

    heard, own = corpus.utterances("valid"), model.transcriber
    rows = rows_of(heard, own, WRITTEN)
    return transcript_metrics(texts_of(rows, own, own.decoders(SEARCHED)), heard.texts[: len(rows)])


def _forecast(model: Any, corpus: Any, run: Run) -> Scores:
    """Errors of the medians, in units of the data."""
    from seqloom.evaluate.forecasting import ForecastScore
    from seqloom.tasks.forecast_scores import SCORED, evenly

    own, scales = model.forecaster, corpus.scales
    network, middle = own.network(corpus.reading()), len(own.levels) // 2
    score = ForecastScore((0.5,), scales.errors, scales.plain.spread)
    for batch in evenly(corpus.windows("valid"), MOST).batches(SCORED):
        decode, rows = scales.scaler.decode, corpus.stored.numbers[batch.series]
        medians = decode(network(batch)[..., middle], rows)
        truth = np.where(batch.real, decode(batch.targets, rows), np.nan)
        score.add(medians[..., None], truth, rows)
    found = score.result()
    return {name: found[name] for name in ("mae", "mse")}


def _compose(model: Any, corpus: Any, run: Run) -> Scores:
    """Nats an event, or nats a frame of piano rolls."""
    store = corpus.store("valid")
    if corpus.vocabulary is None:
        return _of_rolls(model.composer, store)
    pieces = [store[number][:PIECE] for number in range(min(len(store), MOST))]
    return {"nll": _nats_of_next(model.composer.stepper.session, pieces)}


def _of_rolls(composer: Any, store: Any) -> Scores:
    from seqloom.evaluate.roll_baseline import frame_scores
    from seqloom.tasks.compose_roll import rolls_of

    found = []
    for roll in rolls_of(store)[:WRITTEN]:
        given = np.concatenate([np.zeros_like(roll[:1]), roll[:-1]])
        row = {"frames": given[None], "lengths": np.array([len(given)], np.int64)}
        session = composer.session
        said, _ = session.carried(row, session.zero_state(1))
        start = said["start"][0] if "start" in said else None
        found.append(frame_nats(said["bias"][0], start, composer.joint, roll))
    return {"nll_per_frame": frame_scores(found)["nll_per_frame"]}


def frame_nats(bias: Any, start: Any, joint: Any, frames: Any) -> Any:
    """Nats of frames, each key given those below it where notes are joint.

    Shape:
        bias (time, keys), start (time, units) or None, frames (time, keys) → (time,).
    """
    logits = bias.astype(np.float64)
    if joint is not None:
        for step, frame in enumerate(frames):
            down = frame[:, None] * joint.seen
            below = np.cumsum(down, 0) - down  # (keys, units)
            hidden = 0.5 + 0.5 * np.tanh((start[step] + below) / 2)
            logits[step] += (hidden * joint.out).sum(1)
    return (np.logaddexp(0, logits) - logits * frames).sum(1)


MEASURES: dict[str, Measure] = {
    "generate": _generate,
    "classify": _classify,
    "tag": _tag,
    "translate": _translate,
    "caption": _caption,
    "transcribe": _transcribe,
    "forecast": _forecast,
    "compose": _compose,
}

WORDS = {
    "nll": "nats a token",
    "accuracy": "accuracy",
    "exact_match": "exact match",
    "bleu": "BLEU",
    "chrf": "chrF",
    "cider": "CIDEr",
    "per": "piece errors",
    "wer": "wrong texts",
    "cer": "wrong characters",
    "mae": "MAE",
    "mse": "MSE",
    "nll_per_frame": "nats a frame",
}
NAMED = {
    "classify": {"nll": "nats of the label"},
    "compose": {"nll": "nats an event"},
    "tag": {"accuracy": "right tags"},
    "transcribe": {"wer": "wrong words"},
}
"""Where a score is of something else."""


def words_for(task: str, scores: Iterable[str]) -> dict[str, str]:
    """What scores are called.

    >>> words_for("classify", ["nll", "accuracy"])
    {'nll': 'nats of the label', 'accuracy': 'accuracy'}
    """
    words = {**WORDS, **NAMED.get(task, {})}
    return {name: words.get(name, name) for name in scores}
