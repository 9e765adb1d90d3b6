"""What there is: runs, data sets, presets, and what tokenizers make of a text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.config import Settings
from seqloom.run import Run

if TYPE_CHECKING:
    from seqloom.data.catalogue import Entry


def task_of(run: str | Path) -> str:
    """The task of a run.

    Raises:
        RunError: there is no such run, or it is damaged.
    """
    return str(Run.open(run).read_json("run.json").get("task"))


def use_of(task: str, run: str | Path) -> str:
    """The command that uses a run of a task."""
    if task == "generate":
        return f"seqloom generate {run}"
    return (
        f"seqloom compose {run} --out FILE.mid"
        if task == "compose"
        else (f"seqloom predict {run} FILE")
    )


def details(run: str | Path) -> dict[str, Any] | None:
    """Each label, score by length and the surest mistakes of a run; None where it has none.

    Raises:
        RunError: the file is damaged.
    """
    found = Run(run)
    if not (found.path / "details.json").exists():
        return None
    result: dict[str, Any] = found.read_json("details.json")
    return result


def catalogue() -> dict[str, Entry]:
    """The data sets that have a name."""
    from seqloom.data.catalogue import load_catalogue

    return load_catalogue()


def fetch(name: str) -> tuple[Path, ...]:
    """The files of a data set of the catalogue, downloaded where they are not here yet.

    Raises:
        DataError: no such data set, no connection, or a file that is not the one expected.
    """
    from seqloom.data import catalogue

    return catalogue.fetch(name)


def preset_names() -> list[str]:
    """All presets, sorted."""
    from seqloom import presets

    return presets.preset_names()


def describe_tokens(data: Any, settings: Settings) -> list[dict[str, Any]]:
    """How each tokenizer cuts the data: example, ids, vocabulary size, share unknown."""
    from dataclasses import asdict

    from seqloom.tasks.corpus import sample_texts
    from seqloom.text.describe import describe_tokenizers

    texts = sample_texts(data, settings)
    return [asdict(report) for report in describe_tokenizers(texts, settings.text)]
