"""What the models of all tasks have in common once they are opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from seqloom_runtime.errors import SettingsError
from seqloom_runtime.exported.folder import SETTINGS, Folder
from seqloom_runtime.exported.options import chosen
from seqloom_runtime.rows import Record

Pair = tuple[Any, Record]
Say = Callable[[str], None]


class ExportedModel:
    """One opened folder. ``answer`` and ``stream`` keep nothing between calls.

    Args:
        folder: checked already.
        threads: of onnxruntime, for one call.

    Attributes:
        task: generate, classify, tag, translate, forecast, transcribe, compose or caption.
        name: of the run that was exported.
        settings: of that run, as nested plain values.
    """

    def __init__(self, folder: Folder, threads: int = 1) -> None:
        self.folder, self.threads = folder, threads
        self.task, self.name = folder.task, folder.name
        self.settings: dict[str, Any] = folder.json(SETTINGS)

    @property
    def held(self) -> Any:
        """The settings as attributes."""
        return SimpleNamespace(**{n: SimpleNamespace(**s) for n, s in self.settings.items()})

    @property
    def column(self) -> str | None:
        """The column of a table that the model reads, as in training; None where none is named."""
        data: dict[str, str | None] = self.settings["data"]
        return data.get({"translate": "source", "tag": "tokens"}.get(self.task, "text"))

    @property
    def known(self) -> list[str]:
        """Names of the series whose ends the folder holds; of forecast alone."""
        return []

    def lines(self, pairs: Iterable[Pair], options: Any, form: str, say: Say) -> Iterator[str]:
        """Rows in, lines out, written as ``seqloom predict`` writes them.

        Args:
            pairs: what the model reads of each row, and the row.
            options: that were checked.
            form: text, csv or jsonl.
            say: told of what is worth a line.

        Raises:
            SettingsError: the task has no such rows, or not in this form.
        """
        raise SettingsError(f"A model of {self.task} gives no rows.")

    def remarks(self, row: Any) -> list[str]:
        """What should be known of how a row is read, as sentences."""
        return []

    def unknown(self, row: Any) -> list[str]:
        """The parts of a row that the vocabulary lacks; of generate alone."""
        return []

    def answer(self, rows: Sequence[Any], **options: Any) -> list[dict[str, Any]]:
        """One dict a row, in order; rows of about equal length are computed together.

        ``docs/guide/export.md`` tells what a row and its answer hold, task by task.

        Raises:
            DataError: a row is not what the task reads.
            SettingsError: an option is unknown or out of range.
        """
        return self.answers(list(rows), chosen(self.task, options))

    def stream(self, row: Any, **options: Any) -> Iterator[str]:
        """Pieces of the answer as soon as they are certain: of generate and transcribe.

        Raises:
            SettingsError: the task answers whole, or an option is unknown or out of range.
        """
        return self.pieces(row, chosen(self.task, options))

    def answers(self, rows: list[Any], options: Any) -> list[dict[str, Any]]:
        """``answer`` with options that were checked."""
        raise NotImplementedError

    def pieces(self, row: Any, options: Any) -> Iterator[str]:
        """``stream`` with options that were checked."""
        raise SettingsError(f"A model of {self.task} answers whole: there is nothing to stream.")
