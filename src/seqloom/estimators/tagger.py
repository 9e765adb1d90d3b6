"""Tagging words, as an estimator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

from seqloom.errors import DataError
from seqloom.estimators.base import SequenceEstimator, check_many

if TYPE_CHECKING:
    from seqloom.tasks.tagging import SentenceTagger


class SequenceTagger(SequenceEstimator):
    """Learns to give every word of a sentence its tag.

    Args:
        {settings}

    Attributes:
        run_: the run folder.
        metrics_: what ``metrics.json`` holds.
        classes_: the tags, sorted.
    """

    task = "tag"

    def fit(self, X: Any, y: Sequence[Sequence[str]] | None = None) -> Self:  # noqa: N803
        """Learn from sentences and their tags.

        Args:
            X: a list of sentences, each a list of words; with ``y`` None, a path, a catalogue
                name, a data frame or a list of dicts with ``tokens`` and ``tags``.
            y: the tags of each sentence, as many as it has words.

        Raises:
            DataError: a sentence and its tags differ in number.
        """
        return self._fit(X if y is None else _rows(X, y))

    @property
    def classes_(self) -> list[str]:
        """The tags, sorted."""
        return sorted(self._fitted_run().read_fields("labels.json", {"tags": list})["tags"])

    @property
    def tagger(self) -> SentenceTagger:
        """The network with its words and tags."""
        from seqloom.tasks.tagging import load_tagger

        tagger: SentenceTagger = self._opened(load_tagger)
        return tagger

    def predict(self, X: Iterable[Sequence[str] | str]) -> list[list[str]]:  # noqa: N803
        """The tags of each sentence: a list of words, or a text that is cut into words first."""
        from seqloom.tasks.tagging import words_of

        check_many(X)
        return list(self.tagger.tag_sentences(words_of(text, self.tagger) for text in X))

    def score(self, X: Any, y: Any = None) -> float:  # noqa: N803
        """Share of words with the right tag, or F1 of spans where the tags are BIO."""
        from seqloom.tasks.training import evaluate

        scores = evaluate(self._fitted_run().path, X if y is None else _rows(X, y))["scores"]
        return float(scores.get("span_f1", scores["accuracy"]))


def _rows(sentences: Any, tags: Any) -> list[dict[str, list[str]]]:
    if len(sentences) != len(tags):
        raise DataError(f"Received {len(sentences)} sentences and the tags of {len(tags)}.")
    pairs = list(zip(sentences, tags, strict=True))
    for number, (words, given) in enumerate(pairs):
        if isinstance(words, str):
            raise DataError(
                f"Sentence {number} is a text, and it is to be a list of words, one for each tag."
            )
        if len(words) != len(given):
            raise DataError(
                f"Sentence {number} has {len(words)} words and {len(given)} tags; expected as many."
            )
    return [{"tokens": list(words), "tags": list(given)} for words, given in pairs]
