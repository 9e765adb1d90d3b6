"""Translating texts, as an estimator."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

from seqloom.errors import DataError
from seqloom.estimators.base import SequenceEstimator, check_many
from seqloom.estimators.options import predict_options

if TYPE_CHECKING:
    from seqloom.tasks.translator import TextTranslator, Translation


class Translator(SequenceEstimator):
    """Learns to turn texts into others: languages, spellings into sounds, questions into answers.

    Args:
        {settings}

    Attributes:
        run_: the run folder.
        metrics_: what ``metrics.json`` holds.
    """

    task = "translate"

    def fit(self, X: Any, y: Sequence[str] | None = None) -> Self:  # noqa: N803
        """Learn from texts and their translations.

        Args:
            X: a list of texts; with ``y`` None, a path, a catalogue name, a data frame, or a list
                of pairs or of dicts with ``source`` and ``target``.
            y: the translation of each text.

        Raises:
            DataError: there are not as many translations as texts.
        """
        return self._fit(X if y is None else _pairs(X, y))

    @property
    def translator(self) -> TextTranslator:
        """The network with its tokenizers."""
        from seqloom.tasks.translator import load_translator

        translator: TextTranslator = self._opened(load_translator)
        return translator

    def predict(self, X: Iterable[str], **options: Any) -> list[str]:  # noqa: N803
        """The best translation of each text.

        Args:
            X: texts.
            options: ``beam``, ``length_penalty``, ``coverage_penalty``, ``temperature``, ``seed``,
                ``copy_unknown``, as in ``PredictSettings``.
        """
        check_many(X)
        found = self.translator.translate(X, predict_options(self.task, options), say=_warn)
        return [best.text for best, *_ in found]

    def n_best(self, X: Iterable[str], n: int = 5, **options: Any) -> list[list[Translation]]:  # noqa: N803
        """The n best translations of each text with their scores, the best first."""
        check_many(X)
        chosen = predict_options(self.task, {**options, "n_best": n})
        return list(self.translator.translate(X, chosen, say=_warn))

    def attention_maps(self, X: Iterable[str], **options: Any) -> list[Translation]:  # noqa: N803
        """The best translation of each text, and where the model looked for each of its tokens.

        Returns:
            Translations whose ``attention`` is (tokens + 1, source tokens), the last row being the
            end's; None where the decoder has no attention.
        """
        check_many(X)
        found = self.translator.translate(
            X, predict_options(self.task, options), attention=True, say=_warn
        )
        return [best for best, *_ in found]

    def score(self, X: Any, y: Sequence[str] | None = None) -> float:  # noqa: N803
        """chrF of sentences, from 0 to 100; of words and phonemes the share of right ones."""
        from seqloom.tasks.training import evaluate

        scores = evaluate(self._fitted_run().path, X if y is None else _pairs(X, y))["scores"]
        return float(scores.get("chrf", scores["exact_match"]))


def _pairs(sources: Any, targets: Any) -> list[dict[str, str]]:
    if len(sources) != len(targets):
        raise DataError(f"Received {len(sources)} texts and the translations of {len(targets)}.")
    pairs = zip(sources, targets, strict=True)
    return [{"source": source, "target": target} for source, target in pairs]


def _warn(text: str) -> None:
    """Say what a list of translations does not show."""
    warnings.warn(text, UserWarning, stacklevel=4)
