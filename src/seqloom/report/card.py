"""The card of a run: data, model, scores beside the baseline, limits, how to use it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from safetensors import safe_open
from seqloom_runtime.atomic import write_atomically

from seqloom.checked import decoder_of
from seqloom.data.catalogue import load_catalogue
from seqloom.report.page import bullets, page, picture, table
from seqloom.run import Run
from seqloom.task_settings import NOT_TAKEN
from seqloom.terminal.commands import next_commands
from seqloom.terminal.scores import BASELINES, OTHERS, figure, heading, verdict_lines
from seqloom.terminal.watcher import duration
from seqloom.toml import read_settings

PARTS = {"valid": "validation", "test": "test"}
NOT_SCORES = {"valid", "test"}
LIMITS = {
    "generate": (
        "It writes what is likely after its training text, true or not, and has that text's "
        "manners and prejudices. `seqloom evaluate` says how much of its writing is copied.",
    ),
    "classify": (
        "It knows these labels only, and gives one of them to anything; `--abstain-below` leaves "
        "out what it is not sure of. Its probabilities were fitted on data like the validation "
        "part, and hold for such.",
    ),
    "tag": ("It knows these tags only. Words it never saw are read by their characters.",),
    "translate": (
        "It translates texts like its training pairs. Of others it may write fluent sentences "
        "that say something else.",
    ),
    "forecast": (
        "It goes on with what the past holds. What has no example there, it cannot foresee; the "
        "intervals hold for times like those they were fitted on.",
    ),
    "transcribe": (
        "It writes down voices, words and rooms like those it heard in training, and nothing else.",
    ),
    "compose": (
        "It writes music like its training pieces, and may repeat parts of them; whose music that "
        "is, the licence of the data says.",
    ),
    "caption": (
        "It names what the captions of its training pictures name, in their words, whether or not "
        "that is in the picture.",
    ),
}
ALWAYS = "The scores are of one training with one seed; another would differ a little."


@dataclass(frozen=True)
class Card:
    """What there is to say of a run.

    Attributes:
        data, model, training, limits: lines.
        headings: of the columns of scores, after the first.
        scores: rows of words.
        said: sentences that say what the scores mean.
        commands: to use the model.
    """

    title: str
    data: tuple[str, ...]
    model: tuple[str, ...]
    training: tuple[str, ...]
    headings: tuple[str, ...]
    scores: tuple[tuple[str, ...], ...]
    said: tuple[str, ...]
    limits: tuple[str, ...]
    commands: tuple[str, ...]


def write_card(run: Run) -> None:
    """``card.md`` and ``report.html`` of a run that is done."""
    card = card_of(run)
    write_atomically(run.path / "card.md", as_markdown(card).encode())
    write_atomically(run.path / "report.html", as_page(card, run.path).encode())


def card_of(run: Run) -> Card:
    """What a run's files say.

    Raises:
        RunError: the run is not done, or a file is damaged.
    """
    about, metrics = run.read_json("run.json"), run.read_json("metrics.json")
    headings, rows = _scores(metrics)
    first: dict[str, Any] = next(run.lines("samples.jsonl"), {})
    _, _, *commands = next_commands(run.path, metrics["task"], first)
    return Card(
        f"{run.path.name}: a model to {metrics['task']}",
        _data(about),
        _model(metrics["task"], run.path),
        _training(about, metrics),
        headings,
        rows,
        tuple(verdict_lines(metrics)),
        (*LIMITS[metrics["task"]], ALWAYS),
        tuple(line.strip() for line in commands),
    )


def _data(about: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the data came from, whose they are, and what was found in them."""
    named = about["data"] or "held in memory, not in a file"
    entry = load_catalogue().get(str(about["data"]))
    title = f"{named}: {entry.title}" if entry else str(named)
    licence = entry.licence if entry else "not known to Seqloom; state it before you pass this on"
    return (
        f"Data: {title}",
        f"Licence of the data: {licence}",
        f"sha256 of the data: {about['digest']}",
        *about.get("said", ()),
    )


def _model(task: str, path: Path) -> tuple[str, ...]:
    model, weights = read_settings(path / "config.toml").model, path / "model.safetensors"
    only_decoder = "model.encoder" in NOT_TAKEN[task]
    layers = f"Decoder {decoder_of(model)}" if only_decoder else f"Encoder {model.encoder}"
    both = ", both directions" if model.bidirectional and not only_decoder else ""
    return (
        f"{layers}, {model.num_layers} × {model.hidden_size} units{both}: "
        f"{numbers_in(weights):,} parameters, {weights.stat().st_size / 1e6:.1f} MB",
        "Every setting stands in config.toml.",
    )


def _training(about: Mapping[str, Any], metrics: Mapping[str, Any]) -> tuple[str, ...]:
    seed = about["asked"]["train"]["seed"]
    return (
        f"{metrics['updates']:,} updates in {duration(metrics['seconds'])}, seed {seed}",
        f"Seqloom {about['seqloom']}, torch {about['torch']}, Python {about['python']}",
    )


def _scores(metrics: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Every score of every part, the model's first, then what stands beside it."""
    task, parts = metrics["task"], [part for part in PARTS if metrics.get(part)]
    names = [name for name, value in metrics[parts[-1]].items() if _is_figure(value)]
    beside = {
        owner: scores
        for owner, scores in metrics.items()
        if owner not in NOT_SCORES
        and isinstance(scores, Mapping)
        and set(names) & set(scores.get(parts[-1]) or ())
    }
    rows = []
    for part in parts:
        for owner, scores in {"this model": metrics, **beside}.items():
            found = scores.get(part) or {}
            cells = (figure(name, _number(found.get(name))) for name in names)
            called = BASELINES.get(task, owner) if owner == "baseline" else OTHERS.get(owner, owner)
            rows.append((f"{called}, {PARTS[part]}", *cells))
    return tuple(heading(name, task) for name in names), tuple(rows)


def _is_figure(value: Any) -> bool:
    return value is None or isinstance(value, int | float)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def numbers_in(weights: Path) -> int:
    """How many numbers a file of weights holds."""
    with safe_open(weights, framework="numpy") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118


def as_markdown(card: Card) -> str:
    """The card for a repository."""
    heads = "| | " + " | ".join(card.headings) + " |"
    line = "|---|" + "---:|" * len(card.headings)
    rows = ["| " + " | ".join(row) + " |" for row in card.scores]
    parts = [
        f"# {card.title}",
        "\n".join(card.said),
        "## Scores\n\n" + "\n".join([heads, line, *rows]),
        "## Data\n\n" + "\n".join(f"- {text}" for text in card.data),
        "## Model\n\n" + "\n".join(f"- {text}" for text in (*card.model, *card.training)),
        "## Limits\n\n" + "\n".join(f"- {text}" for text in card.limits),
        "## Use\n\n```sh\n" + "\n".join(card.commands) + "\n```",
    ]
    return "\n\n".join(parts) + "\n"


def as_page(card: Card, path: Path) -> str:
    """The card with the run's pictures, as one page."""
    body = "".join(f"<p>{escape(line)}</p>" for line in card.said)
    body += table(card.headings, card.scores)
    body += "".join(picture(drawn) for drawn in sorted(path.glob("*.png")))
    for title, lines in (
        ("Data", card.data),
        ("Model", (*card.model, *card.training)),
        ("Limits", card.limits),
    ):
        body += f"<h2>{title}</h2>{bullets(lines)}"
    commands = escape("\n".join(card.commands))
    return page(card.title, f"{body}<h2>Use</h2><pre>{commands}</pre>")
