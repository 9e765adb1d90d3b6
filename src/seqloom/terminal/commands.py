"""What to try after training, as lines that can be pasted into a shell."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from rich.cells import cell_len

LONGEST_EXAMPLE = 40  # columns of a text in a command to try
# What a run may hold that a person opens.
FILES = (
    *("report.html", "confusion.png", "captions.png", "attention.png", "fan.png", "hearing.png"),
    *("sample.mid", "sample.png", "loss.png", "metrics.json", "details.json", "samples.jsonl"),
    "config.toml",
)


def next_commands(path: Path, task: str, sample: dict[str, Any]) -> list[str]:
    """What the run holds and what to try, with a text that the run's samples show.

    Args:
        path: the folder of the run.
        task: of the run.
        sample: the first line of ``samples.jsonl``; empty when there is none.
    """
    run = quoted(str(path))
    held = ", ".join(name for name in FILES if (path / name).exists())
    if task == "forecast":
        lines = _forecasting(run)
    elif task == "compose":
        lines = _composing(run)
    elif task == "transcribe":
        lines = _transcribing(run)
    else:
        lines = _writing(run, sample) if task == "generate" else _predicting(run, task, sample)
    return ["", f"The run is in {path} ({held}). Try:", *lines, f"  seqloom evaluate {run}"]


def _writing(run: str, sample: dict[str, Any]) -> list[str]:
    start = example_of(sample.get("prompt", ""))
    with_prompt = f"{run} --prompt {quoted(start)}" if start else run
    return [
        f"  seqloom generate {with_prompt} --temperature 0.5",
        f"  seqloom generate {with_prompt} --length 5 --probabilities 5",
    ]


def _composing(run: str) -> list[str]:
    return [
        f"  seqloom compose {run} --bars 16 --out piece.mid --wav --picture",
        f"  seqloom compose {run} --prompt FILE.mid --prompt-bars 4 --bars 12 --out longer.mid",
    ]


def _forecasting(run: str) -> list[str]:
    return [
        f"  seqloom predict {run} --out forecast.csv --plot forecast.png",
        f"  seqloom predict {run} NEWER_FILE --out forecast.csv",
    ]


def _transcribing(run: str) -> list[str]:
    return [
        f"  seqloom transcribe {run} FILE.wav",
        f"  seqloom predict {run} FOLDER --out transcripts.csv",
    ]


def _predicting(run: str, task: str, sample: dict[str, Any]) -> list[str]:
    given = sample.get("text") or sample.get("source") or " ".join(sample.get("tokens", ()))
    text = example_of(given)
    ending = {"tag": "tagged.txt", "translate": "translations.txt"}.get(task, "predictions.csv")
    lines = [f"  seqloom predict {run} FILE --out {ending}"]
    return [f"  echo {quoted(text)} | seqloom predict {run} -", *lines] if text else lines


def example_of(text: str) -> str:
    """The beginning of a text's first line, cut between words where it is long.

    >>> example_of("one two " * 10), example_of("  ")
    ('one two one two one two one two one two', '')
    """
    first = text.strip().splitlines()[0] if text.strip() else ""
    if cell_len(first) <= LONGEST_EXAMPLE:
        return first
    while cell_len(first) > LONGEST_EXAMPLE:
        first = first.rpartition(" ")[0] if " " in first else first[:-1]
    return first.rstrip()


def quoted(word: str) -> str:
    """A word as a shell reads it: in double quotes, which all shells know, where that is safe.

    >>> quoted("runs/cats"), quoted("the cat"), quoted("$5")
    ('runs/cats', '"the cat"', "'$5'")
    """
    safe = shlex.quote(word)
    if safe == word or set(word) & set('"$`\\!%'):
        return safe
    return f'"{word}"'
