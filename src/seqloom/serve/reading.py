"""Classifiers and taggers, served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from seqloom_runtime.rows import PROBABILITY_DIGITS
from seqloom_runtime.serve.served import Answer, Field, Options, Row

from seqloom.config import PredictSettings
from seqloom.run import Run
from seqloom.serve.base import Seen, fields_of, with_own_network
from seqloom.tasks.classifier import Input, Prediction, load_classifier
from seqloom.tasks.tagging import load_tagger, words_of

if TYPE_CHECKING:
    from seqloom.explain.subject import Subject

WORKERS = 2  # one cuts texts into tokens while the other's network works
TEXTS = {"text": Field("text", "What is given a label.", required=True)}
SENTENCES = {"text": Field("words", "A sentence, or the list of its words.", required=True)}
NO_OPTIONS: Mapping[str, Field] = {}
SERIES = {"series": Field("series", "Numbers in the order of time.", required=True)}


class ServedClassifier(Seen):
    """Texts or series in, labels with probabilities out."""

    task = "classify"
    workers = WORKERS
    options = fields_of(PredictSettings, "abstain_below")

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.classifier = load_classifier(run)
        self.inputs = TEXTS if self.classifier.is_text else SERIES
        if self.classifier.is_text:  # what is loaded when first needed, such as Kiwi, is now
            list(self.classifier.predict(["."]))

    def open_subject(self) -> Subject:
        """Of a copy of the network that answers."""
        from seqloom.explain.texts import Classifying

        return Classifying(self.run, with_own_network(self.classifier))

    def about(self) -> dict[str, Any]:
        """Its labels."""
        own = self.classifier
        return {"labels": own.labels, "multi": own.multi, "reads": next(iter(self.inputs))}

    def given(self, row: Row) -> Any:
        """The text, or the series as an array."""
        return row["text"] if "text" in row else np.asarray(row["series"], np.float32)

    def answer(self, rows: Sequence[Row], options: Options) -> list[Answer]:
        """Label, probability, the probability of every label, and whether all was read."""
        given = [self.given(row) for row in rows]
        found = self.classifier.predict(given, abstain_below=options["abstain_below"])
        return [self._answer(one, own) for one, own in zip(given, found, strict=True)]

    def _answer(self, given: Input, found: Prediction) -> Answer:
        shares = np.round(found.probabilities, PROBABILITY_DIGITS).tolist()
        return {
            "label": found.labels[0] if found.labels else None,
            "labels": list(found.labels),
            "probability": round(found.probability, PROBABILITY_DIGITS),
            "probabilities": dict(zip(self.classifier.labels, shares, strict=True)),
            "cut": self.classifier.is_cut(given),
        }


class ServedTagger(Seen):
    """Sentences in, a tag for each word out."""

    task = "tag"
    workers = WORKERS
    inputs = SENTENCES
    options = NO_OPTIONS

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.tagger = load_tagger(run)
        self.tagger.tag(["."])  # what is loaded when first needed, such as Kiwi, is now

    def open_subject(self) -> Subject:
        """Of a copy of the network that answers."""
        from seqloom.explain.words import Tagging

        return Tagging(self.run, with_own_network(self.tagger))

    def about(self) -> dict[str, Any]:
        """Its tags."""
        return {"tags": sorted(self.tagger.tags.names)}

    def answer(self, rows: Sequence[Row], options: Options) -> list[Answer]:
        """The words and their tags."""
        sentences = [list(words_of(row["text"], self.tagger)) for row in rows]
        tags = self.tagger.tag_sentences(sentences)
        return [{"words": words, "tags": own} for words, own in zip(sentences, tags, strict=True)]
