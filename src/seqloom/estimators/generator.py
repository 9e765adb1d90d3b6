"""Writing text, as an estimator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from seqloom.config import GenerateSettings
from seqloom.errors import DataError
from seqloom.estimators.base import SequenceEstimator, run_settings
from seqloom.estimators.options import options_of
from seqloom.tasks.writer import make_sampler

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from seqloom.tasks.writer import Candidate, Writer


class TextGenerator(SequenceEstimator):
    """Learns to write from texts.

    Args:
        {settings}

    Attributes:
        run_: the run folder.
        metrics_: what ``metrics.json`` holds.
    """

    task = "generate"

    def fit(self, X: Any, y: None = None) -> Self:  # noqa: N803 (scikit-learn's names)
        """Learn from texts: a list of strings or dicts, a data frame, a path, a catalogue name."""
        return self._fit(X)

    def _texts(self, data: Any) -> Iterable[str]:
        """Texts as they are; anything else read as the training data was."""
        if isinstance(data, list | tuple) and all(isinstance(text, str) for text in data):
            return data
        from seqloom.tasks.corpus import read_as

        return read_as(data, run_settings(self._fitted_run()))

    @property
    def writer(self) -> Writer:
        """The network and its tokenizer, ready to write."""
        from seqloom.tasks.writer import load_writer

        writer: Writer = self._opened(load_writer)
        return writer

    def generate(self, prompt: str | Sequence[str] = "", **options: Any) -> Any:
        """Continue a prompt, or each of several.

        Args:
            prompt: a text or a list of texts.
            options: ``temperature``, ``top_k``, ``top_p``, ``min_p``, ``repetition_penalty``,
                ``length``, ``samples``, ``seed``; see ``GenerateSettings``.

        Returns:
            The continuation, without the prompt; a list for several prompts or samples.
        """
        settings = options_of(GenerateSettings, "generate", options)
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        rows = [text for text in prompts for _ in range(settings.samples)]
        texts = self.writer.write_all(rows, make_sampler(settings), settings.length)
        return texts[0] if isinstance(prompt, str) and settings.samples == 1 else texts

    def stream(self, prompt: str = "", *, row: int = 0, **options: Any) -> Iterator[str]:
        """The continuation in pieces, as they come; ``row`` numbers it among several samples."""
        settings = options_of(GenerateSettings, "generate", options)
        return self.writer.stream(prompt, make_sampler(settings), settings.length, row=row)

    def candidates(
        self, prompt: str = "", *, count: int = 5, **options: Any
    ) -> Iterator[tuple[str, list[Candidate]]]:
        """Each token written, with the likeliest tokens it was chosen from."""
        settings = options_of(GenerateSettings, "generate", options)
        return self.writer.steps(prompt, make_sampler(settings), settings.length, count)

    def token_nats(self, text: str) -> npt.NDArray[np.float64]:
        """Nats of each token of a text after those before it."""
        return self.writer.token_nats(text)

    def score(self, X: Any, y: None = None) -> float:  # noqa: N803
        """Mean of -nats a token over texts: larger is better, as scikit-learn wants it.

        Takes what ``fit`` takes: texts, dicts, a data frame, a path.
        """
        nats = [self.token_nats(text) for text in self._texts(X)]
        count = sum(len(part) for part in nats)
        if not count:
            raise DataError("score received no text.")
        return -float(sum(part.sum() for part in nats)) / count
