"""Composing music, as an estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from seqloom.config import ComposeSettings
from seqloom.estimators.base import SequenceEstimator
from seqloom.estimators.options import options_of

if TYPE_CHECKING:
    from pathlib import Path

    from seqloom.tasks.composer import Composer
    from seqloom.tasks.composition import Composition


class MusicComposer(SequenceEstimator):
    """Learns to write music from a folder of MIDI files.

    Args:
        {settings}

    Attributes:
        run_: the run folder.
        metrics_: what ``metrics.json`` holds.
    """

    task = "compose"

    def fit(self, X: Any, y: None = None) -> Self:  # noqa: N803 (scikit-learn's names)
        """Learn from music: a folder of MIDI files, a piano roll (.mat), a catalogue name."""
        return self._fit(X)

    @property
    def composer(self) -> Composer:
        """The network, ready to write."""
        from seqloom.tasks.composer import load_composer

        composer: Composer = self._opened(load_composer)
        return composer

    def compose(self, prompt: str | Path | None = None, **options: Any) -> Composition:
        """A piece, or a MIDI file and what follows it.

        Args:
            prompt: MIDI file to go on from.
            options: ``temperature``, ``top_k``, ``top_p``, ``bars``, ``prompt_bars``, ``key``,
                ``instruments``, ``tempo``, ``seed``; see ``ComposeSettings``.

        Returns:
            The composition: ``midi()``, ``wav()`` and ``picture()`` give its files as bytes.
        """
        from seqloom.tasks.composer import prompt_for

        settings = options_of(ComposeSettings, "compose", options)
        return self.composer.compose(settings, prompt_for(self.composer, prompt))

    def score(self, X: Any, y: None = None) -> float:  # noqa: N803
        """-nats an event, or a frame, on music: larger is better, as scikit-learn wants it."""
        from seqloom.tasks.training import evaluate

        scores = evaluate(self._fitted_run().path, X)["scores"]
        return -float(scores["nll" if "nll" in scores else "nll_per_frame"])
