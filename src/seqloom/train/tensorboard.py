"""The history of a run for TensorBoard, beside whatever else watches it (extra ``tensorboard``).

tensorboard --logdir runs/NAME/tensorboard
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from seqloom.errors import MissingExtraError
from seqloom.watching import Pace, Report, Units, Watcher

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def check_tensorboard() -> None:
    """See that the package is there, before a run needs it.

    Raises:
        MissingExtraError: it is not installed.
    """
    if find_spec("tensorboard") is None:
        raise MissingExtraError(
            "tensorboard", "tensorboard", "tensorboard = true (--no-tensorboard: without)"
        )


class TensorBoardWatcher:
    """Passes everything on to another watcher, and writes each report for TensorBoard.

    A resumed run opens a second file of events. It says where it takes over, and TensorBoard drops
    what the first file holds from there on.

    Args:
        inner: who else watches.
        folder: where the files of events go.
    """

    def __init__(self, inner: Watcher, folder: Path) -> None:
        self.inner, self.folder = inner, folder
        self._writer: SummaryWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def begin(self, units: Units) -> None:
        """Passed on."""
        self.inner.begin(units)

    def passage(self, tokens: Sequence[str], ids: Sequence[int]) -> None:
        """Passed on."""
        self.inner.passage(tokens, ids)

    def pace(self, pace: Pace) -> None:
        """Passed on."""
        self.inner.pace(pace)

    def message(self, text: str) -> None:
        """Passed on."""
        self.inner.message(text)

    def report(self, report: Report) -> None:
        """The losses, the learning rate and the sample texts, at this update."""
        self.inner.report(report)
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder), purge_step=report.update)
        write_report(self._writer, report)
        self._writer.flush()


def write_report(writer: SummaryWriter, report: Report) -> None:
    """One report as scalars and texts."""
    numbers = {"loss/train": report.train, "loss/valid": report.valid, "rate": report.rate}
    scores = {f"score/{name}": value for name, value in report.scores.items()}
    for name, value in {**numbers, **scores}.items():
        writer.add_scalar(name, value, report.update)
    for number, sample in enumerate(report.samples, 1):
        name, words = _sample(number, sample)
        # Four spaces make a block of code: TensorBoard reads texts as Markdown.
        text = "\n".join(f"    {line}" for line in words.splitlines())
        writer.add_text(f"sample/{name}", text, report.update)


def _sample(number: int, sample: dict[str, Any]) -> tuple[str, str]:
    """Name and words of a sample, whatever the task shows."""
    if "temperature" in sample:
        return f"temperature {sample['temperature']}", f"{sample['prompt']}{sample['text']}"
    if "label" in sample:
        said = f"{sample['label']} {sample['probability']:.0%} (true: {sample['true']})"
        return str(number), f"{said}\n{sample['text']}"
    if "transcript" in sample:
        return str(number), f"{sample['transcript']}  (true: {sample['true']})"
    if "melody" in sample:
        return str(number), sample["melody"]
    if "caption" in sample:
        true = " | ".join(sample["true"])
        return str(number), f"{sample['image']}\n{sample['caption']}  (true: {true})"
    if "translation" in sample:
        said = f"{sample['translation']}  (true: {sample['true']})"
        return str(number), f"{sample['source']}\n{said}"
    if "forecast" in sample:
        found, true = (
            " ".join("–" if value is None else f"{value:.4g}" for value in sample[name])
            for name in ("forecast", "true")
        )
        return str(number), f"{sample['from']} to {sample['to']}\n{found}\ntrue {true}"
    triples = zip(sample["tokens"], sample["guessed"], sample["true"], strict=True)
    return str(number), "\n".join(f"{word}  {tag}  (true: {true})" for word, tag, true in triples)
