"""An exported model of text: prompts in, what follows them out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seqloom_runtime.decode.sampling import Sampler
from seqloom_runtime.errors import DataError
from seqloom_runtime.exported.folder import Folder
from seqloom_runtime.exported.model import ExportedModel
from seqloom_runtime.exported.session import OnnxStep, Session
from seqloom_runtime.tasks.generate import WindowStepper, Writer
from seqloom_runtime.text.tokenizers import tokenizer_from_dict

SAMPLING = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed")


class ExportedWriter(ExportedModel):
    """Prompts in, continuations out."""

    def __init__(self, folder: Folder, threads: int = 1) -> None:
        super().__init__(folder, threads)
        plain = OnnxStep(Session(folder, "model", threads))
        window = self.held.text.window
        self.writer = Writer(
            WindowStepper(plain, window) if window else plain,
            tokenizer_from_dict(folder.json("tokenizer.json")),
            continuous=self.held.data.records == "continuous",
        )

    def answers(self, rows: list[Any], options: Any) -> list[dict[str, Any]]:
        """The continuation of each prompt."""
        for number, prompt in enumerate(rows, 1):
            check_text(prompt, number)
        if not rows:
            return []
        texts = self.writer.write_all(rows, sampler_of(options), options.length)
        return [{"text": text} for text in texts]

    def remarks(self, row: Any) -> list[str]:
        """Which parts of a prompt are not known."""
        return self.writer.remarks(check_text(row))

    def unknown(self, row: Any) -> list[str]:
        """The parts of a prompt that the vocabulary lacks."""
        return self.writer.tokenizer.unknown_words(check_text(row))

    def pieces(self, row: Any, options: Any) -> Iterator[str]:
        """The continuation as it comes."""
        return self.writer.stream(check_text(row), sampler_of(options), options.length)


def sampler_of(options: Any) -> Sampler:
    """How tokens are drawn."""
    return Sampler(**{name: getattr(options, name) for name in SAMPLING})


def check_text(row: Any, number: int = 1) -> str:
    """See that a row is a text.

    Raises:
        DataError: it is something else.
    """
    if not isinstance(row, str):
        raise DataError(f"Row {number:,}: expected a text, received {type(row).__name__}.")
    return row
